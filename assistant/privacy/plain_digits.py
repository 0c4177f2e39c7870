"""A text as a reader sees its numbers, with the way back to where each character stands. Pure.

Digits of every script are 0 to 9, entities of HTML are what they show, a tag is a gap, and characters
without width are not there.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

_ENTITY = r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
_TAG = r"</?[A-Za-z][^<>]{0,500}>|<!--[^<>]{0,200}-->"
_PIECE = re.compile(rf"{_ENTITY}|{_TAG}|.", re.DOTALL)
_PIECE_OF_SOURCE = re.compile(rf"{_ENTITY}|.", re.DOTALL)
TAG = "\x1f"  # what a tag is in the plain text


@dataclass(frozen=True)
class PlainText:
    """`text` has one character for each that is seen; `starts` and `ends` say where it stands."""

    text: str
    starts: list[int]
    ends: list[int]


def plain_digits(text: str, *, source: bool = False) -> PlainText:
    """The text as it is read; as its source, what stands inside of tags is there too. Linear."""
    seen: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for piece in (_PIECE_OF_SOURCE if source else _PIECE).finditer(text):
        shown = piece[0]
        if len(shown) > 1:
            shown = TAG if shown[0] == "<" else html.unescape(shown)
        for c in shown if len(shown) <= 2 else " ":
            if not c.isascii():
                if unicodedata.category(c) in {"Cf", "Mn", "Me"}:
                    continue
                value = unicodedata.digit(c, None)
                c = c if value is None else str(value)
            seen.append(c)
            starts.append(piece.start())
            ends.append(piece.end())
    return PlainText("".join(seen), starts, ends)
