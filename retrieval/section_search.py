"""The sections of articles that answer a question best: what drafts are made of.

`ranking` finds the passages, `sections` says what stands around them, the reranker reads these, and the
selector weighs all that is known of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retrieval.chunking import embedded_text
from retrieval.embedder import get_embedder
from retrieval.literal import Asked, Told
from retrieval.models import Revision
from retrieval.passages import SearchHit, folded
from retrieval.query import Query
from retrieval.ranking import is_unread, rank_many, shortened
from retrieval.reranker import RerankerError, get_reranker
from retrieval.scope import Scope
from retrieval.search import SearchResults, chunks_of, hit_of, texts_of
from retrieval.sections import Found, in_sections
from retrieval.selector import features_of, get_selector
from retrieval.snapshots import OpenSnapshot, open_active

DEPTH = 30  # passages whose sections are looked at


@dataclass(frozen=True)
class Candidates:
    """The sections that were found for a query, with what is known of each: `features` is
    `float64 [sections, selector.FEATURES]`, `parts` the same for each part of the query. `problem`
    says why no reranker read them although there is one."""

    sections: list[Found]
    features: NDArray[np.float64]
    parts: tuple[NDArray[np.float64], ...]
    read: NDArray[np.float32] | None
    promised: frozenset[int]
    reranker: str
    problem: str


def find_sections(
    queries: Sequence[Query], *, k: int = 5, scopes: Sequence[Scope] = ()
) -> list[SearchResults]:
    """The `k` sections that answer each query best, all from one snapshot: a hit's `text` is its whole
    section, its ids are those of the best passage in it, its `score` how it stands
    to the others, its `answer_score` the probability that it answers.

    What answers a part of a query best is among the `k`. Raises `EmptyIndex` and `DamagedSnapshot` as
    `search` does, and `SelectorError`.
    """
    snapshot = open_active()
    found = candidates_for(queries, snapshot=snapshot, scopes=scopes)
    return [SearchResults(_selected(one, k), snapshot.id, one.problem) for one in found]


def _selected(found: Candidates, k: int) -> list[SearchHit]:
    if not found.sections:
        return []
    selector = get_selector()
    standings = selector.standings(found.features)
    answers = _probabilities(selector.log_odds(found.features))
    parts = [_probabilities(selector.log_odds(features)) for features in found.parts]
    firsts = [int(selector.standings(features).argmax()) for features in found.parts]
    promised = {*found.promised, *firsts}
    order = np.argsort(-standings, kind="stable").tolist()
    kept = [order[at] for at in shortened([at in promised for at in order], k)]
    return [
        replace(
            found.sections[at].section,
            score=float(standings[at]),
            answer_score=float(answers[at]),
            part_scores=tuple(float(own[at]) for own in parts),
            rerank_score=None if found.read is None else float(found.read[at]),
            reranker=found.reranker,
        )
        for at in kept
    ]


def _probabilities(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return 1.0 / (1.0 + np.exp(-odds))


def candidates_for(
    queries: Sequence[Query], *, snapshot: OpenSnapshot, scopes: Sequence[Scope] = ()
) -> list[Candidates]:
    """The sections of the first passages for each query, as the search orders them."""
    ranked = rank_many(snapshot, queries, k=DEPTH, mode="fused", scopes=scopes)
    chunks = chunks_of(ranked)
    revisions = {chunk.revision_id for chunk in chunks.values()}
    texts = texts_of(Revision.objects.filter(pk__in=revisions))
    found = []
    for query, one in zip(queries, ranked, strict=True):
        places = [at for at, pk in enumerate(one.chunk_ids.tolist()) if pk in chunks]
        passages = folded([hit_of(chunks[int(one.chunk_ids[at])], one, at) for at in places])
        sections = in_sections(passages, texts)
        promised = [at for at, s in enumerate(sections) if one.promised[places[s.place]]]
        found.append(_known(query, sections, frozenset(promised), snapshot))
    return found


def _known(
    query: Query, sections: list[Found], promised: frozenset[int], snapshot: OpenSnapshot
) -> Candidates:
    reranker, problem = get_reranker(), ""
    if is_unread(query.text, snapshot):
        reranker = None
    asked = [text for text in dict.fromkeys((query.text, query.last)) if text]
    read: NDArray[np.float32] | None = None
    by_part: list[NDArray[np.float32] | None] = [None] * len(query.parts)
    if reranker is not None and sections:
        try:
            texts = [_read_of(found) for found in sections]
            read = np.mean([reranker.score(text, texts) for text in asked], axis=0)
            by_part = [reranker.score(part, texts) for part in query.parts]
        except RerankerError as error:
            problem = str(error)
    weight = snapshot.lexical.weight
    told = [Told.of(hit.full_title, hit.text, weight) for hit in (f.section for f in sections)]
    features = (
        [
            features_of(Asked.of(text, weight), sections, told, scores)
            for text, scores in [(query.text, read), *zip(query.parts, by_part, strict=True)]
        ]
        if sections
        else [np.zeros((0, 0))] * (1 + len(query.parts))
    )
    version = reranker.version if reranker is not None and read is not None else ""
    return Candidates(sections, features[0], tuple(features[1:]), read, promised, version, problem)


def _read_of(found: Found) -> str:
    """A section as the reranker reads it."""
    return embedded_text(
        title=found.section.title,
        heading_path=found.section.heading_path,
        text=found.read,
        context=found.section.context,
        count_tokens=get_embedder().count_tokens,
    )
