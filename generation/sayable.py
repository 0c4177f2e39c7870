"""What of the passages may be said to a customer: all but sentences that `retrieval.safety.planted`
names. Both candidates that are made of the passages' own sentences go through here. Pure."""

from __future__ import annotations

from dataclasses import replace

from generation.parts import Part
from generation.quoting import Ranked
from generation.sentences import split_sentences
from retrieval.safety.planted import why_not_said


def sayable(ranked: Ranked) -> tuple[Ranked | None, dict[int, str]]:
    """The parts that may be said, and for each passage that lost one, why. A list goes whole. None
    where no part is left."""
    reasons = [_why(part) for part in ranked.parts]
    left_out = {
        unit.passage: why
        for part, why in zip(ranked.parts, reasons, strict=True)
        if why
        for unit in part.units
    }
    kept = [place for place, why in enumerate(reasons) if not why]
    if not left_out:
        return ranked, {}
    if not kept:
        return None, left_out
    parts = [ranked.parts[place] for place in kept]
    near, scores = ranked.near[:, kept], ranked.scores[:, kept]
    return replace(ranked, parts=parts, near=near, scores=scores), left_out


def sayable_text(text: str) -> str:
    """A passage without those sentences, as a model reads it."""
    for sentence in reversed(split_sentences(text)):
        if why_not_said(sentence.text):
            text = text[: sentence.start] + text[sentence.end :]
    return text


def is_sayable(text: str) -> bool:
    return not any(why_not_said(sentence.text) for sentence in split_sentences(text))


def _why(part: Part) -> str:
    return next(filter(None, (why_not_said(unit.text) for unit in part.units)), "")
