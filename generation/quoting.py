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
from itertools import groupby
from typing import Any

import numpy as np

from generation.courtesies import dress
from generation.markup import Block, blocks_of
from generation.sentences import split_sentences
from generation.tokens import tokens_of

__all__ = ["LEAST_RELEVANCE", "QUOTING_VERSION", "Quote", "dress", "quote"]

QUOTING_VERSION = "1"
LEAST_RELEVANCE = 0.4  # cosine of question and nearest sentence under which nothing was found
RANK_COST = 0.05  # cosine that a passage one rank lower must be nearer by
STEPS_WANTED = 0.05  # cosine by which a list of steps may be farther from "How do I ...?"
LEAST_WORDS = 15  # a run goes on until it has as many
LONGEST_LIST = 220  # words; of a longer list of steps nothing is quoted
SHORT_LEAD = 7  # words of a line before a list that says too little by itself
LONGEST_HEADING = 14  # words of a line without punctuation that counts as a heading

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
class _Unit:
    """A sentence or a list item of a passage, ``passage[start:end]``, as a customer reads it."""

    passage: int
    block: int
    kind: str
    text: str
    shown: str
    start: int
    end: int
    list_id: int = -1

    @property
    def introduces(self) -> bool:
        return self.text.endswith(":")


@dataclass(frozen=True)
class _Part:
    """What is quoted whole or not at all: a sentence, or a list with the line before it.

    A heading is matched like a sentence but not shown.
    """

    units: tuple[_Unit, ...]

    @property
    def text(self) -> str:
        return " ".join(unit.text for unit in self.units)

    @property
    def lead(self) -> str:
        """The sentences before the list, or all of it."""
        before = [unit.text for unit in self.units if unit.list_id < 0]
        return " ".join(before) if before else self.text

    @property
    def has_steps(self) -> bool:
        return self.units[-1].kind == "step"

    @property
    def words(self) -> int:
        return len(self.text.split())

    @property
    def passage(self) -> int:
        return self.units[0].passage

    @property
    def is_heading(self) -> bool:
        return self.units[0].kind == "heading"

    @property
    def can_be_quoted(self) -> bool:
        if self.units[-1].introduces:
            return False  # "do the following:" must bring its steps
        return len(self.units) == 1 or self.words <= LONGEST_LIST


def quote(
    question: str,
    passages: Sequence[str],
    *,
    embed: Embed,
    titles: Sequence[str] = (),
    max_sentences: int = 4,
) -> Quote | None:
    """The run of sentences that answers ``question`` best, or None where nothing is near enough.

    ``passages`` come best first, as Markdown; ``titles`` name them (article and heading) and are
    matched like headings: often it is the title that says what a passage answers. ``embed`` maps
    texts to unit rows and is called once. Two questions in one message get a run each. A list
    counts as one sentence of ``max_sentences``.
    """
    parts: list[_Part] = []
    for place, text in enumerate(passages):
        if place < len(titles) and titles[place]:
            parts.append(_Part((_Unit(place, -1, "heading", titles[place], "", 0, 0),)))
        parts += _parts(_units(place, text))
    asked = questions_in(question)
    if not parts or not asked:
        return None
    texts = list(dict.fromkeys(text for part in parts for text in (part.text, part.lead)))
    vectors = np.asarray(embed([*asked, *texts]), dtype=np.float32)
    by_text = dict(zip(texts, vectors[len(asked) :], strict=True))
    wholes = np.stack([by_text[part.text] for part in parts])
    leads = np.stack([by_text[part.lead] for part in parts])
    steps = np.array([STEPS_WANTED * part.has_steps for part in parts], dtype=np.float32)
    costs = np.array([RANK_COST * part.passage for part in parts], dtype=np.float32)
    chosen: list[tuple[list[_Part], float]] = []
    for place in range(len(asked)):
        near = np.maximum(wholes @ vectors[place], leads @ vectors[place])
        wanted = steps if _ASKS_HOW.search(asked[place]) else 0.0
        for seed in np.argsort(-(near - costs + wanted), kind="stable"):
            if near[seed] < LEAST_RELEVANCE:
                break
            run = _run(parts, int(seed), max_sentences)
            if run:
                chosen.append((run, float(min(near[seed], 1.0))))
                break
    if not chosen:
        return None
    quoted: list[list[_Part]] = []
    for run, _ in chosen:  # what answers both questions is said once
        fresh = [part for part in run if not any(part in other for other in quoted)]
        if fresh:
            quoted.append(fresh)
    units = [unit for run in quoted for part in run for unit in part.units]
    return Quote(
        text="\n\n".join(_shown([unit for part in run for unit in part.units]) for run in quoted),
        picks=[(unit.passage, unit.start, unit.end) for unit in units],
        relevance=min(relevance for _, relevance in chosen),
    )


