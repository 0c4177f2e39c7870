"""Import tickets from a JSON Lines or CSV file."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from assistant.csv_rows import DELIMITERS
from assistant.importing import CannotRead, import_tickets


class Command(BaseCommand):
    help = "Import tickets (.jsonl or .csv); bad rows are named and skipped, good ones go in."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--channel", default="files", help="for rows that name none")
        parser.add_argument(
            "--delimiter",
            choices=[*DELIMITERS, *DELIMITERS.values()],
            help="of a CSV file; told by its header when left out",
        )
        parser.add_argument(
            "--encoding", default="", help="of a CSV file, such as cp1252; UTF-8 when left out"
        )
        parser.add_argument("--json", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("Importing", total=_count_lines(path))
            try:
                report = import_tickets(
                    path,
                    channel=options["channel"],
                    actor="system:import",
                    clock=timezone.now,
                    delimiter=DELIMITERS.get(options["delimiter"], options["delimiter"] or ""),
                    encoding=options["encoding"],
                    on_row=lambda: progress.advance(bar),
                )
            except CannotRead as error:
                raise CommandError(str(error), returncode=2) from None
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json()))
        else:
            for row in report.skipped:
                self.stderr.write(f"line {row['line']}: {row['field']} {row['reason']}")
            self.stdout.write(
                f"{report.imported} imported, {report.duplicates} here already, "
                f"{len(report.skipped)} skipped"
                + (f" (read as {report.dialect})" if report.dialect else "")
            )
        if report.skipped:
            sys.exit(1)


def _count_lines(path: Path) -> int | None:
    try:
        with path.open("rb") as file:
            return sum(1 for _ in file)
    except OSError:
        return None
