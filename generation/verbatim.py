"""Sentences that stand in a passage word for word. Pure.

A whole sentence of a passage says what the passage says, however its marks, links or line ends were
written there; what merely resembles it is for grounding to weigh. Half a sentence is none: the other
half may hold the "not".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from generation.evidence import Unit

LEAST_CHARACTERS = 12  # letters and digits; less stands in many places
_TELLING = frozenset("$€£¥%°@=+")  # marks that say something by themselves
_IN_NUMBERS = frozenset(".,:/-")  # and those that do before a digit: 4.50, 10:30, -5


class Verbatim:
    """What the passages say without markup, and where their sentences begin and end."""

    def __init__(self, units: Sequence[Unit]) -> None:
        self._opening: dict[tuple[int, int], Unit] = {}  # by passage and place in its text
        self._closing: dict[tuple[int, int], Unit] = {}
        pieces: dict[int, list[str]] = {}
        length: dict[int, int] = {}
        for unit in units:
            said = "".join(_said(unit.text))
            at = length.get(unit.passage, 0)
            self._opening[unit.passage, at] = unit
            length[unit.passage] = at + len(said)
            self._closing[unit.passage, at + len(said)] = unit
            pieces.setdefault(unit.passage, []).append(said)
        self._texts = {passage: "".join(parts) for passage, parts in pieces.items()}

    def find(self, claim: str) -> tuple[int, int, int] | None:
        """(passage, start, end) of the whole sentences that `claim` repeats, or None."""
        wanted = "".join(_said(claim))
        if len(wanted) < LEAST_CHARACTERS:
            return None
        for passage, text in self._texts.items():
            at = text.find(wanted)
            while at >= 0:
                opening = self._opening.get((passage, at))
                closing = self._closing.get((passage, at + len(wanted)))
                if opening is not None and closing is not None:
                    return passage, opening.start, closing.end
                at = text.find(wanted, at + 1)
        return None


def _said(text: str) -> Iterator[str]:
    """Each letter, digit and telling mark in lower case."""
    for place, one in enumerate(text):
        follows = text[place + 1 : place + 2]
        if one.isalnum():
            yield from one.casefold()
        elif one in _TELLING or (one in _IN_NUMBERS and follows.isdigit()):
            yield one
