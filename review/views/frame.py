"""What every page of the workbench carries: replies that may be undone, whether anybody drafts."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest
from django.utils import timezone

from assistant import heartbeat
from assistant.models import OutboundReply, Ticket, User
from review.models import Decision

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
