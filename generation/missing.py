"""Why a question that was searched for has no draft: what is really missing, as a code and in words."""

from __future__ import annotations

from dataclasses import replace

from generation.choosing import LEAST_MATCH
from generation.drafted import DraftedReply
from retrieval.query import Query
from retrieval.scope import EVERYTHING, document_ids
from retrieval.search import search_many

NOTHING_FOUND = "nothing_found"
NOTHING_OPEN = "nothing_open"
ONLY_CLOSED = "only_closed"
ALL_EXCLUDED = "all_excluded"


def what_is_missing(reply: DraftedReply, query: Query) -> tuple[str, str]:
    """The code and words of what is missing, for a question whose search ran and answered nothing."""
    allowed = document_ids(reply.question.scope)
    if allowed is not None and not len(allowed):
        return (
            NOTHING_OPEN,
            "No published article may be told to customers of this channel: none was searched.",
        )
    left_out = [code for code, _ in reply.problems if code == "passage_excluded"]
    if left_out and not reply.hits:
        return ALL_EXCLUDED, "Every passage that was found was left out, so there is none to quote."
    if (title := _closed_title(reply, query)) is not None:
        return (
            ONLY_CLOSED,
            f"“{title}” is near the question, but customers of this channel may not be told from it.",
        )
    if reply.hits:
        return NOTHING_FOUND, "Articles were found, but none is near enough to answer this."
    return NOTHING_FOUND, "No article speaks of this."


def _closed_title(reply: DraftedReply, query: Query) -> str | None:
    """The article nearest to the question outside of what its customer may be told, if it is near."""
    scope = reply.question.scope
    wider = replace(EVERYTHING, languages=scope.languages, min_trust=scope.min_trust)
    (found,) = search_many([query], k=1, scopes=[wider])
    open_to_all = {hit.chunk_id for hit in reply.hits}
    for hit in found.hits:
        if hit.chunk_id not in open_to_all and (hit.dense_score or 0.0) >= LEAST_MATCH:
            return hit.title
    return None
