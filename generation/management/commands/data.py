"""`manage.py data prepare`: training records from cleared sets and this installation's decisions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress


class Command(BaseCommand):
    help = "Prepare training data: see docs/training-data.md for the format and the sources."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
        sub = kinds.add_parser("prepare", help="one folder of records from all sources")
        sub.add_argument(
            "--source",
            action="append",
            required=True,
            metavar="NAME=PATH",
            help="kb, doc2dial, product_qa, dstc11, abcd, bipia (instructions to ignore) or "
            "decisions (a file of export_decisions), and where it lies; may be repeated",
        )
        sub.add_argument("--out", required=True, type=Path, metavar="FOLDER")
        sub.add_argument("--seed", type=int, default=1)
        sub.add_argument("--unanswerable", type=float, default=0.1, metavar="SHARE",
                         help="records without an answer to add, as a share of those with one")  # fmt: skip
        sub.add_argument("--planted", type=float, default=0.03, metavar="SHARE",
                         help="records that get one of bipia's instructions planted in them")  # fmt: skip
        sub.add_argument("--forgotten", action="append", default=[], type=Path, metavar="FILE",
                         help="tombstones of export_decisions; those beside a decisions file "
                         "count by themselves")  # fmt: skip
        sub.add_argument("--json", action="store_true", help="print the manifest")

    def handle(self, *args: Any, **options: Any) -> None:
        from assistant.privacy.pii import PiiScreenFailed
        from generation.training.preparing import Options, prepare
        from generation.training.record_files import read_tombstones

        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("starting", total=len(options["source"]) + 4)

            def report(words: str) -> None:
                progress.update(bar, advance=1, description=words)

            try:
                sources = [_source(text) for text in options["source"]]
                for path in options["forgotten"]:
                    path.stat()  # a list of the forgotten that isn't there must not pass for empty
                manifest = prepare(
                    sources,
                    out=options["out"],
                    options=Options(
                        seed=options["seed"],
                        unanswerable=options["unanswerable"],
                        planted=options["planted"],
                        forgotten=read_tombstones(options["forgotten"]),
                        command=_command(sources, options),
                    ),
                    report=report,
                )
            except (OSError, ValueError, PiiScreenFailed) as error:
                raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(manifest) if options["json"] else _table(manifest))


def _source(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not equals or not name or not path:
        raise ValueError(f"--source: {text!r} should look like NAME=PATH")
    return name, Path(path)


def _command(sources: list[tuple[str, Path]], options: dict[str, Any]) -> str:
    """The command as the manifest keeps it: without this machine's folders."""
    words = ["python manage.py data prepare"]
    words += [f"--source {name}=DATA/{path.name}" for name, path in sources]
    words += [f"--{name} {options[name]:g}" for name in ("seed", "unanswerable", "planted")]
    return " ".join([*words, "--out OUT"])


def _table(manifest: dict[str, Any]) -> str:
    lines = [f"{'source':<12} {'train':>8} {'validation':>10} {'test':>8}  dropped"]
    for name, found in manifest["sources"].items():
        counts = [found["splits"][split]["records"] for split in ("train", "validation", "test")]
        dropped = ", ".join(f"{why} {n}" for why, n in found["dropped"].items()) or "none"
        lines.append(f"{name:<12} {counts[0]:>8,} {counts[1]:>10,} {counts[2]:>8,}  {dropped}")
    return "\n".join(lines)
