"""Build a snapshot aside, check it, give it its name, and only then make it active.

A snapshot builds on the segments of the one before: articles that are new come in one new segment,
articles that have gone become tombstones. A kill at any moment leaves the active snapshot whole:
what is unfinished lies in a folder whose name begins with a dot, and is swept away by the next
build.
"""

from __future__ import annotations

import fcntl
import logging
import shutil
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from assistant.audit.log import system
from retrieval import segments, snapshot_store, snapshots
from retrieval.cleaning import KEEP, clean
from retrieval.embedder import Embedder, get_embedder
from retrieval.lexical import Postings, terms
from retrieval.models import Chunk, Document, IndexSnapshot
from retrieval.sealed import DamagedSnapshot, index_root, settle
from retrieval.segments import Columns, Content, Part
from retrieval.snapshots import OpenSnapshot
from retrieval.vector_index import Vectors

logger = logging.getLogger(__name__)

State = IndexSnapshot.State
Progress = Callable[[int, int], None]  # chunks embedded so far, chunks to embed

EMBED_BATCH = 256
PROBES = 32
SMALL = 2_000  # rows up to which the whole is written anew without anybody noticing
SHARE = 0.2  # of all rows: so many outside the largest segment, or dead, ask for a compaction
SEGMENTS = 16  # so many ask for one too
_QUERY_ROWS = 500  # ids in one query, which SQLite bounds


class BuildFailed(RuntimeError):
    """A snapshot was built and did not pass its checks; the active one stays."""


def refresh_if_stale(*, actor: str = "", progress: Progress | None = None) -> IndexSnapshot | None:
    """Build and activate a snapshot where the knowledge base has changed since the last one.

    Waits for a build that is under way. Returns the new snapshot, or None where none was due.
    """
    with one_builder():
        if not snapshots.is_stale():
            if settings.INDEX_STORE:  # other machines build, and this one keeps what it fetched
                clean()
            return None
        row = build(progress=progress)
        snapshots.activate(row, actor=actor or system("index"))
        clean()
    row.refresh_from_db()
    return row


def build(
    *, progress: Progress | None = None, standing: Sequence[Part] | None = None
) -> IndexSnapshot:
    """A checked snapshot (`READY`) of the knowledge base as it is now, not active yet.

    It builds on the segments of `standing`, by default those of the newest whole snapshot. Raises
    `BuildFailed`; whatever goes wrong, the row is left `BROKEN`, and `clean` removes what it wrote.
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
        with transaction.atomic():
            # The version first: a change in between makes this snapshot look older than it is,
            # never newer.
            row.built_from = snapshots.version()
            published = _published()
        parts = _still_published(_standing(embedder) if standing is None else standing, published)
        chunks = _chunks_of(np.setdiff1d(published, _held(parts)))
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        parts = _grow(parts, chunks, embedder, aside / "segment", progress)
        _describe(row, parts)
        row.digest = snapshots.write(aside / "snapshot", parts, row)
        row.folder = f"snapshot-{row.pk}"
        opened = snapshots.open_folder(aside / "snapshot", row)
        _check(opened, chunks, published)
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


def _published() -> NDArray[np.int64]:
    """The revisions that are to be found, sorted."""
    current = Document.objects.filter(state=Document.State.PUBLISHED, current__isnull=False)
    return np.array(sorted(current.values_list("current_id", flat=True)), dtype=np.int64)


def _standing(embedder: Embedder) -> list[Part]:
    """The parts of the newest whole snapshot of this embedder; none where there is none."""
    for row in whole_snapshots(embedder):
        try:
            return snapshots.open_parts(index_root() / row.folder, row.digest)
        except snapshot_store.StoreError:
            raise
        except DamagedSnapshot as damage:
            logger.warning("snapshot %s is not built upon: %s", row.pk, damage)
    return []


def whole_snapshots(embedder: Embedder) -> list[IndexSnapshot]:
    """The newest snapshots of an embedder whose files should be whole, newest first."""
    rows = IndexSnapshot.objects.filter(
        embedder_digest=embedder.digest,
        chunks__gt=0,
        state__in=[State.ACTIVE, State.READY, State.RETIRED],
    )
    newest = rows.order_by("-built_from", "-pk")[: KEEP + 1]
    return [row for row in newest if snapshot_store.local_or_stored(row.folder)]


def _still_published(parts: Sequence[Part], published: NDArray[np.int64]) -> list[Part]:
    """The parts with tombstones on the rows of what is no longer published."""
    kept = []
    for segment, _ in parts:
        columns = segment.columns
        # An article that was retired and comes back as it was needs no new row.
        live = np.isin(columns.revision_ids, published)[columns.article_rows]
        if live.any():
            kept.append(Part(segment, live))
    return kept


def _held(parts: Sequence[Part]) -> NDArray[np.int64]:
    held = [part.segment.columns.revision_ids for part in parts]
    return np.concatenate(held) if held else np.zeros(0, dtype=np.int64)


def _chunks_of(revisions: NDArray[np.int64]) -> list[Chunk]:
    """The chunks of these revisions, an article's together."""
    found: list[Chunk] = []
    for start in range(0, len(revisions), _QUERY_ROWS):
        wanted = revisions[start : start + _QUERY_ROWS].tolist()
        rows = Chunk.objects.filter(revision_id__in=wanted).select_related("revision")
        found.extend(rows.order_by("revision_id", "position"))
    return found


