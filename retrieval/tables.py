"""Tables in Markdown as GitHub reads them: a header, a rule of as many cells, rows. Pure.

A line with bars in it is a row nowhere else: a shell's pipe, a path of menus and a link of a wiki have
them too.
"""

from __future__ import annotations

import itertools
import re

from retrieval.code_spans import code_spans

Span = tuple[int, int]

_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$")
_BAR = re.compile(r"\\.|\[\[[^\[\]\n]*\]\]|(?P<bar>\|)")


def cells(line: str) -> list[Span]:
    """The spans of a row's cells without the white space around them; an empty cell is an empty span.
    Bars in code, behind a backslash or in a wiki's link are no borders."""
    code = iter([*code_spans(line), None])
    inside = next(code)
    bars: list[int] = []
    for match in _BAR.finditer(line):
        while inside and inside.end <= match.start():
            inside = next(code)
        if match["bar"] and not (inside and inside.start < match.start()):
            bars.append(match.start())
    edges = [-1, *bars, len(line)]
    found = [_trimmed(line, a + 1, b) for a, b in itertools.pairwise(edges)]
    if bars and not line[: bars[0]].strip():
        found = found[1:]
    if bars and len(found) > 1 and not line[bars[-1] + 1 :].strip():
        found = found[:-1]
    return found


def is_rule(line: str) -> bool:
    """Whether a line is the rule under a header: `|---|:-:|`."""
    return "-" in line and "|" in line and bool(_RULE.match(line))


def begins_table(line: str, following: str) -> bool:
    """Whether a line is a table's header, with its rule under it."""
    return "|" in line and is_rule(following) and len(cells(line)) == len(cells(following))


def is_row(line: str) -> bool:
    """Whether a line goes on in the table above it."""
    return "|" in line and bool(line.strip())


def _trimmed(line: str, start: int, end: int) -> Span:
    while start < end and line[start].isspace():
        start += 1
    while end > start and line[end - 1].isspace():
        end -= 1
    return start, end
