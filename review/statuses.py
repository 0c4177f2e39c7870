"""A ticket's status as a person sets it: solved, waiting for the customer, open again.

Nothing is sent and nothing is lost: the open draft is kept as a version, unsent words stay with the
ticket, and each step can be undone (`undoing`).
"""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from assistant.audit.log import actor_of
from assistant.models import Message, Ticket, User
from generation.models import Draft
from generation.queue import queue_draft, retire_open_draft
from review import claims, undoing
from review.decisions import StatusRefused, lock, made, record_decision
from review.models import Claim, Decision
from review.queue import leaving

Status = Ticket.Status
Verdict = Decision.Verdict
CLOSED = (Status.ANSWERED, Status.SOLVED, Status.WAITING, Status.SPAM)


def solve(*, ticket: Ticket, user: User, claim_token: uuid.UUID | None, now: datetime) -> Decision:
    """Nothing is left to answer. A later message opens the ticket again. Raises StatusRefused, ClaimLost."""
    return _leave(ticket, user, claim_token, Verdict.SOLVE, Status.SOLVED, now)


def wait_for_customer(
    *, ticket: Ticket, user: User, claim_token: uuid.UUID | None, now: datetime
) -> Decision:
    """The customer is to answer first. Their message opens it again. Raises StatusRefused, ClaimLost."""
    return _leave(ticket, user, claim_token, Verdict.WAIT, Status.WAITING, now)


def _leave(
    ticket: Ticket,
    user: User,
    claim_token: uuid.UUID | None,
    verdict: Decision.Verdict,
    status: Ticket.Status,
    now: datetime,
) -> Decision:
    with transaction.atomic():
        locked = lock(ticket)
        claims.check(ticket=locked, user=user, token=claim_token, lock=True)
        if locked.status == status:
            raise StatusRefused(f"This ticket is {locked.get_status_display().lower()} already.")
        if leaving(locked):
            raise StatusRefused("A reply is on its way. Undo it, or wait until it has left.")
        draft = retire_open_draft(
            ticket=locked,
            reason=f"an agent set the ticket to {status}",
            now=now,
            actor=actor_of(user),
        )
        decision = made(ticket=locked, user=user, verdict=verdict, draft=draft, decided_at=now)
        locked.status = status
        locked.save(update_fields=["status"])
        Claim.objects.filter(ticket_id=locked.pk, user=user).delete()
        record_decision(decision, now)
    return decision


def reopen(*, ticket: Ticket, user: User, now: datetime) -> Decision:
    """Back into the queue, and into this person's hands; what was spam is none any more.

    What the customer wrote last has a draft again, unless it was answered: the one before comes
    back, or one is queued. Raises StatusRefused, ClaimHeld.
    """
    with transaction.atomic():
        locked = lock(ticket)
        if locked.status not in CLOSED:
            raise StatusRefused("This ticket is open: it stands in the queue already.")
        decision = made(ticket=locked, user=user, verdict=Verdict.REOPEN, decided_at=now)
        last = (
            locked.messages.filter(automatic="")
            .exclude(direction=Message.Direction.NOTE)
            .order_by("-position")
            .first()
        )
        ours = locked.messages.filter(direction=Message.Direction.OUTBOUND).exists()
        locked.status = Status.REOPENED if ours else Status.OPEN
        locked.save(update_fields=["status"])
        if last is not None and last.direction == Message.Direction.INBOUND and not leaving(locked):
            _draft_again(locked, last, user, now)
        claims.claim(ticket=locked, user=user, now=now)
        record_decision(decision, now)
    return decision


def _draft_again(ticket: Ticket, message: Message, user: User, now: datetime) -> None:
    if ticket.drafts.filter(state__in=Draft.OPEN).exists():
        return
    before = ticket.drafts.filter(message=message).order_by("-number").first()
    if before is None or not undoing.back_into_review(before, actor=actor_of(user), now=now):
        queue_draft(ticket=ticket, message=message, now=now, actor=actor_of(user))
