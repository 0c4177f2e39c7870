"""Search the active snapshot: meaning (dense) and words (BM25), fused by reciprocal rank, and the
best of them read again by the reranker.

Three rankings vote for a passage: its vector, its words, and the words of its whole article.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from retrieval.embedder import get_embedder
from retrieval.models import Chunk
from retrieval.reranker import RerankerError, get_reranker
from retrieval.scope import EVERYTHING, PUBLIC, Scope, document_ids
from retrieval.snapshots import EmptyIndex, OpenSnapshot, open_active

__all__ = [
    "EVERYTHING",
    "EmptyIndex",
    "Mode",
    "RerankerError",
    "Scope",
    "SearchHit",
    "SearchResults",
    "query_of",
    "search",
    "search_many",
]

Mode = Literal["reranked", "fused", "dense", "lexical"]
MODES: tuple[Mode, ...] = ("reranked", "fused", "dense", "lexical")
RRF_K = 60  # Cormack, Clarke and Büttcher 2009
DEPTH = 100  # the candidates that each side brings to the fusion
RERANK_DEPTH = 20  # the best of them, which the reranker reads
RERANK_WEIGHT = 0.03  # what its probability of 1 adds to a sum of reciprocal ranks (at most .049)


class Turn(Protocol):
    """A message of a thread, as other floors know it."""

    @property
    def role(self) -> str: ...  # "customer" or "agent"

    @property
    def text(self) -> str: ...


class ThreadTurn(NamedTuple):
    """A `Turn` of our own."""

    role: str
    text: str


@dataclass(frozen=True)
class SearchHit:
    """A passage that was found. `text == revision.text[start:end]`.

    `score` orders the hits within one search (reciprocal ranks when fused); `dense_score` is the
    cosine to the query and `lexical_score` its BM25: both are there in every mode. `rerank_score`
    is the reranker's probability that it answers, None where the reranker did not read it.
    """

    chunk_id: int
    document_id: int
    revision_id: int
    source: str
    title: str
    category: str
    heading_path: tuple[str, ...]
    text: str
    start: int
    end: int
    score: float
    dense_score: float
    lexical_score: float
    rerank_score: float | None = None


@dataclass(frozen=True)
class SearchResults:
    """Hits, best first, all from one snapshot (`snapshot` is its primary key)."""

    hits: list[SearchHit]
    snapshot: int

    @property
    def answer_score(self) -> float:
        """How likely the knowledge base answers at all: the best hit's cosine, 0 without hits."""
        return max((hit.dense_score for hit in self.hits), default=0.0)


@dataclass(frozen=True)
class Ranked:
    """Chunks by their ids, best first, with the scores behind their order (arrays `[k]`)."""

    chunk_ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    dense: NDArray[np.float32]
    lexical: NDArray[np.float32]
    rerank: NDArray[np.float32]  # NaN where the reranker did not read it


def default_mode() -> Mode:
    """How this installation searches: `reranked` where there is a reranker, else `fused`."""
    return "fused" if get_reranker() is None else "reranked"


def search(
    query: str, *, k: int = 5, mode: Mode | None = None, scope: Scope = PUBLIC
) -> SearchResults:
    """The `k` best passages in the scope for a query of any length. Raises `EmptyIndex` where
    nothing is indexed yet, `DamagedSnapshot` where the index must not be trusted, and
    `RerankerError`."""
    return search_many([query], k=k, mode=mode, scopes=[scope])[0]


def search_many(
    queries: Sequence[str],
    *,
    k: int = 5,
    mode: Mode | None = None,
    scopes: Sequence[Scope] = (),
) -> list[SearchResults]:
    """`search` for several queries at once, on one and the same snapshot; `scopes` has one for
    each query, or is empty: then each query searches what is public."""
    snapshot = open_active()
    ranked = rank_many(snapshot, queries, k=k, mode=mode, scopes=scopes)
    wanted = {int(chunk_id) for one in ranked for chunk_id in one.chunk_ids}
    chunks = Chunk.objects.select_related("revision__document").in_bulk(wanted)
    return [
        SearchResults(
            hits=[
                _hit(chunks[int(chunk_id)], one, place)
                for place, chunk_id in enumerate(one.chunk_ids)
                if int(chunk_id) in chunks
            ],
            snapshot=snapshot.id,
        )
        for one in ranked
    ]


def rank_many(
    snapshot: OpenSnapshot,
    queries: Sequence[str],
    *,
    k: int,
    mode: Mode | None = None,
    scopes: Sequence[Scope] = (),
) -> list[Ranked]:
    """Order the snapshot's chunks for each query. Only the reranker reads their texts."""
    mode = mode or default_mode()
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}: choose one of {', '.join(MODES)}")
    if k < 1:
        raise ValueError(f"k={k}: ask for at least one passage")
    vectors, owners = get_embedder().encode_windows(queries)
    first: Mode = "fused" if mode == "reranked" else mode
    depth = max(k, RERANK_DEPTH) if mode == "reranked" else k
    ranked = [
        _rank(
            snapshot,
            query,
            vectors[owners == index],
            k=depth,
            mode=first,
            allowed=_allowed(snapshot, scope),
        )
        for index, (query, scope) in enumerate(
            zip(queries, scopes or [PUBLIC] * len(queries), strict=True)
        )
    ]
    return _rerank(queries, ranked, k=k) if mode == "reranked" else ranked


