"""A Markdown text with blanks for what no reader sees: comments, scripts, styles, struck words. Pure.

What `retrieval.readable` takes out before a text becomes a revision is blanked where older revisions, or
pieces of them, are read. Every character keeps its place, so that spans of what is left are spans of the
text. Code is never looked into.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from retrieval.readable import Span, code_of, hidden_spans

# a cheap test by substrings: a text without any of them hides nothing
MARKS = (
    "<!--", "{/*", "<script", "<style", "<template", "<?", "{%", "{{", "{#", "{::", "%%", "~~",
    "<del", "<s>", "<strike", "]: #", "]: <", "[comment]:", "[//]:",
)  # fmt: skip
_STRUCK = re.compile(
    r"(?<![~\\])~~(?=[^\s~])[^~]{1,500}(?<=[^\s~])~~(?!~)"
    r"|<(?P<tag>del|s|strike)(?:\s[^<>]{0,200})?>.{0,500}?</(?P=tag)\s{0,9}>",
    re.IGNORECASE | re.DOTALL,
)
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_VISIBLE = re.compile(r"[^\n]")


def blanked(markdown: str) -> str:
    """The text with spaces for what is hidden: as long as before, its line breaks where they were."""
    low = markdown.lower()
    if not any(mark in low for mark in MARKS):
        return markdown
    pieces, position = [], 0
    for start, end in sorted([*hidden_spans(markdown), *_struck(markdown)]):
        start = max(start, position)
        pieces += [markdown[position:start], _VISIBLE.sub(" ", markdown[start:end])]
        position = max(position, end)
    return "".join([*pieces, markdown[position:]])


def _struck(markdown: str) -> list[Span]:
    found = [
        match.span() for match in _STRUCK.finditer(markdown) if not _BLANK_LINE.search(match[0])
    ]
    code = code_of(markdown) if found else []
    starts = [start for start, _ in code]

    def inside(start: int, end: int) -> bool:
        nearest = bisect_left(starts, end) - 1  # the last code that begins before the end
        return nearest >= 0 and code[nearest][1] > start

    return [span for span in found if not inside(*span)]
