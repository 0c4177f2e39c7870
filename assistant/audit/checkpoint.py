"""Checkpoints: the tree's size and root, appended to a file outside the database.

Whoever rewrites the database would have to rewrite this file too; put it where they cannot
(another disk, another host, an append-only file). One JSON object a line:
`{"at": "2026-01-31T09:05:00.000000Z", "root": "<64 hex>", "size": 12}`. Processes append in
any order: every line holds by itself.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone

from assistant.audit import tree
from assistant.audit.content import instant
from assistant.models.audit import AuditEvent, AuditHead

logger = logging.getLogger(__name__)

_HEX_ROOT = re.compile(r"[0-9a-f]{64}")
_MARK = "_countersign_checkpointed"


@dataclass(frozen=True)
class Checkpoint:
    """One line of the file: the root over the first `size` events."""

    size: int
    root: str
    at: str
    line: int = 0


class BadCheckpoint(ValueError):
    """A line of the checkpoint file that cannot be read as one."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line} of the checkpoint file {reason}")
        self.line = line
        self.reason = reason


def path() -> Path:
    return Path(settings.CHECKPOINT_FILE)


def after_commit() -> None:
    """Follow the current transaction's commit by one checkpoint, however many events it has."""
    setattr(transaction.get_connection(), _MARK, False)
    transaction.on_commit(_checkpoint_once)


def _checkpoint_once() -> None:
    connection = transaction.get_connection()
    if getattr(connection, _MARK, False):
        return
    setattr(connection, _MARK, True)
    try:
        head = AuditHead.objects.get()
        append(size=head.size, root=root_of_head(head), now=timezone.now())
    except (OSError, DatabaseError, AuditHead.DoesNotExist, ValueError):
        # The event itself is safe in the database; `checkpoint_lag` keeps the gap visible until
        # the next checkpoint, which covers this event too.
        logger.exception("the audit log's checkpoint could not be written to %s", path())


def root_of_head(head: AuditHead) -> str:
    """The root in hex, from the head row's frontier."""
    return tree.root_of([bytes.fromhex(h) for h in head.frontier]).hex()


def append(*, size: int, root: str, now: datetime) -> None:
    """Append one line and have it on the disk before returning. Raises OSError."""
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    entry = json.dumps({"at": instant(now), "root": root, "size": size}).encode() + b"\n"
    descriptor = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        before = os.fstat(descriptor).st_size
        if before and os.pread(descriptor, 1, before - 1) != b"\n":
            entry = b"\n" + entry  # a torn line stands alone and is reported by verification
        if os.write(descriptor, entry) != len(entry):
            os.ftruncate(descriptor, before)
            raise OSError(f"the disk of {target} is full")
        os.fsync(descriptor)
        if not before:
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    finally:
        os.close(descriptor)


def _parse(raw: bytes, line: int) -> Checkpoint:
    try:
        entry = json.loads(raw)
        size, root, at = entry["size"], entry["root"], entry["at"]
    except (ValueError, KeyError, TypeError):
        raise BadCheckpoint(line, "is no checkpoint") from None
    if type(size) is not int or size < 1:
        raise BadCheckpoint(line, f"has the size {size!r}")
    if not isinstance(root, str) or not _HEX_ROOT.fullmatch(root):
        raise BadCheckpoint(line, "has no root of 64 hex digits")
    return Checkpoint(size=size, root=root, at=str(at), line=line)


def read(source: Path) -> Iterator[Checkpoint]:
    """Every line, in the file's order. Raises BadCheckpoint at a bad one, OSError for no file."""
    with source.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            yield _parse(raw, line)


def newest(source: Path | None = None) -> Checkpoint | None:
    """The checkpoint of the largest size near the file's end; None without a readable one."""
    try:
        with (source or path()).open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 65_536))
            lines = file.read().splitlines()
    except OSError:
        return None
    if end > 65_536:
        lines = lines[1:]  # cut off in the middle
    found: Checkpoint | None = None
    for raw in lines:
        try:
            checkpoint = _parse(raw, 0)
        except BadCheckpoint:
            continue
        if found is None or checkpoint.size > found.size:
            found = checkpoint
    return found


def checkpoint_lag(*, now: datetime | None = None, grace_seconds: float = 10) -> int:
    """How many events no checkpoint covers: for readiness and the system check.

    0 while the oldest of them is younger than `grace_seconds` (its writer is between the commit
    and the file).
    """
    head = AuditHead.objects.first()
    covered = newest()
    first = covered.size if covered else 0
    if head is None or head.size <= first:
        return 0
    event = AuditEvent.objects.filter(index=first).first()
    if event and event.at > (now or timezone.now()) - timedelta(seconds=grace_seconds):
        return 0
    return head.size - first


def catch_up(*, now: datetime | None = None) -> bool:
    """Append the checkpoint that a crash or a full disk left unwritten; whether there was one."""
    now = now or timezone.now()
    if not checkpoint_lag(now=now):
        return False
    head = AuditHead.objects.get()
    append(size=head.size, root=root_of_head(head), now=now)
    return True
