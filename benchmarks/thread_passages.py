"""Does a thread's query find the passage, not only the page? On doc2dial's grounded turns.

    manage.py ingest DIR/doc2dial/pages --collection doc2dial
    python benchmarks/thread_passages.py --data DIR [--split held-out] [--limit 400]

The right passages of a turn are the chunks of its page that hold the span which its reply was grounded
in. Dialogues are split in two by a digest: choices are made on `development`. `kept-apart` are the turns
on the pages that the reranker's training never saw; there `reranked` is measured too.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

import django

django.setup()

from generation.training.reranker_data import split_of  # noqa: E402
from retrieval.evaluation import Configuration, Question, read_questions  # noqa: E402
from retrieval.intervals import interval_of_mean  # noqa: E402
from retrieval.models import Chunk  # noqa: E402
from retrieval.query import THREADS  # noqa: E402
from retrieval.ranking import rank_many  # noqa: E402
from retrieval.scope import EVERYTHING  # noqa: E402
from retrieval.snapshots import open_active  # noqa: E402

KS = (1, 3, 5)
Hits = dict[int, list[float]]
BATCH = 64
SPLITS = ("development", "held-out", "kept-apart")
LEAST_WORDS = 3  # of a span; a shorter one stands in many passages


def dialogue_of(question: Question) -> str:
    return question.id.rpartition("_")[0]


def is_development(question: Question) -> bool:
    return int(hashlib.sha256(dialogue_of(question).encode()).hexdigest(), 16) % 2 == 0


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


def right_passages(folder: Path, questions: list[Question]) -> dict[str, set[int]]:
    """The chunks that hold each question's span; none for a span that stands in no single chunk."""
    spans = {
        row["id"]: plain(row["grounding"])
        for row in map(json.loads, (folder / "turns.jsonl").open())
    }
    pages: dict[str, list[tuple[int, str]]] = {}
    for chunk in Chunk.objects.select_related("revision__document").defer("revision__text"):
        source = chunk.revision.document.source
        pages.setdefault(source, []).append((chunk.pk, plain(chunk.text)))
    found = {
        question.id: {
            pk for pk, text in pages.get(question.gold[0], ()) if spans[question.id] in text
        }
        for question in questions
        if len(spans[question.id].split()) >= LEAST_WORDS
    }
    return {key: passages for key, passages in found.items() if passages}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=SPLITS, default="held-out")
    parser.add_argument("--limit", type=int, help="so many turns, drawn by a digest")
    options = parser.parse_args()
    folder = options.data / "doc2dial"
    page_of = {row["id"]: row["doc_id"] for row in map(json.loads, (folder / "turns.jsonl").open())}
    is_in = {
        "development": is_development,
        "held-out": lambda question: not is_development(question),
        "kept-apart": lambda question: split_of(page_of[question.id]) == "test",
    }[options.split]
    asked = [q for q in read_questions(folder / "questions_history.jsonl") if is_in(q)]
    right = right_passages(folder, asked)
    asked = sorted(
        (question for question in asked if question.id in right),
        key=lambda question: hashlib.sha256(question.id.encode()).hexdigest(),
    )[: options.limit]
    groups = [dialogue_of(question) for question in asked]
    snapshot = open_active()
    ways = {thread: Configuration(mode="fused", thread=thread) for thread in THREADS}
    if options.split == "kept-apart":
        ways["reranked"] = Configuration(mode="reranked")
    hits: dict[str, Hits] = {name: {k: [] for k in KS} for name in ways}
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        for name, way in ways.items():
            queries = [way.query(question) for question in batch]
            scopes = [EVERYTHING] * len(batch)
            ranked = rank_many(snapshot, queries, k=max(KS), mode=way.mode, scopes=scopes)
            for question, one in zip(batch, ranked, strict=True):
                for k in KS:
                    found = right[question.id].intersection(one.chunk_ids[:k].tolist())
                    hits[name][k].append(float(bool(found)))
    print(f"{options.split}: {len(asked)} turns of {len(set(groups))} dialogues")
    for name, by_k in hits.items():
        print(f"{name:<8}", "  ".join(f"hit@{k} {fmean(by_k[k]):.3f}" for k in KS))
    for better, worse in (("both", "whole"), ("reranked", "both")):
        for k in KS if better in hits else ():
            change = [a - b for a, b in zip(hits[better][k], hits[worse][k], strict=True)]
            low, high = interval_of_mean(change, groups=groups) or (0.0, 0.0)
            print(
                f"{better} less {worse}, hit@{k}: {fmean(change):+.3f} ({low:+.3f} to {high:+.3f}), "
                f"{sum(c > 0 for c in change)} gained, {sum(c < 0 for c in change)} lost"
            )


if __name__ == "__main__":
    main()
