"""`manage.py data prepare`: cleared sets and decisions as one folder of training records.

Read, drop what was forgotten, clean, redact, lay the right passage among distractors, add questions
without an answer, keep near-duplicates apart, write. The same input gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from assistant.privacy.pii import PII_SCREEN_VERSION
from assistant.privacy.redaction import Redactor
from generation.engine.files import file_sha256
from generation.training.arranging import Arranger, read_attacks
from generation.training.cleaning import clean
from generation.training.cleared import ATTRIBUTIONS, SourceError, check_cleared
from generation.training.near_duplicates import THRESHOLD, resembling
from generation.training.prepared import MANIFEST, key_text, read_decisions
from generation.training.record_files import (
    FORMAT,
    SPLITS,
    dump,
    read_tombstones,
    to_row,
    tombstones_beside,
)
from generation.training.records import Record, split_of
from generation.training.sources import read_sources
from generation.training.unanswerable_records import READERS as UNANSWERABLE

ATTACKS = "bipia"
_PACKAGES = ("numpy", "presidio-analyzer")
Report = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """How a folder is prepared. ``unanswerable`` and ``planted`` are shares of the records that
    have an answer: as many are added without one, or get an instruction planted in them."""

    seed: int = 1
    unanswerable: float = 0.1
    planted: float = 0.03
    forgotten: frozenset[str] = frozenset()
    command: str = ""


@dataclass
class Prepared:
    """What stands in the folder: records by split, and how many were dropped, by source and why."""

    records: dict[str, list[Record]] = field(default_factory=lambda: {s: [] for s in SPLITS})
    dropped: Counter[tuple[str, str]] = field(default_factory=Counter)
    redacted: int = 0
    inputs: list[dict[str, Any]] = field(default_factory=list)


def prepare(
    sources: Sequence[tuple[str, Path]],
    *,
    out: Path,
    options: Options,
    report: Report = lambda words: None,
) -> dict[str, Any]:
    """Writes train, validation and test records and the manifest into ``out``; returns the manifest.

    Raises SourceError and RecordFileError on a source that can't be used, PiiScreenFailed, OSError.
    """
    made = Prepared()
    attacks: list[str] = []
    found: list[Record] = []
    for name, path in sources:
        report(f"reading {name}")
        check_cleared(name, path)
        if name == ATTACKS:
            attacks += read_attacks(path)
        elif name == "records":
            raise SourceError("records= names prepared records: name the sets they came from")
        else:
            found += _read(name, path, options, made)
        made.inputs.append(_input(name, path))
    report("cleaning and redacting")
    records = _unique([clear for record in found if (clear := _clear(record, made))])
    report("laying passages")
    arranger = Arranger(records, seed=options.seed)
    records = arranger.arranged(
        unanswerable=options.unanswerable, attacks=attacks, planted=options.planted
    )
    for record in records:
        made.records[split_of(record.group)].append(record)
    report("looking for near-duplicates")
    _keep_apart(made)
    report("writing")
    return _write(out, made, options)


def _read(name: str, path: Path, options: Options, made: Prepared) -> list[Record]:
    if name == "decisions":
        beside = read_tombstones([tombstones_beside(path)])
        records, never, left_out = read_decisions(path, forgotten=options.forgotten | beside)
        made.dropped[name, "never_train"] += len(never)
        for why, count in left_out.items():
            made.dropped[name, why] += count
        return records
    records = read_sources([(name, path)], seed=options.seed)
    if name in UNANSWERABLE:
        rng = random.Random(f"{options.seed}:unanswerable:{name}")
        records += UNANSWERABLE[name](path, rng)
    if name == "kb":
        records = [replace(r, license=_license_of(path, r.license)) for r in records]
    forgotten = [r for r in records if r.group in options.forgotten]
    made.dropped[name, "forgotten"] += len(forgotten)
    return [r for r in records if r.group not in options.forgotten]


def _license_of(folder: Path, public: str) -> str:
    """A public set carries its license; a company's own articles carry none of ours."""
    path = folder / "LICENSE"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    return public if "Attribution 4.0" in text else "not stated: no LICENSE of CC BY 4.0 beside it"


