"""Lists that stand in two or three passages, made whole: a reply tells no list by halves.

A passage ends after 160 tokens, in the midst of a list where that is longer. Where an answer may
begin in a passage with a part of a list, the passages beside it in its section are taken in as
**neighbours**, and the list's items become one part. A neighbour brings that list and nothing else:
it has no score, since nobody searched for it, and no answer begins in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from generation.parts import Part, parts_of
from generation.quoting import Ranked
from retrieval.passages import SearchHit

MOST_NEIGHBOURS = 2  # passages that nobody searched for, a draft

Beside = Callable[[SearchHit, bool], SearchHit | None]


def with_whole_lists(
    ranked: Ranked, hits: Sequence[SearchHit], *, beside: Beside
) -> tuple[Ranked, list[SearchHit]]:
    """The parts with lists made whole, and the neighbours that this took.

    ``beside(passage, after)`` is the passage right behind one (right before it: ``after`` False) in
    its section, None where there is none that may be used. Units of neighbour i name the passage
    ``len(hits) + i``. A list comes whole or stays as it is: where it could not be quoted whole (too
    long, or its last item announces what is no part of it), or would take more than
    `MOST_NEIGHBOURS`. A whole list has the best score that a part of it had.
    """
    neighbours: list[SearchHit] = []
    begins = [ranked.scores.max(0), *ranked.scores]
    for passage in dict.fromkeys(ranked.parts[int(s.argmax())].passage for s in begins):
        for edge in _edges(ranked.parts, passage):
            growing = _Growing(edge, hits, list(neighbours), beside)
            if growing.grow():
                ranked = _replaced(ranked, growing)
                neighbours = growing.neighbours
    return ranked, neighbours


def read_with(ranked: Ranked, passage: int, text: str) -> str:
    """What the model reads of a passage: its text, and the rest of a list that was made whole."""
    before: list[str] = []
    behind: list[str] = []
    for part in ranked.parts:
        if part.passage != passage:
            continue
        own = [unit.passage == passage for unit in part.units]
        for place, unit in enumerate(part.units):
            if not own[place]:
                (behind if any(own[:place]) else before).append(unit.shown)
    return "\n".join([*before, text, *behind])


def _edges(parts: Sequence[Part], passage: int) -> list[Part]:
    """The parts with which a passage begins and ends."""
    inside = [part for part in parts if part.passage == passage and not part.is_heading]
    return list(dict.fromkeys([inside[0], inside[-1]])) if inside else []


@dataclass
class _Growing:
    """One part, growing over its passage's edges until its list is whole."""

    part: Part
    hits: Sequence[SearchHit]
    neighbours: list[SearchHit]
    beside: Beside

    def grow(self) -> bool:
        """Whether it is whole now and was not before."""
        began = self.part
        whole = self._grow(after=True) and self._grow(after=False)
        return whole and self.part is not began and self.part.can_be_quoted

    def _grow(self, *, after: bool) -> bool:
        """Take in what goes on at one end; False where that may not be done."""
        while True:
            edge = self.part.units[-1 if after else 0]
            source = self._source(edge.passage)
            own = parts_of([source.text], first=edge.passage)[-1 if after else 0]
            if edge not in own.units or not (edge.list_id >= 0 or (after and edge.introduces)):
                return True  # the list ends within the passage, or there is none
            found = self.beside(source, after)
            if found is None:
                return True
            place = self._place_of(found)
            others = parts_of([found.text], first=place)
            if not others:
                return True
            other = others[0 if after else -1]
            met = other.units[0 if after else -1]
            item, before = (met, edge) if after else (edge, met)
            if item.list_id < 0:
                return True
            if not (before.introduces if before.list_id < 0 else before.kind == item.kind):
                return True
            if place >= len(self.hits) + MOST_NEIGHBOURS:
                return False
            if place == len(self.hits) + len(self.neighbours):
                self.neighbours.append(found)
            first, last = (self.part, other) if after else (other, self.part)
            self.part = Part((*first.units, *last.units))

    def _source(self, place: int) -> SearchHit:
        return [*self.hits, *self.neighbours][place]

    def _place_of(self, found: SearchHit) -> int:
        known = [one.chunk_id for one in (*self.hits, *self.neighbours)]
        return known.index(found.chunk_id) if found.chunk_id in known else len(known)


def _replaced(ranked: Ranked, growing: _Growing) -> Ranked:
    """The parts with the whole list at the best passage's place, with the best score of what it holds."""
    inside = set(growing.part.units)
    columns = [place for place, part in enumerate(ranked.parts) if part.units[0] in inside]
    at = next(i for i in columns if ranked.parts[i].passage == growing.part.passage)
    kept = [i for i in range(len(ranked.parts)) if i == at or i not in columns]
    near, scores = ranked.near.copy(), ranked.scores.copy()
    near[:, at] = near[:, columns].max(1)
    scores[:, at] = scores[:, columns].max(1)
    parts = [growing.part if i == at else ranked.parts[i] for i in kept]
    return Ranked(ranked.asked, parts, near[:, kept], scores[:, kept])
