"""The sections of an article that answers are made of. Pure.

A passage is what a search finds; what a person is told is the section around it: the heading's whole
body, with what stands under headings that say nothing alone ("Cause", "Solution", "Step 2"). A section
that is too long for a reply falls into spans of whole paragraphs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from retrieval.chunking import Section, addresses_of, blocks, sections
from retrieval.passages import SearchHit

LONGEST = 2_400  # characters of a section that is one; about 400 words
OPENING = 240  # characters of a long section that are read before what was found in it
# headings that mean something only under the one above them
_DEPENDENT = re.compile(
    r"(?:the |possible |common |known |likely )?"
    r"(?:symptoms?|causes?|reasons?|problem|issue|error|errors?|diagnosis|explanation|details?|description|"
    r"background|context|overview|summary|solutions?|resolutions?|fix(?:es)?|workarounds?|remed(?:y|ies)|"
    r"answer|procedure|instructions?|steps?|(?:step|option|method|way|part|variant) (?:\d+|[a-z])\b.*|"
    r"how to (?:fix|solve|resolve) (?:it|this)|what to do|what you (?:can|should) do|what (?:this|it) means|"
    r"to (?:fix|solve|resolve) (?:it|this).*|before you (?:begin|start)|prerequisites?|requirements?|"
    r"what you(?:'|’)?(?:ll)? need|needed|result|outcome|verification|verify|next|after that|then|"
    r"notes?|tips?|hints?|warnings?|caution|important|remarks?|limitations?|examples?|usage|syntax|"
    r"affected (?:systems|versions|products))"
    r"\s*[:.]?",
    re.IGNORECASE,
)
_INSIDE = re.compile(
    r"[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t]|[ \t]{2,}\S"
)  # a list's item, or within one
# headings over what leads away from the article
_ASIDE = re.compile(
    r"(?:see also|related(?: \w+){0,2}|(?:more|additional|further) (?:information|resources|reading|help)|"
    r"learn more|next steps?|what(?:'|’)?s next|references?|resources|(?:table of )?contents|"
    r"in this (?:article|section|guide)|on this page|feedback|useful links)\s*[:.]?",
    re.IGNORECASE,
)

Span = tuple[int, int]


@dataclass(frozen=True)
class SectionSpan:
    """``text[start:end]``, and the headings it stands under."""

    start: int
    end: int
    heading_path: tuple[str, ...]


def is_dependent(heading: str) -> bool:
    """Whether a heading says nothing by itself: "Solution", "Step 2: Restart"."""
    return bool(_DEPENDENT.fullmatch(heading.strip()))


def is_aside(heading_path: Sequence[str]) -> bool:
    """Whether a section only leads to others: "See also", "In this article"."""
    return bool(heading_path) and bool(_ASIDE.fullmatch(heading_path[-1].strip()))


def section_spans(text: str) -> tuple[SectionSpan, ...]:
    """The sections of a text (Markdown, hidden parts blanked) in reading order; each passage of the text
    lies in one or more of them."""
    found: list[SectionSpan] = []
    for path, group in groupby(sections(text), key=_own_path):
        for run in _fitting_runs(list(group)):
            start, end = run[0].start, run[-1].end
            if len(run) == 1 and end - start > LONGEST:
                found += [SectionSpan(*span, path) for span in _cut(text, start, end)]
            else:
                found.append(SectionSpan(start, end, path))
    return tuple(found)


def _own_path(section: Section) -> tuple[str, ...]:
    """The headings that name a section, without those that depend on the one above."""
    path = section.heading_path
    while len(path) > 1 and is_dependent(path[-1]):
        path = path[:-1]
    return path


def _fitting_runs(group: Sequence[Section]) -> Iterator[list[Section]]:
    """Neighbouring sections under one name, together as far as they fit."""
    run: list[Section] = []
    for section in group:
        # the same heading a second time is another section
        again = run and section.heading_path == run[-1].heading_path
        if run and (again or section.end - run[0].start > LONGEST):
            yield run
            run = []
        run.append(section)
    if run:
        yield run


def _cut(text: str, start: int, end: int) -> Iterator[Span]:
    """A long section as spans of whole blocks. Where it can, a cut comes before a paragraph rather than
    within a list."""
    run: list[Span] = []
    for block in blocks(text, start, end):
        span = block.span
        if run and span[1] - run[0][0] > LONGEST:
            far = [at for at, one in enumerate(run) if one[0] - run[0][0] >= LONGEST // 3]
            keep = next((at for at in reversed(far) if not _goes_on(text, run[at])), len(run))
            yield run[0][0], run[keep - 1][1]
            run = run[keep:]
            if run and span[1] - run[0][0] > LONGEST:
                yield run[0][0], run[-1][1]
                run = []
        run.append(span)
    if run:
        yield run[0][0], run[-1][1]


def _goes_on(text: str, span: Span) -> bool:
    """Whether a block belongs to what stands before it: a list's item, what is inside one, or what a
    line announces."""
    before = span[0]
    while before and text[before - 1].isspace():
        before -= 1
    if text[before - 1 : before] == ":":
        return True
    return bool(_INSIDE.match(text, text.rfind("\n", 0, span[0]) + 1, span[1]))


@dataclass(frozen=True)
class Found:
    """A section with the scores and ids of the best passage in it, that passage, and its place;
    ``introduces`` says that it is the first of several in its article."""

    place: int
    section: SearchHit
    passage: SearchHit
    introduces: bool = False

    @property
    def read(self) -> str:
        """What tells whether it answers, within what a reranker reads: the section, of a long one the
        beginning and what was found."""
        behind = self.passage.start - self.section.start
        if behind <= OPENING:
            return self.section.text
        lead = self.section.text[:OPENING]
        return f"{lead[: lead.rfind(' ')]} …\n{self.section.text[behind:]}"


def in_sections(hits: Iterable[tuple[int, SearchHit]], texts: Mapping[int, str]) -> list[Found]:
    """Each hit's section, once, in the order of the hits, without those that only lead to others (where
    there are any). ``texts`` are the revisions' by id, hidden parts blanked:
    ``hit.text == texts[revision][start:end]``."""
    found: dict[tuple[int, int, int], Found] = {}
    cut: dict[int, tuple[SectionSpan, ...]] = {}
    for place, hit in hits:
        text = texts.get(hit.revision_id, "")
        if hit.revision_id not in cut:
            cut[hit.revision_id] = section_spans(text)
        spans = cut[hit.revision_id]
        span = _around(hit, spans)
        key = (hit.revision_id, span.start, span.end)
        if key not in found:
            first = len(spans) > 1 and span == spans[0]
            found[key] = Found(place, _widened(hit, span, text), hit, introduces=first)
    telling = [one for one in found.values() if not is_aside(one.section.heading_path)]
    return telling or list(found.values())


def _around(hit: SearchHit, spans: Sequence[SectionSpan]) -> SectionSpan:
    """The section that holds most of a passage; the passage where none does."""
    own = SectionSpan(hit.start, hit.end, hit.heading_path)
    best = max(spans, key=lambda span: _overlap(span, own), default=own)
    return best if _overlap(best, own) > 0 else own


def _overlap(one: SectionSpan, other: SectionSpan) -> int:
    return min(one.end, other.end) - max(one.start, other.start)


def _widened(hit: SearchHit, span: SectionSpan, text: str) -> SearchHit:
    if (span.start, span.end) == (hit.start, hit.end):
        return hit
    return replace(
        hit,
        text=text[span.start : span.end],
        start=span.start,
        end=span.end,
        heading_path=span.heading_path,
        context="\n".join(addresses_of(text, span.start, span.end)),
    )
