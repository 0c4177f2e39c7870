"""The drafts' queue is the database: queue, lease, renew, give back, retire.

Each transition is one conditional update, so that of two racing calls exactly one wins.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q, QuerySet

from assistant.audit.log import record
from assistant.celery import wake
from assistant.models import Message, Ticket
from generation.models import Draft

ACTOR = "system:drafting"
TASK = "generation.tasks.draft_waiting"
State = Draft.State


class OpenDraftExists(RuntimeError):
    """The ticket has an open draft already; retire it first."""


@dataclass(frozen=True)
class Batch:
    """Drafts leased together under one token."""

    token: uuid.UUID
    drafts: list[Draft]


def lock_ticket(number: int) -> None:
    """Lock the ticket's row. Whoever changes a draft and records it takes this lock first: one
    order of locks (ticket, draft, head of the log) for everybody, so that nobody deadlocks."""
    Ticket.objects.select_for_update().filter(pk=number).first()


def queue_draft(*, ticket: Ticket, message: Message, now: datetime, actor: str = ACTOR) -> Draft:
    """Put a draft for this message into the queue and wake a worker on commit.

    Raises OpenDraftExists.
    """
    with transaction.atomic():
        lock_ticket(ticket.pk)
        if ticket.drafts.filter(state__in=Draft.OPEN).exists():
            raise OpenDraftExists(f"ticket #{ticket.pk} has an open draft")
        last = ticket.drafts.aggregate(last=Max("number"))["last"] or 0
        draft = Draft.objects.create(
            ticket=ticket,
            message=message,
            number=last + 1,
            queued_at=now,
            seed=secrets.randbits(62),
        )
        record(
            "draft.queued",
            actor=actor,
            ticket=ticket.pk,
            draft=draft.pk,
            data={"message": message.pk, "number": draft.number, "seed": str(draft.seed)},
            now=now,
        )
        announce()
    return draft


def announce() -> None:
    """Wake a drafting worker once the transaction has committed."""
    wake(TASK, queue="gpu")


def retire_open_draft(
    *, ticket: Ticket, reason: str, now: datetime, actor: str = ACTOR
) -> Draft | None:
    """Retire the ticket's open draft, if there is one. A worker's late result is then discarded."""
    with transaction.atomic():
        lock_ticket(ticket.pk)
        draft = ticket.drafts.filter(state__in=Draft.OPEN).first()
        if draft is None:
            return None
        won = Draft.objects.filter(pk=draft.pk, state__in=Draft.OPEN).update(
            state=State.RETIRED, closed_at=now, lease_token=None, leased_until=None
        )
        if not won:
            return None
        record(
            "draft.retired",
            actor=actor,
            ticket=ticket.pk,
            draft=draft.pk,
            data={"reason": reason},
            now=now,
        )
    draft.refresh_from_db()
    return draft


def waiting(*, now: datetime) -> QuerySet[Draft]:
    """Queued drafts that may be worked on now."""
    return Draft.objects.filter(Q(retry_at__isnull=True) | Q(retry_at__lte=now), state=State.QUEUED)


def lease_batch(*, size: int, now: datetime) -> Batch | None:
    """Lease up to `size` of the oldest queued drafts; None when none waits."""
    token = uuid.uuid4()
    oldest = list(waiting(now=now).order_by("queued_at", "pk").values_list("pk", flat=True)[:size])
    if not oldest:
        return None
    with transaction.atomic():
        rows = list(
            Draft.objects.select_for_update(skip_locked=_can_skip_locked())
            .filter(pk__in=oldest, state=State.QUEUED)
            .values_list("pk", "attempts")
        )
        for pk, attempts in rows:
            Draft.objects.filter(pk=pk, state=State.QUEUED).update(
                state=State.WORKING,
                lease_token=token,
                leased_until=now + timedelta(seconds=settings.LEASE_SECONDS),
                started_at=now,
                attempts=attempts + 1,
            )
    drafts = list(
        Draft.objects.filter(lease_token=token, state=State.WORKING)
        .select_related("ticket__contact", "ticket__channel", "message__body")
        .order_by("queued_at", "pk")
    )
    return Batch(token, drafts)


def _can_skip_locked() -> bool:
    from django.db import connection

    return connection.features.has_select_for_update_skip_locked


def renew(token: uuid.UUID, *, now: datetime) -> int:
    """Keep a batch's leases alive. Returns how many are still held."""
    return Draft.objects.filter(lease_token=token, state=State.WORKING).update(
        leased_until=now + timedelta(seconds=settings.LEASE_SECONDS)
    )


def still_leased(draft: Draft, token: uuid.UUID) -> bool:
    """Lock the draft's row and say whether this lease still holds it (inside a transaction)."""
    return (
        Draft.objects.select_for_update()
        .filter(pk=draft.pk, state=State.WORKING, lease_token=token)
        .exists()
    )


def give_back(draft: Draft, token: uuid.UUID, *, error: str, now: datetime) -> None:
    """Return a draft that could not be made now to the queue, or fail it after too many tries."""
    pause = timedelta(seconds=min(5 * 2**draft.attempts, 600))
    held = {"lease_token": token}
    _give_back(draft, held, error, retry_at=now + pause, now=now)


def give_back_expired(*, now: datetime) -> int:
    """Return drafts whose worker fell silent. Returns how many."""
    expired = Draft.objects.filter(state=State.WORKING, leased_until__lt=now)
    count = 0
    for draft in expired:
        held = {"lease_token": draft.lease_token, "leased_until__lt": now}
        error = "the worker fell silent"
        count += _give_back(draft, held, error, retry_at=None, now=now)
    return count


def _give_back(
    draft: Draft,
    held: Mapping[str, object],
    error: str,
    *,
    retry_at: datetime | None,
    now: datetime,
) -> int:
    exhausted = draft.attempts >= settings.MAX_ATTEMPTS
    values: dict[str, object] = {"lease_token": None, "leased_until": None}
    if exhausted:
        text = f"Drafting failed {draft.attempts} times ({error}). Write the reply by hand, or redo it."
        values |= {
            "state": State.FAILED,
            "error": error[:1000],
            "finished_at": now,
            "reasons": [{"code": "failed", "text": text[:500]}],
        }
    else:
        values |= {"state": State.QUEUED, "retry_at": retry_at}
    with transaction.atomic():
        lock_ticket(draft.ticket_id)
        won = Draft.objects.filter(pk=draft.pk, state=State.WORKING, **held).update(**values)
        if won:
            record(
                "draft.failed" if exhausted else "draft.given_back",
                actor=ACTOR,
                ticket=draft.ticket_id,
                draft=draft.pk,
                # the class of the error alone: its words may quote the customer's
                data={"attempts": draft.attempts, "error": error.split(":")[0][:80]},
                now=now,
            )
            announce()
    return won
