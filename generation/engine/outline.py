"""What constrained decoding takes and gives: plain values. Imports no torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class Piece:
    """A text that is said whole. ``follows``: it continues the piece before it in its passage;
    ``same_line``: it does so within the line."""

    text: str
    follows: bool = False
    same_line: bool = False


@dataclass(frozen=True)
class Outline:
    """What a reply may be made of.

    Attributes:
        prompt: what the model reads first.
        openings: the first paragraph is one of these; none begins with the body.
        pieces: in reading order.
        closings: the last paragraph is one of these.
        prior: for each piece, what speaks for beginning a run there, in nats; a plain array, so
            that a retriever or a reranker can give it.
        refusals: openings that say that there is no answer. They are weighed and never written.
        weight: what the model's log-probability counts beside the prior.
        jump: nats that beginning another run costs.
        brevity: nats by which each word over ``enough_words`` speaks for ending, and each word
            under it against.
        most_pieces, most_words: the body ends there; one piece is always whole.
    """

    prompt: str
    openings: tuple[str, ...]
    pieces: tuple[Piece, ...]
    closings: tuple[str, ...]
    prior: tuple[float, ...]
    refusals: tuple[str, ...] = ()
    weight: float = 1.0
    jump: float = 2.0
    brevity: float = 0.1
    enough_words: int = 15
    most_pieces: int = 4
    most_words: int = 120

    def __post_init__(self) -> None:
        if not (self.pieces and self.openings and self.closings):
            raise ValueError("an outline needs pieces, an opening and a closing")
        if len(self.prior) != len(self.pieces) or not all(map(math.isfinite, self.prior)):
            raise ValueError("an outline needs one finite prior for each piece")


@dataclass(frozen=True)
class Composition:
    """A reply made of an outline's parts.

    Attributes:
        opening, closing: as they stand in the outline.
        runs: numbers of pieces; those of a run follow one another in the passage.
        answered: the model's probability that the passages answer, 1 without refusals.
        mean_log_probability: natural logarithm, mean over all tokens of the reply, in the model's
            own unconstrained distribution.
        tokens: how many those are.
    """

    opening: str
    runs: tuple[tuple[int, ...], ...]
    closing: str
    answered: float
    mean_log_probability: float
    tokens: int


@runtime_checkable
class Composer(Protocol):
    """A generator that can be constrained. Those that can't don't offer `compose`."""

    def compose(self, outlines: Sequence[Outline]) -> list[Composition | None]:
        """One composition for each outline; None where prompt and reply are over the context."""
