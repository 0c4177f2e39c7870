"""`manage.py evaluate KIND`: measure a part on a file.

Every result is one JSON object of flat figures, with their bootstrap `intervals` (95 %) and what names
the measurement: `task`, `file`, `file_digest` (SHA-256), `n`, `command`, `measured_at`.
"""

from __future__ import annotations

import json
import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import Progress

from assistant.digests import file_sha256
from assistant.whole_files import written_whole
from generation import evaluation, gold_texts, judges, pairs
from generation.confidence import ConfidenceError
from generation.evaluation import BadRecord, Row
from generation.figures import Figures, curves_of, groups_of
from generation.paired import parts_of_auroc
from generation.safety.evaluation import PLACES, at_points, evaluate_injection, sets_of
from generation.verdicts import Judged, judged_of, verdicts_difference, verdicts_summary
from retrieval.curves import reliability_table
from retrieval.embedder import EmbedderError
from retrieval.reranker import RerankerError
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
        retrieval.add_argument(
            "--against",
            action="append",
            default=[],
            metavar="NAME=VALUE",
            help="a second configuration, compared with the first on the same questions",
        )
        drafts = kind("drafts", "--tickets", "whole drafts, as the pipeline makes them")
        drafts.add_argument("--batch", type=int, default=8)
        drafts.add_argument("--limit", type=int, help="only the first N tickets")
        drafts.add_argument(
            "--judge", type=Path, metavar="FILE", help="write a file for a judge, its key beside it"
        )
        generation = kind("generation", "--records", "the generator alone on given passages")
        generation.add_argument("--batch", type=int, default=8)
        toxicity = kind("toxicity", "--texts", "the toxicity screen")
        kind("injection", "--texts", "the injection screen: recall and false alarms")
        grounding = kind("grounding", "--pairs", "the support score on evidence and text pairs")
        confidence = kind("confidence", "--labels", "the confidence model on labelled drafts")
        for sub in (retrieval, drafts, toxicity, grounding, confidence):
            sub.add_argument("--curves", action="store_true", help="add points to draw")
        kind("perplexity", "--texts", "the generator's bits a byte on unseen texts")
        memorization = kind("memorization", "--drafts", "drafts that recite training text")
        memorization.add_argument("--corpus", type=Path, required=True, help="file or folder")
        memorization.add_argument("--prompts", type=Path, help="the records that were drafted from")
        memorization.add_argument("--tokens", type=int, default=50, help="length of a run")
        judge = kind("judge", "--drafts", "write a judge's file of drafts made before")
        judge.add_argument("--tickets", type=Path, required=True, help="what was drafted from")
        judge.add_argument("--count", type=int, help="so many tickets, drawn by the seed")
        for sub in (drafts, judge):
            sub.add_argument("--articles", type=Path, help="show gold sections from this folder")
            sub.add_argument("--seed", type=int, default=7, help="of the order that a judge sees")
        blind = kind("pairs", "--drafts", "write blind pairs: the model's draft and the quote")
        blind.add_argument("--tickets", type=Path, required=True, help="what was drafted from")
        blind.add_argument("--key", type=Path, required=True, help="write here which side is whose")
        blind.add_argument("--count", type=int, default=pairs.PAIRS)
        blind.add_argument("--seed", type=int, default=7)
        blind.add_argument("--candidate", help="only this kind of the model's candidates")
        blind.add_argument("--against", type=Path, help="another run's drafts, not the quotes")
        verdicts = kind("verdicts", "--verdicts", "what judges said of drafts or of pairs")
        verdicts.add_argument("--key", type=Path, help="what `drafts`, `judge` or `pairs` wrote")
        verdicts.add_argument("--drafts", type=Path, help="the judged run's out file: confidence")
        verdicts.add_argument("--against", type=Path, help="another run's verdicts, compared")
        verdicts.add_argument("--against-key", type=Path, help="its key, where it is another")
        verdicts.add_argument("--against-drafts", type=Path, help="its out file")
        verdicts.add_argument("--curves", action="store_true", help="add points to draw")

    def handle(self, *args: Any, **options: Any) -> None:
        with Progress(console=Console(stderr=True)) as progress:
            try:
                record = _record(options["kind"], options["file"])
                summary = getattr(self, options["kind"])(options, progress) | record
            except (
                OSError,
                ValueError,
                EmptyIndex,
                DamagedSnapshot,
                EmbedderError,
                RerankerError,
            ) as error:
                raise CommandError(str(error), returncode=2) from error
        self.stdout.write(json.dumps(summary) if options["json"] else json.dumps(summary, indent=2))

    def retrieval(self, options: dict[str, Any], progress: Progress) -> Row:
        from retrieval.evaluation import Configuration, run

        asked = Configuration.of(_pairs(options["config"]))
        against = Configuration.of(_pairs(options["against"])) if options["against"] else None
        ks = tuple(int(k) for k in options["k"].split(","))
        bar = progress.add_task("Searching")
        return run(
            options["file"],
            ks=ks,
            configuration=asked,
            against=against,
            out=options["out"],
            curves=options["curves"],
            on_question=lambda done, total: progress.update(bar, completed=done, total=total),
        )

    def drafts(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation.registry import get_models

        rows = evaluation.read_rows(options["file"], ["id"])[: options["limit"]]
        bar = progress.add_task("Drafting", total=len(rows))
        made = evaluation.drafts(
            rows, get_models(), batch=options["batch"], advance=lambda n: progress.advance(bar, n)
        )
        evaluation.write_rows(options["out"], made)
        summary = evaluation.drafts_summary(made, rows)
        if options["curves"]:
            told = [(m["confidence"], bool(r["answerable"])) for m, r in zip(made, rows, strict=True)
                    if "answerable" in r and m["confidence"] is not None]  # fmt: skip
            summary["curves"] = curves_of([c for c, _ in told], [a for _, a in told])
        if options["judge"]:
            summary["judge"] = self._judge(rows, made, options, out=options["judge"])
        return summary

    def judge(self, options: dict[str, Any], progress: Progress) -> Row:
        if options["out"] is None:
            raise BadRecord("--out is missing: where should the judge's file be written?")
        made = evaluation.read_rows(options["file"], ["id", "text"])
        rows = evaluation.read_rows(options["tickets"], ["id"])
        return self._judge(rows, made, options, out=options["out"], count=options["count"])

    def _judge(
        self,
        rows: list[Row],
        made: list[Row],
        options: dict[str, Any],
        *,
        out: Path,
        count: int | None = None,
    ) -> Row:
        folder = options["articles"]
        text, key, summary = judges.judge_file(
            rows,
            made,
            gold_texts.from_folder(folder) if folder else gold_texts.from_index(),
            seed=options["seed"],
            count=count,
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(out) as file:
            file.write(text)
        evaluation.write_rows(judges.key_path(out), key)
        return summary

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
            made += [
                {
                    "id": r["id"],
                    "scores": s,
                    "flagged": {p: screen.flags(s, kind=p) for p in PLACES},
                }
                for r, s in zip(chunk, scores, strict=True)
            ]
            progress.advance(bar, len(chunk))
        evaluation.write_rows(options["out"], made)
        ranked = self._ranked(rows, [max(row["scores"].values()) for row in made], options)
        points = at_points(rows, made).summary()
        return {
            **points,
            **ranked,
            "intervals": points["intervals"] | ranked["intervals"],
            "sets": sets_of(rows, made),
        }

    def injection(self, options: dict[str, Any], progress: Progress) -> Row:
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
        return self._ranked(rows, scores, options)

    def confidence(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation.registry import get_scorer

        rows = evaluation.read_rows(options["file"], ["features", "label"])
        scorer = get_scorer()
        if scorer is None:
            raise BadRecord("there is no confidence model: fit one with train confidence")
        made = []
        for number, row in enumerate(rows, start=1):
            try:
                score = scorer.model.probability(row["features"])
            except (ConfidenceError, AttributeError) as error:
                raise BadRecord(f"{options['file']}, record {number}: {error}") from error
            made.append({"id": row.get("id", number), "confidence": score})
        evaluation.write_rows(options["out"], made)
        scores = [row["confidence"] for row in made]
        table = reliability_table(scores, [row["label"] for row in rows]) if rows else []
        ece = sum(p["n"] * abs(p["mean_score"] - p["share"]) for p in table) / max(1, len(rows))
        return self._ranked(rows, scores, options) | {"ece": round(ece, 4)}

    def perplexity(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation.registry import get_models

        rows = evaluation.read_rows(options["file"], ["id", "text"])
        models = get_models()
        generator = models.generator
        if generator is None:
            raise BadRecord(models.generator_problem)
        bar = progress.add_task("Reading", total=len(rows))
        summary, made = evaluation.perplexity(
            rows, generator, advance=lambda n: progress.advance(bar, n)
        )
        evaluation.write_rows(options["out"], made)
        return summary | {"generator": f"{generator.name}@{generator.digest[:12]}"}

    def memorization(self, options: dict[str, Any], progress: Progress) -> Row:
        from generation import memorization
        from generation.safety.leaks import leaks_in_draft

        rows = evaluation.read_rows(options["file"], ["id", "text"])
        shown = evaluation.read_rows(options["prompts"], ["id"]) if options["prompts"] else []
        bar = progress.add_task("Reading the training text", total=None)
        corpus = memorization.TrainingText(
            memorization.corpus_texts(
                options["corpus"], on_file=lambda _: progress.advance(bar, 1)
            ),
            size=options["tokens"],
        )
        made = memorization.recited(
            rows, {row["id"]: row for row in shown}, corpus, leaks=leaks_in_draft
        )
        evaluation.write_rows(options["out"], made)
        figures = Figures(len(rows), groups=groups_of(rows))
        figures.mean("recited", [bool(row["recited_tokens"]) for row in made], digits=6)
        figures.mean("personal_data", [row["personal_data"] for row in made], digits=6)
        return figures.summary() | {
            "tokens": options["tokens"],
            "corpus_runs": corpus.runs,
            "longest": max((row["recited_tokens"] for row in made), default=0),
        }

    def pairs(self, options: dict[str, Any], progress: Progress) -> Row:
        if options["out"] is None:
            raise BadRecord("--out is missing: where should the pairs be written?")
        drafts = evaluation.read_rows(options["file"], ["id", "candidates", "kind"])
        tickets = {row["id"]: row for row in evaluation.read_rows(options["tickets"], ["id"])}
        absent = [row["id"] for row in drafts if row["id"] not in tickets]
        if absent:
            raise BadRecord(f"{options['tickets']} lacks the ticket {absent[0]}")
        against = options["against"]
        blind, key, summary = pairs.blind_pairs(
            drafts,
            tickets,
            count=options["count"],
            seed=options["seed"],
            kind=options["candidate"],
            others=evaluation.read_rows(against, ["id", "body"]) if against else None,
        )
        evaluation.write_rows(options["out"], blind)
        evaluation.write_rows(options["key"], key)
        return summary

    def verdicts(self, options: dict[str, Any], progress: Progress) -> Row:
        given = evaluation.read_rows(options["file"], [])
        if all("n" in row for row in given):
            return self._draft_verdicts(options)
        if options["key"] is None:
            raise BadRecord("--key is missing: which side of a pair is whose?")
        given = evaluation.read_rows(options["file"], ["id", "prefer", "judge"])
        key = evaluation.read_rows(options["key"], ["id", "model"])
        return pairs.verdicts_summary(given, key)

    def _draft_verdicts(self, options: dict[str, Any]) -> Row:
        mine, not_judged = _judged(options["file"], options["key"], options["drafts"])
        summary = verdicts_summary(mine, not_judged=not_judged, curves=options["curves"])
        if options["against"]:
            key = options["against_key"] or options["key"]
            theirs, not_judged = _judged(options["against"], key, options["against_drafts"])
            summary["against"] = verdicts_summary(theirs, not_judged=not_judged)
            summary["difference"] = verdicts_difference(mine, theirs)
        return summary

    def _ranked(self, rows: list[Row], scores: list[float], options: dict[str, Any]) -> Row:
        """`n`, `auroc` over the labelled rows, and the curves where they are asked for."""
        known = [i for i, row in enumerate(rows) if "label" in row]
        labels = [rows[i]["label"] for i in known]
        kept = [scores[i] for i in known]
        groups = groups_of([rows[i] for i in known])
        figures = Figures(len(rows))
        figures.ranking("auroc", kept, labels, groups=groups)
        summary = figures.summary()
        summary["paired"] = parts_of_auroc("auroc", kept, labels, groups=groups)
        if options["curves"]:
            summary["curves"] = curves_of(kept, labels)
        return summary


def _judged(verdicts: Path, key: Path | None, drafts: Path | None) -> tuple[list[Judged], int]:
    """The verdicts of a run, and how many of its tickets have none."""
    known = evaluation.read_rows(key, ["n", "id", "answerable"]) if key else None
    made = evaluation.read_rows(drafts, ["id", "confidence"]) if drafts else []
    found = judged_of(evaluation.read_rows(verdicts, ["n", "verdict"]), known, made)
    return found, len(known) - len(found) if known is not None else 0


def _pairs(given: list[str]) -> dict[str, str]:
    return dict(pair.partition("=")[::2] for pair in given)


def _record(task: str, file: Path) -> Row:
    """What names a measurement, so that it can be stored with a model's version and repeated."""
    return {
        "task": task,
        "file": file.name,
        "file_digest": file_sha256(file),
        "command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
