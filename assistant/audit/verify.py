"""Does the log still hold? Everything is computed anew from the events' exact bytes.

Three witnesses are compared: the events (canonical bytes, leaf hashes, search columns), the head
row, and the checkpoint file outside the database. Where these agree, the rows that events speak of
are held against them. Nothing is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.audit import checkpoint, rows, tree
from assistant.audit.content import instant
from assistant.models.audit import AuditEvent, AuditHead

CHUNK = 2_000
_COLUMNS = ("index", "canonical", "leaf_hash", "at", "action", "actor",
            "ticket_number", "draft_id", "model")  # fmt: skip
_FIELD_OF = {"ticket_number": "ticket", "draft_id": "draft"}
Progress = Callable[[int, int], None]
FirstBad = dict[str, Any]  # {"index": int | None, "what": str, "expected": ..., "actual": ...}


@dataclass(frozen=True)
class Verification:
    """What was found. `first_bad` is None when everything holds.

    `unproven` counts the events after the newest checkpoint: nothing outside the database vouches
    for them yet. `since` is the time of the oldest checkpoint: nothing older is vouched for. `torn`:
    lines of the checkpoint file that a power cut left incomplete, which is no tampering.
    """

    ok: bool
    events: int
    root: str
    first_bad: FirstBad | None
    checkpoints: int
    unproven: int
    since: str | None
    torn: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def _bad(index: int | None, what: str, expected: Any, actual: Any) -> FirstBad:
    return {"index": index, "what": what, "expected": expected, "actual": actual}


@dataclass
class _Checkpoints:
    """The file's lines by size; identical lines count once, a contradiction is kept."""

    roots: dict[int, list[tuple[str, int]]] = field(default_factory=dict)  # (root, line)
    lines: int = 0
    since: str | None = None
    torn: list[checkpoint.Torn] = field(default_factory=list)
    bad: FirstBad | None = None

    @property
    def largest(self) -> int:
        return max(self.roots, default=0)


def _read_checkpoints(source: Path) -> _Checkpoints:
    found = _Checkpoints()
    try:
        for one in checkpoint.read(source):
            if isinstance(one, checkpoint.Torn):
                found.torn.append(one)
                continue
            found.lines += 1
            found.since = min(found.since or one.at, one.at)
            known = found.roots.setdefault(one.size, [])
            if all(root != one.root for root, _ in known):
                known.append((one.root, one.line))
    except FileNotFoundError:
        pass
    except checkpoint.BadCheckpoint as error:
        found.bad = _bad(None, f"the checkpoint file: {error}", "a checkpoint", "another text")
    return found


def _rows() -> Iterator[tuple[Any, ...]]:
    """All events in order, in chunks; what is appended meanwhile is left for the next time."""
    last: int | None = None
    while True:
        query = AuditEvent.objects.order_by("index")
        if last is not None:
            query = query.filter(index__gt=last)
        rows = list(query.values_list(*_COLUMNS)[:CHUNK])
        yield from rows
        if len(rows) < CHUNK:
            return
        last = rows[-1][0]


def _wrong_content(position: int, row: tuple[Any, ...]) -> FirstBad | None:
    """The first thing in this row that contradicts another, if there is one."""
    stored = dict(zip(_COLUMNS, row, strict=True))
    if stored["index"] != position:
        what = "removed" if stored["index"] > position else "inserted"
        return _bad(position, f"the event was {what}", position, stored["index"])
    try:
        content = json.loads(stored["canonical"])
        written = {name: content[name] for name in
                   ("index", "at", "action", "actor", "ticket", "draft", "model")}  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return _bad(position, "the event's content is unreadable", "an event", stored["canonical"])
    leaf = _leaf(stored["canonical"]).hex()
    if stored["leaf_hash"] != leaf:
        return _bad(
            position, "the event's content or its leaf hash was altered", stored["leaf_hash"], leaf
        )
    for column in ("index", "at", "action", "actor", "ticket_number", "draft_id", "model"):
        expected = written[_FIELD_OF.get(column, column)]
        actual = instant(stored["at"]) if column == "at" else stored[column]
        if expected != actual or type(expected) is not type(actual):
            return _bad(
                position, f"the event's column {column} differs from its content", expected, actual
            )
    return None


