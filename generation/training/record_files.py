"""Training records as JSON lines: the one format that `docs/training-data.md` documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from generation.prompts import Passage, Turn
from generation.training.records import Record

FORMAT = 1
TOMBSTONES = ".forgotten"  # beside an export: `decisions.jsonl.forgotten`
SPLITS = ("train", "validation", "test")
NEVER = "never"
Row = dict[str, Any]


class RecordFileError(ValueError):
    """A file of training records can't be used; names file, line and field."""

    permanent = True


def to_row(record: Record, *, split: str, right: int | None = None) -> Row:
    """A record as its JSON object.

    ``right`` is the place that the right passage (the record's first) is to have; without it the
    place follows from the record's id, so that it is random and still the same in every run.
    """
    passages = list(record.passages)
    if record.answerable:
        if right is None:
            digest = hashlib.sha256(f"place:{record.id}".encode()).digest()
            right = int.from_bytes(digest[:4], "big") % len(passages)
        passages.insert(right, passages.pop(0))
    return {
        "id": record.id,
        "group": record.group,
        "split": split,
        "source": record.source,
        "license": record.license,
        "synthetic": record.synthetic,
        "provenance": record.provenance,
        "answerable": record.answerable,
        "thread": [{"role": turn.role, "text": turn.text} for turn in record.thread],
        "passages": [
            {"title": p.title, "heading_path": list(p.heading_path), "text": p.text}
            for p in passages
        ],
        "right": right if record.answerable else None,
        "opening": record.opening,
        "body": record.body,
        "closing": record.closing,
        "reply": record.reply,
    }


def from_row(row: Row) -> Record:
    """The record, its right passage first. Raises KeyError, TypeError or ValueError."""
    passages = [
        Passage(str(p["title"]), str(p["text"]), tuple(p.get("heading_path") or ()))
        for p in row["passages"]
    ]
    if row["answerable"]:
        passages.insert(0, passages.pop(_right(row, len(passages))))
    thread = []
    for turn in row["thread"]:
        if turn["role"] not in ("customer", "agent"):
            raise ValueError(f"thread: role {turn['role']!r} is neither customer nor agent")
        thread.append(Turn(turn["role"], str(turn["text"])))
    if not thread or thread[-1].role != "customer":
        raise ValueError("thread: the last turn is not the customer's")
    return Record(
        id=str(row["id"]),
        group=str(row["group"]),
        source=str(row["source"]),
        license=str(row["license"]),
        synthetic=bool(row["synthetic"]),
        thread=tuple(thread),
        passages=tuple(passages),
        opening=str(row["opening"]),
        body=str(row["body"]),
        closing=str(row["closing"]),
        answerable=bool(row["answerable"]),
        provenance=str(row["provenance"]),
    )


def _right(row: Row, count: int) -> int:
    right = row["right"]
    if type(right) is not int or not 0 <= right < count:
        raise ValueError(f"right: {right!r} is no place among {count} passages")
    return right


def read_records(path: Path) -> Iterator[tuple[Record, str]]:
    """(record, split) of each line. Raises RecordFileError, OSError."""
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
                yield from_row(row), str(row["split"])
            except KeyError as error:
                raise RecordFileError(f"{path}, line {number}: {error} is missing") from None
            except (ValueError, TypeError, AttributeError) as error:
                raise RecordFileError(f"{path}, line {number}: {error}") from None


def dump(row: Row) -> str:
    """The row's line."""
    return json.dumps(row, ensure_ascii=False) + "\n"


def read_tombstones(paths: Iterable[Path]) -> frozenset[str]:
    """The groups (tickets) that were forgotten: a line each. A file that isn't there names none."""
    found: set[str] = set()
    for path in paths:
        if path.exists():
            found |= {line.strip() for line in path.read_text(encoding="utf-8").splitlines()}
    return frozenset(found - {""})


def tombstones_beside(path: Path) -> Path:
    """Where `export_decisions` keeps the tombstones of the file at ``path``."""
    return path.with_name(path.name + TOMBSTONES)
