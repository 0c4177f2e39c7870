"""What every page of the workbench carries: replies that may be undone, whether anybody drafts."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from assistant import heartbeat
from assistant.models import OutboundReply, Ticket, User
from review.models import Decision

View = TypeVar("View", bound=Callable[..., HttpResponse])
HIDE_SCORES = "hide_scores"


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


def held_replies(user: User, now: datetime) -> list[Decision]:
    """This person's replies that can still be undone, the newest first."""
    return list(
        Decision.objects.filter(
            user=user,
            undone_at=None,
            reply__state=OutboundReply.State.HELD,
            reply__hold_until__gt=now,
        )
        .select_related("reply", "ticket")
        .order_by("-decided_at")[:3]
    )


def frame(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    user = person(request)
    return {
        "now": now,
        "undoable": held_replies(user, now),
        "worker_away": not heartbeat.alive("gpu", now=now),
        "show": show_of(request),
        "hide_scores": bool(request.session.get(HIDE_SCORES)),
    }
