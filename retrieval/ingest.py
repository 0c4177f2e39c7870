"""Bring a folder or a file into a collection, touching only what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from django.db.models import Count
from django.utils.text import slugify

from assistant.audit.log import system
from retrieval.holding import hold
from retrieval.judging import Candidate, Effect, fields_of, judge
from retrieval.loaders import LoadError, is_supported, load
from retrieval.models import Chunk, Collection, Document, IndexSnapshot
from retrieval.publishing import BadArticle, normal_source, put, retire


class CannotIngest(ValueError):
    """Nothing was ingested: what is wrong with the call."""


@dataclass
class IngestReport:
    """What an ingestion did; `skipped` names files that are articles and could not be read, `held`
    those whose text waits for a person, `ignored` counts files of other kinds."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    held: list[dict[str, str]] = field(default_factory=list)
    ignored: int = 0
    chunks: int = 0
    seconds: float = 0.0
    snapshot: int | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "retired": self.retired,
            "skipped": self.skipped,
            "held": self.held,
            "ignored": self.ignored,
            "chunks": self.chunks,
            "seconds": round(self.seconds, 3),
            "snapshot": self.snapshot,
        }


def ingest(
    path: Path,
    *,
    collection: str,
    prune: bool = False,
    now: datetime,
    on_file: Callable[[int, int, str], None] | None = None,
    on_chunk: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Publish every article under `path`, then build and activate an index where anything changed.

    `on_file(done, total, name)` and `on_chunk(done, total)` report progress. Each article is
    committed by itself, so an interrupted run is taken up by running it again. With `prune`,
    articles of the collection whose file has gone are retired. Raises `CannotIngest`.
    """
    from retrieval.building import refresh_if_stale  # loads the index's libraries

    began = time.monotonic()
    files, ignored = _files(path)
    if prune and path.is_file():
        raise CannotIngest(
            "--prune needs a folder: beside a single file all else would be retired."
        )
    name = slugify(collection)
    if not name or name != collection:
        raise CannotIngest(
            f"collection {collection!r}: write lower-case letters, digits and hyphens."
        )
    if not files:
        raise CannotIngest(
            f"{path} holds no article (.md, .html, .txt, .pdf, .docx)"
            + (f" among its {ignored} files." if ignored else ".")
        )
    target, _ = Collection.objects.get_or_create(name=name)
    report = IngestReport(ignored=ignored)
    for index, (file, source) in enumerate(files):
        if on_file:
            on_file(index, len(files), source)
        _ingest_file(file, source, target, report, now=now)
    if on_file:
        on_file(len(files), len(files), "")
    if prune:
        _retire_vanished(target, {normal_source(source) for _, source in files}, report, now=now)
    refresh_if_stale(actor=system("ingest"), progress=on_chunk)
    active = IndexSnapshot.objects.filter(state=IndexSnapshot.State.ACTIVE).first()
    report.snapshot = active.pk if active else None
    report.chunks = _chunk_count(target)
    report.seconds = time.monotonic() - began
    return report


def _ingest_file(
    file: Path, source: str, collection: Collection, report: IngestReport, *, now: datetime
) -> None:
    try:
        candidate = Candidate.of(load(file), source)
    except (LoadError, BadArticle) as error:
        reason = error.reason if isinstance(error, LoadError) else str(error)
        report.skipped.append({"path": source, "reason": reason})
        return
    verdict = judge(candidate, collection=collection)
    actor = system("ingest")
    if verdict.effect is Effect.NONE:
        report.unchanged += 1
    elif verdict.why is not None:
        hold(candidate, verdict, collection=collection, actor=actor, now=now)
        words = "; ".join(sorted({finding.rule for finding in verdict.findings}))
        report.held.append({"path": source, "reason": f"{verdict.why.label}: {words}"})
    else:
        put(collection=collection, **fields_of(candidate), actor=actor, announce=False, now=now)
        if verdict.effect is Effect.ADD:
            report.added += 1
        else:
            report.changed += 1


def _retire_vanished(
    collection: Collection, present: set[str], report: IngestReport, *, now: datetime
) -> None:
    """A file that is there but unreadable has not vanished; its article stays."""
    published = collection.documents.filter(state=Document.State.PUBLISHED)
    for document in published.iterator():
        if document.source not in present:
            report.retired += retire(document, actor=system("ingest"), announce=False, now=now)


def _files(path: Path) -> tuple[list[tuple[Path, str]], int]:
    """(file, source) of every article in order, and how many files of other kinds lie there."""
    if path.is_file():
        if not is_supported(path):
            raise CannotIngest(f"{path}: files of the kind {path.suffix} are not read.")
        return [(path, path.name)], 0
    if not path.is_dir():
        raise CannotIngest(f"{path}: there is no such file or folder.")
    found, ignored = [], 0
    for file in _walk(path):
        if is_supported(file):
            found.append((file, PurePosixPath(file.relative_to(path)).as_posix()))
        else:
            ignored += 1
    return found, ignored


def _walk(folder: Path) -> Iterator[Path]:
    """Files below a folder by name; hidden ones, and links that lead elsewhere, are left out."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and not entry.is_symlink():
            yield from _walk(entry)
        elif entry.is_file() or (entry.is_symlink() and is_supported(entry)):
            yield entry


def _chunk_count(collection: Collection) -> int:
    """Chunks of the collection's published articles."""
    counted = Chunk.objects.filter(
        revision__document__collection=collection,
        revision__document__state=Document.State.PUBLISHED,
        revision__pk__in=Document.objects.filter(collection=collection).values("current"),
    ).aggregate(n=Count("pk"))
    return int(counted["n"])
