"""Sentences of two articles that say the same of the same thing, but for a fact. Pure but for the
embedder that is passed in.

Two articles disagree where a sentence of each has nearly the words of the other, and a hard check
of grounding fails on the pair: another number, date, address, a "not", an opposite. Articles about
two products have such pairs by nature, so whatever names its subject (title, headings, names in the
sentence) must not differ.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from generation.contradictions import failures_of
from generation.evidence import (
    Claim,
    Embed,
    Span,
    Unit,
    claim_of,
    containment,
    ordered_share,
    units_of,
)
from generation.polarity import is_negator
from generation.tokens import Token, tokens_of
from retrieval.models import Chunk
from retrieval.similarity import Near

ALIKE = 0.62  # share of each sentence's words that the other holds, in its order
NEARLY_SAME = 0.8  # the same, where a "not" or an opposite is all that tells them apart
COSINE = 0.7  # of the two sentences; a "not" alone costs about .2
LEAST_WORDS = 4  # content words: shorter ones are labels
_COUNTED = frozenset(["number", "date", "negation", "opposite"])
_ABBREVIATED = re.compile(r"\bno\.", re.I)  # a number, not a denial
_LABELLED = re.compile(
    r"\b(?P<what>[A-Z][\w-]*|steps?|pages?|sections?|chapters?|tables?|figures?|parts?|versions?"
    r"|options?|items?|examples?|build|revision)\s+(?P<number>\d[\w.]*)"
)
_MONTHS = frozenset(
    "January February March April May June July August September October November December".split()
)
WORDS = {
    "number": "another number",
    "date": "another date or time",
    "negation": "one says it, the other denies it",
    "opposite": "opposite words",
}


@dataclass(frozen=True)
class Disagreement:
    """Two sentences (with their places in the revisions), what differs, and how near they are."""

    own: str
    own_start: int
    own_end: int
    other: str
    other_start: int
    other_end: int
    differs: tuple[str, ...]
    cosine: float


def disagreements(near: Near, *, embed: Embed) -> list[Disagreement]:
    """The pairs of sentences of two passages that contradict each other; most pairs have none."""
    if not _same_subject(near):
        return []
    found = []
    ours, theirs = _units(near.own.text), _units(near.other.text)
    for unit in ours:
        for rival in theirs:
            differs = _differs(unit, rival)
            if differs:
                found.append((unit, rival, differs))
    if not found:
        return []
    texts = list({one.text for pair in found for one in pair[:2]})
    vectors = dict(zip(texts, np.asarray(embed(texts), dtype=np.float32), strict=True))
    made = []
    for unit, rival, differs in found:
        cosine = float(vectors[unit.text] @ vectors[rival.text])
        if cosine >= COSINE:
            a, b = near.own.start, near.other.start
            made.append(
                Disagreement(
                    unit.text, a + unit.start, a + unit.end,
                    rival.text, b + rival.start, b + rival.end, differs, cosine,
                )
            )  # fmt: skip
    return made


@lru_cache(maxsize=512)
def _units(text: str) -> list[Unit]:
    return units_of([text])


def _differs(unit: Unit, rival: Unit) -> tuple[str, ...]:
    """What differs between two like sentences; empty where they agree or are not alike."""
    if unit.text == rival.text or not (_whole(unit) and _whole(rival)):
        return ()
    likeness = _likeness(unit.tokens, rival.tokens)
    if likeness < ALIKE or _cell(unit) != _cell(rival) or _labels(unit) != _labels(rival):
        return ()
    there = _failures(claim_of(unit.text), rival)
    back = _failures(claim_of(rival.text), unit)
    if "name" in there or "name" in back or unit.names != rival.names:
        return ()  # of two things: two truths
    both = set(there) & set(back) & _COUNTED
    if likeness < NEARLY_SAME or _denials(unit) == _denials(rival):
        both.discard("negation")
    if likeness < NEARLY_SAME:
        both.discard("opposite")
    return tuple(kind for kind in there if kind in both)


def _whole(unit: Unit) -> bool:
    """A sentence, and no piece of one that an abbreviation ("Item No.") has cut."""
    return unit.text.count("**") % 2 == 0 and not _ABBREVIATED.search(unit.text)


def _cell(unit: Unit) -> str:
    """What a row of a table is about: its first cell; empty for other sentences."""
    return unit.text.strip("| ").split("|")[0].strip() if unit.text.startswith("|") else ""


def _labels(unit: Unit) -> set[tuple[str, str]]:
    """Numbers that name something and measure nothing: "Server 2019", "in step 3"."""
    return {
        (match["what"].casefold(), match["number"])
        for match in _LABELLED.finditer(unit.text)
        if (match["what"][0].islower() or match.start() > 0) and match["what"] not in _MONTHS
    }


def _denials(unit: Unit) -> int:
    return sum(is_negator(token.word) for token in unit.tokens)


def _failures(claim: Claim, unit: Unit) -> list[str]:
    return failures_of(claim, Span([unit]), [unit], alike=True)


def _likeness(ours: Sequence[Token], theirs: Sequence[Token]) -> float:
    """The least share of one sentence's words that the other holds, in its order; 0 to 1."""
    if min(sum(t.content for t in ours), sum(t.content for t in theirs)) < LEAST_WORDS:
        return 0.0
    return min(
        containment(ours, theirs),
        containment(theirs, ours),
        ordered_share(ours, theirs),
        ordered_share(theirs, ours),
    )


def _same_subject(near: Near) -> bool:
    """Neither's title and headings name a product, place or version that the other doesn't speak of."""
    return _named(near.own) <= _spoken_of(near.other) and _named(near.other) <= _spoken_of(near.own)


def _named(chunk: Chunk) -> frozenset[str]:
    """Stems of the names in title and headings: capitals inside a phrase, and words with digits.

    A title in capitals throughout ("Reset Your Router") tells no name from another word, so that
    all its words count.
    """
    found: set[str] = set()
    for phrase in (chunk.revision.title, *chunk.heading_path):
        tokens = [token for token in tokens_of(phrase) if token.content]
        later = [token for token in tokens if token.start > 0]
        capital = [token for token in later if phrase[token.start].isupper()]
        throughout = len(capital) == len(later)
        for token in tokens if throughout and len(tokens) > 1 else capital:
            found.add(token.stem)
        found |= {token.stem for token in tokens if any(c.isdigit() for c in token.word)}
    return frozenset(found)


def _spoken_of(chunk: Chunk) -> frozenset[str]:
    return _stems("\n".join([chunk.revision.title, *chunk.heading_path, chunk.text]))


@lru_cache(maxsize=2048)
def _stems(text: str) -> frozenset[str]:
    return frozenset(token.stem for token in tokens_of(text))