def _rerank(queries: Sequence[str], ranked: Sequence[Ranked], *, k: int) -> list[Ranked]:
    """Have the reranker read each query's first `RERANK_DEPTH` passages, and add its vote."""
    reranker = get_reranker()
    if reranker is None:
        raise RerankerError(
            "There is no reranker (COUNTERSIGN_RERANKER=none): name one there, or "
            "search in another mode."
        )
    wanted = {int(chunk_id) for one in ranked for chunk_id in one.chunk_ids[:RERANK_DEPTH]}
    chunks = Chunk.objects.select_related("revision").in_bulk(wanted)
    count_tokens = get_embedder().count_tokens
    texts = {pk: chunk.searchable_text(count_tokens) for pk, chunk in chunks.items()}
    found = []
    for query, one in zip(queries, ranked, strict=True):
        read = [texts.get(int(chunk_id), "") for chunk_id in one.chunk_ids[:RERANK_DEPTH]]
        probabilities = reranker.score(query, read)
        rerank = np.full(len(one.chunk_ids), np.nan, dtype=np.float32)
        rerank[: len(read)] = probabilities
        scores = one.scores + RERANK_WEIGHT * np.nan_to_num(rerank)
        order = np.argsort(-scores, kind="stable")[:k]
        found.append(
            Ranked(
                one.chunk_ids[order],
                scores[order],
                one.dense[order],
                one.lexical[order],
                rerank[order],
            )
        )
    return found


def _allowed(snapshot: OpenSnapshot, scope: Scope) -> NDArray[np.bool_] | None:
    """Which rows a scope leaves, `bool [n]`; None where it leaves all."""
    documents = document_ids(scope)
    if documents is None:
        return None
    allowed = np.isin(snapshot.document_ids, documents)
    return None if allowed.all() else allowed


def _rank(
    snapshot: OpenSnapshot,
    query: str,
    windows: NDArray[np.float32],
    *,
    k: int,
    mode: Mode,
    allowed: NDArray[np.bool_] | None = None,
) -> Ranked:
    depth = max(DEPTH, k)
    lexical = snapshot.lexical.scores(query)
    if allowed is not None:
        lexical = np.where(allowed, lexical, np.float32(0))
    by_meaning = (
        _nearest(snapshot, windows, depth, allowed) if mode != "lexical" else np.empty(0, np.int64)
    )
    by_words = _highest(lexical, depth) if mode != "dense" else np.empty(0, np.int64)
    if mode == "fused":
        fused: dict[int, float] = {}
        for rows in (by_meaning, by_words):
            for rank, row in enumerate(rows.tolist(), start=1):
                fused[row] = fused.get(row, 0.0) + 1.0 / (RRF_K + rank)
        # A passage shares its article's vote: words that stand elsewhere in the article tell which
        # of two like passages is meant.
        articles = _highest(snapshot.articles.scores(query), len(snapshot.articles))
        votes = {row: 1.0 / (RRF_K + rank) for rank, row in enumerate(articles.tolist(), start=1)}
        for row in fused:
            fused[row] += votes.get(int(snapshot.article_rows[row]), 0.0)
        # of equal sums the one nearer in meaning stands first, which keeps the order stable
        place = {row: rank for rank, row in enumerate(by_meaning.tolist())}
        best = sorted(fused, key=lambda row: (-fused[row], place.get(row, depth), row))[:k]
        rows = np.asarray(best, dtype=np.int64)
        scores = np.asarray([fused[row] for row in best], dtype=np.float64)
        dense = _cosines(snapshot, windows, rows)
    else:
        rows = (by_meaning if mode == "dense" else by_words)[:k]
        dense = _cosines(snapshot, windows, rows)
        scores = (dense if mode == "dense" else lexical[rows]).astype(np.float64)
    unread = np.full(len(rows), np.nan, dtype=np.float32)
    return Ranked(snapshot.chunk_ids[rows], scores, dense, lexical[rows], unread)


def _nearest(
    snapshot: OpenSnapshot,
    windows: NDArray[np.float32],
    depth: int,
    allowed: NDArray[np.bool_] | None,
) -> NDArray[np.int64]:
    """Rows by their best cosine to any window of the query."""
    scores, rows = snapshot.vectors.search(windows, depth, allowed=allowed)
    if len(windows) == 1:
        return rows[0]
    best: dict[int, float] = {}
    for score, row in zip(scores.ravel().tolist(), rows.ravel().tolist(), strict=True):
        best[row] = max(score, best.get(row, -1.0))
    order = sorted(best, key=lambda row: (-best[row], row))[:depth]
    return np.asarray(order, dtype=np.int64)


def _highest(scores: NDArray[np.float32], depth: int) -> NDArray[np.int64]:
    """Rows with a word of the query in them, by their BM25."""
    found = np.flatnonzero(scores > 0)
    return found[np.argsort(-scores[found], kind="stable")[:depth]]


def _cosines(
    snapshot: OpenSnapshot, windows: NDArray[np.float32], rows: NDArray[np.int64]
) -> NDArray[np.float32]:
    if not len(rows):
        return np.empty(0, dtype=np.float32)
    best: NDArray[np.float32] = (snapshot.vectors.vectors_at(rows) @ windows.T).max(axis=1)
    return best


def _hit(chunk: Chunk, ranked: Ranked, place: int) -> SearchHit:
    revision = chunk.revision
    document = revision.document
    rerank = float(ranked.rerank[place])
    return SearchHit(
        chunk_id=chunk.pk,
        document_id=document.pk,
        revision_id=revision.pk,
        source=document.source,
        title=revision.title,
        category=document.category,
        heading_path=tuple(chunk.heading_path),
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        score=float(ranked.scores[place]),
        dense_score=float(ranked.dense[place]),
        lexical_score=float(ranked.lexical[place]),
        rerank_score=None if np.isnan(rerank) else rerank,
    )


def query_of(subject: str, turns: Sequence[Turn]) -> str:
    """One query from a ticket: its subject, then what customer and agents wrote, oldest first."""
    return "\n".join(part.strip() for part in (subject, *(t.text for t in turns)) if part.strip())
