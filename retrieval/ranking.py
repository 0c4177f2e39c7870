"""Order a snapshot's chunks for a query: meaning (dense) and words (BM25), fused by reciprocal rank,
and the best of them read again by the reranker.

Three rankings vote for a passage: its vector, its words, and the words of its whole article. In the
articles that a thread finds first, its last message votes once more for the passages. An exact code in
the question goes before all of them, and what is nearest in meaning is sure of a place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from retrieval.codes import codes_of
from retrieval.embedder import embedder_named, get_embedder
from retrieval.lexical import pairs_of, share_without_blanks
from retrieval.models import Chunk
from retrieval.query import Query
from retrieval.reranker import RerankerError, get_reranker
from retrieval.scope import PUBLIC, Scope, document_ids, documents_in
from retrieval.snapshots import OpenSnapshot

Mode = Literal["reranked", "fused", "dense", "lexical"]
MODES: tuple[Mode, ...] = ("reranked", "fused", "dense", "lexical")
RRF_K = 60  # Cormack, Clarke and Büttcher 2009
DEPTH = 100  # the candidates that each side brings to the fusion
UNREAD_SHARE = 4.0  # votes of words in a script that the bundled models don't know
RERANK_DEPTH = 12  # the best of them, which the reranker reads
RERANK_WEIGHT = 0.04  # what its probability of 1 adds to a sum of reciprocal ranks (at most .082)
NARROWED = 10  # articles in which the last message of a thread has a say; docs/retrieval.md
CODE_VOTE = (
    0.2  # for a passage with every code that is asked for: more than all other votes together
)
LANGUAGE_VOTE = 1.0 / (RRF_K + 1)  # for an article in the query's language: as a first place

Windows = NDArray[np.float32]
Rows = NDArray[np.int64]
Allowed = NDArray[np.bool_] | None


@dataclass(frozen=True)
class Ranked:
    """Chunks by their ids, best first, with the scores behind their order (arrays `[k]`).

    `promised` marks the best passage of each part of a query that asks several things: whoever
    shortens the list keeps them.
    """

    chunk_ids: NDArray[np.int64]
    scores: NDArray[np.float64]
    dense: NDArray[np.float32]
    lexical: NDArray[np.float32]
    rerank: NDArray[np.float32]  # NaN where the reranker did not read it
    promised: NDArray[np.bool_]
    reranker: str = ""  # the version of what read them
    problem: str = ""  # why no reranker read them although there is one

    def take(self, places: Sequence[int] | NDArray[np.int64]) -> Ranked:
        """Those places alone, in the order given."""
        at = np.asarray(places, dtype=np.int64)
        return Ranked(
            self.chunk_ids[at],
            self.scores[at],
            self.dense[at],
            self.lexical[at],
            self.rerank[at],
            self.promised[at],
            self.reranker,
            self.problem,
        )


def default_mode() -> Mode:
    """How this installation searches: `reranked` where there is a reranker, else `fused`."""
    return "fused" if get_reranker() is None else "reranked"


def rank_many(
    snapshot: OpenSnapshot,
    queries: Sequence[Query],
    *,
    k: int,
    mode: Mode | None = None,
    scopes: Sequence[Scope] = (),
) -> list[Ranked]:
    """Order the snapshot's chunks for each query. Only the reranker reads their texts.

    `dense` and `lexical` rank by a query's text alone; `fused` and `reranked` by all of it. Where no
    mode is asked for and the reranker can't be used, they are fused, and `problem` says why.
    """
    if mode is None:
        try:
            return rank_many(snapshot, queries, k=k, mode=default_mode(), scopes=scopes)
        except RerankerError as error:
            ranked = rank_many(snapshot, queries, k=k, mode="fused", scopes=scopes)
            return [replace(one, problem=str(error)) for one in ranked]
    if mode not in MODES:
        raise ValueError(f"mode {mode!r}: choose one of {', '.join(MODES)}")
    if k < 1:
        raise ValueError(f"k={k}: ask for at least one passage")
    windows = _windows(snapshot, queries)
    depth = max(k, RERANK_DEPTH) if mode == "reranked" else k
    rankings = [
        _Ranking(snapshot, query, windows, scope)
        for query, scope in zip(queries, scopes or [PUBLIC] * len(queries), strict=True)
    ]
    first: Mode = "fused" if mode == "reranked" else mode
    ranked = [ranking.best(depth, mode=first) for ranking in rankings]
    if mode != "reranked":
        return ranked
    return _rerank(queries, ranked, unread=[one.unread for one in rankings], k=k)


def shortened(promised: Sequence[bool], k: int) -> list[int]:
    """The places of the `k` that stay, in order: the first ones, of which the last give way to what
    was promised. Of one place nothing gives way."""
    if k == 1:
        return list(range(len(promised)))[:1]
    sure = [place for place, is_sure in enumerate(promised) if is_sure][:k]
    others = [place for place, is_sure in enumerate(promised) if not is_sure]
    return sorted(sure + others[: k - len(sure)])


def _windows(snapshot: OpenSnapshot, queries: Sequence[Query]) -> dict[str, Windows]:
    """Each text that is searched by, embedded once: `float32 [windows, dimensions]`."""
    texts = list(dict.fromkeys(text for query in queries for text in query.texts))
    vectors, owners = embedder_named(snapshot.embedder).encode_windows(texts)
    return {text: vectors[owners == number] for number, text in enumerate(texts)}


class _Ranking:
    """One query's ranking over one snapshot."""

    def __init__(
        self, snapshot: OpenSnapshot, query: Query, windows: dict[str, Windows], scope: Scope
    ) -> None:
        self.snapshot = snapshot
        self.query = query
        self.windows = windows
        self._near: dict[str, Rows] = {}
        self._words: dict[str, NDArray[np.float32]] = {}
        self.allowed = _rows_of(snapshot, document_ids(scope))
        self.unread = is_unread(query.text, snapshot)
        self.preferred = (
            _rows_of(snapshot, documents_in(query.language)) if query.language else None
        )

    def best(self, k: int, *, mode: Mode) -> Ranked:
        depth = max(DEPTH, k)
        words = self._lexical(self.query.text)
        if mode == "dense":
            rows = self._nearest(self.query.text, depth)[:k]
            scores: NDArray[np.float64] = self._cosines(rows).astype(np.float64)
            promised = set[int]()
        elif mode == "lexical":
            rows = _highest(words, depth)[:k]
            scores, promised = words[rows].astype(np.float64), set[int]()
        else:
            rows, scores, promised = self._fused(k, depth)
        return Ranked(
            self.snapshot.chunk_ids[rows],
            scores,
            self._cosines(rows),
            words[rows],
            np.full(len(rows), np.nan, dtype=np.float32),
            np.isin(rows, list(promised)),
        )

    def _fused(self, k: int, depth: int) -> tuple[Rows, NDArray[np.float64], set[int]]:
        fused = self._votes(self.query.text, depth)
        self._narrow(fused, depth)
        self._point(fused, self.query.last or self.query.text, depth)
        # a passage that shares no word with the question has one vote, and would drown
        promised = set(self._nearest(self.query.text, depth)[:1].tolist())
        for part in self.query.parts:
            votes = self._votes(part, depth)
            self._point(votes, part, depth)
            if votes:
                best = max(votes, key=lambda row: (votes[row], -row))
                promised.add(best)
                fused[best] = max(fused.get(best, 0.0), votes[best])
        # of equal sums the one nearer in meaning stands first, which keeps the order stable
        place = {
            row: rank for rank, row in enumerate(self._nearest(self.query.text, depth).tolist())
        }
        order = sorted(fused, key=lambda row: (-fused[row], place.get(row, depth), row))
        order = [order[at] for at in shortened([row in promised for row in order], k)]
        return (
            np.asarray(order, dtype=np.int64),
            np.asarray([fused[row] for row in order], dtype=np.float64),
            promised,
        )

    def _narrow(self, fused: dict[int, float], depth: int) -> None:
        """In the articles that the thread finds first, the last message chooses the passage: a whole
        vote in the first, half a vote in the second, and so on. Elsewhere it has no say: without
        the thread it finds the wrong article twice as often."""
        if not self.query.last:
            return
        articles = self.snapshot.article_rows
        ordered = sorted(fused, key=lambda row: (-fused[row], row))
        first = list(dict.fromkeys(int(articles[row]) for row in ordered))[:NARROWED]
        weights = {article: 1.0 / rank for rank, article in enumerate(first, start=1)}
        for row, vote in self._two(self.query.last, depth).items():
            if weight := weights.get(int(articles[row])):
                fused[row] = fused.get(row, 0.0) + weight * vote

    def _votes(self, text: str, depth: int) -> dict[int, float]:
        """The votes of passages and of their articles. A passage shares its article's: words that
        stand elsewhere in the article tell which of two like passages is meant."""
        votes = self._two(text, depth)
        articles = self.snapshot.articles
        order = _highest(articles.scores(text), len(articles))
        shared = np.zeros(len(articles))  # by article; 0 where no word of the text stands in it
        shared[order] = 1.0 / (RRF_K + np.arange(1, len(order) + 1))
        for row in votes:
            votes[row] += float(shared[self.snapshot.article_rows[row]])
            if self.preferred is not None and self.preferred[row]:
                votes[row] += LANGUAGE_VOTE
        return votes

    def _point(self, votes: dict[int, float], text: str, depth: int) -> None:
        """Put the passages first that hold the codes of a text: "PPR-9087" is no neighbour of
        "PPR-9088"."""
        codes = codes_of(text, loose=True)
        if not codes:
            return
        held = np.sum([self.snapshot.lexical.holding(code.term) for code in codes], axis=0)
        if self.allowed is not None:
            held = np.where(self.allowed, held, 0)
        rows = np.flatnonzero(held)
        best = rows[np.argsort(-self._lexical(text)[rows], kind="stable")[:depth]]
        for row in best.tolist():
            votes[row] = votes.get(row, 0.0) + CODE_VOTE * float(held[row]) / len(codes)

    def _two(self, text: str, depth: int) -> dict[int, float]:
        """Reciprocal ranks of the passages by meaning and by words, summed."""
        votes: dict[int, float] = {}
        near, worded = self._nearest(text, depth), _highest(self._lexical(text), depth)
        for rows, share in ((near, 1.0), (worded, UNREAD_SHARE if self.unread else 1.0)):
            for rank, row in enumerate(rows.tolist(), start=1):
                votes[row] = votes.get(row, 0.0) + share / (RRF_K + rank)
        return votes

    def _lexical(self, text: str) -> NDArray[np.float32]:
        if text not in self._words:
            scores = self.snapshot.lexical.scores(text)
            if self.allowed is not None:
                scores = np.where(self.allowed, scores, np.float32(0))
            self._words[text] = scores
        return self._words[text]

    def _nearest(self, text: str, depth: int) -> Rows:
        """Rows by their best cosine to any window of the text."""
        if text not in self._near:
            self._near[text] = self._search(text, depth)
        return self._near[text]

    def _search(self, text: str, depth: int) -> Rows:
        scores, rows = self.snapshot.vectors.search(self.windows[text], depth, allowed=self.allowed)
        if len(rows) == 1:
            return rows[0]
        best: dict[int, float] = {}
        for score, row in zip(scores.ravel().tolist(), rows.ravel().tolist(), strict=True):
            best[row] = max(score, best.get(row, -1.0))
        return np.asarray(sorted(best, key=lambda row: (-best[row], row))[:depth], dtype=np.int64)

    def _cosines(self, rows: Rows) -> NDArray[np.float32]:
        """The best cosine of each row to any window of what is asked."""
        if not len(rows):
            return np.empty(0, dtype=np.float32)
        windows = np.concatenate([self.windows[text] for text in self.query.texts])
        best: NDArray[np.float32] = (self.snapshot.vectors.vectors_at(rows) @ windows.T).max(axis=1)
        return best


