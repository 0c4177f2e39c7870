"""Records of a CSV file as spreadsheets and programs write them, and not one record more.

A quote that is out of place leaves nobody able to say where the next record begins: what looks like one
may stand inside a customer's message. So the file ends at the first record that can't be parsed.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import sys
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATOR_LINE = re.compile(
    r'"?sep=(.)"?(?:\r\n?|\n)', re.I
)  # how a spreadsheet is told the delimiter


class BrokenCsv(ValueError):
    """The file can't be read from this line on."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line} {reason}")
        self.line = line
        self.reason = reason


@dataclass(frozen=True)
class Dialect:
    """How the file is written, as its summary says."""

    delimiter: str
    encoding: str

    def __str__(self) -> str:
        words = {sign: name for name, sign in DELIMITERS.items()}
        return f"{words.get(self.delimiter, self.delimiter)}-separated, {self.encoding}"


def read(
    data: bytes, *, known: Set[str], delimiter: str = "", encoding: str = ""
) -> tuple[Dialect, Iterator[tuple[int, list[str]]]]:
    """The dialect, and the records with the line that each begins on, the header first.

    Without a ``delimiter`` it is the one that makes most ``known`` names of the header; without an
    ``encoding`` it is told by the byte order mark, else UTF-8. The records raise BrokenCsv.
    """
    encoding = encoding or next((name for bom, name in _BOMS if data.startswith(bom)), "utf-8")
    text, broken = _decode(data, encoding)
    skipped = 0
    if (told := _SEPARATOR_LINE.match(text)) is not None:
        text, skipped = text[told.end() :], 1
        delimiter = delimiter or told[1]
    delimiter = delimiter or _detected(text, known)
    return Dialect(delimiter, encoding), _records(text, delimiter, skipped, broken)


def _decode(data: bytes, encoding: str) -> tuple[str, BrokenCsv | None]:
    """The text up to the line that is not in this encoding, and the error there. Raises LookupError."""
    try:
        return data.decode(encoding), None
    except UnicodeDecodeError as error:
        good = data[: error.start].decode(encoding, "ignore")
        whole = good[: good.rfind("\n") + 1]
        line = good.count("\n") + 1
        at = f"is not valid {encoding.upper()} at byte {error.start + 1:,} of the file"
        return whole, BrokenCsv(line, f"{at}; name what it is with --encoding, such as cp1252")


def _detected(text: str, known: Set[str]) -> str:
    first = re.split(r"[\r\n]", text.lstrip("\r\n"), maxsplit=1)[0]

    def fit(sign: str) -> int:
        return len({name.strip(' "').casefold() for name in first.split(sign)} & known)

    return max(DELIMITERS.values(), key=fit)  # of equals the first: the comma


def _records(
    text: str, delimiter: str, skipped: int, broken: BrokenCsv | None
) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(sys.maxsize if sys.maxsize < 2**31 else 2**31 - 1)
    lines = io.StringIO(text.replace("\x00", "\ufffd"), newline="")
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1 + skipped
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            raise broken_at(line, f"is broken CSV: {error}") from None
        if cells:
            yield line, cells
    if broken is not None:
        raise broken_at(broken.line, broken.reason)


def torn(records: Sequence[tuple[int, list[str]]], width: int) -> set[int]:
    """The places of records that lie from the first to the last part of one that was torn by a line break
    without quotes: short ones whose cells make up one record of this width, and all that stands between.
    A row in there may be a part of somebody's message."""
    found: set[int] = set()
    first, cells_missing = None, 0
    for place, (_, cells) in enumerate(records):
        if len(cells) >= width:
            continue
        if first is None or len(cells) - 1 > cells_missing:
            first, cells_missing = place, width - 1
        cells_missing -= len(cells) - 1
        if not cells_missing:
            found |= set(range(first, place + 1))
            first = None
    return found


def broken_at(line: int, reason: str) -> BrokenCsv:
    return BrokenCsv(line, f"{reason}; nothing from here on was read")
