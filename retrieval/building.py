"""Build a snapshot aside, check it, give it its name, and only then make it active.

A snapshot builds on the segments of the one before: articles that are new come in one new segment,
articles that have gone become tombstones. Many new articles come in slices of about a second, each a
whole snapshot that says how many articles remain. A kill at any moment leaves the active snapshot
whole: what is unfinished lies in a folder whose name begins with a dot, and is swept away by the
next build.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from assistant.audit.log import system
from retrieval import segments, snapshot_store, snapshots
from retrieval.cleaning import KEEP, clean
from retrieval.embedder import Embedder, get_embedder
from retrieval.intake import Intake, take_in
from retrieval.lexical import terms
from retrieval.models import Chunk, Document, IndexSnapshot
from retrieval.sealed import DamagedSnapshot, index_root, settle
from retrieval.segments import Part
from retrieval.snapshots import OpenSnapshot

logger = logging.getLogger(__name__)

State = IndexSnapshot.State
Progress = Callable[[int, int], None]  # chunks embedded so far, chunks to embed

SLICE = 1.0  # seconds of embedding between two looks at what else waits
PROBES = 32
SMALL = 2_000  # rows up to which the whole is written anew without anybody noticing
SHARE = 0.2  # of all rows: so many outside the largest segment, or dead, ask for a compaction
SEGMENTS = 16  # so many ask for one too


class BuildFailed(RuntimeError):
    """A snapshot was built and did not pass its checks; the active one stays."""


class Standing(NamedTuple):
    """The parts that a build begins with, and the knowledge base's version that they hold."""

    parts: Sequence[Part]
    version: int = 0


class _Due(NamedTuple):
    """The knowledge base as it is: its version, and the revisions that are to be found and their
    documents, `int64 [n]` each, the newest published first."""

    version: int
    revisions: NDArray[np.int64]
    documents: NDArray[np.int64]


def refresh_if_stale(*, actor: str = "", progress: Progress | None = None) -> IndexSnapshot | None:
    """Bring the index up to the knowledge base, slice by slice.

    The builder's lock is given back between two slices. Returns the newest snapshot, or None where
    none was due.
    """
    last = None
    report = _over_all_slices(progress) if progress else None
    while row := refresh_slice(actor=actor, progress=report):
        last = row
        if not row.remaining:
            break
    return last


def refresh_slice(
    *,
    actor: str = "",
    progress: Progress | None = None,
    seconds: float | None = None,
    wait: bool = True,
) -> IndexSnapshot | None:
    """Take in the newest of what the index lacks, for about so many seconds (`SLICE` where None), and
    switch to it.

    The snapshot's `remaining` says how many articles still wait. Of another embedder, only the one
    that holds everything is switched to, as long as the old one answers. Returns None where nothing
    was due, or another process builds and `wait` is off.
    """
    with one_builder(wait=wait) as mine:
        if not mine:
            return None
        if not snapshots.is_stale():
            if settings.INDEX_STORE:  # other machines build, and this one keeps what it fetched
                clean()
            return None
        row = build(progress=progress, seconds=SLICE if seconds is None else seconds)
        if not row.remaining or not snapshots.is_of_another_embedder(row):
            snapshots.activate(row, actor=actor or system("index"))
        clean()
    row.refresh_from_db()
    return row


def _over_all_slices(progress: Progress) -> Progress:
    """Counts what all slices together have done and have to do, not what was there before."""
    before: list[int] = []

    def report(done: int, total: int) -> None:
        if not before:
            before.append(done)
        progress(done - before[0], max(total - before[0], done - before[0]))

    return report


