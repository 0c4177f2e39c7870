"""The quoted candidate: the sentences of the passages that answer the question, word for word.

A quote can't be wrong about the articles, so it is the floor that every written draft has to beat.
It is one continuous run per question: the sentence nearest to the question by MiniLM, and those
after it until the run is long enough to be an answer. A list of steps goes in whole, with the line
that introduces it. How the rule was chosen, with figures: ``docs/grounding.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from generation.courtesies import dress
from generation.parts import Part, parts_of, shown
from generation.sentences import split_sentences
from generation.tokens import tokens_of

__all__ = [
    "LEAST_RELEVANCE",
    "QUOTING_VERSION",
    "Quote",
    "Ranked",
    "dress",
    "quote",
    "quote_of",
    "rank",
]

QUOTING_VERSION = "1"
LEAST_RELEVANCE = 0.4  # cosine of question and nearest sentence under which nothing was found
RANK_COST = 0.05  # cosine that a passage one rank lower must be nearer by
STEPS_WANTED = 0.05  # cosine by which a list of steps may be farther from "How do I ...?"
LEAST_WORDS = 15  # a run goes on until it has as many

Embed = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class Quote:
    """A body without greeting or closing. ``picks`` are (passage, start, end) of its sentences.

    ``relevance`` is the cosine of question and quote, the least where there are two questions.
    """

    text: str
    picks: list[tuple[int, int, int]]
    relevance: float


@dataclass(frozen=True)
class Ranked:
    """The parts of the passages, and how near each is to each question that the message asks.

    ``near``: cosine, float32 [questions, parts]. ``scores``: the same less the cost of the
    passage's rank, more where steps are asked for; it decides where an answer begins.
    """

    asked: list[str]
    parts: list[Part]
    near: np.ndarray
    scores: np.ndarray


def rank(
    question: str, passages: Sequence[str], *, embed: Embed, titles: Sequence[str] = ()
) -> Ranked | None:
    """What the passages can be quoted by, measured against ``question``; None where one is empty.

    ``passages`` come best first, as Markdown; ``titles`` name them (article and heading) and are
    matched like headings: often it is the title that says what a passage answers. ``embed`` maps
    texts to unit rows and is called once.
    """
    parts = parts_of(passages, titles)
    asked = questions_in(question)
    if not parts or not asked:
        return None
    texts = list(dict.fromkeys(text for part in parts for text in (part.text, part.lead)))
    vectors = np.asarray(embed([*asked, *texts]), dtype=np.float32)
    by_text = dict(zip(texts, vectors[len(asked) :], strict=True))
    wholes = np.stack([by_text[part.text] for part in parts])
    leads = np.stack([by_text[part.lead] for part in parts])
    near = np.maximum(vectors[: len(asked)] @ wholes.T, vectors[: len(asked)] @ leads.T)
    steps = np.array([part.has_steps for part in parts], dtype=np.float32)
    costs = np.array([RANK_COST * part.passage for part in parts], dtype=np.float32)
    wants = np.array([STEPS_WANTED * bool(_ASKS_HOW.search(text)) for text in asked])
    return Ranked(asked, parts, near, (near - costs + np.outer(wants, steps)).astype(np.float32))


def quote(
    question: str,
    passages: Sequence[str],
    *,
    embed: Embed,
    titles: Sequence[str] = (),
    max_sentences: int = 4,
) -> Quote | None:
    """The run of sentences that answers ``question`` best, or None where nothing is near enough.

    See `rank` for the arguments. Two questions in one message get a run each. A list counts as one
    sentence of ``max_sentences``.
    """
    ranked = rank(question, passages, embed=embed, titles=titles)
    return quote_of(ranked, max_sentences=max_sentences) if ranked else None


def quote_of(ranked: Ranked, *, max_sentences: int = 4) -> Quote | None:
    """The quote from parts that are ranked already."""
    parts = ranked.parts
    chosen: list[tuple[list[Part], float]] = []
    for near, scores in zip(ranked.near, ranked.scores, strict=True):
        for seed in np.argsort(-scores, kind="stable"):
            if near[seed] < LEAST_RELEVANCE:
                break
            run = _run(parts, int(seed), max_sentences)
            if run:
                chosen.append((run, float(min(near[seed], 1.0))))
                break
    if not chosen:
        return None
    quoted: list[list[Part]] = []
    for run, _ in chosen:  # what answers both questions is said once
        fresh = [part for part in run if not any(part in other for other in quoted)]
        if fresh:
            quoted.append(fresh)
    units = [unit for run in quoted for part in run for unit in part.units]
    return Quote(
        text="\n\n".join(shown(run) for run in quoted),
        picks=[(unit.passage, unit.start, unit.end) for unit in units],
        relevance=min(relevance for _, relevance in chosen),
    )


def _run(parts: Sequence[Part], seed: int, longest: int) -> list[Part]:
    """From the seed on until it is long enough; empty where it can't be quoted."""
    run: list[Part] = []
    words = 0
    for part in parts[seed:]:
        if part.passage != parts[seed].passage:
            break
        if part.is_heading:
            if run:
                break
            continue
        if not part.can_be_quoted:
            break
        run.append(part)
        words += part.words
        if words >= LEAST_WORDS or len(run) >= longest:
            break
    return run


# ---- reading questions --------------------------------------------------------------------------


_ASKS_HOW = re.compile(
    r"\bhow (?:do|can|could|should|would|to)\b|\bwhat (?:now|should|can|could|must|do i|do we)\b|"
    r"\bsteps?\b|\binstructions?\b",
    re.I,
)


def questions_in(message: str) -> list[str]:
    """What has to be answered: the whole message, or its two questions where it has just two.

    Two sentences count as two questions where each ends in a question mark, names a matter of its
    own (two content words, at most a third of them shared), and so can be understood alone.
    """
    message = message.strip()
    if not message:
        return []
    asks = [s.text for s in split_sentences(message) if s.text.rstrip().endswith("?")]
    if len(asks) == 2:
        first, second = ({t.stem for t in tokens_of(text) if t.content} for text in asks)
        if min(len(first), len(second)) >= 2:
            shared = len(first & second) / min(len(first), len(second))
            if shared <= 1 / 3:
                return asks
    return [message]
