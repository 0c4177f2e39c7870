"""The screens' findings as lines of the rail."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

from generation.models import Draft, DraftCandidate
from review.evidence import CandidateView

Tone = Literal["", "check", "harm"]


@dataclass(frozen=True)
class Check:
    """One line: what was looked at, what was found, how grave it is.

    `once_edited` is what stands there instead as soon as the text in the composer is another one.
    """

    name: str
    finding: str
    tone: Tone = ""
    detail: str = ""
    once_edited: str = ""


def checks_of(
    draft: Draft, candidate: DraftCandidate | None, shown: CandidateView | None
) -> list[Check]:
    """Every screen has a line, also one that could not run: silence would look like a pass."""
    screens = draft.screens or {}
    codes = {str(reason.get("code")) for reason in draft.reasons}
    toxicity = screens.get("toxicity") or {}
    lines = []
    if shown is not None:
        # the candidate that is shown, which may not be the chosen one
        scores = (candidate.toxicity if candidate else None) or toxicity.get("draft")
        tone: Tone = "check" if "harsh_quote" in codes else "harm"
        bad = bool(codes & {"toxic_draft", "harsh_quote"})
        words = _toxicity("Hurtful words", scores, bad=bad, tone=tone)
        lines.append(_until_edited(words, "screened when you approve"))
    lines.append(
        _toxicity(
            "Customer’s tone", toxicity.get("customer"), bad="toxic_customer" in codes, tone="check"
        )
    )
    lines.append(_injection(screens.get("injection") or {}))
    if shown is not None:
        leaks = _leaks(screens.get("leaks"), chosen=draft.chosen_id == shown.candidate.pk)
        lines.append(_until_edited(leaks, "screened when you approve"))
    lines.append(_language(draft, screens.get("language") or {}, covered="language" not in codes))
    if shown is not None:
        lines.append(facts_of(shown))
    return lines


def _until_edited(check: Check, words: str) -> Check:
    """The line speaks of the draft's own text; of a changed one nothing is known yet."""
    return replace(check, once_edited=words)


def _toxicity(name: str, scores: dict[str, float] | None, *, bad: bool, tone: Tone) -> Check:
    if not scores:
        return Check(name, "not screened", "check", "The screen could not run.")
    label, worst = max(scores.items(), key=lambda row: row[1])
    detail = ", ".join(f"{key.replace('_', ' ')} {value:.2f}" for key, value in scores.items())
    flagged = bad or worst >= 0.5
    words = f"{label.replace('_', ' ')} {worst:.2f}" if flagged else f"none seen ({worst:.2f})"
    return Check(name, words, tone if flagged else "", detail)


def _injection(found: dict[str, Any]) -> Check:
    if found.get("flagged") is None:
        return Check("Planted instructions", "not screened", "check", "The screen could not run.")
    if found["flagged"]:
        return Check("Planted instructions", "found", "harm", "; ".join(found.get("reasons") or []))
    return Check("Planted instructions", "none seen")


def _leaks(found: dict[str, Any] | None, *, chosen: bool) -> Check:
    if not chosen:
        return Check("Personal data", "screened when you approve", "", "Only the chosen text was.")
    if found is None or "kinds" not in found:
        return Check("Personal data", "not screened", "check", "The screen could not run.")
    kinds = found["kinds"]
    if kinds:
        return Check("Personal data", ", ".join(kinds), "harm", "Stands in no cited article.")
    return Check("Personal data", "none seen")


def _language(draft: Draft, found: dict[str, Any], *, covered: bool) -> Check:
    code = found.get("code") or draft.language
    if not code:
        return Check("Language", "unknown", "check")
    if not covered:
        return Check("Language", f"{code}: not covered", "check", "The models don't know it well.")
    return Check("Language", code)


def facts_of(shown: CandidateView) -> Check:
    """What of the text stands in no cited article, by the grounding and by this person's word."""
    return _until_edited(_facts(shown), "compared with the articles when you approve")


def _facts(shown: CandidateView) -> Check:
    doubted = [sentence for sentence in shown.sentences if sentence.status == "missing"]
    pieces = [piece for sentence in doubted for piece in sentence.flagged]
    if pieces:
        listed = ", ".join(f"“{piece['text']}”" for piece in pieces[:4])
        more = f" and {len(pieces) - 4} more" if len(pieces) > 4 else ""
        return Check(
            "Facts", f"{listed}{more} not in any cited article", "check",
            "; ".join(f"{piece['what']}: {piece['text']}" for piece in pieces),
        )  # fmt: skip
    if doubted:
        many = len(doubted) > 1
        words = f"{len(doubted)} sentence{'s' if many else ''} without evidence"
        return Check("Facts", words, "check", "Marked below the reply.")
    return Check("Facts", "all in the cited articles" if shown.cited else "none to check")
