"""Cut a Markdown text into passages that an embedder sees whole. Pure.

A chunk is a span `text[start:end]` of one section's body: whole sentences, list items, table rows
or code lines, as many as fit. Headings are not quoted; their path goes with the chunk, and is
embedded in front of it (`embedded_text`). Only a sentence that exceeds the bound by itself is cut,
between words.

What a cut would take away goes with the chunk as its `context`, Markdown that stands elsewhere in the
text: the header of a table, the opening of a fence, the addresses of reference links. What no reader
sees (`retrieval.hidden`) is in no chunk.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from retrieval.hidden import blanked
from retrieval.tables import begins_table, is_row

CountTokens = Callable[[str], int]
Span = tuple[int, int]

CONTEXT_TOKENS = 48  # the most that title and headings may take of the embedder's window
COLUMN_TOKENS = 40  # the most that the header of a table may take of it
CONTEXT_SEPARATOR = " › "

_FENCE = re.compile(r"[ \t>]*(`{3,}(?=[^`]*$)|~{3,})")
_HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]+(.*))?$")
_CLOSING_MARKS = re.compile(r"(?:^|(?<=[ \t]))#+$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*$")
_ITEM = re.compile(r"[ \t]*(?:[-*+•]|\d{1,9}[.)])[ \t]+")
_ROW = re.compile(r"[ \t]*\|")
# where a link of the form [label][name] or [name] goes
_DEFINITION = re.compile(r"^ {0,3}\[(?!\^)([^\[\]\n]{1,400})\]:[ \t]*\S.*$", re.MULTILINE)
_REFERENCE = re.compile(r"\[([^\[\]]{1,400})\](?:\[([^\[\]]{0,200})\])?(?![(:])")
_SENTENCE_END = re.compile(r"""(?<![.!?…])[.!?…]+["'”’)\]*_]*(?=\s)|[。！？]["”’）」』]*""")
_NOT_SPACE = re.compile(r"\S")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Za-z]|[A-Za-z]\.[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|approx|ca|cf"
    r"|Inc|Ltd|Co|Corp|Nr|[Nn]os?|Fig|fig|[Ss]ec|Art|pp|tel|Tel|ext|min|max|incl|excl|resp)\.$"
)


@dataclass(frozen=True)
class Piece:
    """One chunk: `text[start:end]` of the text it was cut from, under these headings. `context` is the
    Markdown that it needs before it and that stands elsewhere in the text; mostly empty."""

    start: int
    end: int
    heading_path: tuple[str, ...]
    tokens: int
    context: str = ""


@dataclass(frozen=True)
class Section:
    """A heading's own body (up to the next heading): its span, and the headings above it."""

    start: int
    end: int
    heading_path: tuple[str, ...]
    heading: Span | None = None


@dataclass
class Block:
    """Units that are not cut: sentences of a paragraph or a list item, rows of a table, lines of code.
    `lead` is the Markdown, ending at `lead_end`, that the units behind it need before them."""

    units: list[Span] = field(default_factory=list)
    lead: str = ""
    lead_end: int = 0

    @property
    def span(self) -> Span:
        return self.units[0][0], self.units[-1][1]


def embedded_text(
    *,
    title: str,
    heading_path: tuple[str, ...],
    text: str,
    count_tokens: CountTokens,
    context: str = "",
) -> str:
    """What is embedded for a chunk: its title and headings on one line, the header of the table that
    it is cut from, then its text."""
    lines = (_context(title, heading_path, count_tokens), _columns(context, count_tokens), text)
    return "\n".join(line for line in lines if line)


def _columns(context: str, count_tokens: CountTokens) -> str:
    """The header row in a chunk's context, within `COLUMN_TOKENS`."""
    lines = context.split("\n")
    row = next((a for a, b in itertools.pairwise(lines) if begins_table(a, b)), "").strip()
    if count_tokens(row) <= COLUMN_TOKENS:
        return row
    end = next(_fitting(row, (0, len(row)), COLUMN_TOKENS, count_tokens))[1]
    return row[:end].rstrip()


def _context(title: str, heading_path: tuple[str, ...], count_tokens: CountTokens) -> str:
    """Title and headings within `CONTEXT_TOKENS`: the outer headings go first, then the end of
    what is left. Only the search loses by it; nothing here is quoted."""
    parts = [title, *(h for h in heading_path if h.casefold() != title.casefold())]
    parts = [" ".join(part.split()) for part in parts if part.strip()]
    while parts and count_tokens(CONTEXT_SEPARATOR.join(parts)) > CONTEXT_TOKENS:
        if len(parts) > 2:
            del parts[1]
            continue
        line = CONTEXT_SEPARATOR.join(parts)
        end = next(_fitting(line, (0, len(line)), CONTEXT_TOKENS, count_tokens))[1]
        return line[:end].rstrip()
    return CONTEXT_SEPARATOR.join(parts)