def _rerank(
    queries: Sequence[Query], ranked: Sequence[Ranked], *, unread: Sequence[bool], k: int
) -> list[Ranked]:
    """Have the reranker read each query's first `RERANK_DEPTH` passages, and add its vote: the mean of
    what it thinks of them as an answer to the thread, and to its last message. `unread` queries are in
    a script that it does not know."""
    reranker = get_reranker()
    if reranker is None:
        raise RerankerError(
            "There is no reranker (COUNTERSIGN_RERANKER=none): name one there, or "
            "search in another mode."
        )
    read_first = [shortened(one.promised.tolist(), RERANK_DEPTH) for one in ranked]
    wanted = {
        int(chunk_id)
        for one, places in zip(ranked, read_first, strict=True)
        for chunk_id in one.chunk_ids[places]
    }
    chunks = Chunk.objects.select_related("revision").in_bulk(wanted)
    count_tokens = get_embedder().count_tokens
    texts = {pk: chunk.searchable_text(count_tokens) for pk, chunk in chunks.items()}
    found = []
    for query, one, places, strange in zip(queries, ranked, read_first, unread, strict=True):
        read = [texts.get(int(chunk_id), "") for chunk_id in one.chunk_ids[places]]
        asked = dict.fromkeys(text for text in (query.text, query.last) if text)
        if read and not strange:
            one.rerank[places] = np.mean([reranker.score(text, read) for text in asked], axis=0)
        one.scores[:] += RERANK_WEIGHT * np.nan_to_num(one.rerank)
        again = replace(one, reranker=reranker.version).take(np.argsort(-one.scores, kind="stable"))
        found.append(again.take(shortened(again.promised.tolist(), k)))
    return found


def is_unread(text: str, snapshot: OpenSnapshot) -> bool:
    """Whether words must do for a text: most of it is in scripts without blanks, which the bundled models
    don't know, and articles are written in them too."""
    if settings.EMBEDDER != "bundled" or share_without_blanks(text) <= 0.5:
        return False
    return any(snapshot.lexical.holding(pair).any() for pair in pairs_of(text))


def _rows_of(snapshot: OpenSnapshot, documents: NDArray[np.int64] | None) -> Allowed:
    """Which rows are of these documents, `bool [n]`; None where all are."""
    if documents is None:
        return None
    inside = np.isin(snapshot.document_ids, documents)
    return None if inside.all() else inside


def _highest(scores: NDArray[np.float32], depth: int) -> Rows:
    """Rows with a word of the query in them, by their BM25."""
    found = np.flatnonzero(scores > 0)
    return found[np.argsort(-scores[found], kind="stable")[:depth]]