def _clear(record: Record, made: Prepared) -> Record | None:
    """The record cleaned and redacted; None, and counted, where nothing is left to learn from."""
    cleaned = clean(record)
    if isinstance(cleaned, str):
        made.dropped[record.source, cleaned] += 1
        return None
    if cleaned.synthetic:
        return cleaned  # made of published text: there is no customer in it
    redact = Redactor(published=[passage.text for passage in cleaned.passages])
    thread = tuple(replace(turn, text=redact(turn.text)) for turn in cleaned.thread)
    made.redacted += thread != cleaned.thread
    return replace(cleaned, thread=thread)


def _unique(records: Iterable[Record]) -> list[Record]:
    """The records with ids of their own: two folders may have an article of one name."""
    seen: Counter[str] = Counter()
    found = []
    for record in records:
        seen[record.id] += 1
        again = seen[record.id]
        found.append(record if again == 1 else replace(record, id=f"{record.id}~{again}"))
    return found


def _keep_apart(made: Prepared) -> None:
    """No record of validation has a near-duplicate in test, and none of train in either."""
    protected: list[str] = []
    for split in reversed(SPLITS):
        texts = [key_text(record) for record in made.records[split]]
        kept = []
        for record, near in zip(made.records[split], resembling(texts, protected), strict=True):
            if near:
                made.dropped[record.source, "near_duplicate_of_held_out"] += 1
            else:
                kept.append(record)
        made.records[split] = kept
        protected += [key_text(record) for record in kept]


def _input(name: str, path: Path) -> dict[str, Any]:
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    digest = hashlib.sha256()
    for file in files:
        inside = file.relative_to(path).as_posix() if path.is_dir() else ""
        digest.update(f"{inside}\0{file_sha256(file)}\n".encode())
    return {"source": name, "name": path.name, "files": len(files), "sha256": digest.hexdigest()}


def _write(out: Path, made: Prepared, options: Options) -> dict[str, Any]:
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)  # what it vouched for is about to change
    files = {}
    for split in SPLITS:
        path = out / f"{split}.jsonl"
        aside = path.with_name(path.name + ".new")
        with aside.open("w", encoding="utf-8") as file:
            file.writelines(dump(to_row(r, split=split)) for r in made.records[split])
        os.replace(aside, path)
        files[path.name] = {
            "sha256": file_sha256(path),
            "bytes": path.stat().st_size,
            "records": len(made.records[split]),
        }
    manifest = _manifest(made, options, files)
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (out / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


def _manifest(made: Prepared, options: Options, files: dict[str, Any]) -> dict[str, Any]:
    everything = [r for split in SPLITS for r in made.records[split]]
    names = sorted({record.source for record in everything} | {i["source"] for i in made.inputs})
    return {
        "format": FORMAT,
        "command": options.command,
        "seed": options.seed,
        "versions": {
            "python": platform.python_version(),
            "pii": PII_SCREEN_VERSION,
            **{package: version(package) for package in _PACKAGES},
        },
        "inputs": made.inputs,
        "files": files,
        "sources": {
            name: {
                "licenses": sorted({r.license for r in everything if r.source == name}),
                "attribution": ATTRIBUTIONS[name],
                "splits": {
                    s: _counts(r for r in made.records[s] if r.source == name) for s in SPLITS
                },
                "dropped": {
                    why: count
                    for (source, why), count in sorted(made.dropped.items())
                    if source == name and count
                },
            }
            for name in names
        },
        "redacted_records": made.redacted,
        "forgotten_tickets": len(options.forgotten),
        "near_duplicate_threshold": THRESHOLD,
    }


def _counts(records: Iterable[Record]) -> dict[str, int]:
    found = list(records)
    return {
        "records": len(found),
        "groups": len({record.group for record in found}),
        "synthetic": sum(record.synthetic for record in found),
        "unanswerable": sum(not record.answerable for record in found),
        "planted": sum(record.provenance.startswith("planted") for record in found),
    }