def build(
    *,
    progress: Progress | None = None,
    standing: Standing | None = None,
    seconds: float | None = None,
) -> IndexSnapshot:
    """A checked snapshot (`READY`) of the knowledge base as it is now, not active yet.

    It builds on `standing`, by default on the newest whole snapshot. With `seconds` it embeds for
    about so long and may leave articles for later (`remaining`); what was retired is out of it in
    any case, and of an article that has changed the old text stays until the new one is in. `progress`
    gets the chunks in the index and those of the whole knowledge base. Raises `BuildFailed`;
    whatever goes wrong, the row is left `BROKEN`, and `clean` removes what it wrote.
    """
    embedder = get_embedder()
    row = IndexSnapshot.objects.create(
        embedder=embedder.name,
        embedder_digest=embedder.digest,
        built_on=socket.gethostname(),
        created_at=timezone.now(),
    )
    aside = index_root() / f".building-{row.pk}"
    try:
        due = _due()
        standing = standing_of(embedder) if standing is None else standing
        waiting = ~np.isin(due.revisions, _held(standing.parts))
        taken = take_in(
            due.revisions[waiting].tolist(),
            embedder=embedder,
            standing=standing.parts,
            seconds=seconds,
            progress=_in_the_whole(progress, due, standing.parts) if progress else None,
        )
        row.remaining = int(waiting.sum()) - taken.articles
        # A change that is not in it yet is not claimed.
        row.built_from = min(standing.version, due.version) if row.remaining else due.version
        later = due.documents[waiting][taken.articles :]
        parts = _to_be_found(standing.parts, due.revisions, later)
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        parts = _grow(parts, taken, embedder, aside / "segment")
        _describe(row, parts)
        row.digest = snapshots.write(aside / "snapshot", parts, row)
        row.folder = f"snapshot-{row.pk}"
        opened = snapshots.open_folder(aside / "snapshot", row)
        _check(opened, taken.chunks, due.revisions, later)
        settle(aside / "snapshot", index_root() / row.folder, row.digest)
        for part in parts:
            snapshot_store.upload(segments.name_of(part.segment.digest))
        snapshot_store.upload(row.folder)
        row.state = State.READY
        row.save()
    except BaseException as error:
        IndexSnapshot.objects.filter(pk=row.pk).update(
            state=State.BROKEN, problem=f"{type(error).__name__}: {error}"
        )
        raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return row


def _due() -> _Due:
    with transaction.atomic():
        # The version first: a change in between makes this snapshot look older than it is, never
        # newer.
        version = snapshots.version()
        current = Document.objects.filter(state=Document.State.PUBLISHED, current__isnull=False)
        rows = current.order_by("-changed_at", "-current_id").values_list("current_id", "pk")
        found = np.array(list(rows), dtype=np.int64).reshape(-1, 2)
    return _Due(version, found[:, 0], found[:, 1])


def _in_the_whole(progress: Progress, due: _Due, parts: Sequence[Part]) -> Callable[[int], None]:
    """Progress of an intake, counted in the chunks of the whole knowledge base."""
    current = Document.objects.filter(state=Document.State.PUBLISHED).values("current")
    total = Chunk.objects.filter(revision__in=current).count()
    standing = _to_be_found(parts, due.revisions, np.zeros(0, dtype=np.int64))
    before = sum(part.live_count for part in standing)
    progress(before, total)
    return lambda done: progress(before + done, total)


def standing_of(embedder: Embedder) -> Standing:
    """The newest whole snapshot of this embedder; nothing where there is none."""
    for row in _whole_snapshots(embedder):
        try:
            parts = snapshots.open_parts(index_root() / row.folder, row.digest)
            return Standing(parts, row.built_from)
        except snapshot_store.StoreError:
            raise
        except DamagedSnapshot as damage:
            logger.warning("snapshot %s is not built upon: %s", row.pk, damage)
    return Standing([])


def _whole_snapshots(embedder: Embedder) -> Iterator[IndexSnapshot]:
    """The newest snapshots of an embedder whose files should be whole, newest first."""
    rows = IndexSnapshot.objects.filter(
        embedder_digest=embedder.digest,
        chunks__gt=0,
        state__in=[State.ACTIVE, State.READY, State.RETIRED],
    )
    for row in rows.order_by("-built_from", "-pk")[: 2 * KEEP]:
        if snapshot_store.local_or_stored(row.folder):
            yield row


def _to_be_found(
    parts: Sequence[Part], published: NDArray[np.int64], later: NDArray[np.int64]
) -> list[Part]:
    """The parts with tombstones on the rows of what is not to be found: what is not published, and
    what a part before holds too. Of documents whose new text comes `later`, what was found stays."""
    kept: list[Part] = []
    seen = np.zeros(0, dtype=np.int64)
    for part in parts:
        columns = part.segment.columns
        # An article that was retired and comes back as it was needs no new row.
        revisions = np.isin(columns.revision_ids, published)
        live = revisions[columns.article_rows]
        live |= part.live & np.isin(columns.document_ids, later)
        live &= ~np.isin(columns.revision_ids, seen)[columns.article_rows]
        if live.any():
            kept.append(Part(part.segment, live))
            seen = np.union1d(seen, live_revisions(kept[-1:]))
    return kept


def _held(parts: Sequence[Part]) -> NDArray[np.int64]:
    held = [part.segment.columns.revision_ids for part in parts]
    return np.concatenate(held) if held else np.zeros(0, dtype=np.int64)


def live_revisions(parts: Sequence[Part]) -> NDArray[np.int64]:
    """The revisions that are found in these parts, `int64 [articles]`."""
    held = [part.segment.columns.revision_ids[part.live_articles] for part in parts]
    return np.concatenate(held) if held else np.zeros(0, dtype=np.int64)


