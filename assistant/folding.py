"""Texts as a search compares them: without case, accents and the many forms of one letter. Pure.

The same on every database, since none of them does it: NFKC, case folding (Unicode 3.13), accents off.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby

LONGEST_WORD = 64
_LONGEST_RUN = 3  # neighbouring parts of a chunk that are found as one word as well
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t"}
    # Arabic as people type it: other keyboards' letters, endings that are left undotted, stretching
    | {"ى": "ي", "ی": "ي", "ے": "ي", "ک": "ك", "ة": "ه", "ہ": "ه", "ھ": "ه", "ە": "ه", "ٱ": "ا", "ـ": None}
)  # fmt: skip
_APOSTROPHES = re.compile("['’‘ʼ‛`´′＇]")
_UNSEEN = {"Me", "Cf", "Cc"}
_UNSEEN_MARKS = re.compile("[\u034f\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
# Thai, Lao, Burmese and Khmer; kana, Han and Hangul: no blanks between words, or none that is sure
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\U00020000-\U0003134f"
)
_RUN = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")


def fold(text: str) -> str:
    """The text without case, accents and what is not seen; one kind of apostrophe and of digits."""
    text = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(_digit(c) for c in _UNSEEN_MARKS.sub("", text) if _is_kept(c))
    return unicodedata.normalize("NFC", _APOSTROPHES.sub("'", text).translate(_LETTERS))


def _is_kept(c: str) -> bool:
    """Accents, points and tone marks go; the vowels of Indian and South-East Asian scripts are letters
    (they have no combining class)."""
    return c.isspace() or not (unicodedata.combining(c) or unicodedata.category(c) in _UNSEEN)


def _digit(c: str) -> str:
    return c if c.isascii() or not c.isdecimal() else str(unicodedata.decimal(c))


def _parts(chunk: str) -> list[str]:
    """What of a chunk stands between punctuation."""
    return ["".join(run) for in_word, run in groupby(chunk, _is_in_word) if in_word]


def _is_in_word(c: str) -> bool:
    return c.isalnum() or unicodedata.category(c) in {"Mn", "Mc"}


def _chunks(text: str) -> Iterator[list[str]]:
    """What stands between blanks, folded, by its parts; none that is punctuation only."""
    return filter(None, map(_parts, fold(text).split()))


def chunks(text: str) -> list[str]:
    """What stands between blanks, folded, each with its letters and digits only: `lm7719923`."""
    return ["".join(parts) for parts in _chunks(text)]


def spaced(text: str) -> list[str]:
    """The same, each with blanks between its parts, as somebody else writes it: `lm 7719923`."""
    return [" ".join(parts) for parts in _chunks(text)]


def words(text: str) -> Iterator[str]:
    """Every word by which a text is found: each chunk whole (`obrien`), its parts (`o`, `brien`; `zoe` of
    `Zoë's`) and their neighbours (`e101` of `error:E-101`), and characters and pairs of them where no
    blanks stand between words."""
    for parts in _chunks(text):
        for word in {"".join(parts), *_runs(parts)}:
            for one in {*_pieces(word), *_IS_UNSPACED.findall(word)}:
                if len(one) <= LONGEST_WORD:
                    yield one


def _runs(parts: list[str]) -> Iterator[str]:
    for start in range(len(parts)):
        for length in range(1, _LONGEST_RUN + 1):
            yield "".join(parts[start : start + length])


def wanted(text: str) -> list[list[list[str]]]:
    """What a query asks for, chunk by chunk: the ways to fit it, each a list of words that all must be
    there (`LM-7719923`: the one word `lm7719923`, or both `lm` and `7719923`)."""
    made = []
    for parts in _chunks(text):
        ways = ([one for word in way for one in _pieces(word)] for way in (["".join(parts)], parts))
        made.append([way for way in ways if all(len(one) <= LONGEST_WORD for one in way)])
    return made


def _pieces(word: str) -> list[str]:
    """A word; of writing without blanks between words its pairs of characters."""
    if not _IS_UNSPACED.search(word):
        return [word]
    found: list[str] = []
    for run in _RUN.findall(word):
        pairs = [run[n : n + 2] for n in range(len(run) - 1)]
        found += pairs if _IS_UNSPACED.match(run) and pairs else [run]
    return found
