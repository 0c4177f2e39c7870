"""`record()`: the one way into the audit log."""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from assistant.audit import checkpoint, tree
from assistant.audit.content import JSON, BadEvent, canonical_bytes
from assistant.models.audit import AuditEvent, AuditHead

__all__ = [
    "SYSTEM", "AuditLogBroken", "BadEvent", "actor_of", "at_command_line", "record", "system",
]  # fmt: skip

SYSTEM = "system"


class AuditLogBroken(RuntimeError):
    """The log cannot take an event; nothing may go on unrecorded, so the transaction fails."""


def system(process: str) -> str:
    """The actor's name of one of our own processes."""
    return f"{SYSTEM}:{process}"


def actor_of(user: Any) -> str:
    """`user:<id>:<username>` for a person; the id alone identifies, a very long name is cut."""
    if user is None or user.pk is None:
        raise BadEvent("actor: nobody is signed in; use system(<process>) for our own processes")
    return f"user:{user.pk}:{user.get_username()[:120]}"


def at_command_line(as_person: Any = None) -> str:
    """`cli:<account>`, or `cli:<account> as <username>` for a person whom the command names.

    A name at the command line is a word, no sign-in; the account is the operating system's own.
    """
    number = os.getuid()
    try:
        account = pwd.getpwuid(number).pw_name
    except KeyError:  # a container that runs under a bare number
        account = str(number)
    as_name = f" as {as_person.get_username()[:80]}" if as_person is not None else ""
    return f"cli:{account[:60]}{as_name}"


def record(
    action: str,
    *,
    actor: str,
    ticket: int | None = None,
    draft: int | None = None,
    model: str = "",
    data: Mapping[str, JSON] | None = None,
    now: datetime | None = None,
) -> AuditEvent:
    """Append one event to the log, as the last statement of the transaction that it speaks of.

    The head row is locked until the commit, so indexes have no gaps and a rolled back transaction
    leaves none; what follows it in the transaction makes every other writer wait. `data` holds
    identifiers, numbers and salted digests only. After the commit a checkpoint is appended to
    `settings.CHECKPOINT_FILE`.

    Raises BadEvent (the caller's bug), AuditLogBroken (the head is missing or does not fit), and
    RuntimeError outside a transaction.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError(
            f"{action}: record() belongs into the transaction of what it records; "
            "wrap both in transaction.atomic()"
        )
    at = now or timezone.now()
    head = AuditHead.objects.select_for_update().first()
    if head is None:
        raise AuditLogBroken("the audit log has no head row: run migrate, then verify_audit")
    canonical = canonical_bytes(
        index=head.size,
        at=at,
        action=action,
        actor=actor,
        ticket=ticket,
        draft=draft,
        model=model,
        data=data or {},
    )
    leaf = tree.leaf_hash(canonical)
    try:
        frontier = tree.grow([bytes.fromhex(h) for h in head.frontier], head.size, leaf)
    except (ValueError, TypeError) as error:
        raise AuditLogBroken(
            f"the audit log's head is damaged ({error}): run verify_audit"
        ) from None
    event = AuditEvent.objects.create(
        index=head.size,
        canonical=canonical.decode(),
        leaf_hash=leaf.hex(),
        at=at.astimezone(UTC),
        action=action,
        actor=actor,
        ticket_number=ticket,
        draft_id=draft,
        model=model,
    )
    head.size += 1
    head.frontier = [h.hex() for h in frontier]
    head.save(update_fields=["size", "frontier"])
    checkpoint.after_commit()
    return event
