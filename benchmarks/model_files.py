"""The files that docs/models.md measures the generator on: model_files.py --data DIR --out FOLDER.

DIR holds the public sets. Nothing in these files was trained on: articles and pages are those of the
held-out 5 % (`generation.training.records.is_held_out`), SQuAD is a development set.

- doc2dial_drafts.jsonl: customers' turns on held-out pages with the human agent's reply, for
  `evaluate drafts` (ingest DIR/doc2dial/pages first).
- doc2dial_given.jsonl: the same turns with the page's passage that answers, and two others of the page,
  for `evaluate generation`.
- articles_given.jsonl: synthetic questions about held-out articles with their passages and reference.
- squad_given.jsonl: questions with one paragraph each, half of them not answered by it, which SQuAD's
  writers made to look as if they were.
- unseen_articles.jsonl: held-out articles' sections, for `evaluate perplexity`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from generation.training.article_records import article_records  # noqa: E402
from generation.training.articles import read_articles  # noqa: E402
from generation.training.records import is_held_out  # noqa: E402

Row = dict[str, Any]
FOLDERS = ("business-central", "sharepoint", "iis")


def lines_of(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def doc2dial(data: Path) -> Iterator[tuple[Row, Row]]:
    """(row for drafts, row for generation) of every turn on a held-out page that has a reply."""
    pages = {row["doc_id"]: row["text"] for row in lines_of(data / "doc2dial/docs.jsonl")}
    turns = {row["id"]: row for row in lines_of(data / "doc2dial/turns.jsonl")}
    for row in lines_of(data / "doc2dial/drafts.jsonl"):
        turn = turns[row["id"]]
        page = pages[turn["doc_id"]]
        if not is_held_out(f"doc2dial:{turn['doc_id']}"):
            continue
        group = {"group": turn["dial_id"]}
        blocks = [block.strip() for block in page.split("\n\n") if len(block.split()) > 15]
        gold = turn["grounding"].strip()
        right = next((b for b in blocks if gold[:60] in b), None)
        if right is None:  # the span runs over a break: what stands around it
            start = turn["grounding_start"]
            right = page[max(0, start - 200) : start + len(gold) + 200]
        others = [b for b in blocks if b != right]
        drawn = random.Random(row["id"]).sample(others, min(2, len(others)))
        title = turn["doc_id"].split("|")[0].split("#")[0].strip()
        passages = [{"title": title, "text": text} for text in (right, *drawn)]
        thread = row["thread"]
        yield (
            row | group,
            group
            | {"id": row["id"], "thread": thread, "passages": passages, "reply": row["reply"]},
        )


def articles(data: Path) -> Iterator[Row]:
    for folder in FOLDERS:
        for record in article_records(data / "kb" / folder, random.Random(f"7:{folder}")):
            if record.held_out:
                yield {
                    "id": record.id,
                    "group": record.group,
                    "thread": [asdict(turn) for turn in record.thread],
                    "passages": [{"title": p.title, "text": p.text} for p in record.passages],
                    "reply": record.reply,
                    "answerable": True,
                }


def unseen(data: Path) -> Iterator[Row]:
    for folder in FOLDERS:
        for number, section in enumerate(read_articles(data / "kb" / folder)):
            if is_held_out(f"kb:{section.document}"):
                name = f"{folder}-{number}"
                yield {"id": name, "group": f"{folder}:{section.document}", "text": section.text}


def squad(data: Path) -> Iterator[Row]:
    tree = json.loads((data / "squad2_dev_half/dev-v2.0.json").read_text(encoding="utf-8"))
    for article in tree["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                answers = question["answers"]
                yield {
                    "id": question["id"],
                    "group": article["title"],
                    "thread": [{"role": "customer", "text": question["question"]}],
                    "passages": [{"title": article["title"], "text": paragraph["context"]}],
                    "reply": answers[0]["text"] if answers else "",
                    "answerable": not question["is_impossible"],
                }


def write(path: Path, rows: list[Row], count: int) -> None:
    drawn = random.Random(7).sample(rows, min(count, len(rows)))
    with path.open("w", encoding="utf-8") as file:
        for row in drawn:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    print(f"{path.name}: {len(drawn)} of {len(rows)}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=150, help="at most so many rows a file")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    turns = list(doc2dial(options.data))
    write(options.out / "doc2dial_drafts.jsonl", [a for a, _ in turns], options.count)
    write(options.out / "doc2dial_given.jsonl", [b for _, b in turns], options.count)
    write(options.out / "articles_given.jsonl", list(articles(options.data)), options.count)
    write(options.out / "unseen_articles.jsonl", list(unseen(options.data)), options.count)
    asked = list(squad(options.data))
    halves = [
        random.Random(7).sample([r for r in asked if r["answerable"] is kind], options.count // 2)
        for kind in (True, False)
    ]
    write(
        options.out / "squad_given.jsonl", [row for half in halves for row in half], options.count
    )


if __name__ == "__main__":
    main()
