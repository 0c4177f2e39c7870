"""Taking a ticket, taking it over (asks first), and giving it back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from assistant.access import Capability, requires
from assistant.intake import BadMessage, clean_text
from review import claims, working_copies
from review.decisions import LONGEST_REPLY
from review.views.composing import conflict, edited_text, keep, posted_draft
from review.views.frame import int_of, person, posted, ticket_or_404, token_of


@requires(Capability.REVIEW)
@posted
def claim(request: HttpRequest, number: int) -> HttpResponse:
    """Take a free ticket, words that stood on the page with it; when somebody holds it, ask about
    taking it over."""
    ticket = ticket_or_404(number)
    now = timezone.now()
    try:
        claims.claim(ticket=ticket, user=person(request), now=now)
    except claims.ClaimHeld:
        return redirect("review:take_over", number=number)
    draft = posted_draft(request, ticket)
    if words := edited_text(request, draft):
        try:
            working_copies.save(
                ticket=ticket,
                draft=draft,
                user=person(request),
                text=clean_text("text", words, longest=LONGEST_REPLY),
                revision=int_of(request.POST.get("revision")) or 0,
                now=now,
            )
        except working_copies.StaleRevision:
            return conflict(request, number)
        except BadMessage as error:
            messages.error(request, f"Your text was not saved: it {error.reason}.")
    return redirect("review:ticket", number=number)


@requires(Capability.REVIEW)
@require_http_methods(["GET", "POST"])
def take_over(request: HttpRequest, number: int) -> HttpResponse:
    """Ask whether to take a ticket from whoever holds it, then do it."""
    ticket = ticket_or_404(number)
    now = timezone.now()
    held = claims.current(ticket=ticket, now=now)
    if request.method == "POST":
        seen = token_of(request.POST.get("seen"))
        try:
            if seen is None:
                claims.claim(ticket=ticket, user=person(request), now=now)
            else:
                claims.take_over(ticket=ticket, user=person(request), seen=seen, now=now)
        except claims.ClaimHeld as error:
            messages.warning(request, f"{error} They were faster; nothing was changed.")
        return redirect("review:ticket", number=number)
    if held is None or held.user_id == request.user.pk:
        return redirect("review:ticket", number=number)
    return render(request, "review/take_over.html", {"ticket": ticket, "held": held})


@requires(Capability.REVIEW)
@posted
def release(request: HttpRequest, number: int) -> HttpResponse:
    """Give the ticket back; words that were not sent stay with it."""
    ticket = ticket_or_404(number)
    token = token_of(request.POST.get("claim_token"))
    draft = posted_draft(request, ticket)
    keep(request, ticket, draft, edited_text(request, draft), token)
    if token is not None:
        claims.release(ticket=ticket, user=person(request), token=token)
    return redirect("review:queue")


@requires(Capability.REVIEW)
@posted
def farewell(request: HttpRequest, number: int) -> HttpResponse:
    """A page of the ticket is left: its script says so, and wants no page in answer."""
    token, visit = token_of(request.POST.get("claim_token")), token_of(request.POST.get("visit"))
    if token is not None and visit is not None:
        claims.farewell(
            ticket=ticket_or_404(number),
            user=person(request),
            token=token,
            visit=visit,
            now=timezone.now(),
        )
    return HttpResponse(status=204)
