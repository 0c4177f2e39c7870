"""Records that files already hold: a folder of `data prepare`, or an export of decisions."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generation.engine.files import file_sha256
from generation.training.cleared import SourceError
from generation.training.near_duplicates import resembling
from generation.training.record_files import (
    NEVER,
    SPLITS,
    read_records,
    read_tombstones,
    tombstones_beside,
)
from generation.training.records import Record

MANIFEST = "manifest.json"


def prepared_records(folder: Path, rng: random.Random) -> Iterator[Record]:
    """The train and test records of a prepared folder; validation is for who chooses among models.

    Raises SourceError where a file is missing or is not what the manifest says.
    """
    files = read_manifest(folder)["files"]
    for split in ("train", "test"):
        name = f"{split}.jsonl"
        path = folder / name
        if not path.is_file() or file_sha256(path) != files.get(name, {}).get("sha256"):
            raise SourceError(f"{path} is not what {MANIFEST} says: run `data prepare` again")
        for record, _ in read_records(path):
            yield record


def read_manifest(folder: Path) -> dict[str, Any]:
    """The folder's manifest. Raises SourceError."""
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if set(manifest["files"]) >= {f"{split}.jsonl" for split in SPLITS}:
            return manifest
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SourceError(
            f"{path} can't be read ({error}): name a folder that `data prepare` wrote"
        ) from error
    raise SourceError(f"{path} names no records: name a folder that `data prepare` wrote")


def decision_records(path: Path, rng: random.Random) -> Iterator[Record]:
    """The records of an export that may be trained on: no forgotten ticket, none marked never."""
    yield from read_decisions(path)[0]


def read_decisions(
    path: Path, *, forgotten: frozenset[str] = frozenset()
) -> tuple[list[Record], list[Record], dict[str, int]]:
    """(records to train on, never-train records, how many were left out and why) of an export.

    The tombstones beside the file count as well as those given. What resembles a never-train
    record is not trained on either. Raises RecordFileError, OSError.
    """
    forgotten = forgotten | read_tombstones([tombstones_beside(path)])
    train: list[Record] = []
    never: list[Record] = []
    gone = 0
    for record, split in read_records(path):
        if record.group in forgotten:
            gone += 1
        else:
            (never if split == NEVER else train).append(record)
    near = resembling([key_text(r) for r in train], [key_text(r) for r in never])
    kept = [record for record, found in zip(train, near, strict=True) if not found]
    return kept, never, {"forgotten": gone, "near_duplicate_of_never": sum(near)}


def key_text(record: Record) -> str:
    """What two records are compared by: the question and the answer, or what didn't answer it."""
    question = record.thread[-1].text
    return f"{question}\n{record.body if record.answerable else record.passages[0].text}"
