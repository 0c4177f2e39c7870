"""`manage.py evaluate retrieval|drafts|generation|toxicity|grounding|injection`: measure a part."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from generation import evaluation
from generation.evaluation import BadRecord, Row
from retrieval.embedder import EmbedderError
from retrieval.search import EmptyIndex
from retrieval.snapshots import DamagedSnapshot


class Command(BaseCommand):
    help = "Measure a part on a file in the documented formats. Nothing is stored or sent."

    def add_arguments(self, parser: CommandParser) -> None:
        kinds = parser.add_subparsers(dest="kind", required=True, metavar="KIND")

        def kind(name: str, file_option: str, help: str) -> Any:
            sub = kinds.add_parser(name, help=help)
            sub.add_argument(file_option, dest="file", type=Path, required=True)
            sub.add_argument("--out", type=Path, help="write a row for each record here")
            sub.add_argument(
                "--json", action="store_true", help="one JSON object on standard output"
            )
            return sub

        retrieval = kind("retrieval", "--questions", "hit@k, recall, MRR, nDCG at document level")
        retrieval.add_argument("--k", default="1,5,10", help="the k of hit@k, comma-separated")
        retrieval.add_argument("--config", action="append", default=[], metavar="NAME=VALUE")
        drafts = kind("drafts", "--tickets", "whole drafts, as the pipeline makes them")
        drafts.add_argument("--batch", type=int, default=8)
        drafts.add_argument("--limit", type=int, help="only the first N tickets")
        generation = kind("generation", "--records", "the generator alone on given passages")
        generation.add_argument("--batch", type=int, default=8)
        kind("toxicity", "--texts", "the toxicity screen")
        kind("injection", "--texts", "the injection screen: recall and false alarms")
        kind("grounding", "--pairs", "the support score on evidence and text pairs")

    def handle(self, *args: Any, **options: Any) -> None:
        with Progress(console=Console(stderr=True)) as progress:
            try:
                summary = getattr(self, options["kind"])(options, progress)
            except (OSError, ValueError, EmptyIndex, DamagedSnapshot, EmbedderError) as error:
                raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(summary) if options["json"] else json.dumps(summary, indent=2))

    def retrieval(self, options: dict[str, Any], progress: Progress) -> Row:
        from retrieval.evaluation import run

        config = dict(pair.partition("=")[::2] for pair in options["config"])
        mode = config.pop("mode", "fused")
        if config:
            raise BadRecord(f"unknown configuration: {', '.join(config)}; known: mode")
        ks = tuple(int(k) for k in options["k"].split(","))
        return run(options["file"], ks=ks, mode=mode, out=options["out"])

    def drafts(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation.registry import get_models

        rows = evaluation.read_rows(options["file"], ["id"])[: options["limit"]]
        bar = progress.add_task("Drafting", total=len(rows))
        made = evaluation.drafts(
            rows, get_models(), batch=options["batch"], advance=lambda n: progress.advance(bar, n)
        )
        evaluation.write_rows(options["out"], made)
        return evaluation.drafts_summary(made, rows)

    def generation(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation.registry import get_models

        rows = evaluation.read_rows(options["file"], ["id", "passages", "reply"])
        bar = progress.add_task("Generating", total=len(rows))
        summary, made = evaluation.generation(
            rows, get_models(), batch=options["batch"], advance=lambda n: progress.advance(bar, n)
        )
        evaluation.write_rows(options["out"], made)
        return summary

    def toxicity(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation.registry import toxicity_screen

        rows = evaluation.read_rows(options["file"], ["id", "text"])
        screen = toxicity_screen()
        bar = progress.add_task("Scoring", total=len(rows))
        made: list[Row] = []
        for start in range(0, len(rows), 64):
            chunk = rows[start : start + 64]
            scores = screen.score([row["text"] for row in chunk])
            made += [{"id": r["id"], "scores": s} for r, s in zip(chunk, scores, strict=True)]
            progress.advance(bar, len(chunk))
        evaluation.write_rows(options["out"], made)
        return self._auroc(rows, [max(row["scores"].values()) for row in made])

    def injection(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation.safety.evaluation import evaluate_injection

        rows = evaluation.read_rows(options["file"], ["id", "text"])
        summary, made = evaluate_injection(progress.track(rows, description="Screening"))
        evaluation.write_rows(options["out"], made)
        return summary

    def grounding(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation.grounding import score_pairs
        from retrieval.embedder import get_embedder

        rows = evaluation.read_rows(options["file"], ["id", "evidence", "text"])
        bar = progress.add_task("Grounding", total=len(rows))
        scores: list[float] = []
        for start in range(0, len(rows), 64):
            chunk = rows[start : start + 64]
            pairs = [(row["evidence"], row["text"]) for row in chunk]
            scores += score_pairs(pairs, embed=get_embedder().encode)
            progress.advance(bar, len(chunk))
        made = [{"id": r["id"], "score": s} for r, s in zip(rows, scores, strict=True)]
        evaluation.write_rows(options["out"], made)
        return self._auroc(rows, scores)

    def _auroc(self, rows: list[Row], scores: list[float]) -> Row:
        labelled = [
            (row["label"], s) for row, s in zip(rows, scores, strict=True) if "label" in row
        ]
        value = evaluation.auroc([a for a, _ in labelled], [b for _, b in labelled])
        return {"n": len(rows), "auroc": value}
