"""Texts as a search compares them: without case, accents and the many forms of one letter. Pure.

The same on every database, since none of them does it: NFKC, case folding (Unicode 3.13), accents off.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

LONGEST_WORD = 64
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
_APOSTROPHES = re.compile("['’‘ʼ‛`´′＇]")
_PART = re.compile(r"[^\W_]+")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003134f"
_CJK_RUN = re.compile(f"[{_CJK}]+|[^{_CJK}]+")
_IS_CJK = re.compile(f"[{_CJK}]")


def fold(text: str) -> str:
    """The text without case, accents and characters that are not seen; one kind of apostrophe."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(
        c for c in text if unicodedata.category(c) not in {"Mn", "Me", "Cf", "Cc"} or c.isspace()
    )
    return unicodedata.normalize("NFC", _APOSTROPHES.sub("'", text).translate(_LETTERS))


def chunks(text: str) -> list[str]:
    """What stands between blanks, folded, each with its letters and digits only: `lm7719923`."""
    made = ("".join(_PART.findall(chunk)) for chunk in fold(text).split())
    return [chunk for chunk in made if chunk]


def words(text: str) -> Iterator[str]:
    """Every word by which a text is found: each chunk whole (`obrien`), its parts (`o`, `brien`; `zoe` of
    `Zoë's`), and pairs of CJK characters."""
    for chunk in fold(text).split():
        parts = _PART.findall(chunk)
        for word in {*parts, "".join(parts)}:
            yield from (one for one in _pieces(word) if len(one) <= LONGEST_WORD)


def wanted(text: str) -> list[list[list[str]]]:
    """What a query asks for, chunk by chunk: the ways to fit it, each a list of words that all must be
    there (`LM-7719923`: the one word `lm7719923`, or both `lm` and `7719923`)."""
    made = []
    for chunk in fold(text).split():
        parts = _PART.findall(chunk)
        if parts:
            ways = (
                [one for word in way for one in _pieces(word)] for way in (["".join(parts)], parts)
            )
            made.append([way for way in ways if all(len(one) <= LONGEST_WORD for one in way)])
    return made


def _pieces(word: str) -> list[str]:
    """A word; of writing without blanks between words its pairs of characters."""
    if not _IS_CJK.search(word):
        return [word]
    found: list[str] = []
    for run in _CJK_RUN.findall(word):
        pairs = [run[n : n + 2] for n in range(len(run) - 1)]
        found += pairs if _IS_CJK.match(run) and pairs else [run]
    return found
