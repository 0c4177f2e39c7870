"""Where a PDF's words stand on its page: columns side by side, and raised digits. Pure.

Characters and words are pdfplumber's dicts: `text`, `x0`, `x1`, `top`, `bottom`, `size`, in points from
the left and the top.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any

Item = Mapping[str, Any]

_GUTTER = 10.0  # points between columns at least
_ROWS = 4  # lines side by side that make columns
_FULL = 0.6  # of its column's width: how long most lines of prose are, unlike a table's cells
_SMALL = 0.86  # of the character that it follows: a raised one's size


def gutter(words: Sequence[Item]) -> float | None:
    """The middle of the gap between two columns of prose; None where there is one column, or where
    the gap parts the cells of a table."""
    rows = _rows(words)
    if len(rows) < _ROWS or len(words) < 20:
        return None
    left, right = min(word["x0"] for word in words), max(word["x1"] for word in words)
    width = right - left
    gaps = [gap for row in rows for gap in _gaps(row)]
    best, best_count = None, 0
    for start, end in sorted(set(gaps)):
        middle = (start + end) / 2
        if not left + 0.3 * width < middle < right - 0.3 * width:
            continue
        count = sum(a <= middle - _GUTTER / 2 and b >= middle + _GUTTER / 2 for a, b in gaps)
        if count > best_count:
            best, best_count = middle, count
    if best is None or best_count < max(_ROWS, 0.5 * len(rows)):
        return None
    lefts = [row for row in rows if not crosses(row, best) and row[0]["x0"] < best < row[-1]["x1"]]
    for side in (0, 1):
        lines = [[word for word in row if (word["x0"] >= best) is bool(side)] for row in lefts]
        spans = [line[-1]["x1"] - line[0]["x0"] for line in lines if line]
        room = max(spans, default=0.0)
        if not spans or median(spans) < _FULL * room or room < 0.25 * width:
            return None
    return best


def crosses(row: Sequence[Item], middle: float) -> bool:
    """Whether a word, or the space between two of one sentence, lies over the gutter."""
    if any(word["x0"] < middle < word["x1"] for word in row):
        return True
    before = max((word["x1"] for word in row if word["x1"] <= middle), default=None)
    after = min((word["x0"] for word in row if word["x0"] >= middle), default=None)
    return before is not None and after is not None and after - before < _GUTTER


def _rows(words: Sequence[Item]) -> list[list[Item]]:
    rows: list[list[Item]] = []
    for word in sorted(words, key=lambda one: (round(one["top"]), one["x0"])):
        if rows and abs(word["top"] - rows[-1][0]["top"]) <= 3:
            rows[-1].append(word)
        else:
            rows.append([word])
    return [sorted(row, key=lambda one: float(one["x0"])) for row in rows]


def _gaps(row: Sequence[Item]) -> Iterator[tuple[float, float]]:
    for before, after in pairwise(row):
        if after["x0"] - before["x1"] >= _GUTTER:
            yield before["x1"], after["x0"]


class Raised:
    """Digits and letters that are raised on a page, each with the character that it follows."""

    def __init__(self, characters: Sequence[Item]) -> None:
        self._after: dict[
            tuple[float, float], str
        ] = {}  # place of the character before: the digits
        self._own: dict[tuple[float, float], tuple[float, float]] = {}  # theirs: whom they follow
        self.notes: set[str] = set()
        by_band: dict[int, list[Item]] = defaultdict(list)
        for one in characters:
            for band in {int(one["top"] // 10), int(one["bottom"] // 10)}:
                by_band[band].append(one)
        for one in sorted(characters, key=lambda item: float(item["x0"])):
            if not one["text"].isalnum():
                continue
            near = by_band[int(one["bottom"] // 10)] + by_band[int(one["top"] // 10)]
            base = next((other for other in near if _carries(other, one)), None)
            before = next((other for other in near if self._goes_on(other, one)), None)
            first = next((other for other in near if _begins_note(other, one)), None)
            if base is not None or before is not None:
                key = _place(base) if base is not None else self._own[_place(before or one)]
                self._own[_place(one)] = key
                self._after[key] = self._after.get(key, "") + one["text"]
            elif first is not None:
                self.notes.add(one["text"])

    def _goes_on(self, before: Item, one: Item) -> bool:
        """Whether it follows another raised one: the 0 of `2^10`."""
        return (
            _place(before) in self._own
            and -1.0 <= one["x0"] - before["x1"] <= 1.0
            and abs(one["top"] - before["top"]) < 1.0
        )

    def holds(self, item: Item) -> bool:
        """Whether it is raised, so that it stands on no line of its own."""
        return _place(item) in self._own

    def in_line(self, text: str, characters: Sequence[Item]) -> str:
        """The line's text with what is raised behind its character: `10^3`, a note's `[1]`."""
        if not self._after:
            return text
        out: list[str] = []
        letters = iter(one for one in characters if one["text"].strip())
        for character in text:
            out.append(character)
            if character.isspace():
                continue
            item = next(letters, None)
            raised = self._after.get(_place(item), "") if item is not None else ""
            if raised:
                out.append(f" [{raised}]" if raised in self.notes else f"^{raised}")
        return "".join(out)


def _place(item: Item) -> tuple[float, float]:
    return round(float(item["x0"]), 1), round(float(item["top"]), 1)


def _carries(base: Item, raised: Item) -> bool:
    """Whether `raised` stands just behind `base`, smaller and above its foot."""
    return (
        base is not raised
        and bool(base["text"].strip())
        and -1.0 <= raised["x0"] - base["x1"] <= 2.0
        and raised["size"] < _SMALL * base["size"]
        and base["top"] < raised["bottom"] < base["bottom"] - 0.15 * base["size"]
    )


def _begins_note(first: Item, raised: Item) -> bool:
    """Whether `raised` stands in front of a line's first character, as a footnote's number does."""
    return (
        first is not raised
        and raised["size"] < _SMALL * first["size"]
        and -1.0 <= first["x0"] - raised["x1"] <= 6.0
        and first["top"] - first["size"] < raised["bottom"] < first["bottom"]
    )
