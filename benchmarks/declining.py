"""At which cosine of the best passage a draft is declined: the table in docs/grounding.md.

    python benchmarks/declining.py --data DIR --out FOLDER          # writes the questions
    python manage.py evaluate retrieval --questions FOLDER/NAME.jsonl --out FOLDER/NAME.out
    python benchmarks/declining.py --out FOLDER                     # prints the table

NAME is `doc2dial` (ingest DIR/doc2dial/pages: 200 first messages of its dialogues, which the pages
answer), and `demo` (ingest demo/knowledge: the demo's tickets). Both also hold 200 queries of CLINC150,
which neither answers: 100 of its intents, 100 out of its own scope. Drawn by seed 4.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

DEMO = Path(__file__).resolve().parents[1] / "demo" / "questions.jsonl"
POINTS = (0.35, 0.40, 0.42, 0.45, 0.48, 0.50, 0.52, 0.55)
Row = dict[str, Any]


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]


def write(path: Path, rows: list[Row]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def make(data: Path, out: Path) -> None:
    dice = random.Random(4)
    queries = json.loads((data / "clinc150" / "data_full.json").read_text(encoding="utf-8"))
    strange = dice.sample([text for text, _ in queries["oos_train"]], 100)
    strange += dice.sample([text for text, _ in queries["test"]], 100)
    off = [
        {"id": f"off-{number}", "query": text, "gold": [], "answerable": False}
        for number, text in enumerate(strange)
    ]
    threads = read(data / "doc2dial" / "questions_history.jsonl")
    first = dice.sample([row for row in threads if len(row["thread"]) == 1], 200)
    out.mkdir(parents=True, exist_ok=True)
    write(out / "doc2dial.jsonl", [*first, *off])
    write(out / "demo.jsonl", [*read(DEMO), *off])


def show(out: Path) -> None:
    for name in ("doc2dial", "demo"):
        scores = {row["id"]: row["answer_score"] for row in read(out / f"{name}.out")}
        kinds = defaultdict(list)
        for row in read(out / f"{name}.jsonl"):
            off = "off topic" if str(row["id"]).startswith("off-") else "unanswerable"
            kind = "answerable" if row.get("answerable", True) else off
            kinds[kind].append(scores[row["id"]])
        for point in POINTS:
            kept = [
                f"{kind} {sum(score >= point for score in found) / len(found):.3f} (n {len(found)})"
                for kind, found in kinds.items()
            ]
            print(f"{name} {point:.2f} drafted: {', '.join(kept)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of the public sets")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    if options.data:
        make(options.data, options.out)
    else:
        show(options.out)


if __name__ == "__main__":
    main()