def _run(parts: Sequence[_Part], seed: int, longest: int) -> list[_Part]:
    """From the seed on until it is long enough; empty where it can't be quoted."""
    run: list[_Part] = []
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


# ---- reading passages ---------------------------------------------------------------------------


def _units(passage: int, markdown: str) -> list[_Unit]:
    units: list[_Unit] = []
    list_id = -1
    previous: Block | None = None
    blocks = blocks_of(markdown)
    for place, block in enumerate(blocks):
        item = block.kind in ("step", "bullet")
        if item and not (previous and previous.kind == block.kind):
            list_id = place
        previous = block
        if block.kind == "heading" or (place + 1 < len(blocks) and _is_heading(block)):
            text = tidy(block.text)
            units.append(_Unit(passage, place, "heading", text, "", block.start, block.end))
            continue
        if item:
            text = tidy(block.text)
            units.append(
                _Unit(
                    passage,
                    place,
                    block.kind,
                    text,
                    f"{block.marker} {text}",
                    block.start,
                    block.end,
                    list_id,
                )
            )
            continue
        for sentence in split_sentences(block.text):
            text = tidy(sentence.text)
            start, end = block.places[sentence.start], block.places[sentence.end - 1] + 1
            units.append(_Unit(passage, place, "paragraph", text, text, start, end))
    return units


_SPACED = re.compile(r" +([,.;:!?%)])")


def tidy(text: str) -> str:
    """A sentence without the white space that tokenised sources put around punctuation."""
    return _SPACED.sub(r"\1", text).replace("( ", "(").strip()


def _is_heading(block: Block) -> bool:
    """A line such as "How do I return it?" in a text that marks no headings."""
    if block.kind != "paragraph" or len(block.text.split()) > LONGEST_HEADING:
        return False
    return not block.text.rstrip().endswith((".", "!", ":", ";", ",", ")", "”", '"'))


def _parts(units: Sequence[_Unit]) -> list[_Part]:
    """Sentences and whole lists; an over-long list of bullets falls into its items."""
    parts: list[_Part] = []
    for list_id, group in groupby(units, key=lambda unit: unit.list_id):
        run = tuple(group)
        if list_id < 0:
            parts += [_Part((unit,)) for unit in run]
            continue
        if run[0].kind == "bullet" and _Part(run).words > LONGEST_LIST:
            parts += [_Part((unit,)) for unit in run]
        elif parts and parts[-1].units[-1].introduces:
            before = parts.pop().units
            if len(before[0].text.split()) <= SHORT_LEAD and parts:
                earlier = parts[-1].units
                if len(earlier) == 1 and earlier[0].block == before[0].block:
                    before = parts.pop().units + before  # what "Do the following:" is about
            parts.append(_Part(before + run))
        else:
            parts.append(_Part(run))
    return parts


def _shown(units: Sequence[_Unit]) -> str:
    pieces: list[str] = []
    previous: _Unit | None = None
    for unit in units:
        if previous is None:
            alone = unit.kind == "bullet" and len(units) == 1
            pieces.append(unit.text if alone else unit.shown)
        elif unit.list_id >= 0 or previous.list_id >= 0:
            pieces.append("\n" + unit.shown)
        else:
            pieces.append((" " if unit.block == previous.block else "\n") + unit.shown)
        previous = unit
    return "".join(pieces)


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