def _leaf(canonical: str) -> bytes:
    return tree.leaf_hash(canonical.encode(errors="surrogatepass"))


def verify(*, checkpoints: Path | None = None, progress: Progress | None = None) -> Verification:
    """Recompute the whole log; `first_bad` names the first event that does not hold.

    `checkpoints`: another copy of the checkpoint file than `settings.CHECKPOINT_FILE`.
    `progress(done, total)` is called after every chunk. Raises OSError when the checkpoint file is
    there and cannot be read, DatabaseError without a database.
    """
    # The file first, then the head, then the events: each was committed before the next is read,
    # so a log that grows meanwhile still holds.
    source = checkpoints or checkpoint.path()
    file = _read_checkpoints(source)
    heads = list(AuditHead.objects.order_by("pk")[:2])
    head = heads[0] if len(heads) == 1 else None
    first_bad: FirstBad | None = None
    if head and not head.size and head.frontier:
        first_bad = _bad(None, "the head row's hashes were altered", [], head.frontier)
    frontier: list[bytes] = []
    held = count = 0  # held: the size up to which checkpoints agree
    for row in _rows():
        first_bad = first_bad or _wrong_content(count, row)
        frontier = tree.grow(frontier, count, _leaf(row[1]))
        count += 1
        if count in file.roots:
            first_bad = first_bad or _broken_checkpoint(file, count, held, frontier)
            held = count
        if head and count == head.size:
            first_bad = first_bad or _broken_head(head, frontier)
        if progress and count % CHUNK == 0:
            progress(count, max(head.size if head else 0, count))
    if len(heads) != 1 and (count or file.lines or heads):
        first_bad = first_bad or _bad(None, "the head row", "one row", f"{len(heads)} rows")
    first_bad = first_bad or _wrong_end(file, head, source, count) or file.bad or _wrong_row()
    if progress:
        progress(count, count)
    return Verification(
        ok=first_bad is None,
        events=count,
        root=tree.root_of(frontier).hex(),
        first_bad=first_bad,
        checkpoints=file.lines,
        unproven=max(0, count - file.largest),
        since=file.since,
        torn=[dict(vars(one)) for one in file.torn],
    )


def _wrong_row() -> FirstBad | None:
    found = rows.first_wrong()
    if found is None:
        return None
    return _bad(found.index, found.what, found.expected, found.actual)


def _broken_head(head: AuditHead, frontier: list[bytes]) -> FirstBad | None:
    expected = [h.hex() for h in frontier]
    if head.frontier == expected:
        return None
    return _bad(None, "the head row's hashes were altered", expected, head.frontier)


def _broken_checkpoint(
    file: _Checkpoints, size: int, held: int, frontier: list[bytes]
) -> FirstBad | None:
    actual = tree.root_of(frontier).hex()
    for root, line in file.roots[size]:
        if root != actual:
            span = (
                f"event {held}" if held == size - 1 else f"one of the events {held} to {size - 1}"
            )
            return _bad(
                held,
                f"{span} was altered, removed or inserted since, "
                f"or line {line} of the checkpoint file was altered",
                root,
                actual,
            )
    return None


def _wrong_end(
    file: _Checkpoints, head: AuditHead | None, source: Path, count: int
) -> FirstBad | None:
    """What the end of the log tells: the tail cut off, events after the head, no checkpoints."""
    if file.largest > count:
        return _bad(count, "events were cut off: the checkpoints know more", file.largest, count)
    if head and head.size > count:
        return _bad(count, "events were cut off: the head knows more", head.size, count)
    now = AuditHead.objects.values_list("size", flat=True).first()  # it may have grown meanwhile
    if now is not None and now < count:
        return _bad(now, "the event was inserted after the log's head", now, count)
    if count and not file.lines and file.bad is None:
        return _bad(
            0,
            "no checkpoint vouches for the log: the checkpoint file is missing or empty",
            str(source),
            None,
        )
    return None
