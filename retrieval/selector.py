"""Which of the sections that were found answers a question, and how likely: a linear model over what the
search, the reranker and the words themselves say. Its coefficients come only from
``manage.py train selector``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from assistant.whole_files import write_whole
from retrieval.literal import Asked, Told, literal_evidence
from retrieval.sections import Found

BUNDLED = Path(__file__).with_name("selector.json")
FORMAT = "countersign-selector-3"
MOST = 8.0  # log-odds
FEATURES = (
    "near", "near_gap", "worded", "fused", "article", "read", "read_gap",
    "words", "heading_words", "heading_covered", "run", "heading_run", "code", "other_code", "system",
    "other_system", "other_product", "introduces", "short", "steps",
)  # fmt: skip
READ = ("read", "read_gap")  # what only a reranker says
# of them, what tells whether a section answers at all, whatever else was found
TELLING = (
    "near", "read", "words", "heading_words", "heading_covered", "run", "other_code", "other_system",
    "other_product", "introduces", "steps",
)  # fmt: skip


class SelectorError(RuntimeError):
    """The selector's file is missing or is none: what is wrong, and what to do about it."""


def features_of(
    asked: Asked,
    sections: Sequence[Found],
    told: Sequence[Told],
    read: NDArray[np.float32] | None,
) -> NDArray[np.float64]:
    """What is known of each section, `float64 [sections, FEATURES]`; `told[i]` is what section i says.

    `near`: cosine of its best passage, and its distance to the best of all; `worded`: BM25 beside the
    best; `fused`: the reciprocal of its rank; `article`: the reciprocal of its article's; `read`: the
    reranker's log-odds and their distance to the best (NaN where none read them); then
    `literal_evidence`; `introduces`: it is the first of several in its article; `short`: under 40
    words; `steps`: it has some.
    """
    hits = [found.section for found in sections]
    near = np.array([hit.dense_score for hit in hits])
    worded = np.array([hit.lexical_score for hit in hits])
    odds = np.full(len(hits), np.nan) if read is None else log_odds_of(read)
    articles: dict[int, int] = {}
    rows = []
    for place, hit in enumerate(hits):
        rank = articles.setdefault(hit.document_id, len(articles) + 1)
        lines = [line.lstrip() for line in hit.text.split("\n")]
        rows.append(
            {
                "near": near[place],
                "near_gap": near[place] - near.max(),
                "worded": worded[place] / (worded.max() or 1.0),
                "fused": 1.0 / (place + 1),
                "article": 1.0 / rank,
                "read": odds[place],
                "read_gap": odds[place] - odds.max(),
                **literal_evidence(asked, told[place]),
                "introduces": float(sections[place].introduces),
                "short": float(len(hit.text.split()) < 40),
                "steps": float(sum(line[:1].isdigit() for line in lines) >= 2),
            }
        )
    return np.array([[row[name] for name in FEATURES] for row in rows], dtype=np.float64)


def log_odds_of(probabilities: ArrayLike) -> NDArray[np.float64]:
    """The log-odds of probabilities, within what .0001 and .9999 are."""
    bounded = np.clip(np.asarray(probabilities, dtype=np.float64), 1e-4, 1 - 1e-4)
    odds: NDArray[np.float64] = np.log(bounded / (1 - bounded))
    return odds


@dataclass(frozen=True)
class Weights:
    """``order`` weighs a section against the others of its search, ``answers`` (of `TELLING`) and
    ``intercept`` say how likely it answers."""

    order: dict[str, float]
    answers: dict[str, float]
    intercept: float


@dataclass(frozen=True)
class Selector:
    """A fitted linear model; every field stands in its JSON file. ``unread`` weighs what no reranker
    read: its weights of `READ` are 0."""

    means: dict[str, float]
    scales: dict[str, float]
    read: Weights
    unread: Weights
    reranker: str  # the first digits of the digest of what read the sections that it was fitted on
    data: dict[str, int]  # tickets by family

    def standings(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """How the sections of one search stand to each other, `float64 [sections]`: the highest is the
        one to say."""
        return self._weighed(features, self._weights(features).order)

    def log_odds(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of each section answering, `float64 [sections]`, within ±`MOST`."""
        weights = self._weights(features)
        odds = self._weighed(features, weights.answers) + weights.intercept
        return odds.clip(-MOST, MOST)

    def _weights(self, features: NDArray[np.float64]) -> Weights:
        return self.unread if np.isnan(features).any() else self.read

    def _weighed(
        self, features: NDArray[np.float64], weights: Mapping[str, float]
    ) -> NDArray[np.float64]:
        means = np.array([self.means[name] for name in FEATURES])
        scales = np.array([self.scales[name] for name in FEATURES])
        known = np.where(np.isnan(features), means, features)
        weighed: NDArray[np.float64] = (
            (known - means) / scales @ np.array([weights.get(name, 0.0) for name in FEATURES])
        )
        return weighed

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Selector:
        """Raises `SelectorError`."""
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
            if row.pop("format") != FORMAT:
                raise ValueError(f"not of the format {FORMAT}")
            for name in ("read", "unread"):
                row[name] = Weights(**row[name])
            found = cls(**row)
            numbers: list[float] = []
            for values in (found.means, found.scales, found.read.order, found.unread.order):
                numbers += [float(values[name]) for name in FEATURES]
            for weights in (found.read, found.unread):
                numbers += [weights.intercept, *(float(weights.answers[name]) for name in TELLING)]
            if not all(map(math.isfinite, numbers)) or min(found.scales.values()) <= 0:
                raise ValueError("a number is none")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise SelectorError(
                f"The selector could not be loaded from {path.name}: {error}. Restore the file, or fit "
                "it again with manage.py train selector."
            ) from error
        return found


@lru_cache(maxsize=1)
def get_selector() -> Selector:
    """The one that ships. Raises `SelectorError`."""
    return Selector.load(BUNDLED)
