"""Solved, waiting, open again, and back to an earlier draft: doors to `statuses` and `undoing`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from assistant.access import Capability, requires
from review import claims, statuses, undoing
from review.views.composing import edited_text, keep, posted_draft
from review.views.deciding import REFUSED, open_next, refused
from review.views.frame import int_of, person, posted, ticket_or_404, token_of


@requires(Capability.REVIEW)
@posted
def solve(request: HttpRequest, number: int) -> HttpResponse:
    """Nothing is left to answer; the next ticket opens."""
    return _leave(request, number, statuses.solve)


@requires(Capability.REVIEW)
@posted
def wait(request: HttpRequest, number: int) -> HttpResponse:
    """The customer is to answer first; the next ticket opens."""
    return _leave(request, number, statuses.wait_for_customer)


def _leave(request: HttpRequest, number: int, step: Callable[..., Any]) -> HttpResponse:
    ticket = ticket_or_404(number)
    draft, token = posted_draft(request, ticket), token_of(request.POST.get("claim_token"))
    keep(request, ticket, draft, edited_text(request, draft), token)
    try:
        step(ticket=ticket, user=person(request), claim_token=token, now=timezone.now())
    except REFUSED as error:
        return refused(request, ticket, draft, error, "")
    return open_next(request, number)


@requires(Capability.REVIEW)
@posted
def reopen(request: HttpRequest, number: int) -> HttpResponse:
    """Back into the queue; what was spam is none any more."""
    ticket = ticket_or_404(number)
    try:
        statuses.reopen(ticket=ticket, user=person(request), now=timezone.now())
    except (*REFUSED, claims.ClaimHeld) as error:
        messages.error(request, str(error))
    return redirect("review:ticket", number=number)


@requires(Capability.REVIEW)
@posted
def bring_back(request: HttpRequest, number: int) -> HttpResponse:
    """Go back to an earlier draft."""
    ticket = ticket_or_404(number)
    token, draft = token_of(request.POST.get("claim_token")), posted_draft(request, ticket)
    earlier = ticket.drafts.filter(pk=int_of(request.POST.get("earlier")) or 0).first()
    if earlier is None:
        raise Http404("There is no such draft.")
    keep(request, ticket, draft, edited_text(request, draft), token)
    try:
        undoing.bring_back(
            draft=earlier, user=person(request), claim_token=token, now=timezone.now()
        )
    except REFUSED as error:
        return refused(request, ticket, draft, error, "")
    messages.success(request, f"Draft {earlier.number} is open again; the other one is kept.")
    return redirect("review:ticket", number=number)
