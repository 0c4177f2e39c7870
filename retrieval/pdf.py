"""Read a PDF as Markdown, page by page: paragraphs, headings by size, lists, ruled tables.

Pure: imports no Django. Runs in a child process (`retrieval.isolated`) where files come from others.
"""

from __future__ import annotations

import io
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

from retrieval import titles
from retrieval.pdf_layout import Raised, crosses, gutter

MAX_PAGES = 3_000
MAX_PAGE_BYTES = 24 * 1024 * 1024  # of one page's drawing, unpacked
_BULLET = re.compile(r"^[•◦▪●○■–·‣⁃]\s*")
_NUMBERED = re.compile(r"^\(?\d{1,3}[.)]\s")
_DIGITS = re.compile(r"\d+")
_EDGE = 0.09  # of the page's height: where running heads and feet stand
_SHORT = 0.7  # a line that ends before this share of the longest one was broken on purpose

OnPage = Callable[[int, int], None]


class PdfError(Exception):
    """A PDF that gives no text, in words that fit after its name."""


@dataclass(frozen=True)
class Pdf:
    title: str
    text: str


@dataclass(frozen=True)
class _Line:
    """A line of text, or a whole table (`size` 0); `top` and `bottom` in points from the top."""

    text: str
    top: float
    bottom: float
    size: float
    page: int
    edge: bool
    reach: float = 1.0  # where the line ends, as a share of the page's longest line


def read_pdf(raw: bytes, *, on_page: OnPage | None = None) -> Pdf:
    """The document's text in reading order. Raises `PdfError` for one that is broken, locked, too
    long or scanned."""
    import pdfplumber
    from pdfminer.pdfdocument import PDFPasswordIncorrect

    lines: list[_Line] = []
    empty = 0
    try:
        with pdfplumber.open(io.BytesIO(raw)) as document:
            count = len(document.pages)
            if count > MAX_PAGES:
                raise PdfError(f"has {count:,} pages; {MAX_PAGES:,} are allowed")
            title = str((document.metadata or {}).get("Title") or "")
            for number, page in enumerate(document.pages, start=1):
                _check_size(page, number)
                found = list(_lines_of(page, number))
                empty += not found
                lines += found
                page.close()  # pdfplumber keeps each page's objects otherwise
                if on_page:
                    on_page(number, count)
    except (PdfError, MemoryError, RecursionError):
        raise
    except Exception as error:  # pdfminer lets its parsers' own errors through
        cause = error.args[0] if error.args and isinstance(error.args[0], Exception) else error
        if isinstance(cause, PDFPasswordIncorrect):
            raise PdfError("is protected by a password") from error
        words = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
        raise PdfError(f"is broken or no PDF: {words[:200]}") from error
    if not count:
        raise PdfError("is broken or no PDF: it has no pages")
    if empty * 2 > count:
        where = "its one page holds" if count == 1 else f"{empty} of its {count} pages hold"
        raise PdfError(f"{where} no text; a scanned document needs text recognition first")
    lines = _without_running(lines, count)
    return Pdf(_visible_title(lines) or titles.sane(title), _markdown(lines))


def _visible_title(lines: list[_Line]) -> str:
    """The first page's largest words, where they stand out from its text; two lines of them at most."""
    first = [line for line in lines if line.page == 1 and line.size]
    body = Counter[float]()
    for line in lines:
        if line.size:
            body[round(line.size, 1)] += len(line.text)
    if not first or not body:
        return ""
    usual, largest = body.most_common(1)[0][0], max(line.size for line in first)
    if largest < usual * 1.15:
        return ""
    start = next(place for place, line in enumerate(first) if line.size == largest)
    words = [first[start].text]
    for before, line in pairwise(first[start : start + 3]):  # a title may take three lines
        if abs(line.size - largest) >= 0.5 or line.top - before.bottom > 0.5 * largest:
            break
        words.append(line.text)
    title = titles.plain(" ".join(words))
    return title if 2 <= len(title) <= 200 else ""


def _check_size(page: Any, number: int) -> None:
    """Refuse a page that unpacks without end, before anything is drawn of it."""
    left = MAX_PAGE_BYTES
    for stream in page.page_obj.contents:
        stream = stream.resolve() if hasattr(stream, "resolve") else stream
        raw = getattr(stream, "rawdata", None)
        if not isinstance(raw, bytes):
            continue
        filters = [str(getattr(name, "name", name)) for name, _ in stream.get_filters()]
        unpacker, size = zlib.decompressobj(), len(raw)
        if filters[:1] in (["FlateDecode"], ["Fl"]):
            try:
                size = len(unpacker.decompress(raw, left + 1))
            except zlib.error:
                continue  # broken: pdfminer reads what it can
        left -= size
        if left < 0:
            raise PdfError(f"has a page that unpacks to more than its text can be (page {number})")


