"""The words of a snapshot: BM25 (Lucene's form) over the postings of its segments.

Each segment keeps what never changes: which word stands how often in which row, and how long each
row is. What depends on all segments (how many live rows there are, how many hold a word, how long
they are on average) is counted when a query is scored, so that scores are those of one index built
of the live rows alone.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval.codes import codes_of

K1 = 1.5
B = 0.75

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?", re.UNICODE)
# scripts that put no blanks between words: Han, Hiragana, Katakana, and Hangul with its endings
_RUN = re.compile(
    "[\u3005\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")  # soft hyphens and their like
# words that stand in every article and so tell none apart
_STOP_WORDS = (
    "a an and are as at be been but by can could did do does for from had has have he her him his "
    "how i if in into is it its me my no not of on or our she should so that the their them then "
    "there these they this to was we were what when where which who why will with would you your "
    "am i'm i've it's don't doesn't can't hi hello thanks thank please"
)
_STOP = frozenset(_STOP_WORDS.split())


def _singular(word: str) -> str:
    """The plural's ending taken off (Harman's S-stemmer); verbs and ids are left alone."""
    if len(word) < 4 or not word.isalpha() or not word.endswith("s"):
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] in "sxz":
        return word[:-2]
    return word if word[-2] in "us" else word[:-1]


def terms(text: str) -> list[str]:
    """What BM25 sees of a text: its words, folded (NFKC, no case), singular, without stop words; pairs of
    neighbouring characters where a script sets no blanks; and its exact codes (`retrieval.codes`)."""
    text = unicodedata.normalize("NFKC", _UNSEEN.sub("", text))
    found = [code.term for code in sorted(codes_of(text))]
    for match in _WORD.finditer(text.casefold().replace("’", "'")):
        word = match.group()
        if _RUN.search(word):
            found += _pairs(word)
        elif word not in _STOP:
            found.append(_singular(word.removesuffix("'s")))
    return found


def share_without_blanks(text: str) -> float:
    """The share of a text's letters that are of scripts without blanks between words."""
    letters = sum(character.isalpha() for character in text)
    return sum(len(run.group()) for run in _RUN.finditer(text)) / letters if letters else 0.0


def pairs_of(text: str) -> list[str]:
    """The terms of a text in such scripts, each once."""
    return [term for term in dict.fromkeys(terms(text)) if _RUN.match(term)]


def _pairs(word: str) -> list[str]:
    """A word with characters of such a script in it: its pairs of them, and what stands between."""
    found: list[str] = []
    position = 0
    for run in [*_RUN.finditer(word), None]:
        between = word[position : run.start() if run else len(word)]
        if between and between not in _STOP:
            found.append(_singular(between))
        if run:
            characters = run.group()
            found += [characters[at : at + 2] for at in range(max(len(characters) - 1, 1))]
            position = run.end()
    return found


@dataclass(frozen=True)
class Postings:
    """The words of a segment's rows. Word `i` of `words` stands `counts[j]` times in row `rows[j]`
    for `j` from `starts[i]` to `starts[i + 1]`; `lengths` are the rows' words, repeated ones too."""

    words: list[str]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.int32]
    lengths: NDArray[np.int32]

    @classmethod
    def build(cls, texts: Sequence[str]) -> Postings:
        """Postings of texts by position."""
        numbers: dict[str, int] = {}
        entries: list[NDArray[np.int64]] = []
        lengths = np.zeros(len(texts), dtype=np.int32)
        for row, text in enumerate(texts):
            found = terms(text)
            lengths[row] = len(found)
            ids = [numbers.setdefault(word, len(numbers)) for word in found]
            entries.append((np.array(ids, dtype=np.int64) << 32) | row)
        keys = np.concatenate(entries) if entries else np.zeros(0, dtype=np.int64)
        keys, counts = np.unique(keys, return_counts=True)
        return cls._of_keys(list(numbers), keys, counts, lengths)

    @classmethod
    def merge(cls, parts: Sequence[tuple[Postings, NDArray[np.bool_]]]) -> Postings:
        """Postings of the rows that each mask leaves, one part after the other."""
        numbers: dict[str, int] = {}
        keys, counts, lengths, before = [], [], [], 0
        for part, live in parts:
            place = np.cumsum(live) - 1 + before
            ids = np.fromiter(
                (numbers.setdefault(word, len(numbers)) for word in part.words),
                dtype=np.int64,
                count=len(part.words),
            )
            kept = live[part.rows]
            word_of = np.repeat(ids, np.diff(part.starts))[kept]
            keys.append((word_of << 32) | place[part.rows[kept]])
            counts.append(part.counts[kept])
            lengths.append(part.lengths[live])
            before += int(live.sum())
        all_keys = np.concatenate(keys)
        order = np.argsort(all_keys)
        return cls._of_keys(
            list(numbers), all_keys[order], np.concatenate(counts)[order], np.concatenate(lengths)
        )

    @classmethod
    def _of_keys(
        cls,
        words: list[str],
        keys: NDArray[np.int64],
        counts: NDArray[np.integer],
        lengths: NDArray[np.int32],
    ) -> Postings:
        used, starts = np.unique(keys >> 32, return_index=True)
        return cls(
            words=[words[number] for number in used.tolist()],
            starts=np.append(starts, len(keys)).astype(np.int64),
            rows=(keys & 0xFFFFFFFF).astype(np.int32),
            counts=counts.astype(np.int32),
            lengths=lengths,
        )

    @classmethod
    def load(cls, folder: Path) -> Postings:
        """Read what `save` wrote; the arrays stay on the disk until they are needed."""
        arrays = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS}
        return cls(words=json.loads((folder / "words.json").read_text()), **arrays)

    def save(self, folder: Path) -> None:
        folder.mkdir()
        (folder / "words.json").write_text(json.dumps(self.words, ensure_ascii=False))
        for name in _ARRAYS:
            np.save(folder / f"{name}.npy", getattr(self, name))

    @cached_property
    def numbers(self) -> dict[str, int]:
        return {word: number for number, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.lengths)


