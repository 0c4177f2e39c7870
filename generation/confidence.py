"""How sure we are of a draft: a probability from named features, by a logistic model. Pure.

The coefficients come only from ``manage.py train confidence``; the model's file names the data they
stand on, what counted as a good draft, and how well the probability held on drafts kept aside.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol

from generation.tokens import tokens_of

FILE, MANIFEST = "confidence.json", "manifest.json"
FORMAT = "countersign-confidence-1"

# name → (in words when above the training data's mean, when below)
FEATURES: dict[str, tuple[str, str]] = {
    "retrieval_top": (
        "a close match in the knowledge base",
        "no close match in the knowledge base",
    ),
    "retrieval_margin": ("one passage stands out", "several passages match alike"),
    "support_min": ("evidence strong", "a sentence with weak evidence"),
    "support_mean": ("evidence strong throughout", "evidence weak"),
    "relevance": ("the draft is near the question", "the draft is far from the question"),
    "log_probability": ("the model was sure of its words", "the model was unsure of its words"),
    "log_probability_absent": ("no word probabilities", "word probabilities known"),
    "agreement": ("samples agree", "samples differ"),
    "agreement_absent": ("a single sample", "several samples"),
    "length": ("long draft", "short draft"),
    "flags": ("items without evidence", "every item has evidence"),
    "question_length": ("long message", "short message"),
    "vagueness": ("vague question", "clear question"),
    "generated": ("written by the model", "in the articles' own words"),
    "constrained": ("composed of the articles' sentences", "not composed by the model"),
    "coverage": ("it takes up the question's words", "it leaves out the question's words"),
}


class ConfidenceError(Exception):
    """A confidence model's file is missing or wrong, or a feature is."""

    permanent = True


class Grounded(Protocol):
    """What is needed of a sentence: see `generation.grounding.GroundedSentence`."""

    @property
    def kind(self) -> str: ...
    @property
    def support(self) -> float | None: ...
    @property
    def flags(self) -> Sequence[Any]: ...


@dataclass(frozen=True)
class Reason:
    """One feature's part in a confidence: ``weight`` in log-odds, above 0 where it raises it."""

    text: str
    weight: float


def features_of(
    *,
    question: str,
    retrieval_scores: Sequence[float],
    sentences: Sequence[Grounded],
    mean_log_probability: float | None,
    samples: Sequence[str],
    text: str,
    kind: str,
    relevance: float,
) -> dict[str, float]:
    """The features of one draft, by the names of `FEATURES`.

    ``retrieval_scores``: cosines of the passages, best first. ``samples``: bodies of all samples
    of the generator, empty ones included. ``text``: the draft's body. Lengths are natural
    logarithms of words; what is absent is 0 beside its indicator.
    """
    claims = [s.support or 0.0 for s in sentences if s.kind == "claim"]
    scores = sorted(retrieval_scores, reverse=True)
    asked = {token.stem for token in tokens_of(question) if token.content}
    said = {token.stem for token in tokens_of(text)}
    agreement = agreement_of(samples)
    return {
        "retrieval_top": scores[0] if scores else 0.0,
        "retrieval_margin": scores[0] - scores[1] if len(scores) > 1 else 0.0,
        "support_min": min(claims, default=0.0),
        "support_mean": sum(claims) / len(claims) if claims else 0.0,
        "relevance": relevance,
        "log_probability": mean_log_probability or 0.0,
        "log_probability_absent": float(mean_log_probability is None),
        "agreement": agreement or 0.0,
        "agreement_absent": float(agreement is None),
        "length": math.log1p(len(text.split())),
        "flags": float(min(sum(len(s.flags) for s in sentences), 5)),
        "question_length": math.log1p(len(question.split())),
        "vagueness": max(0.0, 1 - len(asked) / 6),
        "generated": float(kind == "generated"),
        "constrained": float(kind == "constrained"),
        "coverage": len(asked & said) / len(asked) if asked else 0.0,
    }


def agreement_of(samples: Sequence[str]) -> float | None:
    """Mean token F1 over all pairs of samples; None for fewer than two."""
    counts = [Counter(token.word for token in tokens_of(sample)) for sample in samples]
    pairs = list(combinations(counts, 2))
    if not pairs:
        return None
    return sum(_f1(a, b) for a, b in pairs) / len(pairs)