def _lines_of(page: Any, number: int) -> Iterator[_Line]:
    """Lines and tables from top to bottom."""
    height = float(page.height) or 1.0
    tables = [table for table in page.find_tables() if len(table.rows) > 1]
    boxes = [table.bbox for table in tables]

    def outside(item: dict[str, Any]) -> bool:
        middle = (item["top"] + item["bottom"]) / 2, (item["x0"] + item["x1"]) / 2
        return not any(x0 <= middle[1] <= x1 and y0 <= middle[0] <= y1 for x0, y0, x1, y1 in boxes)

    found = []
    for table in tables:
        if written := _table(table.extract()):
            found.append(_Line(written, table.bbox[1], table.bbox[3], 0.0, number, False))
    rest = (
        page.filter(lambda item: item["object_type"] != "char" or outside(item)) if boxes else page
    )
    raised = Raised(rest.chars)
    rest = rest.filter(lambda item: item["object_type"] != "char" or not raised.holds(item))
    lines = list(_reading_order(rest))
    for line in lines:
        text = " ".join(raised.in_line(line["text"], line["chars"]).split())
        if not text:
            continue
        size = median(char["size"] for char in line["chars"])
        edge = line["bottom"] < height * _EDGE or line["top"] > height * (1 - _EDGE)
        found.append(_Line(text, line["top"], line["bottom"], size, number, edge, line["reach"]))
    if gutter(rest.extract_words()) is None:
        found.sort(key=lambda line: line.top)
    yield from found


def _reading_order(page: Any) -> Iterator[dict[str, Any]]:
    """The lines; where two columns of prose stand side by side, the left one before the right one,
    each between the lines that go over both."""
    lines = page.extract_text_lines(strip=True, return_chars=True)
    middle = gutter(page.extract_words())
    if middle is None:
        yield from _reaching(lines)
        return
    sides: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
    for line in lines:
        words = page.crop((page.bbox[0], line["top"], page.bbox[2], line["bottom"])).extract_words()
        if crosses(words, middle):
            yield from [*_reaching(sides[0]), *_reaching(sides[1]), *_reaching([line])]
            sides = ([], [])
            continue
        for side in (0, 1):
            chars = [one for one in line["chars"] if (one["x0"] >= middle) is bool(side)]
            text = " ".join(one["text"] for one in words if (one["x0"] >= middle) is bool(side))
            if text.strip():
                sides[side].append({**line, "x1": chars[-1]["x1"], "text": text, "chars": chars})
    yield from [*_reaching(sides[0]), *_reaching(sides[1])]


def _reaching(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines with where each ends, as a share of the longest one's."""
    longest = max((line["x1"] for line in lines), default=1.0)
    return [{**line, "reach": line["x1"] / longest} for line in lines]


def _table(rows: list[list[str | None]]) -> str:
    """A Markdown table; empty where the ruled boxes hold no more than one column of text."""
    cells = [[" ".join((cell or "").replace("|", "\\|").split()) for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    used = (
        [column for column in range(len(cells[0])) if any(row[column] for row in cells)]
        if cells
        else []
    )
    if len(cells) < 2 or len(used) < 2:
        return "\n".join(" ".join(filter(None, row)) for row in cells)
    written = [f"| {' | '.join(row[column] for column in used)} |" for row in cells]
    return "\n".join([written[0], f"|{' --- |' * len(used)}", *written[1:]])


def _without_running(lines: list[_Line], pages: int) -> list[_Line]:
    """Without heads and feet: what stands at the edge of most pages, but for its numbers."""
    if pages < 3:
        return lines
    seen = Counter(
        key for key, _ in {(_DIGITS.sub("#", line.text), line.page) for line in lines if line.edge}
    )
    running = {key for key, count in seen.items() if count * 2 > pages}
    return [line for line in lines if not (line.edge and _DIGITS.sub("#", line.text) in running)]


def _markdown(lines: list[_Line]) -> str:
    """Lines joined into paragraphs where no gap, heading or list item parts them."""
    body = Counter[float]()
    for line in lines:
        if line.size:
            body[round(line.size, 1)] += len(line.text)
    size = body.most_common(1)[0][0] if body else 0.0
    larger = sorted(
        {round(line.size, 1) for line in lines if _is_heading(line, size)}, reverse=True
    )
    levels = {one: min(index + 1, 4) for index, one in enumerate(larger)}
    gap = _usual_gap(lines)
    pieces: list[str] = []
    before: _Line | None = None
    for line in lines:
        text = _BULLET.sub("- ", line.text)
        if _is_heading(line, size):
            pieces.append(f"\n\n{'#' * levels[round(line.size, 1)]} {text}")
        elif not line.size:
            pieces.append(f"\n\n{line.text}\n")
        elif before is None or _is_heading(before, size) or not before.size:
            pieces.append(f"\n\n{text}")
        elif text.startswith("- ") or _NUMBERED.match(text):
            listed = before.text[:1] and (
                _BULLET.match(before.text) or _NUMBERED.match(before.text)
            )
            apart = "\n" if listed or line.top - before.bottom <= gap * 1.6 else "\n\n"
            pieces.append(f"{apart}{text}")
        elif (line.page == before.page and line.top - before.bottom > gap * 1.6 + 1) or (
            (line.page != before.page or line.top < before.top) and before.text[-1:] in ".!?:"
        ):
            pieces.append(f"\n\n{text}")
        elif before.reach < _SHORT:
            pieces.append(f"\n{text}")
        elif pieces and pieces[-1].endswith("-") and text[:1].islower():
            pieces[-1] = pieces[-1][:-1]
            pieces.append(text)
        else:
            pieces.append(f" {text}")
        before = line
    return "".join(pieces).strip("\n")


def _is_heading(line: _Line, body: float) -> bool:
    return line.size >= body * 1.15 and len(line.text) <= 120 and line.size > 0


def _usual_gap(lines: list[_Line]) -> float:
    """Points between lines of one paragraph."""
    gaps = [
        after.top - line.bottom
        for line, after in pairwise(lines)
        if line.page == after.page and line.size and after.size and after.top > line.bottom
    ]
    return min(median(gaps), 8.0) if gaps else 3.0
