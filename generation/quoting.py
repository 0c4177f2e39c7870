"""The quoted candidate: what the passages say to each of the customer's questions, word for word.

A quote can't be wrong about the articles, so it is the floor that every written draft has to beat.
For each need it takes the section of a passage that is nearest to it: whole where it is short, else
from its nearest sentence on until the run is long enough to be an answer. Lists and tables go in
whole, with the line that introduces them. How the rule was chosen, with figures:
``docs/grounding.md``.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from generation.courtesies import dress
from generation.needs import needs_of
from generation.parts import Part, Section, parts_of, sections_of, shown
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

QUOTING_VERSION = "2"
LEAST_RELEVANCE = 0.4  # nearness of need and best part under which nothing was found
NEED_SHARE = 0.45  # of a part's nearness: to what is asked, beside the whole message
WORDS_SHARED = 0.25  # what all of a need's telling words in a part are worth, in units of cosine
RANK_COST = 0.05  # cosine that a passage one rank lower must be nearer by
STEPS_WANTED = 0.05  # cosine by which a list of steps may be farther from "How do I ...?"
SAID_COST = 0.12  # by which a section that is not said yet may be farther from a further need
SHORT_SECTION = 80  # words of a section that is quoted whole
LEAST_WORDS = 30  # a run of a longer section goes on until it has as many

Embed = Callable[[Sequence[str]], Any]


@dataclass(frozen=True)
class Quote:
    """A body without greeting or closing. ``picks`` are (passage, start, end) of its sentences.

    ``relevance`` is the nearness of question and quote, the most where there are several needs;
    ``unmet`` says how many needs found nothing.
    """

    text: str
    picks: list[tuple[int, int, int]]
    relevance: float
    unmet: int


@dataclass(frozen=True)
class Ranked:
    """The parts of the passages, and how near each is to each thing that the message asks for.

    ``near``: cosine to the whole message, or to it and the need where that is nearer, float32
    [needs, parts]; it decides whether anything answers. ``scores``: the cosines to both, mixed, with
    the words that need and part share, less the cost of the passage's rank, more where steps are
    asked for, less where an earlier need takes the section; it decides what answers.
    """

    needs: list[str]
    parts: list[Part]
    near: np.ndarray
    scores: np.ndarray


def rank(
    question: str,
    passages: Sequence[str],
    *,
    embed: Embed,
    titles: Sequence[str] = (),
    needs: Sequence[str] | None = None,
) -> Ranked | None:
    """What the passages can be quoted by, measured against ``question``; None where one is empty.

    ``passages`` come best first, as Markdown; ``titles`` name them (article and heading) and are
    matched like headings: often it is the title that says what a passage answers. ``needs`` are
    what the question asks for, by default as `needs_of` reads it. ``embed`` maps texts to unit rows
    and is called once.
    """
    parts = parts_of(passages, titles)
    question = question.strip()
    if not parts or not question:
        return None
    asked = list(needs if needs is not None else needs_of(question)) or [question]
    texts = list(dict.fromkeys(text for part in parts for text in (part.text, part.lead)))
    vectors = np.asarray(embed([question, *asked, *texts]), dtype=np.float32)
    by_text = dict(zip(texts, vectors[1 + len(asked) :], strict=True))
    wholes = np.stack([by_text[part.text] for part in parts])
    leads = np.stack([by_text[part.lead] for part in parts])
    views = np.maximum(vectors[: 1 + len(asked)] @ wholes.T, vectors[: 1 + len(asked)] @ leads.T)
    mixed = NEED_SHARE * views[1:] + (1 - NEED_SHARE) * views[:1]
    steps = np.array([part.has_steps for part in parts], dtype=np.float32)
    costs = np.array([RANK_COST * part.passage for part in parts], dtype=np.float32)
    wants = np.array([STEPS_WANTED * bool(_ASKS_HOW.search(text)) for text in asked])
    shared = WORDS_SHARED * _shared_words(asked, parts, titles)
    scores = (mixed + shared - costs + np.outer(wants, steps)).astype(np.float32)
    _spread(scores, parts)
    return Ranked(asked, parts, np.maximum(mixed, views[:1]), scores)


def _spread(scores: np.ndarray, parts: Sequence[Part]) -> None:
    """Let each need after the first have a section of its own, where one is nearly as near."""
    sections = [[*section.headings, *section.body] for section in sections_of(parts)]
    for need in range(len(scores) - 1 if sections else 0):
        said = max(sections, key=lambda places: scores[need, places].max())
        scores[need + 1 :, said] -= SAID_COST


def _shared_words(needs: Sequence[str], parts: Sequence[Part], titles: Sequence[str]) -> np.ndarray:
    """The share of each need's telling words that stand in a part or over it, rare ones counting
    more: float [needs, parts]."""
    over = [_stems(title) for title in titles]
    held = [
        _stems(part.text) | (over[part.passage] if part.passage < len(over) else set())
        for part in parts
    ]
    known = Counter(stem for stems in held for stem in stems)

    def weight(stems: set[str]) -> float:
        return sum(math.log(1 + len(parts) / known.get(stem, 0.5)) for stem in stems)

    asked = [_stems(need) for need in needs]
    return np.array(
        [[weight(wanted & stems) / (weight(wanted) or 1.0) for stems in held] for wanted in asked]
    )


def _stems(text: str) -> set[str]:
    return {token.stem for token in tokens_of(text) if token.content}


def quote(
    question: str, passages: Sequence[str], *, embed: Embed, titles: Sequence[str] = ()
) -> Quote | None:
    """What answers ``question`` best, a run for each of its needs, or None where nothing is near
    enough. See `rank` for the arguments."""
    ranked = rank(question, passages, embed=embed, titles=titles)
    return quote_of(ranked) if ranked else None


def quote_of(ranked: Ranked) -> Quote | None:
    """The quote from parts that are ranked already."""
    sections = sections_of(ranked.parts)
    chosen: list[tuple[list[int], float]] = []
    for near, scores in zip(ranked.near, ranked.scores, strict=True):
        answers = [_answer(ranked.parts, section, near, scores) for section in sections]
        best = max(filter(None, answers), key=lambda answer: answer.score, default=None)
        if best is not None:
            chosen.append((best.run, min(best.near, 1.0)))
    if not chosen:
        return None
    said: set[int] = set()
    quoted: list[list[Part]] = []
    for run, _ in chosen:  # what answers two needs is said once
        if fresh := [ranked.parts[place] for place in run if place not in said]:
            quoted.append(fresh)
        said.update(run)
    units = [unit for run in quoted for part in run for unit in part.units]
    return Quote(
        text="\n\n".join(shown(run) for run in quoted),
        picks=[(unit.passage, unit.start, unit.end) for unit in units],
        relevance=float(max(relevance for _, relevance in chosen)),
        unmet=len(ranked.needs) - len(chosen),
    )


@dataclass(frozen=True)
class _Answer:
    score: float
    near: float
    run: list[int]


def _answer(
    parts: Sequence[Part], section: Section, near: np.ndarray, scores: np.ndarray
) -> _Answer | None:
    """What a section says to a need; None where it is too far off or can't be quoted."""
    body = [place for place in section.body if parts[place].can_be_quoted]
    if not body:
        return None
    places = [*section.headings, *body]
    if near[places].max() < LEAST_RELEVANCE:
        return None
    seed = body[int(scores[body].argmax())]
    return _Answer(
        float(scores[places].max()), float(near[places].max()), _run(parts, section, seed)
    )


def is_short(parts: Sequence[Part], section: Section) -> bool:
    """Whether a section is said whole."""
    return sum(parts[place].words for place in section.body) <= SHORT_SECTION


def _run(parts: Sequence[Part], section: Section, seed: int) -> list[int]:
    """The places of what is said of a section: all of a short one, else from the seed on until it is
    long enough; of a long table one row."""
    if is_short(parts, section):
        return [place for place in section.body if parts[place].can_be_quoted]
    run: list[int] = []
    words = 0
    for place in section.body[section.body.index(seed) :]:
        if not parts[place].can_be_quoted:
            break
        run.append(place)
        words += parts[place].words
        if words >= LEAST_WORDS or parts[place].is_row:
            break
    return run


# ---- reading questions --------------------------------------------------------------------------


_ASKS_HOW = re.compile(
    r"\bhow (?:do|can|could|should|would|to)\b|\bwhat (?:now|should|can|could|must|do i|do we)\b|"
    r"\bsteps?\b|\binstructions?\b",
    re.I,
)