def chunk(
    text: str, *, title: str, count_tokens: CountTokens, bound: int, target: int = 0
) -> list[Piece]:
    """Cut `text` into chunks in reading order.

    `bound`: the most tokens of title, headings and text together (the embedder's window less its
    special tokens). `target`: the size in tokens that a chunk's own text is filled up to, at most
    what the bound leaves (0: all of it). Every character that is not white space, a heading, the
    address of a link or hidden is in exactly one chunk; a heading over nothing is a chunk of its own
    where it says something (see `sections`).
    """
    text = blanked(text)
    addresses = _definitions(text)
    pieces: list[Piece] = []
    for section in sections(text):
        path = section.heading_path
        context = _context(title, path, count_tokens)
        room = bound - (count_tokens(context) if context else 0)
        if room < 8:
            raise ValueError(f"a bound of {bound} tokens leaves no room for text under its title")
        size = min(target, room) if target else room
        for start, end, lead in _pack(text, section, size=size, room=room, count=count_tokens):
            known = [*_addresses(text, start, end, addresses), *filter(None, [lead])]
            tokens = count_tokens(text[start:end])
            pieces.append(Piece(start, end, path, tokens, "\n".join(known)))
    return pieces


def addresses_of(text: str, start: int, end: int) -> list[str]:
    """The definitions of the reference links in a span that stand outside of it."""
    return _addresses(text, start, end, _definitions(text))


def _definitions(text: str) -> dict[str, re.Match[str]]:
    return {_name(found[1]): found for found in _DEFINITION.finditer(text)}


def _addresses(text: str, start: int, end: int, known: dict[str, re.Match[str]]) -> list[str]:
    """The definitions of a chunk's reference links that stand outside of it."""
    if not known:
        return []
    names = (found[2] or found[1] for found in _REFERENCE.finditer(text, start, end))
    found = (known.get(name) for name in dict.fromkeys(map(_name, names)))
    return [one.group() for one in found if one and not start <= one.start() < end]


def _name(label: str) -> str:
    return " ".join(label.lower().split())


def sections(text: str) -> list[Section]:
    """The text's sections in order. A heading over nothing is one where it reads as a sentence, or where
    the whole text has nothing else: it is then what can be found and quoted."""
    found: list[Section] = []
    bare: list[Section] = []
    path: list[tuple[int, str]] = []
    body_start, heading = 0, None
    for start, end, level, words in [*_headings(text), (len(text), len(text), 0, "")]:
        names = tuple(name for _, name in path)
        span = _trim(text, body_start, start)
        if span:
            found.append(Section(*span, heading_path=names, heading=heading))
        elif heading and (level == 0 or level <= path[-1][0]):
            own = _trim(text, *heading)
            if own and (said := text[own[0] : own[1]].strip("# \t")):
                section = Section(*own, heading_path=names[:-1], heading=heading)
                (found if said.endswith((".", "!", "。")) else bare).append(section)
        while path and path[-1][0] >= level:
            path.pop()
        path.append((level, words))
        body_start, heading = end, (start, end)
    return found or bare


