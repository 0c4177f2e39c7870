"""Markdown as plain text for a customer, with where each character came from. Pure.

A quote must read as an e-mail does (no ``#``, ``**`` or table pipes) and must still point to the
passage's own characters. So the cleaning keeps, for every character of a line, its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

BlockKind = Literal["paragraph", "step", "bullet", "heading", "columns", "row"]


@dataclass(frozen=True)
class Block:
    """A paragraph, list item, heading or row of a table: ``source[start:end]``, and its text without
    markup. A table's first row, over the rule, is of the kind "columns".

    ``places[i]`` is where ``text[i]`` stands in the source; ``marker`` is "1." or "-" for items.
    """

    kind: BlockKind
    text: str
    start: int
    end: int
    places: tuple[int, ...]
    marker: str = ""


Put = Callable[..., None]
_ITEM = re.compile(r"[ \t>]*(?P<marker>[-*+•–]|\(?\d{1,3}[.)])[ \t]+")
_HEADING = re.compile(r"[ \t]*#{1,6}[ \t]+")
_RULE = re.compile(r"[ \t]*(?:[-*_=][ \t]*){3,}$|[ \t|:-]+$")
_FENCE = re.compile(r"[ \t]*(?:```|~~~)")
_QUOTE_MARK = re.compile(r"[ \t]*(?:>[ \t]*)+(?:\[!\w+\][ \t]*)?")
# what is left out (group "keep" stays), tried in this order at each place
_MARKUP = re.compile(
    r"!\[[^\]\n]*\]\([^)\n]*\)"
    r"|\[(?P<label>[^\]\[\n]+)\]\((?P<target>[^)\s]*)(?:\s+\"[^\"\n]*\")?\)"
    r"|<(?P<auto>https?://[^>\s]+)>"
    r"|<!--.*?-->|</?[a-zA-Z][^<>\n]{0,200}>"
    r"|(?P<tick>`+)(?P<code>[^`\n]+)(?P=tick)"
    r"|(?P<strong>\*\*|__)(?=\S)|(?<=\S)(?P<strong_end>\*\*|__)"
    r"|(?<![\w*])\*(?=[^\s*])|(?<=[^\s*])\*(?![\w*])"
    r"|\\(?P<escaped>[\\`*_{}\[\]()#+.!|>~-])"
    r"|\[!\w+\]|\[\[?\^?\d+\]?\](?!\()"
)
_ABSOLUTE = re.compile(r"https?://|mailto:", re.I)


def blocks_of(markdown: str) -> list[Block]:
    """Paragraphs (soft line breaks joined), list items and headings, in order. Code is left out."""
    blocks: list[Block] = []
    pending: list[tuple[int, int]] = []
    kind: BlockKind = "paragraph"
    marker = ""
    fenced = False
    end_of_row = -1

    def close() -> None:
        nonlocal kind, marker
        if pending:
            text, places = _clean(markdown, pending)
            if text:
                blocks.append(Block(kind, text, places[0], places[-1] + 1, places, marker))
        pending.clear()
        kind, marker = "paragraph", ""

    for match in re.finditer(r"[^\n]*(?:\n|$)", markdown):
        start, end = match.start(), match.start() + len(match.group().rstrip("\n"))
        line = markdown[start:end]
        if _FENCE.match(line):
            fenced = not fenced
            close()
            continue
        if fenced or not line.strip() or _RULE.fullmatch(line):
            close()
            if blocks and blocks[-1].kind == "row" and "|" in line and end_of_row == start - 1:
                blocks[-1] = replace(blocks[-1], kind="columns", marker="")
            continue
        if quoted := _QUOTE_MARK.match(line):
            start += quoted.end()
            line = markdown[start:end]
        if heading := _HEADING.match(line):
            close()
            kind = "heading"
            pending.append((start + heading.end(), end))
            close()
        elif item := _ITEM.match(line):
            close()
            sign = item.group("marker").strip("()")
            kind = "step" if sign[0].isdigit() else "bullet"
            marker = sign.rstrip(".)") + "." if kind == "step" else "-"
            pending.append((start + item.end(), end))
        elif line.lstrip().startswith("|") or line.count("|") >= 2:
            close()
            kind, marker = "row", "-"
            pending.append((start, end))
            close()
            end_of_row = end
        else:
            if pending and kind == "paragraph" and _ends_line(markdown, pending[-1]):
                close()
            pending.append((start, end))
    close()
    return blocks


def _ends_line(markdown: str, span: tuple[int, int]) -> bool:
    """Whether a line ends on purpose: two spaces, or a sentence's end."""
    line = markdown[span[0] : span[1]]
    return line.endswith("  ") or line.rstrip().endswith((".", "!", "?", ":"))


def _clean(markdown: str, spans: list[tuple[int, int]]) -> tuple[str, tuple[int, ...]]:
    characters: list[str] = []
    places: list[int] = []

    def put(piece: str, place: int, *, fixed: bool = False) -> None:
        for offset, character in enumerate(piece):
            character = " " if character.isspace() else character
            if character == " " and (not characters or characters[-1] == " "):
                continue
            characters.append(character)
            places.append(place if fixed else place + offset)

    for start, end in spans:
        put(" ", start, fixed=True)
        line = markdown[start:end]
        if line.lstrip().startswith("|") or line.count("|") >= 2:
            cells = [cell for cell in re.finditer(r"[^|]+", line) if cell.group().strip()]
            for number, cell in enumerate(cells):
                if number:
                    put(": " if number == 1 else ", ", start + cell.start(), fixed=True)
                piece = cell.group()
                left = len(piece) - len(piece.lstrip())
                _inline(
                    markdown,
                    start + cell.start() + left,
                    start + cell.start() + len(piece.rstrip()),
                    put,
                )
        else:
            _inline(markdown, start, end, put)
    while characters and characters[-1] == " ":
        characters.pop()
        places.pop()
    return "".join(characters), tuple(places)


def _inline(markdown: str, start: int, end: int, put: Put) -> None:
    position = start
    for match in _MARKUP.finditer(markdown, start, end):
        put(markdown[position : match.start()], position)
        position = match.end()
        groups = match.groupdict()
        if groups["label"]:
            _inline(markdown, match.start("label"), match.end("label"), put)
            target = groups["target"]
            if _ABSOLUTE.match(target) and groups["label"].strip() not in target:
                shown = target.removeprefix("mailto:")
                put(f" ({shown})", match.start("target"), fixed=True)
        for name in ("auto", "code", "escaped"):
            if groups[name]:
                put(groups[name], match.start(name))
    put(markdown[position:end], position)
