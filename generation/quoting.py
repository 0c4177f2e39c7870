"""The quoted candidate: the sentences of the passages that answer the question, word for word.

A quote can't be wrong about the articles, so it is the floor that every written draft has to beat.
It is one continuous run per question, from a sentence's start to a sentence's end, taken where the
run is nearest to the question by MiniLM; a list of steps goes in whole, with the line that
introduces it, or not at all. How the rule was chosen: ``docs/grounding.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from generation.courtesies import dress
from generation.markup import Block, blocks_of
from generation.sentences import split_sentences
from generation.tokens import tokens_of

__all__ = ["LEAST_RELEVANCE", "QUOTING_VERSION", "Quote", "dress", "quote"]

QUOTING_VERSION = "1"
LEAST_RELEVANCE = 0.3  # cosine of question and run under which nothing was found
FIRST_PASSAGE = 0.02  # cosine that a lower rank must be nearer by, a rank
LONGEST_LIST = 220  # words; a longer one isn't quoted
LONGEST_RUN = 260  # words

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
class _Run:
    units: tuple[_Unit, ...]

    @property
    def text(self) -> str:
        return " ".join(unit.text for unit in self.units)

    @property
    def words(self) -> int:
        return len(self.text.split())


def quote(
    question: str, passages: Sequence[str], *, embed: Embed, max_sentences: int = 4
) -> Quote | None:
    """The run of sentences that answers ``question`` best, or None where nothing is near enough.

    ``passages`` come best first, as Markdown; ``embed`` maps texts to unit rows. Two questions in
    one message get a run each. A list counts as one sentence of ``max_sentences``.
    """
    units = [unit for place, text in enumerate(passages) for unit in _units(place, text)]
    runs = [run for run in _runs(units, max_sentences) if run.words <= LONGEST_RUN]
    asked = questions_in(question)
    if not runs or not asked:
        return None
    singles = list(dict.fromkeys(unit.text for run in runs for unit in run.units))
    vectors = np.asarray(embed([*asked, *singles]), dtype=np.float32)
    unit_vectors = dict(zip(singles, vectors[len(asked) :], strict=True))
    chosen: list[tuple[_Run, float]] = []
    for place in range(len(asked)):
        found = _best(vectors[place], runs, unit_vectors, embed)
        if found is None:
            continue
        if not any(set(found[0].units) & set(run.units) for run, _ in chosen):
            chosen.append(found)
    if not chosen:
        return None
    return Quote(
        text="\n\n".join(_shown(run) for run, _ in chosen),
        picks=[(u.passage, u.start, u.end) for run, _ in chosen for u in run.units],
        relevance=min(relevance for _, relevance in chosen),
    )


def _best(
    asked: np.ndarray, runs: Sequence[_Run], vectors: dict[str, np.ndarray], embed: Embed
) -> tuple[_Run, float] | None:
    def rough(run: _Run) -> float:
        mean = np.sum([vectors[unit.text] for unit in run.units], axis=0)
        return float(asked @ mean / max(float(np.linalg.norm(mean)), 1e-9))

    near = sorted(runs, key=lambda run: rough(run) - _rank_cost(run), reverse=True)[:12]
    exact = np.asarray(embed([run.text for run in near]), dtype=np.float32) @ asked
    best = max(range(len(near)), key=lambda i: exact[i] - _rank_cost(near[i]))
    if exact[best] < LEAST_RELEVANCE:
        return None
    return near[best], float(min(exact[best], 1.0))


def _rank_cost(run: _Run) -> float:
    return FIRST_PASSAGE * run.units[0].passage


# ---- reading passages ---------------------------------------------------------------------------


def _units(passage: int, markdown: str) -> list[_Unit]:
    units: list[_Unit] = []
    list_id = -1
    previous: Block | None = None
    for place, block in enumerate(blocks_of(markdown)):
        item = block.kind in ("step", "bullet")
        if item and not (previous and previous.kind == block.kind):
            list_id = place
        previous = block
        if block.kind == "heading":
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


def _runs(units: Sequence[_Unit], longest: int) -> list[_Run]:
    """Every continuous run of up to ``longest`` sentences that begins and ends well."""
    parts: list[tuple[_Unit, ...]] = []  # a sentence, or a whole list
    for unit in units:
        if unit.list_id >= 0 and parts:
            last = parts[-1][-1]
            if last.passage == unit.passage and last.list_id == unit.list_id:
                parts[-1] += (unit,)
                continue
        parts.append((unit,))
    runs = []
    for first in range(len(parts)):
        if _is_list(parts[first]) and first and _introduces(parts[first - 1], parts[first]):
            continue  # a list needs the line that introduces it
        for count in range(1, longest + 1):
            chosen = parts[first : first + count]
            if len(chosen) < count or chosen[-1][0].passage != chosen[0][0].passage:
                break
            if _is_list(chosen[-1]) and _words(chosen[-1]) > LONGEST_LIST:
                break
            if chosen[-1][-1].introduces:
                continue  # "do the following:" must bring its steps
            if not any(
                token.content for part in chosen for u in part for token in tokens_of(u.text)
            ):
                continue
            runs.append(_Run(tuple(unit for part in chosen for unit in part)))
    return runs


def _is_list(part: tuple[_Unit, ...]) -> bool:
    return part[0].list_id >= 0


def _introduces(before: tuple[_Unit, ...], part: tuple[_Unit, ...]) -> bool:
    return before[-1].introduces and before[0].passage == part[0].passage


def _words(part: tuple[_Unit, ...]) -> int:
    return sum(len(unit.text.split()) for unit in part)


def _shown(run: _Run) -> str:
    pieces: list[str] = []
    previous: _Unit | None = None
    for unit in run.units:
        if previous is None:
            pieces.append(unit.shown)
        elif unit.list_id >= 0 or previous.list_id >= 0:
            pieces.append("\n" + unit.shown)
        else:
            pieces.append((" " if unit.block == previous.block else "\n") + unit.shown)
        previous = unit
    return "".join(pieces)


# ---- reading questions --------------------------------------------------------------------------


def questions_in(message: str) -> list[str]:
    """What has to be answered: the whole message, or its two questions where it has just two.

    Two sentences count as two questions where each ends in a question mark, names a matter of its
    own (three content words, at most a third of them shared), and so can be understood alone.
    """
    message = message.strip()
    if not message:
        return []
    asks = [s.text for s in split_sentences(message) if s.text.rstrip().endswith("?")]
    if len(asks) == 2:
        first, second = ({t.stem for t in tokens_of(text) if t.content} for text in asks)
        if min(len(first), len(second)) >= 3:
            shared = len(first & second) / min(len(first), len(second))
            if shared <= 1 / 3:
                return asks
    return [message]