def _lines(text: str) -> Iterator[Span]:
    """Spans of the lines, their newline included."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        yield start, end
        start = end


def _headings(text: str) -> Iterator[tuple[int, int, int, str]]:
    """(start, end, level, words) of each heading outside fenced code: `# so` or underlined."""
    fence = ""
    previous: Span | None = None  # a one-line paragraph, which an underline would make a heading
    blank_before = True
    for start, end in _lines(text):
        line = text[start:end].rstrip("\n")
        after_blank, blank_before = blank_before, not line.strip()
        candidate, previous = previous, None
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line.strip(" \t>").strip(fence[0]):
                fence = ""
        elif mark:
            fence = mark[1]
        elif found := _HEADING.match(line):
            yield (
                start,
                end,
                len(found[1]),
                _plain(_CLOSING_MARKS.sub("", (found[2] or "").rstrip())),
            )
            blank_before = True
        elif candidate and (under := _UNDERLINE.match(line)):
            words = text[candidate[0] : candidate[1]]
            yield candidate[0], end, 1 if under[1][0] == "=" else 2, _plain(words)
            blank_before = True
        elif after_blank and line.strip() and not (_ITEM.match(line) or _ROW.match(line)):
            previous = (start, end)


def _plain(words: str) -> str:
    labels = re.sub(r"\[([^\]]{0,500})\]\([^)]{0,1000}\)", r"\1", words)
    return re.sub(r"[*`]+|(?<!\w)_+|_+(?!\w)", "", labels).strip()


def _trim(text: str, start: int, end: int) -> Span | None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def blocks(text: str, start: int, end: int) -> list[Block]:
    """The blocks of a span. A header goes with its table's first row, the marks of a fence with the
    lines beside them, and a sentence with the code right under it."""
    found: list[Block] = []
    paragraph: list[Span] = []
    lines = [(start + a, start + b) for a, b in _lines(text[start:end])]

    def close() -> None:
        if paragraph:
            found.append(Block(sentences(text, paragraph[0][0], paragraph[-1][1])))
            paragraph.clear()

    number = 0
    while number < len(lines):
        span = lines[number]
        line = text[span[0] : span[1]].rstrip("\n")
        following = text[slice(*lines[number + 1])] if number + 1 < len(lines) else ""
        trimmed = _trim(text, *span)
        if mark := _FENCE.match(line):
            close()
            after = _behind_code(text, lines, number, mark[1])
            code = _code(text, lines[number:after])
            if found and found[-1].units and not found[-1].lead:
                code.units.insert(0, found[-1].units.pop())
            found.append(code)
            number = after
            continue
        if not trimmed or _DEFINITION.match(line):
            close()
        elif begins_table(line, following):
            close()
            after = number + 2
            while after < len(lines) and is_row(text[slice(*lines[after])]):
                after += 1
            found.append(_table(text, lines[number:after]))
            number = after
            continue
        elif _ROW.match(line):
            close()
            above = text[slice(*lines[number - 1])] if number else ""
            if not _ROW.match(above):
                found.append(Block())
            found[-1].units.append(trimmed)
        else:
            if _ITEM.match(line):
                close()
            paragraph.append(span)
        number += 1
    close()
    return [block for block in found if block.units]


def _behind_code(text: str, lines: list[Span], number: int, fence: str) -> int:
    """The number of the line behind the code that a fence opens on a line."""
    after = number + 1
    while after < len(lines):
        line = text[slice(*lines[after])].strip("\n")
        mark = _FENCE.match(line)
        after += 1
        if mark and mark[1].startswith(fence) and not line.strip(" \t>").strip(fence[0]):
            break
    return after


def _code(text: str, lines: list[Span]) -> Block:
    spans = [span for line in lines if (span := _trim(text, *line))]
    opening = spans[0]
    if len(spans) > 2:
        spans[:2] = [(spans[0][0], spans[1][1])]
        spans[-2:] = [(spans[-2][0], spans[-1][1])]
    return Block(spans, text[slice(*opening)], opening[1])


def _table(text: str, lines: list[Span]) -> Block:
    spans = [span for line in lines if (span := _trim(text, *line))]
    head = text[spans[0][0] : spans[1][1]]
    units = [(spans[0][0], spans[min(2, len(spans) - 1)][1]), *spans[3:]]
    return Block(units, head, spans[1][1])


def sentences(text: str, start: int, end: int) -> list[Span]:
    """The sentences of a paragraph's span, without the white space between them."""
    found: list[Span] = []
    begin = start
    marker = _ITEM.match(text, start, end)
    search_from = marker.end() if marker else start
    for stop in _SENTENCE_END.finditer(text, search_from, end):
        before = text[max(begin, stop.start() - 8) : stop.start() + 1]
        if text[stop.start()] == "." and _ABBREVIATION.search(before):
            continue
        following = _NOT_SPACE.search(text, stop.end(), end)
        if following and following[0].islower():
            continue
        span = _trim(text, begin, stop.end())
        if span:
            found.append(span)
        begin = stop.end()
    span = _trim(text, begin, end)
    if span:
        found.append(span)
    return found


def _pack(
    text: str, section: Section, *, size: int, room: int, count: CountTokens
) -> Iterator[tuple[int, int, str]]:
    """Fill chunks with whole units up to `size` tokens; a block that fits a chunk stays whole. Each comes
    with the lead that it was cut from."""
    current: Span | None = None
    lead, taken = "", 0  # of the chunk being filled, and what the lead takes of it
    for block in blocks(text, section.start, section.end):
        whole = block.span
        joined = (current[0], whole[1]) if current else whole
        if count(text[joined[0] : joined[1]]) + taken <= size:
            current = joined
            continue
        if current and count(text[whole[0] : whole[1]]) <= size:
            yield *current, lead
            current, lead, taken = whole, "", 0
            continue
        columns = count(_columns(block.lead, count)) if block.lead else 0
        for unit in block.units:
            for part in _fitting(text, unit, room - columns, count):
                joined = (current[0], part[1]) if current else part
                if current and count(text[joined[0] : joined[1]]) + taken > size:
                    yield *current, lead
                    joined = part
                    inside = bool(block.lead) and part[0] >= block.lead_end
                    lead, taken = (block.lead, columns) if inside else ("", 0)
                current = joined
    if current:
        yield *current, lead


def _fitting(text: str, span: Span, room: int, count: CountTokens) -> Iterator[Span]:
    """The span itself where it fits, else parts of it that do, cut between words where it can."""
    start, end = span
    while count(text[start:end]) > room:
        reach = min(end, start + 40 * room)  # no need to look through a whole book for one chunk
        ends = [m.start() for m in re.finditer(r"(?<=\S)\s", text[start:reach])]
        cut = _longest(text, start, [start + e for e in ends], room, count)
        if cut is None:  # one word longer than a whole chunk
            cut = _longest(text, start, range(start + 1, reach), room, count) or start + 1
        trimmed = _trim(text, start, cut)
        if trimmed:
            yield trimmed
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield start, end


def _longest(
    text: str, start: int, ends: list[int] | range, room: int, count: CountTokens
) -> int | None:
    """The furthest of the ascending `ends` at which `text[start:end]` still fits."""
    low, high = 0, len(ends)
    while low < high:
        middle = (low + high) // 2
        if count(text[start : ends[middle]]) <= room:
            low = middle + 1
        else:
            high = middle
    return ends[low - 1] if low else None