def _f1(a: Counter[str], b: Counter[str]) -> float:
    if not a or not b:
        return float(a == b)
    return 2 * (a & b).total() / (a.total() + b.total())


@dataclass(frozen=True)
class ConfidenceModel:
    """A fitted logistic model; every field stands in its JSON file.

    ``auroc``, ``ece`` (15 bins of equal mass) and ``reliability`` are of ``n_held_out`` drafts from
    groups that the fit did not see; ``n`` is all labels. ``data_digest`` is the SHA-256 of them.
    """

    name: str
    label: str
    data_digest: str
    n: int
    n_held_out: int
    positive_share: float
    auroc: float | None
    ece: float | None
    reliability: list[dict[str, float]]
    features: list[str]
    means: list[float]
    scales: list[float]
    coefficients: list[float]
    intercept: float
    format: str = FORMAT

    @classmethod
    def load(cls, path: str | Path) -> ConfidenceModel:
        """From a folder that holds ``confidence.json``, or from the file itself.

        Raises ConfidenceError where it is missing, unreadable or not of this format.
        """
        file = Path(path)
        if file.is_dir():
            file = file / FILE
        try:
            data = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise ConfidenceError(
                f"{file} is missing: make it with `manage.py train confidence`"
            ) from error
        except (OSError, ValueError) as error:
            raise ConfidenceError(f"{file} can't be read as JSON: {error}") from error
        return cls.from_dict(data, where=str(file))

    @classmethod
    def from_dict(cls, data: Any, *, where: str = "the confidence model") -> ConfidenceModel:
        names = {f.name for f in fields(cls)}
        if not isinstance(data, dict) or set(data) != names or data["format"] != FORMAT:
            raise ConfidenceError(f"{where} is not a {FORMAT} file: train it again")
        size = len(data["features"])
        if any(len(data[key]) != size for key in ("means", "scales", "coefficients")):
            raise ConfidenceError(f"{where} names {size} features but has other counts of numbers")
        unknown = sorted(set(data["features"]) - set(FEATURES))
        if unknown:
            raise ConfidenceError(f"{where} wants unknown features: {', '.join(unknown)}")
        numbers = [*data["means"], *data["scales"], *data["coefficients"], data["intercept"]]
        if not all(isinstance(x, int | float) and math.isfinite(x) for x in numbers):
            raise ConfidenceError(f"{where} holds a number that is not finite")
        if not all(scale > 0 for scale in data["scales"]):
            raise ConfidenceError(f"{where} holds a scale that is not above 0")
        return cls(**data)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def save(self, folder: str | Path) -> Path:
        """Write ``confidence.json`` and its ``manifest.json`` into ``folder``, which is made."""
        file = Path(folder) / FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.as_dict(), ensure_ascii=False, indent=2, sort_keys=True)
        file.write_text(text + "\n", encoding="utf-8")
        files = {FILE: hashlib.sha256(file.read_bytes()).hexdigest()}
        digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
        manifest = json.dumps({"digest": digest, "files": files}, indent=2, sort_keys=True)
        (file.parent / MANIFEST).write_text(manifest + "\n", encoding="utf-8")
        return file

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the model's canonical JSON."""
        text = json.dumps(self.as_dict(), ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def probability(self, features: Mapping[str, float]) -> float:
        """That the draft is good by the model's own label, 0 to 1.

        Raises ConfidenceError where a feature is missing or not finite.
        """
        z = self.intercept + sum(weight for _, weight in self._contributions(features))
        return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))

    def explain(self, features: Mapping[str, float], top: int = 3) -> list[Reason]:
        """The features that moved it most from the average draft, the strongest first, in words."""
        parts = sorted(self._contributions(features), key=lambda part: -abs(part[1]))
        means = dict(zip(self.features, self.means, strict=True))
        return [
            Reason(FEATURES[name][0 if features[name] > means[name] else 1], weight)
            for name, weight in parts[:top]
            if abs(weight) >= 0.05
        ]

    def _contributions(self, features: Mapping[str, float]) -> list[tuple[str, float]]:
        parts = []
        for name, mean, scale, coefficient in zip(
            self.features, self.means, self.scales, self.coefficients, strict=True
        ):
            value = features.get(name)
            if value is None or not math.isfinite(value):
                raise ConfidenceError(f"the feature {name} is missing or not finite")
            parts.append((name, coefficient * (value - mean) / scale))
        return parts
