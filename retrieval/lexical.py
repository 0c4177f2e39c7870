"""The words of a snapshot: BM25 by bm25s over our own tokens, saved beside the vectors."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

K1 = 1.5
B = 0.75

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?", re.UNICODE)
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
    """The words that BM25 sees: lower case, singular, without stop words."""
    words = (match.group().lower().replace("’", "'") for match in _WORD.finditer(text))
    return [_singular(word.removesuffix("'s")) for word in words if word not in _STOP]


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
        """Index texts by position. Lucene's BM25 (k1 1.5, b .75)."""
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
