"""When a draft is declined: what each least cosine leaves of questions that are answered and that aren't.

    python benchmarks/declining.py --data DIR --out FOLDER          # writes the questions
    python benchmarks/declining.py --score FOLDER/NAME.jsonl        # prints the table

NAME is `doc2dial` (ingest DIR/doc2dial/pages: first messages of its dialogues, which the pages answer),
`demo` (ingest demo/knowledge: the demo's tickets) and `squad` (ingest what benchmarks/reranking_questions.py
writes: half of its questions have no answer). The former two also hold queries of CLINC150, which neither
answers: half of them its intents, half out of its own scope. Drawn by seed 4.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
POINTS = (0.40, 0.45, 0.48, 0.50, 0.52, 0.55)
COUNT = 100  # of a kind
Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def write(path: Path, rows: list[Row]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def make(data: Path, out: Path) -> None:
    dice = random.Random(4)
    queries = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    strange = dice.sample([text for text, _ in queries["oos_train"]], COUNT // 2)
    strange += dice.sample([text for text, _ in queries["test"]], COUNT // 2)
    off = [{"query": text, "kind": "off topic"} for text in strange]
    threads = read(data / "doc2dial" / "questions_history.jsonl")
    first = dice.sample([row for row in threads if len(row["thread"]) == 1], COUNT)
    tree = json.loads((data / "squad2_dev_half" / "dev-v2.0.json").read_text(encoding="utf-8"))
    asked: dict[bool, list[str]] = {True: [], False: []}
    for article in tree["data"]:
        for paragraph in article["paragraphs"]:
            for row in paragraph["qas"]:
                asked[not row["is_impossible"]].append(row["question"].strip())
    out.mkdir(parents=True, exist_ok=True)
    kinds = {True: "answerable", False: "unanswerable"}
    answered = [{"query": row["query"], "kind": kinds[True]} for row in first]
    write(out / "doc2dial.jsonl", [*answered, *off])
    demo = read(ROOT / "demo" / "questions.jsonl")
    write(
        out / "demo.jsonl",
        [*({"query": row["query"], "kind": kinds[row["answerable"]]} for row in demo), *off],
    )
    halves = [(text, kind) for kind, found in asked.items() for text in dice.sample(found, COUNT)]
    write(out / "squad.jsonl", [{"query": text, "kind": kinds[kind]} for text, kind in halves])


def score(path: Path) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")
    import django

    django.setup()
    from django.conf import settings

    from generation.quoting import quote_of, rank
    from retrieval.embedder import get_embedder
    from retrieval.search import search_many

    found = defaultdict(list)
    rows = read(path)
    for start in range(0, len(rows), 16):
        part = rows[start : start + 16]
        searched = search_many([row["query"] for row in part], k=settings.PASSAGES)
        for row, results in zip(part, searched, strict=True):
            titles = [hit.full_title for hit in results.hits]
            texts = [hit.text for hit in results.hits]
            ranked = rank(row["query"], texts, titles=titles, embed=get_embedder().encode)
            quoted = quote_of(ranked) if ranked else None
            found[row["kind"]].append((results.answer_score, quoted.relevance if quoted else -1.0))
    print("drafted at:", {kind: len(scores) for kind, scores in found.items()})
    for name, decides in (
        ("the best passage", lambda s: s[:, 0]),
        ("the quote", lambda s: s[:, 1]),
        ("the better of the two", lambda s: s.max(axis=1)),
    ):
        for point in POINTS:
            shares = {}
            for kind, scores in found.items():
                both = np.array(scores)
                kept = (decides(both) >= point) & (both[:, 1] >= 0)  # without a quote there is none
                shares[kind] = round(float(kept.mean()), 3)
            print(f"{name} {point:.2f}", shares, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of the public sets")
    parser.add_argument("--out", type=Path, help="folder for the questions")
    parser.add_argument("--score", type=Path, help="a file of questions")
    options = parser.parse_args()
    if options.score:
        score(options.score)
    else:
        make(options.data, options.out)


if __name__ == "__main__":
    main()
