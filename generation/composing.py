"""The constrained candidate: what the model may compose a reply of, and the reply as text. Pure.

The parts are those that can be quoted (`generation.parts`), of the passages that stand in the
prompt. What speaks for beginning at a part is a plain array: MiniLM's cosines here, and a reranker's
scores where there is one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generation.engine.outline import Composition, Outline, Piece
from generation.parts import Part, shown
from generation.phrases import CLOSINGS, UNANSWERED, openings
from generation.quoting import LEAST_RELEVANCE, Ranked

NATS_PER_COSINE = 40.0  # so that .05 of cosine is worth two nats
WEIGHT = 0.5  # of the model's own log-probability


@dataclass(frozen=True)
class Draft:
    """An outline for the generator, and the parts that its pieces stand for."""

    outline: Outline
    parts: tuple[Part, ...]


def best_passage(scores: np.ndarray, parts: Sequence[Part]) -> int:
    """The passage of the part that scores highest; ``scores`` float [questions, parts]."""
    return parts[int(scores.max(0).argmax())].passage


def outline_of(
    ranked: Ranked, scores: np.ndarray, *, prompt: str, passages: Sequence[int], topic: str
) -> Draft | None:
    """What may be composed from ``passages`` (their numbers); None where no part is near enough.

    ``scores`` float [questions, parts] rank the parts in units of cosine. A heading's score counts
    for what it stands over.
    """
    pieces: list[Piece] = []
    parts: list[Part] = []
    prior: list[float] = []
    over: float | None = None
    previous: Part | None = None
    best = scores.max(0)
    for part, score in zip(ranked.parts, best, strict=True):
        if part.passage not in passages:
            continue
        if part.is_heading or not part.can_be_quoted:
            over = max(float(score), over or -1.0) if part.is_heading else None
            previous = None
            continue
        follows = previous is not None and previous.passage == part.passage
        same_line = (
            follows
            and previous is not None
            and previous.units[-1].list_id < 0
            and part.units[0].list_id < 0
            and previous.units[-1].block == part.units[0].block
        )
        pieces.append(Piece(shown([part]), follows, same_line))
        parts.append(part)
        prior.append(NATS_PER_COSINE * max(float(score), -1.0 if over is None else over))
        over, previous = None, part
    inside = [place for place, part in enumerate(ranked.parts) if part.passage in passages]
    if not pieces or ranked.near[:, inside].max() < LEAST_RELEVANCE:
        return None
    outline = Outline(
        prompt=prompt,
        openings=openings(topic),
        pieces=tuple(pieces),
        closings=CLOSINGS,
        prior=tuple(prior),
        refusals=(UNANSWERED,),
        weight=WEIGHT,
    )
    return Draft(outline, tuple(parts))


def body_of(draft: Draft, composition: Composition) -> str:
    """The composed body as a customer reads it: a paragraph for each run."""
    return "\n\n".join(shown([draft.parts[i] for i in run]) for run in composition.runs)
