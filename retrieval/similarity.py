"""Passages of other articles that lie near those of one article, in the active snapshot."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from retrieval.models import Chunk, Document
from retrieval.snapshots import OpenSnapshot

NEIGHBOURS = 8


@dataclass(frozen=True)
class Near:
    """Two passages of two articles and their cosine (title and headings included)."""

    own: Chunk
    other: Chunk
    cosine: float


def near_passages(
    snapshot: OpenSnapshot, document: Document, *, least: float, k: int = NEIGHBOURS
) -> list[Near]:
    """Pairs with a cosine of `least` and more, nearest first; the other article is a later one, so
    that each pair of articles is met once."""
    rows = np.flatnonzero(snapshot.document_ids == document.pk)
    later = snapshot.document_ids > document.pk
    if not len(rows) or not later.any():
        return []
    scores, found = snapshot.vectors.search(snapshot.vectors.vectors_at(rows), k, allowed=later)
    pairs = [
        (float(score), int(snapshot.chunk_ids[row]), int(snapshot.chunk_ids[other]))
        for row, near, cosines in zip(rows, found, scores, strict=True)
        for other, score in zip(near, cosines, strict=True)
        if score >= least
    ]
    chunks = (
        Chunk.objects.filter(revision__document__state=Document.State.PUBLISHED)
        .select_related("revision__document")
        .in_bulk({pk for _, *both in pairs for pk in both})
    )
    return [
        Near(chunks[own], chunks[other], score)
        for score, own, other in sorted(pairs, reverse=True)
        if own in chunks and other in chunks and _stands(chunks[own]) and _stands(chunks[other])
    ]


def _stands(chunk: Chunk) -> bool:
    """Whether the passage is of its article's current text; an index may be a moment behind."""
    return chunk.revision.document.current_id == chunk.revision_id
