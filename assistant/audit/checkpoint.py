"""Checkpoints: the tree's size and root, appended to a file outside the database.

Whoever rewrites the database would have to rewrite this file too; put it where they cannot
(another disk, another host, an append-only file). One JSON object a line:
`{"at": "2026-01-31T09:05:00.000000Z", "root": "<64 hex>", "size": 12}`. Processes append in
any order: every line holds by itself.

A power cut can leave the last line incomplete. It stays, since the file may be one that can only be
appended to; the next append follows it by a line that says how many bytes are void,
`{"at": …, "sha256": "<64 hex>", "torn": 57}`. Any other line that is no checkpoint was tampered with.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Torn:
    """An incomplete line, by the number of the first; `healed_at` is None until the next append."""

    line: int
    bytes: int
    healed_at: str | None = None


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
        torn = append(size=head.size, root=root_of_head(head), now=timezone.now())
        if torn:
            _record_healed(torn)
    except (OSError, DatabaseError, AuditHead.DoesNotExist, ValueError):
        # The event itself is safe in the database; `checkpoint_lag` keeps the gap visible until
        # the next checkpoint, which covers this event too.
        logger.exception("the audit log's checkpoint could not be written to %s", path())


def root_of_head(head: AuditHead) -> str:
    """The root in hex, from the head row's frontier."""
    return tree.root_of([bytes.fromhex(h) for h in head.frontier]).hex()


def _record_healed(torn: Torn) -> None:
    from assistant.audit.log import record, system  # it comes back here after its commit

    with transaction.atomic():
        record("log.checkpoint_healed", actor=system("log"), data={"bytes": torn.bytes})


def append(*, size: int, root: str, now: datetime) -> Torn | None:
    """Append one line and have it on the disk before returning. Raises OSError.

    Returns what a power cut had left incomplete before it, which is marked as void.
    """
    target = path()
    target.parent.mkdir(parents=True, exist_ok=True)
    entry = json.dumps({"at": instant(now), "root": root, "size": size}).encode() + b"\n"
    descriptor = os.open(target, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        before = os.fstat(descriptor).st_size
        line_end, void = _incomplete_end(descriptor, before)
        entry = line_end + (_void_line(void, now) if void else b"") + entry
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
    return Torn(line=0, bytes=len(void), healed_at=instant(now)) if void else None


def _incomplete_end(descriptor: int, size: int) -> tuple[bytes, bytes]:
    """The line end that the file lacks, and what was torn after the last whole line."""
    start = max(0, size - 65_536)
    end = os.pread(descriptor, size - start, start)
    lines = end.removesuffix(b"\n").split(b"\n")
    torn: list[bytes] = []
    while lines and looks_torn(
        lines[-1]
    ):  # several: the power was cut again, while one was put right
        torn.insert(0, lines.pop())
    return b"" if not end or end.endswith(b"\n") else b"\n", b"\n".join(torn)


def _void_line(void: bytes, now: datetime) -> bytes:
    told = {"at": instant(now), "sha256": hashlib.sha256(void).hexdigest(), "torn": len(void)}
    return json.dumps(told).encode() + b"\n"


_SHAPES = (
    '{"at": "9999-99-99T99:99:99.999999Z", "root": "' + "F" * 64 + '", "size": ',
    '{"at": "9999-99-99T99:99:99.999999Z", "sha256": "' + "F" * 64 + '", "torn": ',
)
_ALLOWED = {"9": "0123456789", "F": "0123456789abcdef"}


def looks_torn(raw: bytes) -> bool:
    """Whether a cut can have left this of a line: its beginning, or that and zeros of the disk."""
    text = raw.rstrip(b"\n").rstrip(b"\0").decode("ascii", errors="replace")
    return bool(raw.strip()) and not _is_whole(raw) and any(_begins(text, one) for one in _SHAPES)


def _begins(text: str, shape: str) -> bool:
    head, rest = text[: len(shape)], text[len(shape) :]
    fits = all(one in _ALLOWED.get(form, form) for one, form in zip(head, shape, strict=False))
    return fits and (not rest or rest.isdigit())


def _is_whole(raw: bytes) -> bool:
    """Whether it is all of a line, right or wrong."""
    try:
        return isinstance(json.loads(raw), dict)
    except ValueError:
        return False


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


def read(source: Path) -> Iterator[Checkpoint | Torn]:
    """Every line, in the file's order. Raises BadCheckpoint at a bad one, OSError for no file.

    What a power cut left incomplete comes as one Torn. It is bad where it does not look so, or where
    it was not put right before the next checkpoint.
    """
    unread: list[bytes] = []  # lines that may have been torn
    first: BadCheckpoint | None = None
    with source.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            try:
                one = _parse(raw, line)
            except BadCheckpoint as error:
                if first is not None and (healed := _healing(raw, unread)):
                    yield Torn(first.line, healed["torn"], healed_at=str(healed["at"]))
                    unread, first = [], None
                    continue
                first = first or error
                if not looks_torn(raw):
                    raise first from None
                unread.append(raw)
                continue
            if first is not None:
                raise first
            yield one
    if first is not None:
        yield Torn(first.line, len(b"".join(unread).removesuffix(b"\n")))


def _healing(raw: bytes, unread: list[bytes]) -> dict[str, Any] | None:
    """The line that declares these void, if this is it."""
    void = b"".join(unread)[:-1]  # without the line end that the healing wrote
    try:
        told = json.loads(raw)
        fits = told["torn"] == len(void) and told["sha256"] == hashlib.sha256(void).hexdigest()
    except (ValueError, KeyError, TypeError):
        return None
    return told if fits else None


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
