"""Where a finished draft goes: arithmetic on what the screens and scores said. Pure: no Django.

The rule in one sentence: nothing goes out unseen unless an administrator's policy allows it, the
confidence stands on this installation's own decisions and reaches the policy's threshold, every
claim is supported, and every screen ran and passed. What is missing counts as failed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["auto_approved", "in_review", "withheld"]


@dataclass
class Screens:
    """What the screens found; ``None`` means that a screen could not run.

    ``toxicity_customer`` and ``toxicity_draft`` are true where the toxicity screen flags the text;
    ``injection`` where the ticket carries an instruction meant for the machine; ``leaks`` where
    the draft holds personal data that isn't this customer's; ``language_covered`` where the
    models know the ticket's language.
    """

    toxicity_customer: bool | None = None
    toxicity_draft: bool | None = None
    injection: bool | None = None
    leaks: bool | None = None
    language_covered: bool | None = None


@dataclass(frozen=True)
class Reason:
    """Why a draft was routed so: a stable code, and words for the person who reads it."""

    code: str
    text: str


@dataclass(frozen=True)
class Route:
    """Where the draft goes, and every reason for it, the gravest first."""

    state: State
    reasons: Sequence[Reason]


_UNAVAILABLE = {
    "toxicity_customer": "The customer's message could not be screened for toxicity.",
    "toxicity_draft": "The draft could not be screened for toxicity.",
    "injection": "The texts could not be screened for injected instructions.",
    "leaks": "The draft could not be screened for personal data.",
    "language_covered": "The ticket's language could not be determined.",
}


def route(
    *,
    confidence: float | None,
    calibrated_here: bool,
    policy_allows: bool,
    threshold: float,
    screens: Screens,
    supported: bool,
    kind: str,
    has_text: bool,
    problems: Sequence[tuple[str, str]] = (),
) -> Route:
    """The state for a finished draft, with its reasons in words.

    ``confidence`` is a probability, None where it could not be computed; ``kind`` is the kind of
    the chosen candidate ("generated", "constrained", "quoted" or "none"); ``supported`` says that
    every claim in it has evidence and carries no flag. A draft without text is never withheld,
    there is nothing to hide: a person answers.
    """
    hidden = _reasons_to_withhold(screens) if has_text else []
    person = _reasons_for_a_person(
        confidence=confidence,
        calibrated_here=calibrated_here,
        policy_allows=policy_allows,
        threshold=threshold,
        screens=screens,
        supported=supported,
        kind=kind,
        has_text=has_text,
        problems=problems,
    )
    if hidden:
        return Route("withheld", (*hidden, *person))
    if person:
        return Route("in_review", tuple(person))
    words = (
        f"Confidence {confidence:.3f} reaches the policy's {threshold:.3f}; every screen passed."
    )
    return Route("auto_approved", (Reason("policy", words),))


def _reasons_to_withhold(screens: Screens) -> list[Reason]:
    reasons = []
    if screens.toxicity_draft:
        reasons.append(Reason("toxic_draft", "The draft reads as toxic."))
    if screens.injection:
        reasons.append(
            Reason("injection", "The ticket carries an instruction meant for the machine.")
        )
    if screens.leaks:
        reasons.append(Reason("leak", "The draft holds personal data that should not be in it."))
    return reasons


def _reasons_for_a_person(
    *,
    confidence: float | None,
    calibrated_here: bool,
    policy_allows: bool,
    threshold: float,
    screens: Screens,
    supported: bool,
    kind: str,
    has_text: bool,
    problems: Sequence[tuple[str, str]],
) -> list[Reason]:
    reasons = [
        Reason(f"{name}_unavailable", f"{words} A person decides.")
        for name, words in _UNAVAILABLE.items()
        if getattr(screens, name) is None
    ]
    if screens.language_covered is False:
        reasons.append(Reason("language", "The models don't cover the ticket's language."))
    if screens.toxicity_customer:
        reasons.append(
            Reason("toxic_customer", "The customer's message reads as hostile: answer with care.")
        )
    reasons += [Reason(code, words) for code, words in problems]
    if not has_text or kind == "none":
        reasons.append(Reason("no_draft", "There is no draft: a person writes the reply."))
    elif not supported:
        reasons.append(Reason("unsupported", "At least one sentence has no evidence."))
    if not policy_allows:
        reasons.append(Reason("policy", "The category's policy asks for a person."))
    if not calibrated_here:
        reasons.append(Reason("not_calibrated", "Confidence is not calibrated here yet."))
    if confidence is None or not math.isfinite(confidence):
        reasons.append(Reason("no_confidence", "No confidence could be computed."))
    elif not confidence >= threshold:
        words = f"Confidence {confidence:.3f} is below the policy's {threshold:.3f}."
        reasons.append(Reason("below_threshold", words))
    return reasons
