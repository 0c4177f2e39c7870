"""Sentences that stand in a passage word for word. Pure.

A whole sentence of a passage says what the passage says, however its marks, links or line ends were
written there; what merely resembles it is for grounding to weigh. Half a sentence is none: the other
half may hold the "not".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from generation.evidence import Unit

LEAST_CHARACTERS = 12  # letters and digits; less stands in many places
_TELLING = frozenset("$€£¥%°@=+")  # marks that say something by themselves
_IN_NUMBERS = frozenset(".,:/-")  # and those that do before a digit: 4.50, 10:30, -5


class Verbatim:
    """What the passages say without markup, and where their sentences begin and end."""

    def __init__(self, passages: Sequence[str], units: Sequence[Unit]) -> None:
        self._texts: list[str] = []
        self._places: list[list[int]] = []
        for passage in passages:
            kept = list(_said(passage))
            self._texts.append("".join(character for character, _ in kept))
            self._places.append([place for _, place in kept])
        self._units: list[list[Unit]] = [[] for _ in passages]
        for unit in units:
            self._units[unit.passage].append(unit)

    def find(self, claim: str) -> tuple[int, int, int] | None:
        """(passage, start, end) of the sentences that `claim` repeats, or None."""
        wanted = "".join(character for character, _ in _said(claim))
        if len(wanted) < LEAST_CHARACTERS:
            return None
        for passage, text in enumerate(self._texts):
            at = text.find(wanted)
            while at >= 0:
                if (span := self._whole(passage, at, at + len(wanted))) is not None:
                    return passage, *span
                at = text.find(wanted, at + len(wanted))
        return None

    def _whole(self, passage: int, first: int, last: int) -> tuple[int, int] | None:
        """The span of the sentences that these letters are all of; None where they are less."""
        places, units = self._places[passage], self._units[passage]
        starts = [unit.start for unit in units]
        opening = units[bisect_right(starts, places[first]) - 1] if units else None
        closing = units[bisect_right(starts, places[last - 1]) - 1] if units else None
        if opening is None or closing is None:
            return None
        words = opening.end - len(opening.text)  # behind a list marker
        begins = first == 0 or places[first - 1] < words
        ends = last == len(places) or places[last] >= closing.end
        return (opening.start, closing.end) if begins and ends else None


def _said(text: str) -> Iterator[tuple[str, int]]:
    """Each letter, digit and telling mark in lower case, with its place."""
    for place, one in enumerate(text):
        follows = text[place + 1 : place + 2]
        if one.isalnum():
            for character in one.casefold():
                yield character, place
        elif one in _TELLING or (one in _IN_NUMBERS and follows.isdigit()):
            yield one, place
