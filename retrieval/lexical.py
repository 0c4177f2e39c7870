"""The words of a snapshot: BM25 by bm25s over our own tokens, saved beside the vectors."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?", re.UNICODE)
# words that stand in every article and so tell none apart
_STOP = frozenset(
    "a an and are as at be been but by can could did do does for from had has have he her him his "
    "how i if in into is it its me my no not of on or our she should so that the their them then "
    "there these they this to was we were what when where which who why will with would you your "
    "am i'm i've it's don't doesn't can't hi hello thanks thank please".split()
)


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    """Plural and verb endings taken off (Harman's S-stemmer and -ing/-ed), ids left alone."""
    if len(word) < 4 or not word.isalpha():
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        word = word[:-3] + "y"
    elif word.endswith("es") and word[-3] in "sxz":
        word = word[:-2]
    elif word.endswith("s") and word[-2] not in "us":
        word = word[:-1]
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) >= 3 and any(letter in "aeiouy" for letter in stem):
            if stem[-1] == stem[-2] and stem[-1] not in "lsz":
                stem = stem[:-1]
            return stem.removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


def terms(text: str) -> list[str]:
    """The words that BM25 sees: lower case, stems, without stop words."""
    words = (match.group().lower().replace("’", "'") for match in _WORD.finditer(text))
    return [_stem(word.removesuffix("'s")) for word in words if word not in _STOP]


def _bm25s() -> Any:
    import bm25s

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # it sets DEBUG itself
    return bm25s


class LexicalIndex:
    """BM25 scores by row number."""

    def __init__(self, model: Any, rows: int) -> None:
        self._model = model
        self._rows = rows

    @classmethod
    def build(cls, texts: Sequence[str]) -> LexicalIndex:
        """Index texts by position. Lucene's BM25 (k1 1.2, b .75)."""
        bm25s = _bm25s()
        tokens = [terms(text) for text in texts]
        if not any(tokens):
            return cls(None, len(texts))
        model = bm25s.BM25(k1=K1, b=B, method="lucene")
        model.index(tokens, show_progress=False)
        return cls(model, len(texts))

    @classmethod
    def load(cls, folder: Path, rows: int) -> LexicalIndex:
        """Read what `save` wrote; `rows` is the number of texts."""
        if not folder.is_dir():
            return cls(None, rows)
        return cls(_bm25s().BM25.load(str(folder), load_corpus=False), rows)

    def save(self, folder: Path) -> None:
        """Write the index's files into `folder` (nothing where no text has a word)."""
        if self._model is not None:
            self._model.save(str(folder), show_progress=False)

    def __len__(self) -> int:
        return self._rows

    def scores(self, query: str) -> NDArray[np.float32]:
        """BM25 of every row for the query, `float32 [n]`; 0 where no word of it stands."""
        nothing = np.zeros(self._rows, dtype=np.float32)
        if self._model is None:
            return nothing
        known = [term for term in terms(query) if term in self._model.vocab_dict]
        if not known:
            return nothing
        return np.asarray(self._model.get_scores(known), dtype=np.float32)
