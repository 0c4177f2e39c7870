"""What every page of the workbench carries: replies that may be undone, whether anybody drafts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from assistant import heartbeat
from assistant.models import OutboundReply, Ticket, User
from review import undoing
from review.models import Decision

View = TypeVar("View", bound=Callable[..., HttpResponse])
HIDE_SCORES = "hide_scores"
STEP_OFFERED = timedelta(seconds=30)  # after it the step is undone from the ticket's history


def person(request: HttpRequest) -> User:
    """Who is signed in: the views' guard has seen to it that somebody is."""
    assert isinstance(request.user, User)
    return request.user


def ticket_or_404(number: int) -> Ticket:
    ticket = Ticket.objects.select_related("contact", "channel").filter(pk=number).first()
    if ticket is None:
        raise Http404(f"There is no ticket #{number}.")
    return ticket


def posted(view: View) -> View:
    """For actions on a ticket: only POST acts. Opened by its address (after signing in again, or
    from the browser's history) an action's page is the ticket's."""

    @wraps(view)
    def guarded(request: HttpRequest, number: int) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return redirect("review:ticket", number=number)
        return view(request, number)

    return require_http_methods(["GET", "HEAD", "POST"])(guarded)  # type: ignore[return-value]


def token_of(value: str | None) -> uuid.UUID | None:
    """A claim's token from a form; None for anything that is none."""
    try:
        return uuid.UUID(value or "")
    except ValueError:
        return None


def int_of(value: str | None) -> int | None:
    """A row's number from a form; None for anything that is none."""
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 19 else None


def show_of(request: HttpRequest) -> str:
    """Under which heading of the queue the person works."""
    return request.POST.get("show") or request.GET.get("show") or "waiting"


@dataclass(frozen=True)
class Undoable:
    """A step that this person can still take back, and for how many seconds it is offered."""

    decision: Decision
    seconds: float

    @property
    def words(self) -> str:
        """What was done, for a step that sends nothing."""
        decision = self.decision
        if decision.reason == Decision.Reason.SPAM:
            return "Marked as spam"
        draft = f"draft {decision.draft.number}" if decision.draft else "the draft"
        return {
            Decision.Verdict.REJECT: f"Rejected {draft}",
            Decision.Verdict.REDO: f"Drafted anew; {draft} is kept",
            Decision.Verdict.WAIT: "Waits for the customer",
        }.get(Decision.Verdict(decision.verdict), decision.get_verdict_display())


def undoable(user: User, now: datetime) -> list[Undoable]:
    """This person's last steps that can still be undone, the newest first."""
    own = Decision.objects.filter(user=user, undone_at=None).select_related(
        "reply", "ticket", "draft"
    )
    held = Q(reply__state=OutboundReply.State.HELD, reply__hold_until__gt=now)
    steps = Q(verdict__in=undoing.STEPS, decided_at__gt=now - STEP_OFFERED)
    found = []
    for decision in own.filter(held | steps).order_by("-decided_at")[:3]:
        if decision.reply is not None:
            found.append(Undoable(decision, (decision.reply.hold_until - now).total_seconds()))
        elif undoing.undoable_step(decision):
            left = decision.decided_at + STEP_OFFERED - now
            found.append(Undoable(decision, left.total_seconds()))
    return found


def frame(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    user = person(request)
    return {
        "now": now,
        "undoable": undoable(user, now),
        "worker_away": not heartbeat.alive("gpu", now=now),
        "show": show_of(request),
        "hide_scores": bool(request.session.get(HIDE_SCORES)),
    }
