"""Taking a ticket, taking it over (asks first), and giving it back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from assistant.access import Capability, requires
from review import claims
from review.views.frame import person, posted, ticket_or_404, token_of


@requires(Capability.REVIEW)
@posted
def claim(request: HttpRequest, number: int) -> HttpResponse:
    """Take a free ticket; when somebody holds it, ask about taking it over."""
    ticket = ticket_or_404(number)
    try:
        claims.claim(ticket=ticket, user=person(request), now=timezone.now())
    except claims.ClaimHeld:
        return redirect("review:take_over", number=number)
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
    """Give the ticket back. The page's script calls it when the tab closes: `beacon` wants no page."""
    ticket = ticket_or_404(number)
    token = token_of(request.POST.get("claim_token"))
    if token is not None:
        claims.release(ticket=ticket, user=person(request), token=token)
    if request.POST.get("beacon"):
        return HttpResponse(status=204)
    return redirect("review:queue")
