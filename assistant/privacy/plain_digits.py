"""A text as a reader sees its numbers, with the way back to where each character stands. Pure.

Digits of every script are 0 to 9 and wide letters are those of ASCII; entities of HTML and the blanks of
links and programs are what they show, a tag is a gap, and characters without width are not there.
"""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass

# as browsers read them: also without a semicolon, and those that were escaped twice
_ENTITY = (
    r"&(?:amp;){0,3}(?:#[0-9]{1,9};?|#[xX][0-9a-fA-F]{1,8};?|nbsp;?|[A-Za-z][A-Za-z0-9]{1,30};)"
)
# a blank in a link and in a program's text, and a line end that is none (RFC 2045, section 6.7)
_BLANK = r"%20|%2[Dd]|%C2%A0|\\[nrt]|\\u00(?:20|0[aAdD]|[aA]0)"
_SOFT_END = r"=\r?\n"
_TAG = r"</?[A-Za-z][^<>]{0,500}>|<!--[^<>]{0,200}-->"
_WRITTEN = rf"{_ENTITY}|{_BLANK}|{_SOFT_END}"
_PIECE = re.compile(rf"{_WRITTEN}|{_TAG}|.", re.DOTALL)
_PIECE_OF_SOURCE = re.compile(rf"{_WRITTEN}|.", re.DOTALL)
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
        for c in _shown(piece[0]):
            if not c.isascii():
                if unicodedata.category(c) in {"Cf", "Mn", "Me"}:
                    continue
                c = _plain(c)
            seen.append(c)
            starts.append(piece.start())
            ends.append(piece.end())
    return PlainText("".join(seen), starts, ends)


def _shown(piece: str) -> str:
    """What a reader sees of a piece, at most two characters."""
    if len(piece) == 1:
        return piece
    if piece[0] == "<":
        return TAG
    if piece[0] == "=":
        return ""
    shown = html.unescape(html.unescape(piece)) if piece[0] == "&" else " "
    return shown if len(shown) <= 2 else " "


def _plain(c: str) -> str:
    """The digit, or the ASCII letter, that a character stands for; else itself."""
    value = unicodedata.digit(c, None)
    if value is not None:
        return str(value)
    letter = unicodedata.normalize("NFKC", c) if c.isalpha() else c
    return letter if len(letter) == 1 and letter.isascii() else c
