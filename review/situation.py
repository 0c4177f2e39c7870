"""What has changed around an open ticket: who holds it, what became of its draft, who drafts."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from assistant import heartbeat
from assistant.models import Ticket, User
from generation.models import Draft
from review import claims
from review.models import Decision
from review.queue import leaving


@dataclass(frozen=True)
class Situation:
    """Everything that the page must say at once; two equal ones need no new announcement."""

    worker_away: bool
    mine: bool
    holder: str
    lost: bool
    elsewhere: bool  # this person holds it, but in another window
    status: str
    leaving: bool
    state: str
    ahead: int
    last_position: int
    new_message: bool
    newer: int | None
    newer_ready: bool
    overtaken: bool
    decided: str

    @property
    def writable(self) -> bool:
        """Whether this person's words can become a decision."""
        return self.mine and not self.lost

    @property
    def sendable(self) -> bool:
        """Whether what stands on the page answers the thread as it is now."""
        return self.writable and not (self.new_message or self.newer or self.overtaken)

    @property
    def closed(self) -> bool:
        """Nobody waits for a reply: writing again is a step of its own."""
        return self.status not in (Ticket.Status.OPEN, Ticket.Status.REOPENED)

    @property
    def digest(self) -> str:
        """Changes exactly when something has to be said anew."""
        return "-".join(
            str(int(v) if isinstance(v, bool) else v)
            for v in (
                self.worker_away, self.mine, self.holder, self.lost, self.elsewhere, self.status,
                self.leaving, self.state, self.ahead, self.last_position, self.new_message,
                self.newer, self.newer_ready, self.overtaken, self.decided,
            )
        )  # fmt: skip


def situation_of(
    *,
    ticket: Ticket,
    draft: Draft | None,
    user: User,
    token: uuid.UUID | None,
    read: int | None = None,
    opened: str | None = None,
    now: datetime,
) -> Situation:
    """How things stand for somebody who has this draft on the screen.

    `token` is the claim that the page was opened with (None: it was opened for reading), `read` the
    thread's length then, `opened` the draft's state then; both None: it is being opened now.
    """
    held = claims.current(ticket=ticket, now=now)
    own = held is not None and held.user_id == user.pk
    mine = own and held is not None and held.token == token
    last, wrote = _thread(ticket, read)
    open_one = ticket.drafts.filter(state__in=Draft.OPEN).first()
    state = Draft.objects.values_list("state", flat=True).get(pk=draft.pk) if draft else ""
    newer = open_one if open_one and (draft is None or open_one.pk != draft.pk) else None
    pending = open_one is not None and open_one.state in Draft.PENDING
    return Situation(
        worker_away=not heartbeat.alive("gpu", now=now),
        mine=mine,
        holder="" if held is None or held.user_id == user.pk else held.user.display_name,
        lost=token is not None and not mine,
        elsewhere=own and not mine,
        status=str(ticket.status),
        leaving=leaving(ticket),
        state=str(state),
        ahead=_ahead(open_one) if pending and open_one is not None else 0,
        last_position=last,
        new_message=wrote,
        newer=newer.number if newer else None,
        newer_ready=newer is not None and newer.state not in Draft.PENDING,
        overtaken=opened in Draft.OPEN and state not in Draft.OPEN,
        decided=_decided(draft, user),
    )


def _thread(ticket: Ticket, read: int | None) -> tuple[int, bool]:
    """The thread's length, and whether the customer wrote after the part that was read."""
    messages = ticket.messages.order_by("-position")
    newer = list(messages.filter(position__gt=read) if read is not None else messages[:1])
    last = newer[0].position if newer else (read or 0)
    return last, read is not None and any(message.asks for message in newer)


def _ahead(draft: Draft) -> int:
    if draft.state != Draft.State.QUEUED:
        return 0
    return Draft.objects.filter(state=Draft.State.QUEUED, queued_at__lt=draft.queued_at).count()


def _decided(draft: Draft | None, user: User) -> str:
    if draft is None:
        return ""
    made = (
        Decision.objects.filter(draft=draft, undone_at=None)
        .exclude(verdict=Decision.Verdict.ESCALATE)
        .select_related("user")
        .first()
    )
    if made is None:
        return ""
    who = "You" if made.user_id == user.pk else made.user.display_name
    verb = {
        Decision.Verdict.APPROVE: "approved this draft",
        Decision.Verdict.EDIT: "edited and approved this draft",
        Decision.Verdict.REJECT: "rejected this draft",
        Decision.Verdict.REPLY: "replied without this draft",
        Decision.Verdict.REDO: "asked for another draft",
        Decision.Verdict.SOLVE: "solved the ticket without a reply",
        Decision.Verdict.WAIT: "set the ticket to wait for the customer",
        Decision.Verdict.REOPEN: "reopened the ticket",
    }[Decision.Verdict(made.verdict)]
    return f"{who} {verb}"
