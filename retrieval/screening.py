"""Screen a whole article for planted instructions before it is published. Pure: no Django, no model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from retrieval.safety.injection import screen_injection

# About what a draft sees of an article at once: hints that stand pages apart don't add up.
WINDOW = 1_200
OVERLAP = 300
LONGEST_EXCERPT = 200
_BLOCK = re.compile(r"\S.*?(?=\n[ \t]*\n|\Z)", re.DOTALL)


@dataclass(frozen=True)
class Finding:
    """A place that reads like an instruction to the machine: `text[start:end]`, the rule that
    matched, and the words for a list, cut to `LONGEST_EXCERPT` characters."""

    start: int
    end: int
    rule: str
    excerpt: str


def findings(text: str) -> list[Finding]:
    """The suspicious places of an article's text in order; [] when it is clean."""
    found: dict[tuple[int, int], str] = {}
    for start, end in _windows(text):
        screened = screen_injection(text[start:end], kind="passage")
        if not screened.flagged:
            continue
        for span in screened.spans:
            found.setdefault((start + span.start, start + span.end), span.rule)
        if not screened.spans:  # the disguise is all there is: invisible characters, say
            found.setdefault((start, end), screened.reasons[0])
    outer: list[tuple[int, int]] = []
    for start, end in sorted(found, key=lambda place: (place[0], -place[1])):
        if not outer or end > outer[-1][1]:  # else it lies inside the one before
            outer.append((start, end))
    return [
        Finding(start, end, found[start, end], _excerpt(text[start:end])) for start, end in outer
    ]


def _excerpt(words: str) -> str:
    one_line = " ".join(words.split())
    return (
        one_line
        if len(one_line) <= LONGEST_EXCERPT
        else one_line[: LONGEST_EXCERPT - 1].rstrip() + "…"
    )


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Runs of whole paragraphs up to `WINDOW` characters, each beginning with the paragraph that
    ended the one before, so that what stands on two paragraphs is read together."""
    blocks = [part for match in _BLOCK.finditer(text) for part in _cut(*match.span())]
    first = 0
    while first < len(blocks):
        last = first
        while last + 1 < len(blocks) and blocks[last + 1][1] - blocks[first][0] <= WINDOW:
            last += 1
        yield blocks[first][0], blocks[last][1]
        if last + 1 == len(blocks):
            return
        first = max(last, first + 1)


def _cut(start: int, end: int) -> Iterator[tuple[int, int]]:
    """A paragraph, or overlapping pieces of one that is longer than a window."""
    while end - start > WINDOW:
        yield start, start + WINDOW
        start += WINDOW - OVERLAP
    yield start, end
