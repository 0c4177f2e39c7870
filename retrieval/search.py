"""The door to searching: passages of the active snapshot for what is asked.

`query` says what is asked, `ranking` orders, `passages` folds and joins, `scope` bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from retrieval.hidden import MARKS, blanked
from retrieval.models import Chunk, Revision
from retrieval.passages import SearchHit, Twin, folded, joined
from retrieval.public_links import address_of
from retrieval.query import Query, ThreadTurn, Turn, plain_query, query_of
from retrieval.ranking import MODES, Mode, Ranked, default_mode, rank_many, shortened
from retrieval.reranker import RerankerError
from retrieval.scope import EVERYTHING, PUBLIC, Scope
from retrieval.snapshots import EmptyIndex, open_active

__all__ = [
    "EVERYTHING",
    "MODES",
    "PUBLIC",
    "EmptyIndex",
    "Mode",
    "Query",
    "RerankerError",
    "Scope",
    "SearchHit",
    "SearchResults",
    "ThreadTurn",
    "Turn",
    "Twin",
    "default_mode",
    "plain_query",
    "query_of",
    "search",
    "search_many",
]

SPARE = 10  # passages beyond k that are looked at, since near-duplicates fold


@dataclass(frozen=True)
class SearchResults:
    """Hits, best first, all from one snapshot (`snapshot` is its primary key). `problem` says why they
    were not reranked although there is a reranker."""

    hits: list[SearchHit]
    snapshot: int
    problem: str = ""

    @property
    def answer_score(self) -> float:
        """How likely the knowledge base answers at all: of sections the best one's probability, of passages
        the best cosine; 0 without hits."""
        return max(
            (
                hit.dense_score if hit.answer_score is None else hit.answer_score
                for hit in self.hits
            ),
            default=0.0,
        )


def search(
    query: str | Query,
    *,
    k: int = 5,
    mode: Mode | None = None,
    scope: Scope = PUBLIC,
    join: bool = False,
) -> SearchResults:
    """The `k` best passages in the scope for a query of any length. With `join`, neighbouring
    passages of one section come as one. Raises `EmptyIndex` where nothing is indexed yet,
    `DamagedSnapshot` where the index must not be trusted, and `RerankerError` where a reranker was
    asked for by `mode` and can't be used."""
    return search_many([query], k=k, mode=mode, scopes=[scope], join=join)[0]


def search_many(
    queries: Sequence[str | Query],
    *,
    k: int = 5,
    mode: Mode | None = None,
    scopes: Sequence[Scope] = (),
    join: bool = False,
) -> list[SearchResults]:
    """`search` for several queries at once, on one and the same snapshot; `scopes` has one for
    each query, or is empty: then each query searches what is public."""
    if k < 1:
        raise ValueError(f"k={k}: ask for at least one passage")
    snapshot = open_active()
    asked = [plain_query(query) if isinstance(query, str) else query for query in queries]
    ranked = rank_many(snapshot, asked, k=k + SPARE, mode=mode, scopes=scopes)
    chunks = chunks_of(ranked)
    return [
        SearchResults(_hits(one, chunks, k=k, join=join), snapshot.id, one.problem)
        for one in ranked
    ]


def chunks_of(ranked: Sequence[Ranked]) -> dict[int, Chunk]:
    """The chunks of rankings by id, with their documents; one that no reader sees is left out."""
    wanted = {int(chunk_id) for one in ranked for chunk_id in one.chunk_ids}
    chunks = (
        Chunk.objects.select_related("revision__document__collection")
        .defer("revision__text", "revision__front_matter")
        .in_bulk(wanted)
    )
    _blank(chunks)
    return chunks


def _blank(chunks: dict[int, Chunk]) -> None:
    """Blank what no reader sees in chunks that were cut before this was done at publishing; one that
    holds nothing else is taken out."""
    marked = reduce(or_, (Q(text__icontains=mark) for mark in MARKS))
    revisions = Revision.objects.filter(marked, pk__in={c.revision_id for c in chunks.values()})
    texts = texts_of(revisions)
    for pk, chunk in list(chunks.items()):
        if chunk.revision_id in texts:
            chunk.text = texts[chunk.revision_id][chunk.start : chunk.end]
            if not chunk.text.strip():
                del chunks[pk]


def texts_of(revisions: QuerySet[Revision]) -> dict[int, str]:
    """The revisions' texts by id, hidden parts blanked."""
    return {pk: blanked(text) for pk, text in revisions.values_list("pk", "text")}


def _hits(ranked: Ranked, chunks: dict[int, Chunk], *, k: int, join: bool) -> list[SearchHit]:
    places = [at for at, pk in enumerate(ranked.chunk_ids.tolist()) if pk in chunks]
    hits = [hit_of(chunks[int(ranked.chunk_ids[at])], ranked, at) for at in places]
    kept = folded(hits)
    if join:
        kept = joined(
            kept, texts_of(Revision.objects.filter(pk__in={hit.revision_id for _, hit in kept}))
        )
    promised = [bool(ranked.promised[places[at]]) for at, _ in kept]
    return [kept[at][1] for at in shortened(promised, k)]


def hit_of(chunk: Chunk, ranked: Ranked, place: int) -> SearchHit:
    """The chunk at a place of a ranking, as a hit."""
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
        context=chunk.context,
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        score=float(ranked.scores[place]),
        dense_score=float(ranked.dense[place]),
        lexical_score=float(ranked.lexical[place]),
        rerank_score=None if rerank != rerank else rerank,
        reranker="" if rerank != rerank else ranked.reranker,
        url=address_of(document),
    )
