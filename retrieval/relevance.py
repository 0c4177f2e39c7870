"""Which hits are worth showing to a person who searches: the best ten passages exist for any words.

Drafting does not use this; it has its own bounds (`generation/choosing.py`). How the two were chosen:
docs/retrieval.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from assistant import folding
from retrieval.passages import SearchHit

LEAST = 0.2  # cosine to the query that a good match has
SHARE = 0.6  # of the best hit's cosine


@dataclass(frozen=True)
class Judged:
    """A search's hits, best first, told apart."""

    good: list[SearchHit]
    weak: list[SearchHit]

    @property
    def said(self) -> str:
        """How many there are of each, in words."""
        count = len(self.good)
        if not count:
            return "No good match"
        return f"{count} good match{'' if count == 1 else 'es'}"


def judged(query: str, hits: Sequence[SearchHit]) -> Judged:
    """A hit is good when its meaning is near enough, or when it holds every word of the query: a code,
    a part's number and a name mean nothing to an embedder."""
    bound = max(LEAST, SHARE * max((hit.dense_score for hit in hits), default=0.0))
    wanted = folding.wanted(query)
    good: list[SearchHit] = []
    weak: list[SearchHit] = []
    for hit in hits:
        near = hit.dense_score >= bound or (hit.lexical_score > 0 and _holds(hit, wanted))
        (good if near else weak).append(hit)
    return Judged(good, weak)


def _holds(hit: SearchHit, wanted: list[list[list[str]]]) -> bool:
    """Whether each word stands in the passage or above it; as tickets are found."""
    said = set(folding.words(" ".join((hit.title, *hit.heading_path, hit.text))))
    return bool(wanted) and all(any(said.issuperset(way) for way in ways) for ways in wanted)
