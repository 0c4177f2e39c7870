"""Tickets from a file: JSON lines or CSV; good rows go in beside bad ones, which are named."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.utils.dateparse import parse_datetime

from assistant import csv_rows
from assistant.intake import BadMessage, receive_message

FIELDS = {
    "external_id", "message_id", "subject", "body", "name", "email", "channel", "created_at",
    "language",
}  # fmt: skip


class CannotRead(Exception):
    """The file as a whole cannot be read."""


@dataclass
class ImportReport:
    """Counts, and every skipped line with the field and the reason."""

    imported: int = 0
    duplicates: int = 0
    skipped: list[dict[str, Any]] = field(default_factory=list)
    dialect: str = ""  # of a CSV file: how it was read

    def as_json(self) -> dict[str, Any]:
        return {
            "imported": self.imported,
            "duplicates": self.duplicates,
            "skipped": self.skipped,
            **({"dialect": self.dialect} if self.dialect else {}),
        }


Row = tuple[int, dict[str, Any] | BadMessage]


def _lines(path: Path) -> Iterator[tuple[int, str | BadMessage]]:
    """Numbered lines; one that is not UTF-8 becomes its error."""
    try:
        file = path.open("rb")
    except OSError as error:
        raise CannotRead(f"{path}: {error.strerror}") from error
    with file:
        for number, raw in enumerate(file, start=1):
            try:
                yield number, raw.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                yield number, BadMessage("row", f"is not valid UTF-8 at byte {error.start + 1}")


def _json_rows(path: Path) -> Iterator[Row]:
    for number, line in _lines(path):
        if isinstance(line, BadMessage):
            yield number, line
        elif line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:  # also a number of 5,000 digits
                yield number, BadMessage("row", f"is not JSON: {error}")
                continue
            yield (
                number,
                row if isinstance(row, dict) else BadMessage("row", "is not a JSON object"),
            )


def _csv_rows(path: Path, report: ImportReport, delimiter: str, encoding: str) -> Iterator[Row]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CannotRead(f"{path}: {error.strerror}") from error
    try:
        dialect, records = csv_rows.read(data, known=FIELDS, delimiter=delimiter, encoding=encoding)
    except LookupError:
        raise CannotRead(f"{encoding} is no encoding; utf-8, utf-16 or cp1252 are some") from None
    report.dialect = str(dialect)
    whole: list[tuple[int, list[str]]] = []
    broken: csv_rows.BrokenCsv | None = None
    try:
        whole.extend(records)
    except csv_rows.BrokenCsv as error:
        broken = error
    if whole:
        yield from _named(_header(whole[0][1]), whole[1:])
    if broken is not None:
        yield broken.line, BadMessage("row", broken.reason)


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().casefold() for cell in cells]
    while names and not names[-1]:
        names.pop()
    return names


def _named(header: list[str], records: list[tuple[int, list[str]]]) -> Iterator[Row]:
    """Each record with the header's names; what is no record of this header, as its error."""
    torn = csv_rows.torn(records, len(header))
    for place, (number, cells) in enumerate(records):
        while len(cells) > len(header) and not cells[-1]:
            cells.pop()  # what a spreadsheet writes of empty columns
        if len(cells) != len(header):
            yield number, BadMessage("row", f"has {len(cells)} cells, the header {len(header)}")
        elif place in torn:
            yield number, BadMessage("row", "may be a part of the message that a line break tore")
        else:
            yield number, {k: v for k, v in zip(header, cells, strict=True) if v != ""}


def _created_at(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        moment = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise BadMessage("created_at", "is not an ISO 8601 time such as 2026-01-15T09:00:00Z")
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def import_row(row: dict[str, Any], *, channel: str, actor: str, now: datetime) -> bool:
    """Take one row in; False when it was here already. Raises BadMessage."""
    unknown = sorted(set(row) - FIELDS)
    if unknown:
        name = unknown[0].encode("utf-8", "backslashreplace").decode()
        raise BadMessage(name, "is not a known field")
    received = receive_message(
        channel=row.get("channel") or channel,
        body=row.get("body"),
        subject=row.get("subject"),
        name=row.get("name"),
        email=row.get("email"),
        external_id=row.get("external_id"),
        message_id=row.get("message_id"),
        language=row.get("language"),
        created_at=_created_at(row.get("created_at")),
        source="import",
        actor=actor,
        now=now,
    )
    return received.created


def import_tickets(
    path: Path,
    *,
    channel: str,
    actor: str,
    clock: Callable[[], datetime],
    delimiter: str = "",
    encoding: str = "",
    on_row: Callable[[], None] = lambda: None,
) -> ImportReport:
    """Import a `.jsonl` or `.csv` file, row by row, each in its own transaction.

    The `delimiter` and `encoding` of a CSV file are told by the file where they are not given. Running
    it again after an interruption makes no ticket twice where rows carry `external_id`.
    Raises CannotRead.
    """
    report = ImportReport()
    if path.suffix.lower() in {".csv", ".tsv"}:
        rows = _csv_rows(path, report, delimiter, encoding)
    else:
        rows = _json_rows(path)
    for number, row in rows:
        on_row()
        try:
            if isinstance(row, BadMessage):
                raise row
            if import_row(row, channel=channel, actor=actor, now=clock()):
                report.imported += 1
            else:
                report.duplicates += 1
        except BadMessage as error:
            report.skipped.append({"line": number, "field": error.field, "reason": error.reason})
    return report
