"""Code between backticks in a line or a paragraph (CommonMark 6.1). Pure."""

from __future__ import annotations

import re
from collections import defaultdict, deque
from dataclasses import dataclass

_TICKS = re.compile(r"`+")


@dataclass(frozen=True)
class CodeSpan:
    """`text[start:end]` with its backticks, `text[inner_start:inner_end]` without."""

    start: int
    inner_start: int
    inner_end: int
    end: int


def code_spans(text: str) -> list[CodeSpan]:
    """The code spans in order: a run of backticks goes up to the next run of as many."""
    runs = [match.span() for match in _TICKS.finditer(text)]
    by_length: defaultdict[int, deque[int]] = defaultdict(deque)
    for number, (start, end) in enumerate(runs):
        by_length[end - start].append(number)
    found: list[CodeSpan] = []
    behind = 0  # the first run that is not inside a span
    for number, (start, end) in enumerate(runs):
        alike = by_length[end - start]
        alike.popleft()
        if number < behind or _escaped(text, start):
            continue
        if alike:
            close = runs[alike[0]]
            found.append(CodeSpan(start, end, close[0], close[1]))
            behind = alike[0] + 1
    return found


def _escaped(text: str, place: int) -> bool:
    slashes = 0
    while place > slashes and text[place - slashes - 1] == "\\":
        slashes += 1
    return slashes % 2 == 1
