"""`manage.py train generator|toxicity|reranker|confidence`: one door to each trainer."""

from __future__ import annotations

import importlib
import json
import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

TRAINERS = {
    "generator": "generation.training.generator",
    "toxicity": "generation.training.toxicity",
    "reranker": "generation.training.reranker",
    "selector": "generation.training.selector",
    "confidence": "generation.training.confidence",
}


class Command(BaseCommand):
    help = "Train one of the models that ship, from data that you name."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")
        for kind, module in TRAINERS.items():
            trainer = importlib.import_module(module)
            sub = kinds.add_parser(kind, help=(trainer.__doc__ or "").strip().split("\n")[0])
            trainer.add_arguments(sub)
            sub.add_argument("--json", action="store_true", help="print the result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        trainer = importlib.import_module(TRAINERS[options["kind"]])
        is_first = os.environ.get("RANK", "0") == "0"  # of torchrun's processes
        with Progress(console=Console(stderr=True), disable=not is_first) as progress:
            try:
                result = trainer.run(options, progress=progress)
            except (OSError, ValueError) as error:
                raise CommandError(str(error), returncode=2) from error
        if not is_first:
            return
        if options["json"]:
            self.stdout.write(json.dumps(result))
        else:
            for name, value in result.items():
                self.stdout.write(f"{name}: {value}")
