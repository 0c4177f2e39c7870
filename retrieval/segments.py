"""Segments: immutable parts of the index, vectors and words of a set of articles.

A segment is a sealed folder named by its digest. Snapshots share segments: one that publishes an
article adds a small segment to those of the snapshot before, and one that retires an article names
the rows that no longer count (tombstones).
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval import snapshot_store
from retrieval.lexical import Postings
from retrieval.sealed import DamagedSnapshot, check, index_root, seal, settle, traces
from retrieval.vector_index import Quality, VectorIndex, Vectors


@dataclass(frozen=True)
class Columns:
    """What is known of each row (a chunk) and of each article; an article's rows stand in one
    segment."""

    chunk_ids: NDArray[np.int64]
    document_ids: NDArray[np.int64]
    digests: NDArray[np.uint8]  # [n, 32], sha256 of what was embedded
    article_rows: NDArray[np.int64]  # the row's article, as a row of `revision_ids`
    revision_ids: NDArray[np.int64]  # one an article

    def __len__(self) -> int:
        return len(self.chunk_ids)


@dataclass(frozen=True)
class Content:
    """All that goes into a segment. `vectors` is `float32 [n, dimensions]`, unit rows."""

    columns: Columns
    vectors: Vectors
    words: Postings
    article_words: Postings

    def __len__(self) -> int:
        return len(self.columns)


@dataclass(frozen=True)
class Segment:
    """A segment as it is searched."""

    digest: str
    embedder_digest: str
    columns: Columns
    vectors: VectorIndex
    words: Postings
    article_words: Postings
    quality: Quality

    def __len__(self) -> int:
        return len(self.columns)


class Part(NamedTuple):
    """A segment within a snapshot: `live`, `bool [n]`, leaves out its tombstones."""

    segment: Segment
    live: NDArray[np.bool_]

    @property
    def live_count(self) -> int:
        """Its live rows."""
        return int(self.live.sum())

    @property
    def mask(self) -> NDArray[np.bool_] | None:
        """`live`, or None where every row is."""
        return None if self.live.all() else self.live

    @property
    def live_articles(self) -> NDArray[np.bool_]:
        """Which articles have a live row, `bool [articles]`."""
        columns = self.segment.columns
        live = np.zeros(len(columns.revision_ids), dtype=np.bool_)
        live[columns.article_rows[self.live]] = True
        return live


def whole(segment: Segment) -> Part:
    """A segment without a tombstone."""
    return Part(segment, np.ones(len(segment), dtype=np.bool_))


def merge(parts: Sequence[Part], fresh: Content | None = None) -> Content:
    """The live rows of several segments and new ones behind them. Reads no text and embeds
    nothing: vectors and postings are copied."""
    columns = [_live_columns(part) for part in parts]
    vectors = [part.segment.vectors.vectors()[part.live] for part in parts]
    words = [(part.segment.words, part.live) for part in parts]
    article_words = [(part.segment.article_words, part.live_articles) for part in parts]
    if fresh is not None:
        columns.append(fresh.columns)
        vectors.append(fresh.vectors)
        words.append((fresh.words, np.ones(len(fresh), dtype=np.bool_)))
        article_words.append(
            (fresh.article_words, np.ones(len(fresh.article_words), dtype=np.bool_))
        )
    before, article_rows = 0, []
    for each in columns:
        article_rows.append(each.article_rows + before)
        before += len(each.revision_ids)
    return Content(
        columns=Columns(
            chunk_ids=np.concatenate([each.chunk_ids for each in columns]),
            document_ids=np.concatenate([each.document_ids for each in columns]),
            digests=np.concatenate([each.digests for each in columns]),
            article_rows=np.concatenate(article_rows),
            revision_ids=np.concatenate([each.revision_ids for each in columns]),
        ),
        vectors=np.concatenate(vectors),
        words=Postings.merge(words),
        article_words=Postings.merge(article_words),
    )


def _live_columns(part: Part) -> Columns:
    columns, articles = part.segment.columns, part.live_articles
    place = np.cumsum(articles) - 1
    return Columns(
        chunk_ids=columns.chunk_ids[part.live],
        document_ids=columns.document_ids[part.live],
        digests=columns.digests[part.live],
        article_rows=place[columns.article_rows[part.live]],
        revision_ids=columns.revision_ids[articles],
    )


# --- on the disk --------------------------------------------------------------------------------


def name_of(digest: str) -> str:
    """The folder of a segment, below the index's."""
    return f"segment-{digest[:32]}"


def write(aside: Path, content: Content, *, embedder_digest: str) -> str:
    """Write and seal a segment in a folder of its own; returns its digest. `settle` names it.

    Raises `RecallTooLow` where an approximate index would miss too much.
    """
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    index, quality = VectorIndex.build(content.vectors)
    index.save(aside)
    content.words.save(aside / "words")
    content.article_words.save(aside / "articles")
    for field in fields(Columns):
        np.save(aside / f"{field.name}.npy", getattr(content.columns, field.name))
    about = {
        "embedder_digest": embedder_digest,
        "dimensions": index.dimensions,
        "rows": len(content),
        "quality": asdict(quality),
    }
    return seal(aside, about)


def keep(aside: Path, digest: str) -> None:
    """Give a written segment its name, where snapshots find it."""
    settle(aside, index_root() / name_of(digest), digest)


class _Opened(NamedTuple):
    segment: Segment
    manifest: dict[str, Any]
    traces: tuple[tuple[int, int, int], ...] | None


_opened: dict[str, _Opened] = {}
_opening = threading.RLock()


def open_segment(digest: str) -> Segment:
    """A segment after each of its files was found to be the one that was built.

    A process reads a segment's files once; later only whether one was touched. Where a store is
    set, a missing or damaged one is fetched from there. Raises `DamagedSnapshot`.
    """
    folder = index_root() / name_of(digest)
    with _opening:
        known = _opened.get(digest)
        if known is not None and traces(folder, known.manifest) == known.traces:
            return known.segment
        _opened.pop(digest, None)
        try:
            opened = _read(folder, digest)
        except DamagedSnapshot:
            if not snapshot_store.fetch(folder.name, digest):
                raise
            opened = _read(folder, digest)
        _opened[digest] = opened
        return opened.segment


def _read(folder: Path, digest: str) -> _Opened:
    manifest = check(folder, digest)
    seen = traces(folder, manifest)
    columns = Columns(
        **{
            field.name: np.load(folder / f"{field.name}.npy", allow_pickle=False)
            for field in fields(Columns)
        }
    )
    quality = Quality(**manifest["quality"])
    segment = Segment(
        digest=digest,
        embedder_digest=manifest["embedder_digest"],
        columns=columns,
        vectors=VectorIndex.load(folder, probes=quality.probes),
        words=Postings.load(folder / "words"),
        article_words=Postings.load(folder / "articles"),
        quality=quality,
    )
    return _Opened(segment, manifest, seen)


def forget(*, but: Collection[str] = ()) -> None:
    """Let go of opened segments, except those of these digests."""
    with _opening:
        for digest in [digest for digest in _opened if digest not in but]:
            del _opened[digest]
