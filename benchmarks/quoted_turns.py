"""What the quote says of the right answer, after a fused search and after a reranked one.

    manage.py ingest DIR/doc2dial/pages --collection doc2dial
    benchmarks/quoted_turns.py --data DIR [--limit 200]

The turns of doc2dial that have an agent's reply, on the pages that the reranker's training kept apart. The
quote (`generation.quoting`) is compared with that reply by token F1, and with the span that the reply rests
on by the share of the span's words that it holds. Differences are paired; a dialogue's are drawn together.
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
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402

from generation.drafted import Question  # noqa: E402
from generation.figures import token_f1  # noqa: E402
from generation.prompts import Turn  # noqa: E402
from generation.quoting import quote_of, rank  # noqa: E402
from generation.registry import RememberedEmbeddings  # noqa: E402
from generation.training.reranker_data import split_of  # noqa: E402
from retrieval.embedder import get_embedder  # noqa: E402
from retrieval.intervals import interval_of_mean  # noqa: E402
from retrieval.query import query_of  # noqa: E402
from retrieval.search import search_many  # noqa: E402

MODES = ("fused", "reranked")
BATCH = 32
Row = dict[str, Any]


def turns(folder: Path, limit: int | None) -> list[Row]:
    """Turns with thread, reply and the span that it rests on, drawn by a digest."""
    known = {row["id"]: row for row in map(json.loads, (folder / "turns.jsonl").open())}
    rows = [
        row | {"span": known[row["id"]]["grounding"]}
        for row in map(json.loads, (folder / "drafts.jsonl").open())
        if split_of(known[row["id"]]["doc_id"]) == "test"
    ]
    return sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).hexdigest())[:limit]


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def share_held(text: str, span: str) -> float:
    held = set(words(text))
    return fmean([word in held for word in words(span)] or [0.0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    rows = turns(options.data / "doc2dial", options.limit)
    embed = RememberedEmbeddings(get_embedder().encode)
    f1: dict[str, list[float]] = {mode: [] for mode in MODES}
    held: dict[str, list[float]] = {mode: [] for mode in MODES}
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        asked = [
            Question("", tuple(Turn(turn["role"], turn["text"]) for turn in row["thread"]))
            for row in batch
        ]
        queries = [query_of("", question.turns) for question in asked]
        for mode in MODES:
            found = search_many(queries, k=settings.PASSAGES, mode=mode)
            for row, question, results in zip(batch, asked, found, strict=True):
                ranked = rank(
                    question.with_history,
                    [hit.text for hit in results.hits],
                    titles=[hit.full_title for hit in results.hits],
                    needs=question.needs,
                    embed=embed,
                )
                quoted = quote_of(ranked) if ranked else None
                text = quoted.text if quoted else ""
                f1[mode].append(token_f1(text, row["reply"]))
                held[mode].append(share_held(text, row["span"]))
    groups = [row["id"].rpartition("_")[0] for row in rows]
    print(f"{len(rows)} turns of {len(set(groups))} dialogues")
    for name, values in (("token F1", f1), ("share of the span's words", held)):
        change = [b - a for a, b in zip(values["fused"], values["reranked"], strict=True)]
        low, high = interval_of_mean(change, groups=groups) or (0.0, 0.0)
        means = ", ".join(f"{mode} {fmean(values[mode]):.3f}" for mode in MODES)
        print(f"{name}: {means}; {fmean(change):+.3f} ({low:+.3f} to {high:+.3f})")


if __name__ == "__main__":
    main()
