"""Recompute the audit log and say whether it holds."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from rich.console import Console
from rich.progress import Progress

from assistant.audit.verify import Verification, verify
from assistant.error_texts import words_of


class Command(BaseCommand):
    help = (
        "Recompute the audit log's Merkle tree, compare it with the checkpoints outside the "
        "database, and name the first event that was altered, removed, inserted or cut off. "
        "Exit status 1 where it does not hold, 2 where it could not be checked."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
        parser.add_argument(
            "--checkpoints",
            type=Path,
            metavar="FILE",
            help="a copy of the checkpoint file, kept where the operator cannot change it",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen: Path | None = options["checkpoints"]
        if chosen is not None and not chosen.is_file():
            raise CommandError(f"there is no checkpoint file {chosen}", returncode=2)
        try:
            with Progress(console=Console(stderr=True), transient=True) as bar:
                task = bar.add_task("Verifying", total=None)
                found = verify(
                    checkpoints=chosen,
                    progress=lambda done, total: bar.update(task, completed=done, total=total),
                )
        except (OSError, DatabaseError) as error:
            raise CommandError(
                f"the log could not be checked: {words_of(error)}", returncode=2
            ) from error
        if options["json"]:
            self.stdout.write(json.dumps(found.as_json(), ensure_ascii=False))
        else:
            self._say(found)
        if not found.ok:
            sys.exit(1)

    def _say(self, found: Verification) -> None:
        self.stdout.write(f"events       {found.events}")
        self.stdout.write(f"root         {found.root}")
        since = f", the oldest of {found.since}" if found.since else ""
        self.stdout.write(f"checkpoints  {found.checkpoints}{since}")
        if found.unproven:
            self.stdout.write(
                f"unproven     {found.unproven} after the newest checkpoint: "
                "nothing outside the database vouches for them yet"
            )
        for torn in found.torn:
            then = (
                f"put right at {torn['healed_at']}"
                if torn["healed_at"]
                else ("the next event's checkpoint puts it right")
            )
            self.stdout.write(
                f"incomplete   line {torn['line']} of the checkpoint file, as a power cut leaves it: {then}"
            )
        if found.first_bad is None:
            self.stdout.write(self.style.SUCCESS("The log holds."))
            return
        bad = found.first_bad
        where = "" if bad["index"] is None else f"event {bad['index']}: "
        self.stdout.write(self.style.ERROR(f"The log does NOT hold. {where}{bad['what']}"))
        self.stdout.write(f"  expected   {bad['expected']}")
        self.stdout.write(f"  actual     {bad['actual']}")
