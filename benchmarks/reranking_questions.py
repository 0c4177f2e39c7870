"""Questions files for `evaluate retrieval` that the reranker was not trained on.

    python benchmarks/reranking_questions.py --data DIR --out DIR [--limit 300]

Writes `doc2dial_last.jsonl` and `doc2dial_thread.jsonl` (questions on the pages that training kept
apart; ingest `doc2dial/pages`), `doc2dial_drafts.jsonl` (turns on those pages with the human agent's
reply, for `evaluate drafts`), `scope.jsonl` (as many of the former as of CLINC150's out-of-scope
queries, which that knowledge base does not answer), and `squad/` (each paragraph an article, to
ingest) with `squad.jsonl` (half of its questions have no answer). Drawn by a digest of the id.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

import django

django.setup()

from generation.training.reranker_data import split_of  # noqa: E402

Rows = list[dict[str, Any]]


def drawn(rows: Sequence[dict[str, Any]], limit: int) -> Rows:
    """`limit` rows, the same ones each time."""
    return sorted(rows, key=lambda row: hashlib.sha256(row["id"].encode()).hexdigest())[:limit]


def doc2dial(folder: Path, split: str, limit: int) -> tuple[Rows, Rows, Rows]:
    """(last turns, whole threads) of the same questions, and turns with a reply."""
    page_of = {row["id"]: row["doc_id"] for row in map(json.loads, (folder / "turns.jsonl").open())}

    def read(name: str) -> Rows:
        rows = [json.loads(line) for line in (folder / name).open()]
        return drawn([row for row in rows if split_of(page_of[row["id"]]) == split], limit)

    names = ("questions_last_turn.jsonl", "questions_history.jsonl", "drafts.jsonl")
    last, thread, drafts = map(read, names)
    return last, thread, drafts


def squad(path: Path, pages: Path, limit: int) -> Rows:
    """Questions, half of them unanswerable; writes their paragraphs as articles."""
    rows: Rows = []
    for article in json.loads(path.read_text())["data"]:
        title = article["title"].replace("_", " ")
        for number, paragraph in enumerate(article["paragraphs"]):
            name = f"{article['title']}/{number}.md"
            (pages / name).parent.mkdir(parents=True, exist_ok=True)
            (pages / name).write_text(f'---\ntitle: "{title}"\n---\n\n{paragraph["context"]}\n')
            rows += [
                {
                    "id": question["id"],
                    "query": question["question"].strip(),
                    "gold": [name],
                    "answerable": not question["is_impossible"],
                }
                for question in paragraph["qas"]
            ]
    return drawn(rows, limit)


def write(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print(f"{path.name}: {len(rows)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--split", choices=("development", "test"), default="test")
    parser.add_argument("--limit", type=int, default=300)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    last, thread, drafts = doc2dial(options.data / "doc2dial", options.split, options.limit)
    write(options.out / "doc2dial_last.jsonl", last)
    write(options.out / "doc2dial_thread.jsonl", thread)
    write(options.out / "doc2dial_drafts.jsonl", drafts)
    queries = json.loads((options.data / "clinc150" / "data_full.json").read_text())["oos_test"]
    strangers = [
        {"id": f"oos-{number}", "query": text, "gold": [], "answerable": False}
        for number, (text, _) in enumerate(queries)
    ]
    half = options.limit // 2
    first_turns = [row for row in thread if len(row["thread"]) == 1]
    others = [row for row in thread if len(row["thread"]) > 1]
    asked = (first_turns + others)[:half]
    write(options.out / "scope.jsonl", asked + drawn(strangers, half))
    paragraphs = squad(
        options.data / "squad2_dev_half" / "dev-v2.0.json", options.out / "squad", options.limit
    )
    write(options.out / "squad.jsonl", paragraphs)


if __name__ == "__main__":
    main()