_ARRAYS = ("starts", "rows", "counts", "lengths")


class LexicalIndex:
    """BM25 scores by row number, over the rows of all parts one after the other."""

    def __init__(
        self, parts: Sequence[Postings], live: Sequence[NDArray[np.bool_] | None] = ()
    ) -> None:
        """`live[i]` masks the rows of part `i` that count, None where all do: the others score 0
        and weigh nothing."""
        self._parts = parts
        self._live = list(live) or [None] * len(parts)
        self._offsets = [0, *accumulate(len(part) for part in parts)]
        lengths = [
            part.lengths if alive is None else part.lengths[alive]
            for part, alive in zip(parts, self._live, strict=True)
        ]
        self._count = sum(len(each) for each in lengths)
        average = sum(int(each.sum()) for each in lengths) / max(self._count, 1)
        self._norms = [
            (K1 * (1 - B + B * part.lengths / max(average, 1e-9))).astype(np.float32)
            for part in parts
        ]

    @classmethod
    def build(cls, texts: Sequence[str]) -> LexicalIndex:
        """Index texts by position."""
        return cls([Postings.build(texts)])

    def __len__(self) -> int:
        return self._offsets[-1]

    def weight(self, term: str) -> float:
        """How much a term tells apart, in nats: 0 for one that stands nowhere."""
        holding = sum(len(rows) for _, rows, _ in self._postings(term))
        return self._idf(holding) if holding else 0.0

    def scores(self, query: str) -> NDArray[np.float32]:
        """BM25 of every row for the query, `float32 [n]`; 0 where no word of it stands."""
        scores = np.zeros(len(self), dtype=np.float32)
        for term, times in Counter(terms(query)).items():
            found = self._postings(term)
            weight = np.float32(times * self._idf(sum(len(rows) for _, rows, _ in found)))
            for index, rows, counts in found:
                gain = weight * counts / (counts + self._norms[index][rows])
                scores[self._offsets[index] : self._offsets[index + 1]][rows] += gain
        return scores

    def holding(self, term: str) -> NDArray[np.bool_]:
        """The live rows that hold a term, `bool [n]`."""
        held = np.zeros(len(self), dtype=np.bool_)
        for index, rows, _ in self._postings(term):
            held[self._offsets[index] : self._offsets[index + 1]][rows] = True
        return held

    def _idf(self, holding: int) -> float:
        """Lucene's weight of a term that so many live rows hold."""
        return math.log(1 + (self._count - holding + 0.5) / (holding + 0.5))

    def _postings(self, term: str) -> list[tuple[int, NDArray[np.int32], NDArray[np.float32]]]:
        """The parts that hold a term: number, live rows, and how often."""
        return [
            (index, *hits)
            for index in range(len(self._parts))
            if (hits := self._hits(index, term)) is not None
        ]

    def _hits(self, index: int, term: str) -> tuple[NDArray[np.int32], NDArray[np.float32]] | None:
        """The live rows of a part that hold a term, and how often."""
        part, live = self._parts[index], self._live[index]
        number = part.numbers.get(term)
        if number is None:
            return None
        span = slice(int(part.starts[number]), int(part.starts[number + 1]))
        rows, counts = np.asarray(part.rows[span]), part.counts[span].astype(np.float32)
        if live is not None:
            kept = live[rows]
            rows, counts = rows[kept], counts[kept]
        return rows, counts
