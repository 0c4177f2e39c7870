"""Bring a folder or a file into a collection, touching only what changed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from django.db import transaction
from django.db.models import Count
from django.utils.text import slugify

from assistant.audit.log import system
from retrieval import collections
from retrieval.holding import hold, withdraw
from retrieval.isolated import IsolatedReader
from retrieval.judging import Candidate, Effect, fields_of, judge
from retrieval.left_out import kind_of, sentence
from retrieval.loaders import LoadError, Unpublished, endings, is_supported, read_file
from retrieval.models import Chunk, Collection, Document, IndexSnapshot
from retrieval.publishing import BadArticle, normal_source, put, readdress, retire


class CannotIngest(ValueError):
    """Nothing was ingested: what is wrong with the call."""


@dataclass
class IngestReport:
    """What an ingestion did; `skipped` names files that are articles and could not be read or are kept
    from readers by their author, `held` those whose text waits for a person, `warnings` what a person
    should look at, `ignored` counts files of other kinds, by their endings in `ignored_kinds`."""

    added: int = 0
    changed: int = 0
    unchanged: int = 0
    retired: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    held: list[dict[str, str]] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    ignored_kinds: dict[str, int] = field(default_factory=dict)
    note: str = ""
    chunks: int = 0
    seconds: float = 0.0
    snapshot: int | None = None

    @property
    def ignored(self) -> int:
        return sum(self.ignored_kinds.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "added": self.added,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "retired": self.retired,
            "skipped": self.skipped,
            "held": self.held,
            "warnings": self.warnings,
            "ignored": self.ignored,
            "ignored_kinds": self.ignored_kinds,
            "note": self.note,
            "chunks": self.chunks,
            "seconds": round(self.seconds, 3),
            "snapshot": self.snapshot,
        }


def ingest(
    path: Path,
    *,
    collection: str,
    prune: bool = False,
    public_address: str | None = None,
    now: datetime,
    on_file: Callable[[int, int, str], None] | None = None,
    on_chunk: Callable[[int, int], None] | None = None,
) -> IngestReport:
    """Publish every article under `path`, then build and activate an index where anything changed.

    `on_file(done, total, name)` and `on_chunk(done, total)` report progress. Each article is
    committed by itself, so an interrupted run is taken up by running it again. With `prune`,
    articles of the collection whose file has gone are retired. A `public_address` becomes the
    collection's. Raises `CannotIngest`.
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
            f"{path} holds no article ({endings()})"
            + (f". {sentence(ignored, 0)}" if ignored else ".")
        )
    target = _collection(name, public_address, now=now)
    report = IngestReport(ignored_kinds=dict(ignored), note=sentence(ignored, len(files)))
    seen: set[str] = set()
    with closing(IsolatedReader()) as reader:
        for index, (file, source) in enumerate(files):
            if on_file:
                on_file(index, len(files), source)
            if normal_source(source) in seen:
                reason = "is there twice: the names differ only in how their letters are composed"
                report.skipped.append({"path": source, "reason": reason})
            else:
                _ingest_file(reader, file, source, target, report, now=now)
            seen.add(normal_source(source))
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


def _collection(name: str, public_address: str | None, *, now: datetime) -> Collection:
    """The collection of this name, made where there is none, with this public address if one is given."""
    try:
        with transaction.atomic():
            found, _ = Collection.objects.get_or_create(name=name)
            if public_address is not None:
                collections.change(
                    found,
                    title=str(found),
                    visibility=found.visibility,
                    channels=found.channels.all(),
                    public_address=public_address,
                    actor=system("ingest"),
                    now=now,
                )
    except BadArticle as bad:
        raise CannotIngest(f"The public address {bad.reason}.") from None
    return found


def _ingest_file(
    reader: IsolatedReader,
    file: Path,
    source: str,
    collection: Collection,
    report: IngestReport,
    *,
    now: datetime,
) -> None:
    try:
        article = reader.read(source, read_file(file), now=now)
        candidate = Candidate.of(article, source)
        verdict = judge(candidate, collection=collection)
    except Unpublished as error:
        report.skipped.append({"path": source, "reason": error.reason})
        report.retired += _retire_unpublished(collection, normal_source(source), now=now)
        return
    except (LoadError, BadArticle) as error:
        reason = error.reason if isinstance(error, LoadError) else str(error)
        report.skipped.append({"path": source, "reason": reason})
        return
    except (RecursionError, MemoryError) as error:  # one text costs itself only
        reason = f"cannot be judged ({type(error).__name__})"
        report.skipped.append({"path": source, "reason": reason})
        return
    notes = (*article.warnings, *candidate.stated.notes)
    report.warnings += [{"path": source, "reason": words} for words in notes]
    actor = system("ingest")
    if verdict.effect is Effect.NONE:
        report.unchanged += 1
        if verdict.document is not None:
            readdress(
                verdict.document,
                candidate.stated.address,
                digest=candidate.digest,
                actor=actor,
                now=now,
            )
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


def _retire_unpublished(collection: Collection, source: str, *, now: datetime) -> bool:
    """Take out what its author keeps from readers now: the article of an earlier run, or a text that
    waits for a person. An article that a source brings in is left to that source."""
    withdraw(collection=collection, path=source, now=now)
    document = collection.documents.filter(
        source=source, origin=None, state=Document.State.PUBLISHED
    ).first()
    return document is not None and retire(
        document, actor=system("ingest"), announce=False, now=now
    )


def _retire_vanished(
    collection: Collection, present: set[str], report: IngestReport, *, now: datetime
) -> None:
    """A file that is there but unreadable has not vanished; its article stays."""
    published = collection.documents.filter(state=Document.State.PUBLISHED)
    for document in published.iterator():
        if document.source not in present:
            report.retired += retire(document, actor=system("ingest"), announce=False, now=now)


def _files(path: Path) -> tuple[list[tuple[Path, str]], Counter[str]]:
    """(file, source) of every article in order, and how many files of which other kinds lie there."""
    if path.is_file():
        if not is_supported(path):
            raise CannotIngest(f"{path}: files of the kind {path.suffix} are not read.")
        return [(path, path.name)], Counter()
    if not path.is_dir():
        raise CannotIngest(f"{path}: there is no such file or folder.")
    found: list[tuple[Path, str]] = []
    ignored: Counter[str] = Counter()
    for file in _walk(path):
        if is_supported(file):
            found.append((file, PurePosixPath(file.relative_to(path)).as_posix()))
        else:
            ignored[kind_of(file.name)] += 1
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
