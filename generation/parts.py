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
LONGEST_TABLE = 90  # words; a longer table falls into its rows
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
        return self.text.endswith(":") or self.kind == "columns"


@dataclass(frozen=True)
class Part:
    """What is quoted whole or not at all: a sentence, or a list or table with the line before it.

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
    def is_row(self) -> bool:
        """One row of a table that is too long to be said whole."""
        return len(self.units) == 1 and self.units[0].kind == "row"

    @property
    def can_be_quoted(self) -> bool:
        if self.units[-1].introduces:
            return False  # "do the following:" must bring its steps
        return len(self.units) == 1 or self.words <= LONGEST_LIST


@dataclass(frozen=True)
class Section:
    """What stands under one heading of a passage: indices of its parts, and of the headings over it."""

    headings: tuple[int, ...]
    body: tuple[int, ...]


def parts_of(passages: Sequence[str], titles: Sequence[str] = (), *, first: int = 0) -> list[Part]:
    """The parts of all passages (Markdown) in reading order; a title stands as a heading. Passages are
    numbered from ``first``."""
    parts: list[Part] = []
    for place, text in enumerate(passages):
        if place < len(titles) and titles[place]:
            parts.append(Part((Unit(first + place, -1, "heading", titles[place], "", 0, 0),)))
        parts += _joined(_units(first + place, text))
    return parts


def sections_of(parts: Sequence[Part]) -> list[Section]:
    """The parts by the heading they stand under, in reading order; a heading over nothing is left out."""
    sections: list[Section] = []
    headings: list[int] = []
    body: list[int] = []
    for place, part in enumerate(parts):
        begins = place > 0 and part.passage != parts[place - 1].passage
        if body and (begins or part.is_heading):
            sections.append(Section(tuple(headings), tuple(body)))
            headings, body = [], []
        elif begins:
            headings = []
        (headings if part.is_heading else body).append(place)
    return [*sections, Section(tuple(headings), tuple(body))] if body else sections


def shown(parts: Sequence[Part]) -> str:
    """Adjacent parts of one passage as a customer reads them."""
    units = [unit for part in parts for unit in part.units]
    pieces: list[str] = []
    previous: Unit | None = None
    for unit in units:
        if previous is None:
            alone = unit.kind in ("bullet", "row") and len(units) == 1
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
        item = block.kind in ("step", "bullet", "row")
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
        if block.kind == "columns":
            text = tidy(block.text)
            units.append(Unit(passage, place, "columns", text, text, block.start, block.end))
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
    """Sentences, whole lists and tables; an over-long list of bullets or rows falls into its items."""
    parts: list[Part] = []
    for list_id, group in groupby(units, key=lambda unit: unit.list_id):
        run = tuple(group)
        if list_id < 0:
            parts += [Part((unit,)) for unit in run]
            continue
        longest = {"bullet": LONGEST_LIST, "row": LONGEST_TABLE}.get(run[0].kind)
        if longest and Part(run).words > longest:
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
