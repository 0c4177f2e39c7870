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


@dataclass(frozen=True)
class Situation:
    """Everything that the page must say at once; two equal ones need no new announcement."""

    worker_away: bool
    mine: bool
    holder: str
    lost: bool
    state: str
    ahead: int
    new_message: bool
    newer: int | None
    newer_ready: bool
    decided: str

    @property
    def writable(self) -> bool:
        """Whether this person's words can become a decision."""
        return self.mine and not self.lost

    @property
    def digest(self) -> str:
        """Changes exactly when something has to be said anew."""
        return "-".join(
            str(int(v) if isinstance(v, bool) else v)
            for v in (
                self.worker_away, self.mine, self.holder, self.lost, self.state, self.ahead,
                self.new_message, self.newer, self.newer_ready, self.decided,
            )
        )  # fmt: skip


def situation_of(
    *,
    ticket: Ticket,
    draft: Draft | None,
    user: User,
    token: uuid.UUID | None,
    now: datetime,
) -> Situation:
    """How things stand for somebody who has this draft on the screen.

    `token` is the claim that the page was opened with (None: it was opened for reading).
    """
    held = claims.current(ticket=ticket, now=now)
    mine = held is not None and held.user_id == user.pk and (token is None or held.token == token)
    newest = ticket.drafts.order_by("-number").first()
    state = Draft.objects.values_list("state", flat=True).get(pk=draft.pk) if draft else ""
    newer = newest if newest and (draft is None or newest.pk != draft.pk) else None
    shown = newer or newest
    pending = shown is not None and shown.state in Draft.PENDING
    return Situation(
        worker_away=not heartbeat.alive("gpu", now=now),
        mine=mine,
        holder="" if held is None or held.user_id == user.pk else held.user.display_name,
        lost=token is not None and not mine,
        state=str(state),
        ahead=_ahead(shown) if pending and shown is not None else 0,
        new_message=bool(draft and newer and newer.message_id != draft.message_id),
        newer=newer.number if newer else None,
        newer_ready=newer is not None and newer.state not in Draft.PENDING,
        decided=_decided(draft, user),
    )


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
    }[Decision.Verdict(made.verdict)]
    return f"{who} {verb}"
