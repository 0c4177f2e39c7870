"""What happens to the words while they are written: autosave, conflict, discard, diff."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from assistant.access import Capability, requires
from assistant.intake import BadMessage, clean_text
from assistant.models import Ticket
from generation.models import Draft, DraftCandidate
from review import claims, working_copies
from review.decisions import LONGEST_REPLY
from review.diff import edit_distance, tidy, word_diff
from review.texts import open_text
from review.views.frame import int_of, person, posted, ticket_or_404, token_of


def posted_draft(request: HttpRequest, ticket: Ticket) -> Draft | None:
    """The draft that the form was made for."""
    pk = int_of(request.POST.get("draft"))
    return ticket.drafts.select_related("chosen__text").filter(pk=pk).first() if pk else None


def posted_candidate(request: HttpRequest, draft: Draft | None) -> DraftCandidate | None:
    """The candidate that stood in the composer, or None where it started empty."""
    pk = int_of(request.POST.get("candidate"))
    if draft is None or pk is None:
        return None
    return draft.candidates.select_related("text__ticket").filter(pk=pk).first()


def edited_text(request: HttpRequest, draft: Draft | None) -> str:
    """The posted words where they are the agent's own; empty where they are the candidate's."""
    candidate = posted_candidate(request, draft)
    text = tidy(request.POST.get("text", ""))[:LONGEST_REPLY]
    if candidate is not None and text == tidy(open_text(candidate.text).text):
        return ""
    return text


def keep(
    request: HttpRequest, ticket: Ticket, draft: Draft | None, text: str, token: UUID | None
) -> bool:
    """Save the words before a page is left. False when they could not be kept: somebody else holds
    the ticket, whose words stay."""
    if not text:
        return True
    user = person(request)
    try:
        claims.check(ticket=ticket, user=user, token=token)
        working_copies.put_back(
            ticket=ticket, draft=draft, user=user, text=text, now=timezone.now()
        )
    except (claims.ClaimLost, working_copies.StaleRevision):
        return False
    return True


@requires(Capability.REVIEW)
@posted
def save(request: HttpRequest, number: int) -> HttpResponse:
    """Autosave. JSON: `{"revision"}`; 409 with `{"conflict", "by"}` or `{"lost"}`; 400 `{"error"}`."""
    ticket = ticket_or_404(number)
    user = person(request)
    try:
        claims.check(ticket=ticket, user=user, token=token_of(request.POST.get("claim_token")))
        saved = working_copies.save(
            ticket=ticket,
            draft=posted_draft(request, ticket),
            user=user,
            text=clean_text("text", request.POST.get("text", ""), longest=LONGEST_REPLY),
            revision=int_of(request.POST.get("revision")) or 0,
            now=timezone.now(),
        )
    except claims.ClaimLost as error:
        return JsonResponse({"lost": str(error)}, status=409)
    except working_copies.StaleRevision as error:
        by = error.saved.user.display_name if error.saved else ""
        return JsonResponse({"conflict": str(error), "by": by}, status=409)
    except BadMessage as error:
        return JsonResponse({"error": f"This can't be saved: it {error.reason}."}, status=400)
    return JsonResponse({"revision": saved.revision})


@requires(Capability.REVIEW)
@posted
def conflict(request: HttpRequest, number: int) -> HttpResponse:
    """Two texts, both shown; `keep=mine` saves this one over the other, `keep=saved` drops it."""
    ticket = ticket_or_404(number)
    text = tidy(request.POST.get("text", ""))
    saved = working_copies.current(ticket=ticket)
    keep = request.POST.get("keep")
    if keep == "mine":
        try:
            working_copies.save(
                ticket=ticket,
                draft=posted_draft(request, ticket),
                user=person(request),
                text=clean_text("text", text, longest=LONGEST_REPLY),
                revision=int_of(request.POST.get("saved_revision")) or 0,
                now=timezone.now(),
            )
            return redirect("review:ticket", number=number)
        except working_copies.StaleRevision as error:
            saved = error.saved  # it changed once more: show both again
        except BadMessage as error:
            messages.error(request, f"Your text was not saved: it {error.reason}.")
    if keep == "saved" or saved is None:
        return redirect("review:ticket", number=number)
    context: dict[str, Any] = {
        "ticket": ticket,
        "text": text,
        "saved": saved,
        "saved_text": open_text(saved.text).text,
        "draft": posted_draft(request, ticket),
    }
    return render(request, "review/conflict.html", context, status=409)


@requires(Capability.REVIEW)
@posted
def discard(request: HttpRequest, number: int) -> HttpResponse:
    """Drop the kept edits and go on from the draft."""
    ticket = ticket_or_404(number)
    try:
        claims.check(
            ticket=ticket, user=person(request), token=token_of(request.POST.get("claim_token"))
        )
    except claims.ClaimLost as error:
        messages.error(request, str(error))
    else:
        if working_copies.discard(ticket=ticket):
            messages.success(request, "The kept edits are gone; this is the draft as it was made.")
    return redirect("review:ticket", number=number)


@requires(Capability.REVIEW)
@posted
def diff(request: HttpRequest, number: int) -> HttpResponse:
    """What the posted text changes in its candidate: a page, or with `part=diff` its core."""
    ticket = ticket_or_404(number)
    draft = posted_draft(request, ticket)
    candidate = posted_candidate(request, draft)
    before = tidy(open_text(candidate.text).text) if candidate else ""
    text = tidy(request.POST.get("text", ""))[:LONGEST_REPLY]
    segments = word_diff(before, text)
    context = {
        "ticket": ticket,
        "candidate": candidate,
        "segments": segments,
        "share": edit_distance(segments),
        "same": before == text,
    }
    if request.POST.get("part") == "diff":
        return render(request, "review/_diff.html", context)
    token = token_of(request.POST.get("claim_token"))
    context["kept"] = keep(request, ticket, draft, edited_text(request, draft), token)
    return render(request, "review/diff.html", context)