def _grow(
    parts: list[Part],
    chunks: Sequence[Chunk],
    embedder: Embedder,
    aside: Path,
    progress: Progress | None,
) -> list[Part]:
    """The parts, and the chunks as a new segment behind them, which takes in what is small."""
    first = len(parts)
    growing = len(chunks)
    while first and growing and parts[first - 1].live_count <= min(2 * growing, SMALL):
        first -= 1
        growing += parts[first].live_count
    if sum(len(part.segment) for part in parts) <= SMALL and compaction_is_due(parts):
        first = 0
    if first == len(parts) and not chunks:
        return parts
    fresh = _content(chunks, embedder, parts, progress) if chunks else None
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


def _content(
    chunks: Sequence[Chunk],
    embedder: Embedder,
    parts: Sequence[Part],
    progress: Progress | None,
) -> Content:
    texts = [chunk.searchable_text(embedder.count_tokens) for chunk in chunks]
    revisions = {chunk.revision_id: chunk.revision for chunk in chunks}
    rows = {revision_id: row for row, revision_id in enumerate(revisions)}
    columns = Columns(
        chunk_ids=np.array([chunk.pk for chunk in chunks], dtype=np.int64),
        document_ids=np.array([chunk.revision.document_id for chunk in chunks], dtype=np.int64),
        digests=np.array([list(bytes.fromhex(chunk.digest)) for chunk in chunks], dtype=np.uint8),
        article_rows=np.array([rows[chunk.revision_id] for chunk in chunks], dtype=np.int64),
        revision_ids=np.array(list(revisions), dtype=np.int64),
    )
    return Content(
        columns=columns,
        vectors=_embed(texts, columns.digests, embedder, parts, progress),
        words=Postings.build(texts),
        article_words=Postings.build([f"{r.title}\n{r.text}" for r in revisions.values()]),
    )


def _embed(
    texts: Sequence[str],
    digests: NDArray[np.uint8],
    embedder: Embedder,
    parts: Sequence[Part],
    progress: Progress | None,
) -> Vectors:
    """Embed what no whole snapshot holds, each text once: `float32 [n, dimensions]`."""
    vectors = np.zeros((len(texts), embedder.dimensions), dtype=np.float32)
    missing: dict[bytes, list[int]] = {}
    for row, digest in enumerate(digests):
        missing.setdefault(digest.tobytes(), []).append(row)
    for digest, vector in _known_vectors(missing, embedder, parts):
        vectors[missing.pop(digest)] = vector
    # of like length together, which wastes least
    waiting = sorted(missing.values(), key=lambda rows: len(texts[rows[0]]))
    for start in range(0, len(waiting), EMBED_BATCH):
        batch = waiting[start : start + EMBED_BATCH]
        for rows, vector in zip(batch, embedder.encode([texts[r[0]] for r in batch]), strict=True):
            vectors[rows] = vector
        if progress:
            progress(min(start + EMBED_BATCH, len(waiting)), len(waiting))
    return vectors


def _known_vectors(
    wanted: dict[bytes, list[int]], embedder: Embedder, parts: Sequence[Part]
) -> list[tuple[bytes, Vectors]]:
    """Vectors by digest from the segments of any whole snapshot of the same embedder."""
    found: dict[bytes, Vectors] = {}
    seen: set[str] = set()

    def look_into(parts: Sequence[Part]) -> None:
        for segment, _ in parts:
            if segment.digest in seen:
                continue
            seen.add(segment.digest)
            digests = segment.columns.digests
            starts = np.ascontiguousarray(digests[:, :8]).view(np.uint64)[:, 0]
            asked = np.array([int.from_bytes(d[:8], "little") for d in wanted], dtype=np.uint64)
            rows = np.flatnonzero(np.isin(starts, asked))
            hits = {digests[row].tobytes(): row for row in rows.tolist()}
            fresh = {d: row for d, row in hits.items() if d in wanted and d not in found}
            vectors = segment.vectors.vectors_at(np.array(list(fresh.values()), dtype=np.int64))
            found.update(zip(fresh, vectors, strict=True))

    look_into(parts)
    for row in whole_snapshots(embedder):
        if len(found) == len(wanted):
            break
        try:
            look_into(snapshots.open_parts(index_root() / row.folder, row.digest))
        except DamagedSnapshot as damage:
            logger.warning("vectors of snapshot %s are not reused: %s", row.pk, damage)
    return list(found.items())


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


def _check(opened: OpenSnapshot, chunks: Sequence[Chunk], published: NDArray[np.int64]) -> None:
    """Refuse a snapshot that does not hold what it should: counts, ids, and finding itself."""
    held = [part.segment.columns.revision_ids[part.live_articles] for part in opened.parts]
    revisions = np.sort(np.concatenate(held)) if held else np.zeros(0, dtype=np.int64)
    if len(np.unique(revisions)) != len(revisions) or np.setdiff1d(revisions, published).size:
        raise BuildFailed("an article is indexed twice, or is not published")
    if not len(opened.vectors) == len(opened.chunk_ids) == len(opened.lexical):
        raise BuildFailed(
            f"{len(opened.vectors)} vectors and {len(opened.lexical)} rows of words for "
            f"{len(opened.chunk_ids)} ids came out"
        )
    row_of = {int(opened.chunk_ids[row]): row for row in np.flatnonzero(opened.live).tolist()}
    if missing := [chunk.pk for chunk in chunks if chunk.pk not in row_of]:
        raise BuildFailed(f"{len(missing)} of {len(chunks)} new chunks are not in the index")
    if not row_of:
        return
    live = np.flatnonzero(opened.live)
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
