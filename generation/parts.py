"""What can be said whole: the sentences of a passage, and its lists with the line before them. Pure.

Both candidates that stay inside the evidence are made of these parts: the quoted one and the
constrained one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from generation.markup import Block, blocks_of
from generation.prompts import tidy
from generation.sentences import split_sentences

LONGEST_LIST = 220  # words; of a longer list of steps nothing is quoted
SHORT_LEAD = 7  # words of a line before a list that says too little by itself
LONGEST_HEADING = 14  # words of a line without punctuation that counts as a heading


@dataclass(frozen=True)
class Unit:
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
class Part:
    """What is quoted whole or not at all: a sentence, or a list with the line before it.

    A heading is matched like a sentence but not shown.
    """

    units: tuple[Unit, ...]

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
        """Where it was found; of a list made whole over several passages the best-ranked one."""
        return min(unit.passage for unit in self.units)

    @property
    def is_heading(self) -> bool:
        return self.units[0].kind == "heading"

    @property
    def can_be_quoted(self) -> bool:
        if self.units[-1].introduces:
            return False  # "do the following:" must bring its steps
        return len(self.units) == 1 or self.words <= LONGEST_LIST


def parts_of(passages: Sequence[str], titles: Sequence[str] = (), *, first: int = 0) -> list[Part]:
    """The parts of all passages (Markdown) in reading order; a title stands as a heading. Passages are
    numbered from ``first``."""
    parts: list[Part] = []
    for place, text in enumerate(passages):
        if place < len(titles) and titles[place]:
            parts.append(Part((Unit(first + place, -1, "heading", titles[place], "", 0, 0),)))
        parts += _joined(_units(first + place, text))
    return parts


def shown(parts: Sequence[Part]) -> str:
    """Adjacent parts of one passage as a customer reads them."""
    units = [unit for part in parts for unit in part.units]
    pieces: list[str] = []
    previous: Unit | None = None
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


def _units(passage: int, markdown: str) -> list[Unit]:
    units: list[Unit] = []
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
            units.append(Unit(passage, place, "heading", text, "", block.start, block.end))
            continue
        if item:
            text = tidy(block.text)
            units.append(
                Unit(
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
            units.append(Unit(passage, place, "paragraph", text, text, start, end))
    return units


def _is_heading(block: Block) -> bool:
    """A line such as "How do I return it?" in a text that marks no headings."""
    if block.kind != "paragraph" or len(block.text.split()) > LONGEST_HEADING:
        return False
    return not block.text.rstrip().endswith((".", "!", ":", ";", ",", ")", "”", '"'))


def _joined(units: Sequence[Unit]) -> list[Part]:
    """Sentences and whole lists; an over-long list of bullets falls into its items."""
    parts: list[Part] = []
    for list_id, group in groupby(units, key=lambda unit: unit.list_id):
        run = tuple(group)
        if list_id < 0:
            parts += [Part((unit,)) for unit in run]
            continue
        if run[0].kind == "bullet" and Part(run).words > LONGEST_LIST:
            parts += [Part((unit,)) for unit in run]
        elif parts and parts[-1].units[-1].introduces:
            before = parts.pop().units
            if len(before[0].text.split()) <= SHORT_LEAD and parts:
                earlier = parts[-1].units
                if len(earlier) == 1 and earlier[0].block == before[0].block:
                    before = parts.pop().units + before  # what "Do the following:" is about
            parts.append(Part(before + run))
        else:
            parts.append(Part(run))
    return parts
