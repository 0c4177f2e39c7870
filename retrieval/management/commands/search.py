"""`manage.py search "words" --k 5 [--collection NAME] [--language CODE] [--all]
[--json]`."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from retrieval.embedder import EmbedderError
from retrieval.relevance import judged
from retrieval.reranker import RerankerError
from retrieval.search import MODES, EmptyIndex, Scope, search
from retrieval.snapshots import DamagedSnapshot
from retrieval.tasks import hit_json


class Command(BaseCommand):
    help = "Search the knowledge base as drafting does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("words")
        parser.add_argument("--k", type=int, default=5)
        parser.add_argument("--mode", choices=MODES, help="default: as drafting searches")
        parser.add_argument(
            "--collection", action="append", default=[], metavar="NAME", help="only in these"
        )
        parser.add_argument(
            "--language", action="append", default=[], metavar="CODE", help="only in these"
        )
        parser.add_argument("--internal", action="store_true", help="in internal collections too")
        parser.add_argument(
            "--join", action="store_true", help="neighbouring passages of a section as one"
        )
        parser.add_argument(
            "--all", action="store_true", help="show weak matches too; JSON always holds them"
        )
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, **options: Any) -> None:
        if not options["words"].strip():
            raise CommandError("Write what to search for.", returncode=2)
        if options["k"] < 1:
            raise CommandError("--k: ask for at least one result.", returncode=2)
        try:
            found = search(
                options["words"],
                k=options["k"],
                mode=options["mode"],
                scope=Scope(
                    collections=tuple(options["collection"]),
                    languages=tuple(options["language"]),
                    internal=options["internal"],
                ),
                join=options["join"],
            )
        except (EmptyIndex, DamagedSnapshot, EmbedderError, RerankerError) as error:
            raise CommandError(str(error), returncode=2) from error
        judgement = judged(options["words"], found.hits)
        shown = found.hits if options["all"] else judgement.good
        weaker = len(judgement.weak)
        if options["json"]:
            answer = {
                "results": [{**hit_json(hit), "good": hit in judgement.good} for hit in found.hits],
                "snapshot": found.snapshot,
                "weaker": weaker,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False))
            return
        for number, hit in enumerate(shown, start=1):
            path = " › ".join([hit.title, *hit.heading_path])
            answers = "" if hit.rerank_score is None else f", answers {hit.rerank_score:.2f}"
            self.stdout.write(
                f"[{number}] {path}  ({hit.source}, cosine {hit.dense_score:.2f}{answers})"
            )
            self.stdout.write("    " + " ".join(hit.text.split())[:300])
            if hit.also:
                places = ", ".join(twin.source for twin in hit.also)
                self.stdout.write(f"    nearly the same in {places}")
        hidden = "shown as well" if options["all"] else "not shown (--all shows them)"
        self.stdout.write(judgement.said + (f"; {weaker} weaker, {hidden}" if weaker else ""))
