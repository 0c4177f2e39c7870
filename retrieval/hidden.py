"""What of a Markdown text no reader sees: comments, bodies of scripts and styles, struck words. Pure.

`blanked` keeps every character's place, so that spans of what is left are spans of the text. Code is
never looked into: a comment inside a fence or between backticks is what the article shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

# a cheap test by substrings: a text without any of them hides nothing
MARKS = (
    "<!--",
    "{/*",
    "<script",
    "<style",
    "~~",
    "<del",
    "<s>",
    "<strike",
    "%%",
    "comment",
    "]: #",
)

_BLANK_LINE = re.compile(r"\n[ \t]*(?:\n|\Z)")
_OPENS = re.compile(
    r"^[ \t>]*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})"
    r"|^ {0,3}\[(?://|comment|_?)\]:[ \t]*(?:#|<>)(?P<definition>[^\n]*)"
    r"|(?P<tick>`+)"
    r"|\\[`~<{%\\]"
    r"|(?P<comment><!--)"
    r"|(?P<mdx>\{/\*)"
    r"|<(?P<body>script|style)(?=[\s>])[^<>]*>"
    r"|<(?P<struck>del|s|strike)(?:\s[^<>]*)?>"
    r"|\{%-?\s*(?P<liquid>comment)\s*-?%\}"
    r"|(?P<kramdown>\{::comment\})"
    r"|(?<![~\\])(?P<tildes>~~)(?=[^\s~])"
    r"|(?:^|(?<=\s))(?P<percents>%%)",
    re.MULTILINE | re.IGNORECASE,
)
_CLOSES = {
    "comment": re.compile(r"-->"),
    "mdx": re.compile(r"\*/\}"),
    "script": re.compile(r"</script\s*>", re.I),
    "style": re.compile(r"</style\s*>", re.I),
    "del": re.compile(r"</del\s*>", re.I),
    "s": re.compile(r"</s\s*>", re.I),
    "strike": re.compile(r"</strike\s*>", re.I),
    "liquid": re.compile(r"\{%-?\s*endcomment\s*-?%\}", re.I),
    "kramdown": re.compile(r"\{:/(?:comment)?\}", re.I),
    "tildes": re.compile(r"(?<=[^\s~])~~(?!~)"),
    "percents": re.compile(r"%%(?=\s|[.,;:!?)]|\Z)"),
}
_WHOLE_BLOCK = frozenset(["comment", "mdx", "script", "style", "liquid", "kramdown"])
_IN_ONE_BLOCK = frozenset(["tildes", "del", "s", "strike"])
_VISIBLE = re.compile(r"[^\n]")


def blanked(markdown: str) -> str:
    """The text with spaces for what is hidden: as long as before, its line breaks where they were."""
    spans = list(hidden_spans(markdown))
    if not spans:
        return markdown
    pieces, position = [], 0
    for start, end in spans:
        pieces += [markdown[position:start], _VISIBLE.sub(" ", markdown[start:end])]
        position = end
    return "".join([*pieces, markdown[position:]])


def hidden_spans(markdown: str) -> Iterator[Span]:
    """The spans that no reader sees, in order. A comment that nothing closes hides the rest of its
    block; what else nothing closes hides nothing."""
    low = markdown.lower()
    if any(mark in low for mark in MARKS):
        yield from _Reading(markdown).spans()


class _Reading:
    """One pass over a text. Where nothing closes a mark is remembered, so that the pass is linear."""

    def __init__(self, markdown: str) -> None:
        self.markdown = markdown
        self.block_end = -1
        self.open_until: dict[str, int] = {}  # by mark: up to here nothing closes it any more

    def spans(self) -> Iterator[Span]:
        position = 0
        while found := _OPENS.search(self.markdown, position):
            kind = found.lastgroup or ""
            position = max(found.end(), position + 1)
            if kind == "fence":
                position = self._fence_end(found)
            elif kind == "tick":
                ticks = len(found["tick"])
                close = re.compile(rf"(?<!`)`{{{ticks}}}(?!`)")
                until = self._end_of_block(found.end())
                position = self._closed(f"{ticks} ticks", close, found.end(), until) or position
            elif kind == "definition":
                yield found.span()
            elif kind:
                name = found[kind].lower() if kind in ("body", "struck") else kind
                block_end = self._end_of_block(found.end())
                until = block_end if name in _IN_ONE_BLOCK else len(self.markdown)
                # "<!-->" is a comment that is closed already
                begin = found.start() + 2 if name == "comment" else found.end()
                end = self._closed(name, _CLOSES[name], begin, until)
                if end is None and name in _WHOLE_BLOCK:
                    end = max(block_end, position)
                if end is not None:
                    position = end
                    yield found.start(), end

    def _closed(self, name: str, close: re.Pattern[str], start: int, until: int) -> int | None:
        """Behind what closes a mark before `until`; None where nothing does."""
        if self.open_until.get(name, -1) >= until:
            return None
        if found := close.search(self.markdown, start, until):
            return found.end()
        self.open_until[name] = until
        return None

    def _end_of_block(self, start: int) -> int:
        """Where the block ends that a place is in: before the next blank line."""
        if start > self.block_end:
            blank = _BLANK_LINE.search(self.markdown, start)
            self.block_end = blank.start() if blank else len(self.markdown)
        return self.block_end

    def _fence_end(self, opening: re.Match[str]) -> int:
        fence = opening["fence"]
        close = re.compile(rf"^[ \t>]*{fence[0]}{{{len(fence)},}}[ \t]*$", re.MULTILINE)
        line_end = self.markdown.find("\n", opening.end())
        found = close.search(self.markdown, line_end) if line_end >= 0 else None
        return found.end() if found else len(self.markdown)
