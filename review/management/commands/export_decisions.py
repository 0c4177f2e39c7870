"""Write approved and edited replies as training records."""

from __future__ import annotations

import json
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
from assistant.privacy.pii import PiiScreenFailed
from assistant.whole_files import written_whole
from generation.training.record_files import tombstones_beside
from review import training_export

ACTOR = system("export_decisions")


class Command(BaseCommand):
    help = (
        "Write approved and edited replies as training records (docs/training-data.md): redacted, a "
        "tenth of the tickets marked never-train, forgotten tickets left out and listed beside the "
        "file. The export and every text in it are recorded in the audit log."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--out", type=Path, required=True, metavar="FILE")
        parser.add_argument("--since", default="", help="a time, 2026-01-31T09:05, or a day")
        parser.add_argument("--json", action="store_true", help="print the figures as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        filters, errors = parse({"since": options["since"]})
        if errors:
            raise CommandError(f"--since: {errors['since']}", returncode=2)
        target: Path = options["out"]
        try:
            # the tombstones get their name first: no reader may find a file with an older list beside it
            with (
                written_whole(target) as file,
                Progress(console=Console(stderr=True)) as progress,
            ):
                bar = progress.add_task("exporting decisions", total=None)
                made = training_export.export(
                    since=filters.since,
                    actor=ACTOR,
                    now=timezone.now(),
                    write=file.write,
                    advance=lambda: progress.advance(bar),
                )
                tombstones = _write_tombstones(tombstones_beside(target))
        except (OSError, DatabaseError, AuditLogBroken, PiiScreenFailed) as error:
            raise CommandError(f"nothing was exported: {words_of(error)}", returncode=2) from error
        figures = {
            "records": made.records,
            "approved": made.approved,
            "edited": made.edited,
            "never_train": made.never,
            "rejected": dict(sorted(made.rejected.items())),
            "left_out": dict(sorted(made.left_out.items())),
            "forgotten_tickets": tombstones,
            "sha256": made.sha256,
            "export": made.export,
        }
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            for name, value in figures.items():
                self.stdout.write(f"{name}: {value}")


def _write_tombstones(path: Path) -> int:
    groups = sorted(training_export.group_of(t) for t in training_export.forgotten_tickets())
    with written_whole(path) as file:
        file.writelines(f"{group}\n" for group in groups)
    return len(groups)