def _grow(parts: list[Part], taken: Intake, embedder: Embedder, aside: Path) -> list[Part]:
    """The parts, and what was taken in as a new segment behind them, which takes in what is small."""
    first = len(parts)
    growing = len(taken.chunks)
    while first and growing and parts[first - 1].live_count <= min(2 * growing, SMALL):
        first -= 1
        growing += parts[first].live_count
    if sum(len(part.segment) for part in parts) <= SMALL and compaction_is_due(parts):
        first = 0
    if first == len(parts) and not taken.chunks:
        return parts
    fresh = taken.content(embedder) if taken.chunks else None
    content = segments.merge(parts[first:], fresh) if first < len(parts) else fresh
    assert content is not None
    digest = segments.write(aside, content, embedder_digest=embedder.digest)
    segments.keep(aside, digest)
    return [*parts[:first], segments.whole(segments.open_segment(digest))]


def compaction_is_due(parts: Sequence[Part]) -> bool:
    """Whether so much is dead or lies outside the largest segment that one should be made of all."""
    rows = sum(len(part.segment) for part in parts)
    largest = max((len(part.segment) for part in parts), default=0)
    dead = rows - sum(part.live_count for part in parts)
    return len(parts) > SEGMENTS or max(dead, rows - largest) > SHARE * rows


def _describe(row: IndexSnapshot, parts: Sequence[Part]) -> None:
    row.chunks = sum(part.live_count for part in parts)
    row.segments = len(parts)
    row.tombstones = sum(len(part.segment) for part in parts) - row.chunks
    if parts:
        largest = max((part.segment for part in parts), key=len)
        row.dimensions = largest.vectors.dimensions
        row.vector_index, row.probes = largest.quality.index, largest.quality.probes
        row.ran_on = largest.quality.ran_on
        row.recall = min(part.segment.quality.recall for part in parts)


def _check(
    opened: OpenSnapshot,
    chunks: Sequence[Chunk],
    published: NDArray[np.int64],
    later: NDArray[np.int64],
) -> None:
    """Refuse a snapshot that does not hold what it should: counts, ids, and finding itself. Of
    documents whose text comes `later` it may hold an older one."""
    if not len(opened.vectors) == len(opened.chunk_ids) == len(opened.lexical):
        raise BuildFailed(
            f"{len(opened.vectors)} vectors and {len(opened.lexical)} rows of words for "
            f"{len(opened.chunk_ids)} ids came out"
        )
    live = np.flatnonzero(opened.live)
    documents = np.unique(opened.document_ids[live])
    articles = [part.segment.columns.revision_ids for part in opened.parts]
    revision_of_row = np.concatenate(articles)[opened.article_rows] if articles else live
    fits = np.isin(revision_of_row, published) | np.isin(opened.document_ids, later)
    if len(np.unique(opened.article_rows[live])) != len(documents) or not fits[live].all():
        raise BuildFailed("an article is indexed twice, or is not published")
    row_of = dict(zip(opened.chunk_ids[live].tolist(), live.tolist(), strict=True))
    if missing := [chunk.pk for chunk in chunks if chunk.pk not in row_of]:
        raise BuildFailed(f"{len(missing)} of {len(chunks)} new chunks are not in the index")
    if not row_of:
        return
    rows = live[np.unique(np.linspace(0, len(live) - 1, min(PROBES, len(live))).astype(np.int64))]
    new = chunks[:: max(1, len(chunks) // PROBES)]
    rows = np.unique(np.append(rows, [row_of[chunk.pk] for chunk in new]).astype(np.int64))
    probes = opened.vectors.vectors_at(rows)
    if not np.allclose(np.linalg.norm(probes, axis=1), 1.0, atol=1e-3):
        raise BuildFailed("vectors are not of unit length")
    best, _ = opened.vectors.search(probes, 1)
    if not np.allclose(best[:, 0], 1.0, atol=1e-3):
        raise BuildFailed("a chunk's own vector does not find it")
    for chunk in new:
        if terms(chunk.text) and not opened.lexical.scores(chunk.text)[row_of[chunk.pk]] > 0:
            raise BuildFailed(f"the words of chunk {chunk.pk} do not find it")


@contextmanager
def one_builder(name: str = "build", *, wait: bool = True) -> Iterator[bool]:
    """One build at a time on this machine; the lock goes with the process that held it. Gives
    False where another holds it and `wait` is off."""
    root = index_root()
    root.mkdir(parents=True, exist_ok=True)
    with (root / f"{name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            yield False
        else:
            yield True
