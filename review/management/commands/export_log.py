"""Write the prompt/response log to a file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.utils import timezone
from rich.console import Console
from rich.progress import Progress

from assistant.audit.log import AuditLogBroken, system
from assistant.audit.search import parse
from assistant.error_texts import words_of
from assistant.whole_files import written_whole
from review import exports

ACTOR = system("export_log")


class Command(BaseCommand):
    help = (
        "Write the prompt/response log: a row for each draft or reply with its prompt, passages, "
        "candidates, confidence, decision, final text, digests and events. The export and every "
        "text in it are recorded in the audit log."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", default="", help="a time, 2026-01-31T09:05, or a day")
        parser.add_argument("--until", default="", help="a time or a day, included")
        parser.add_argument("--ticket", default="", help="one ticket's number")
        parser.add_argument("--format", choices=exports.FORMATS, default="jsonl")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")

    def handle(self, *args: Any, **options: Any) -> None:
        filters, errors = parse(options)
        if errors:
            wrong = "; ".join(f"--{field}: {reason}" for field, reason in errors.items())
            raise CommandError(wrong, returncode=2)
        target: Path = options["out"]
        form: str = options["format"]
        try:
            with written_whole(target) as file:
                written = self._write(file, filters, form)
        except (OSError, DatabaseError, AuditLogBroken) as error:
            raise CommandError(f"nothing was exported: {words_of(error)}", returncode=2) from error
        self.stderr.write(f"{written} rows in {target}")

    def _write(self, file: Any, filters: Any, form: str) -> int:
        now = timezone.now()
        begun = exports.begin(what="replies", filters=filters, form=form, actor=ACTOR, now=now)
        rows = exports.reply_rows(filters, export=begun, actor=ACTOR)
        written = 0
        with Progress(console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("Exporting", total=None)

            def counted() -> Any:
                nonlocal written
                for row in rows:
                    written += 1
                    bar.update(task, description=f"Exporting, {written} rows")
                    yield row

            for line in exports.lines(counted(), columns=exports.REPLY_COLUMNS, form=form):
                file.write(line)
        return written
