"""The passages right beside one that was found, in its own section."""

from __future__ import annotations

from dataclasses import replace

from retrieval.hidden import blanked
from retrieval.models import Chunk
from retrieval.passages import SearchHit


def neighbour_of(hit: SearchHit, *, after: bool) -> SearchHit | None:
    """The passage right behind a hit, or right before it, where its section goes on there.

    It is of the same revision, so it may be told to whom the hit may. Nobody searched for it: its scores
    are 0. None where another section, or nothing, is beside the hit.
    """
    beside = Chunk.objects.filter(revision=hit.revision_id).select_related("revision")
    if after:
        chunk = beside.filter(start__gte=hit.end).order_by("start").first()
    else:
        chunk = beside.filter(end__lte=hit.start).order_by("-start").first()
    if chunk is None or tuple(chunk.heading_path) != hit.heading_path:
        return None
    gap = (hit.end, chunk.start) if after else (chunk.end, hit.start)
    seen = blanked(chunk.revision.text)
    if seen[slice(*gap)].strip():  # two sections may have the same heading
        return None
    return replace(
        hit,
        chunk_id=chunk.pk,
        context=chunk.context,
        text=seen[chunk.start : chunk.end],
        start=chunk.start,
        end=chunk.end,
        score=0.0,
        dense_score=0.0,
        lexical_score=0.0,
        rerank_score=None,
        also=(),
    )
