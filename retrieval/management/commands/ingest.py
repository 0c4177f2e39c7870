"""`manage.py ingest PATH --collection NAME [--prune] [--json]`."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from retrieval.building import BuildFailed
from retrieval.embedder import EmbedderError
from retrieval.ingest import CannotIngest, IngestReport, ingest


class Command(BaseCommand):
    help = "Publish the articles of a folder or file; re-runs change only what changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path)
        parser.add_argument("--collection", required=True, metavar="NAME")
        parser.add_argument(
            "--prune", action="store_true", help="retire articles whose file has gone"
        )
        parser.add_argument(
            "--public-address",
            metavar="ADDRESS",
            help="where customers read the collection's articles, with {path} or {slug} in it; "
            "empty for nowhere",
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(stderr=True)
        columns = (
            TextColumn("{task.description:<12}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[name]}"),
        )
        try:
            with Progress(*columns, console=console, transient=True) as bar:
                files = bar.add_task("articles", total=None, name="")
                chunks = bar.add_task("embedding", total=None, name="", visible=False)

                def on_file(done: int, total: int, name: str) -> None:
                    bar.update(files, completed=done, total=total, name=escape(name[:60]))

                def on_chunk(done: int, total: int) -> None:
                    bar.update(chunks, completed=done, total=total, visible=True)

                report = ingest(
                    options["path"],
                    collection=options["collection"],
                    prune=options["prune"],
                    public_address=options["public_address"],
                    now=timezone.now(),
                    on_file=on_file,
                    on_chunk=on_chunk,
                )
        except (CannotIngest, EmbedderError, BuildFailed) as error:
            raise CommandError(str(error), returncode=2) from error
        except KeyboardInterrupt:
            raise CommandError(
                "Interrupted. What was read is kept; run the same command again to go on.",
                returncode=2,
            ) from None
        for skipped in report.skipped:
            self.stderr.write(f"skipped {skipped['path']}: {skipped['reason']}")
        for held in report.held:
            self.stderr.write(f"held {held['path']}: {held['reason']}")
        for warning in report.warnings:
            self.stderr.write(f"look at {warning['path']}: {warning['reason']}")
        if report.note:
            self.stderr.write(report.note)
        if options["json"]:
            self.stdout.write(json.dumps(report.as_json(), ensure_ascii=False))
        else:
            self.stdout.write(_sentence(report))
        if report.skipped or report.held:
            sys.exit(1)


def _sentence(report: IngestReport) -> str:
    counts = (
        f"{report.added} added, {report.changed} changed, {report.unchanged} unchanged, "
        f"{report.retired} retired, {len(report.skipped)} skipped, {len(report.held)} held"
    )
    other = f", {report.ignored} files of other kinds" if report.ignored else ""
    return (
        f"{counts}{other}; {report.chunks} chunks in the collection, snapshot {report.snapshot}, "
        f"{report.seconds:.1f} s"
    )
