"""A confidence with its footing: the number, its words, what it stands on, and why."""

from __future__ import annotations

from dataclasses import dataclass

from generation.confidence import ConfidenceError, ConfidenceModel
from generation.models import Draft

LIKELY, CHECK = 0.75, 0.45  # the words' borders; routing never looks at them


@dataclass(frozen=True)
class Why:
    """One reason: its words, and whether it speaks for the draft."""

    text: str
    good: bool


@dataclass(frozen=True)
class Footing:
    """What the page says about a confidence; `probability` is None where there is none."""

    probability: float | None
    words: str
    calibrated: bool
    labels: int
    reasons: list[Why]


def words_for(probability: float | None) -> str:
    """The number in words."""
    if probability is None:
        return "no number"
    if probability >= LIKELY:
        return "likely fine"
    return "check it" if probability >= CHECK else "unlikely"


def footing_of(draft: Draft) -> Footing:
    """The confidence of the draft's chosen text."""
    calibration = draft.calibration
    return Footing(
        probability=draft.confidence,
        words=words_for(draft.confidence),
        calibrated=bool(calibration and calibration.local),
        labels=calibration.n if calibration else 0,
        reasons=_reasons(draft),
    )


def _reasons(draft: Draft) -> list[Why]:
    if draft.calibration is None:
        return []
    try:
        model = ConfidenceModel.from_dict(draft.calibration.details)
        found = model.explain(draft.features, top=3)
    except ConfidenceError:
        return []  # made by another version of the model's format: the number stands alone
    return [Why(reason.text, reason.weight > 0) for reason in found]
