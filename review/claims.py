"""Claims: a lease on a ticket, kept alive by a heartbeat, checked again at the decision.

A claim is a person's. Each of their pages that shows the ticket is a visit of its own; leaving one
frees the ticket only when it was the last."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q

from assistant.audit.log import actor_of, record
from assistant.models import Ticket, User
from review.models import Claim, Visit, WorkingCopy


class ClaimHeld(RuntimeError):
    """Somebody else holds the ticket: `holder` says who, `claim` the row as it was seen."""

    def __init__(self, held: Claim) -> None:
        super().__init__(f"{held.user.display_name} is working on ticket #{held.ticket_id}.")
        self.claim = held
        self.holder = held.user


class ClaimLost(RuntimeError):
    """This person's claim is gone: `holder` took it over, or nobody holds the ticket."""

    def __init__(self, ticket_id: int, holder: User | None) -> None:
        who = f"{holder.display_name} took it over" if holder else "it ran out or was given back"
        super().__init__(f"Your claim on ticket #{ticket_id} is gone: {who}. Nothing was changed.")
        self.holder = holder


def _lease(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.CLAIM_SECONDS)


def _silence() -> timedelta:
    """A page that was not heard of for so long is not open any more."""
    return timedelta(seconds=settings.CLAIM_SECONDS)


def worked_on(ticket: str = "ticket", *, now: datetime) -> Q:
    """For rows whose tickets (that field) somebody works on: a claim stands, or words are not sent."""
    claims = Claim.objects.filter(ticket=OuterRef(ticket), expires_at__gt=now)
    copies = WorkingCopy.objects.filter(ticket=OuterRef(ticket))
    return Q(Exists(claims)) | Q(Exists(copies))


def current(*, ticket: Ticket, now: datetime) -> Claim | None:
    """The claim that stands on the ticket now, with its user."""
    return (
        Claim.objects.select_related("user").filter(ticket_id=ticket.pk, expires_at__gt=now).first()
    )


def claim(*, ticket: Ticket, user: User, now: datetime) -> Claim:
    """Take a free ticket, or renew one's own claim (the token stays: all one's pages share it).

    Raises ClaimHeld when somebody else holds it.
    """
    own = Claim.objects.filter(ticket_id=ticket.pk, user=user)
    if own.filter(expires_at__gt=now).update(expires_at=_lease(now)):
        return own.select_related("user").get()
    token = uuid.uuid4()
    values = {"user": user, "token": token, "taken_at": now, "expires_at": _lease(now)}
    with transaction.atomic():
        # one's own lapsed claim goes on under its token: a page that is still open may decide
        won = own.filter(expires_at__lte=now).update(taken_at=now, expires_at=_lease(now))
        if not won:
            won = Claim.objects.filter(ticket_id=ticket.pk, expires_at__lte=now).update(**values)
            if won:
                Visit.objects.filter(claim_id=ticket.pk).delete()  # of whoever held it before
        if not won:
            try:
                with transaction.atomic():
                    Claim.objects.create(ticket_id=ticket.pk, **values)
                won = 1
            except IntegrityError:
                pass  # held, or somebody was faster
        if won:
            _record("claim.taken", ticket.pk, user, {}, now)
    held = Claim.objects.select_related("user").get(ticket_id=ticket.pk)
    if held.user_id != user.pk:
        raise ClaimHeld(held)
    return held


def visit(held: Claim, *, now: datetime) -> uuid.UUID:
    """A page of the ticket is opened under this claim: the token by which it says farewell."""
    Visit.objects.filter(claim=held, seen_at__lt=now - _silence()).delete()
    return Visit.objects.create(claim=held, token=uuid.uuid4(), seen_at=now).token


def heartbeat(
    *, ticket: Ticket, user: User, token: uuid.UUID, visit: uuid.UUID | None = None, now: datetime
) -> Claim:
    """Keep a claim alive, and its page's visit. One that lapsed goes on as long as nobody else took
    the ticket; one that a decision ended, or that was given back, stays ended.

    Raises ClaimLost.
    """
    held = Claim.objects.filter(ticket_id=ticket.pk, user=user, token=token)
    if not held.update(expires_at=_lease(now)):
        raise _lost(ticket, user)
    if visit is not None:
        Visit.objects.update_or_create(
            token=visit, defaults={"claim_id": ticket.pk, "seen_at": now}
        )
    return held.select_related("user").get()


def farewell(
    *, ticket: Ticket, user: User, token: uuid.UUID, visit: uuid.UUID, now: datetime
) -> bool:
    """A page is left. Where it was the person's last one, the ticket is free at once; True then.

    The row stays with its token: a page that comes back, or that was only slow, goes on with it
    until somebody else takes the ticket.
    """
    with transaction.atomic():
        held = Claim.objects.select_for_update().filter(ticket_id=ticket.pk, user=user, token=token)
        if not held.exists():
            return False
        left = Visit.objects.filter(claim_id=ticket.pk, token=visit).delete()[0]
        others = Visit.objects.filter(claim_id=ticket.pk, seen_at__gte=now - _silence())
        if not left or others.exists():
            return False
        return bool(held.filter(expires_at__gt=now).update(expires_at=now))


def release(*, ticket: Ticket, user: User, token: uuid.UUID) -> bool:
    """Give the ticket back. False when this claim did not hold it any more."""
    return bool(Claim.objects.filter(ticket_id=ticket.pk, user=user, token=token).delete()[0])


def take_over(*, ticket: Ticket, user: User, seen: uuid.UUID, now: datetime) -> Claim:
    """Take the ticket from whoever held it under the token `seen`; they are told by the page.

    Raises ClaimHeld when somebody else has taken it since; of two, one wins.
    """
    token = uuid.uuid4()
    with transaction.atomic():
        before = Claim.objects.filter(ticket_id=ticket.pk, token=seen).first()
        won = Claim.objects.filter(ticket_id=ticket.pk, token=seen).update(
            user=user, token=token, taken_at=now, expires_at=_lease(now)
        )
        if won and before is not None:
            Visit.objects.filter(claim_id=ticket.pk).delete()
            _record("claim.taken_over", ticket.pk, user, {"from_user": before.user_id}, now)
    if won:
        return Claim.objects.select_related("user").get(ticket_id=ticket.pk)
    return claim(ticket=ticket, user=user, now=now)


def check(*, ticket: Ticket, user: User, token: uuid.UUID | None, lock: bool = False) -> None:
    """Raise ClaimLost unless this token still holds the ticket.

    A lease that ran out counts as held until somebody else takes the ticket. With `lock` (inside a
    transaction) nobody takes it over before the commit.
    """
    held = Claim.objects.select_for_update() if lock else Claim.objects.all()
    if token is None or not held.filter(ticket_id=ticket.pk, user=user, token=token).exists():
        raise _lost(ticket, user)


def _lost(ticket: Ticket, user: User) -> ClaimLost:
    other = Claim.objects.select_related("user").filter(ticket_id=ticket.pk).first()
    return ClaimLost(ticket.pk, other.user if other and other.user_id != user.pk else None)


def _record(action: str, ticket_id: int, user: User, data: dict[str, int], now: datetime) -> None:
    record(action, actor=actor_of(user), ticket=ticket_id, data=data, now=now)
