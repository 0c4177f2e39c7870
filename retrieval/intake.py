"""What a build takes in: the articles that the index lacks, the newest first, until its time is over.

An article is never cut in two, and at least one is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from retrieval.embedder import Embedder
from retrieval.hidden import blanked
from retrieval.lexical import Postings
from retrieval.models import Chunk, Revision
from retrieval.segments import Columns, Content, Part
from retrieval.vector_index import Vectors

Progress = Callable[[int], None]  # chunks taken in so far

EMBED_BATCH = 256
_FIRST = 8  # chunks whose embedding tells how fast this machine is
_AHEAD = 20  # articles that are read at once


@dataclass
class Intake:
    """Chunks that were taken in, an article's together and in order, with their vectors
    (`float32 [n, dimensions]`, unit rows), and how many articles they are of."""

    articles: int = 0
    chunks: list[Chunk] = field(default_factory=list)
    vectors: list[Vectors] = field(default_factory=list)

    def content(self, embedder: Embedder) -> Content:
        """All that goes into a segment, in the order of revisions."""
        order = sorted(
            range(len(self.chunks)),
            key=lambda row: (self.chunks[row].revision_id, self.chunks[row].position),
        )
        chunks = [self.chunks[row] for row in order]
        revisions = {chunk.revision_id: chunk.revision for chunk in chunks}
        rows = {revision_id: row for row, revision_id in enumerate(revisions)}
        texts = [chunk.searchable_text(embedder.count_tokens) for chunk in chunks]
        return Content(
            columns=Columns(
                chunk_ids=np.array([chunk.pk for chunk in chunks], dtype=np.int64),
                document_ids=np.array([c.revision.document_id for c in chunks], dtype=np.int64),
                digests=_digests(chunks),
                article_rows=np.array([rows[c.revision_id] for c in chunks], dtype=np.int64),
                revision_ids=np.array(list(revisions), dtype=np.int64),
            ),
            vectors=np.concatenate(self.vectors)[order],
            words=Postings.build(texts),
            article_words=Postings.build(
                [f"{r.title}\n{blanked(r.text)}" for r in revisions.values()]
            ),
        )


def take_in(
    waiting: Sequence[int],
    *,
    embedder: Embedder,
    standing: Sequence[Part],
    seconds: float | None = None,
    progress: Progress | None = None,
) -> Intake:
    """Read and embed the articles of these revisions in this order, for about so many seconds; all
    of them where `seconds` is None. What a segment of `standing` holds is not embedded again."""
    taken = Intake()
    known = KnownVectors(standing)
    began = time.monotonic()
    wanted = EMBED_BATCH if seconds is None else _FIRST
    group: list[Chunk] = []
    in_group = 0

    def embed_group() -> None:
        nonlocal group, in_group
        taken.articles += in_group
        if group:
            taken.chunks.extend(group)
            taken.vectors.append(_embed(group, embedder, known))
        group, in_group = [], 0
        if progress:
            progress(len(taken.chunks))

    for article in _articles(waiting):
        group.extend(article)
        in_group += 1
        if len(group) < wanted:
            continue
        embed_group()
        if seconds is not None:
            spent = time.monotonic() - began
            if spent >= seconds:
                return taken
            speed = len(taken.chunks) / spent
            wanted = max(1, min(int(speed * (seconds - spent)), 4 * wanted, EMBED_BATCH))
    embed_group()
    return taken


def _articles(revisions: Sequence[int]) -> Iterator[list[Chunk]]:
    """The chunks of each revision, in the order given."""
    for start in range(0, len(revisions), _AHEAD):
        wanted = [int(pk) for pk in revisions[start : start + _AHEAD]]
        found = Revision.objects.in_bulk(wanted)
        chunks: dict[int, list[Chunk]] = {pk: [] for pk in wanted}
        rows = Chunk.objects.filter(revision_id__in=wanted).order_by("revision_id", "position")
        seen = {pk: blanked(revision.text) for pk, revision in found.items()}
        for chunk in rows:
            chunk.revision = found[chunk.revision_id]  # one copy of the text for all of them
            # what was cut before comments were blanked at publishing may hold some
            chunk.text = seen[chunk.revision_id][chunk.start : chunk.end]
            chunks[chunk.revision_id].append(chunk)
        yield from chunks.values()


def _digests(chunks: Sequence[Chunk]) -> NDArray[np.uint8]:
    raw = b"".join(bytes.fromhex(chunk.digest) for chunk in chunks)
    return np.frombuffer(raw, dtype=np.uint8).reshape(len(chunks), 32)


def _embed(chunks: Sequence[Chunk], embedder: Embedder, known: KnownVectors) -> Vectors:
    """Each text once, and only what is not known: `float32 [n, dimensions]`."""
    texts = [chunk.searchable_text(embedder.count_tokens) for chunk in chunks]
    vectors = np.zeros((len(texts), embedder.dimensions), dtype=np.float32)
    missing: dict[bytes, list[int]] = {}
    for row, chunk in enumerate(chunks):
        digest = bytes.fromhex(chunk.digest)
        vector = known.get(digest)
        if vector is None:
            missing.setdefault(digest, []).append(row)
        else:
            vectors[row] = vector
    # of like length together, which wastes least
    waiting = sorted(missing.items(), key=lambda item: len(texts[item[1][0]]))
    for start in range(0, len(waiting), EMBED_BATCH):
        batch = waiting[start : start + EMBED_BATCH]
        found = embedder.encode([texts[rows[0]] for _, rows in batch])
        for (digest, rows), vector in zip(batch, found, strict=True):
            vectors[rows] = vector
            known.add(digest, vector)
    return vectors


class KnownVectors:
    """Vectors by the digest of what was embedded: those of segments, dead rows too, and new ones."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._segments = [part.segment for part in parts]
        self._before = np.cumsum([0, *(len(segment) for segment in self._segments)])
        every = [segment.columns.digests for segment in self._segments if len(segment)]
        self._digests = np.concatenate(every) if every else np.zeros((0, 32), dtype=np.uint8)
        starts = np.ascontiguousarray(self._digests[:, :8]).view(np.uint64)[:, 0]
        self._order = np.argsort(starts, kind="stable")
        self._starts = starts[self._order]
        self._new: dict[bytes, Vectors] = {}

    def get(self, digest: bytes) -> Vectors | None:
        """Its vector, `float32 [dimensions]`, where one is known."""
        if digest in self._new:
            return self._new[digest]
        start = np.frombuffer(digest[:8], dtype=np.uint64)[0]
        first, last = np.searchsorted(self._starts, [start, start + np.uint64(1)])
        for row in self._order[first:last].tolist():
            if self._digests[row].tobytes() == digest:
                place = int(np.searchsorted(self._before, row, side="right")) - 1
                rows = np.array([row - self._before[place]], dtype=np.int64)
                vector: Vectors = self._segments[place].vectors.vectors_at(rows)[0]
                return vector
        return None

    def add(self, digest: bytes, vector: Vectors) -> None:
        """Know a vector that was embedded now."""
        self._new[digest] = vector
