"""The constrained candidate: what the model may compose a reply of, and the reply as text. Pure.

A piece is a section of a passage where that is short, else one of its sentences, lists or tables. What
speaks for beginning at a piece is a plain array: the scores that the quote goes by, and a reranker's
where there is one.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from generation.engine.outline import Composition, Outline, Piece
from generation.parts import Part, Section, sections_of, shown
from generation.phrases import CLOSINGS, UNANSWERED, openings
from generation.quoting import LEAST_RELEVANCE, Ranked, is_short

NATS_PER_COSINE = 40.0  # so that .05 of cosine is worth two nats
WEIGHT = 0.5  # of the model's own log-probability


@dataclass(frozen=True)
class Draft:
    """An outline for the generator, and the parts that its pieces stand for."""

    outline: Outline
    parts: tuple[tuple[Part, ...], ...]


def best_passages(ranked: Ranked) -> list[int]:
    """The passages that hold the best part for each need, the first need's first."""
    best = [ranked.parts[int(scores.argmax())].passage for scores in ranked.scores]
    return list(dict.fromkeys(best))


def outline_of(
    ranked: Ranked, scores: np.ndarray, *, prompt: str, passages: Collection[int], topic: str
) -> Draft | None:
    """What may be composed from ``passages`` (their numbers); None where no part is near enough.

    ``scores`` float [needs, parts] rank the parts in units of cosine. A heading's score counts for
    what it stands over.
    """
    pieces: list[Piece] = []
    parts: list[tuple[Part, ...]] = []
    prior: list[np.ndarray] = []
    for section in sections_of(ranked.parts):
        if ranked.parts[section.body[0]].passage not in passages:
            continue
        over = scores[:, list(section.headings)].max(axis=1, initial=-1.0)
        for number, places in enumerate(_pieces(ranked.parts, section)):
            follows = (
                bool(parts)
                and places[0] > section.body[0]
                and parts[-1][-1] is (ranked.parts[places[0] - 1])
            )
            said = tuple(ranked.parts[place] for place in places)
            pieces.append(
                Piece(shown(said), follows, follows and _same_line(parts[-1][-1], said[0]))
            )
            parts.append(said)
            own = scores[:, places].max(axis=1)
            prior.append(NATS_PER_COSINE * (own if number else np.maximum(own, over)))
    inside = [place for place, part in enumerate(ranked.parts) if part.passage in passages]
    if not pieces or ranked.near[:, inside].max() < LEAST_RELEVANCE:
        return None
    outline = Outline(
        prompt=prompt,
        openings=openings(topic),
        pieces=tuple(pieces),
        closings=CLOSINGS,
        prior=tuple(tuple(need) for need in np.stack(prior, axis=1).tolist()),
        refusals=(UNANSWERED,),
        weight=WEIGHT,
    )
    return Draft(outline, tuple(parts))


def _pieces(parts: Sequence[Part], section: Section) -> list[list[int]]:
    """A section as pieces: one where it is short, else one for each part that can be quoted."""
    body = [place for place in section.body if parts[place].can_be_quoted]
    return [body] if body and is_short(parts, section) else [[place] for place in body]


def _same_line(before: Part, part: Part) -> bool:
    last, first = before.units[-1], part.units[0]
    return last.block == first.block and max(last.list_id, first.list_id) < 0


def body_of(draft: Draft, composition: Composition) -> str:
    """The composed body as a customer reads it: a paragraph for each run."""
    return "\n\n".join(
        shown([part for piece in run for part in draft.parts[piece]]) for run in composition.runs
    )
