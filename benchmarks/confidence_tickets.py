"""Tickets whose answers are known, and the pages to ingest for them, for `train confidence`.

    python benchmarks/confidence_tickets.py --data DIR --out FOLDER [--count 150]

Writes `FOLDER/NAME.jsonl` for `evaluate drafts --tickets` and `train confidence --gold`, and `FOLDER/NAME/`,
which is to be ingested for it:

- travel: travellers' turns (DSTC11) that a hotel's or restaurant's FAQ answers, and a third as many that
  need no knowledge; a page a place.
- shop: shoppers' questions with graded evidence (ePQA), and what was found for a product as its page. The
  ticket's subject is the product.
- squad: SQuAD 2.0's questions, half of them unanswerable, each paragraph a page. To measure, not to fit.

doc2dial's own `drafts.jsonl` and pages already have this form. Drawn by seed 11.
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

Row = dict[str, Any]
SEED = 11


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:50]


def _page(out: Path, name: str, title: str, text: str) -> str:
    path = out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    title = re.sub(r'["\\\n]', " ", title)[:110]
    path.write_text(f'---\ntitle: "{title}"\n---\n\n{text}\n', encoding="utf-8")
    return name


def travel(data: Path, out: Path, count: int, dice: random.Random) -> list[Row]:
    folder = data / "dstc11_track5_val"
    knowledge = json.loads((folder / "knowledge.json").read_text(encoding="utf-8"))
    logs = json.loads((folder / "val_logs.json").read_text(encoding="utf-8"))
    labels = json.loads((folder / "val_labels.json").read_text(encoding="utf-8"))
    pages: dict[tuple[str, str], str] = {}
    for domain, places in knowledge.items():
        for entity, place in places.items():
            if place.get("faqs"):
                title = (place.get("name") or domain).title()
                text = [
                    f"## {faq['question']}\n\n{faq['answer']}" for faq in place["faqs"].values()
                ]
                name = f"{domain}-{entity}-{_slug(title)}.md"
                pages[domain, entity] = _page(out, name, title, "\n\n".join(text))
    rows: dict[bool, list[Row]] = {True: [], False: []}
    for number, (log, label) in enumerate(zip(logs, labels, strict=True)):
        roles = {"U": "customer", "S": "agent"}
        row: Row = {
            "id": f"travel-{number}",
            "thread": [{"role": roles[t["speaker"]], "text": t["text"]} for t in log[-5:]],
        }
        if not label["target"]:
            rows[False].append(row | {"answerable": False, "gold": [], "group": row["id"]})
            continue
        used = [
            (item["domain"], str(item["entity_id"]), str(item["doc_id"]))
            for item in label["knowledge"]
            if item["doc_type"] == "faq" and (item["domain"], str(item["entity_id"])) in pages
        ]
        if used:
            gold = [pages[domain, entity] for domain, entity, _ in used]
            said = [knowledge[d][e]["faqs"][faq]["answer"] for d, e, faq in used]
            known = {"gold": gold, "grounding": " ".join(said), "reply": label["response"]}
            rows[True].append(row | known | {"answerable": True})
    few = count // 4
    return dice.sample(rows[True], min(count - few, len(rows[True]))) + dice.sample(
        rows[False], min(few, len(rows[False]))
    )


def shop(data: Path, out: Path, count: int, dice: random.Random) -> list[Row]:
    products: dict[tuple[str, str], dict[str, list[Row]]] = defaultdict(lambda: defaultdict(list))
    with (data / "product_qa/ePQA/dev.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            products[row["ASIN"], row["title"]][row["question"]].append(row)
    rows = []
    for (number, title), questions in sorted(products.items()):
        found = [row["candidate"].strip() for graded in questions.values() for row in graded]
        name = _page(out, f"{number}.md", title, "\n\n".join(dict.fromkeys(found)))
        for place, (question, graded) in enumerate(questions.items()):
            right = [row["candidate"] for row in graded if row["label"] == "2"]
            if right or all(row["label"] == "0" for row in graded):
                rows.append(
                    {
                        "id": f"shop-{number}-{place}",
                        "subject": title[:90],
                        "body": question,
                        "gold": [name],
                        "answerable": bool(right),
                        "grounding": "\n".join(right),
                        "answers": right,
                        "reply": next((row["answer"] for row in graded if row["answer"]), ""),
                    }
                )
    return dice.sample(rows, min(count, len(rows)))


def squad(data: Path, out: Path, count: int, dice: random.Random) -> list[Row]:
    tree = json.loads((data / "squad2_dev_half/dev-v2.0.json").read_text(encoding="utf-8"))
    rows: dict[bool, list[Row]] = {True: [], False: []}
    for article in tree["data"]:
        for number, paragraph in enumerate(article["paragraphs"]):
            title = article["title"].replace("_", " ")
            name = _page(out, f"{article['title']}/{number}.md", title, paragraph["context"])
            for asked in paragraph["qas"]:
                answers = [answer["text"] for answer in asked["answers"]]
                rows[not asked["is_impossible"]].append(
                    {
                        "id": asked["id"],
                        "body": asked["question"].strip(),
                        "gold": [name],
                        "answerable": not asked["is_impossible"],
                        "grounding": answers[0] if answers else "",
                        "answers": answers,
                    }
                )
    return [row for half in rows.values() for row in dice.sample(half, count // 2)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--count", type=int, default=150, help="at most so many tickets a set")
    options = parser.parse_args()
    for name, make in (("travel", travel), ("shop", shop), ("squad", squad)):
        dice = random.Random(f"{SEED}:{name}")
        rows = make(options.data, options.out / name, options.count, dice)
        dice.shuffle(rows)
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (options.out / f"{name}.jsonl").write_text(text, encoding="utf-8")
        print(f"{name}: {len(rows)}, answerable {sum(row['answerable'] for row in rows)}")


if __name__ == "__main__":
    main()
