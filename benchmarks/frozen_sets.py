"""The frozen sets that promotions of the bundled models are decided on, from what this project wrote.

    python benchmarks/frozen_sets.py generator                  # questions on the demo's articles
    python benchmarks/frozen_sets.py toxicity                   # the functional cases
    python benchmarks/frozen_sets.py confidence --drafts FILE   # `evaluate drafts --out` of the demo's tickets

Each writes `demo/frozen/KIND.jsonl`; the rerankers' set is `demo/questions.jsonl`. They are written once and
stay: another file has another digest, and figures on the old one then count no more.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

FROZEN = ROOT / "demo" / "frozen"
RECORDS = 200
Row = dict[str, Any]


def generator() -> Iterable[Row]:
    """Records of `data prepare` on the demo's articles, an eleventh of them unanswerable."""
    from generation.training.preparing import Options, prepare

    with tempfile.TemporaryDirectory() as aside:
        options = Options(seed=1, unanswerable=0.1, planted=0, forgotten=frozenset(), command="")
        prepare([("kb", ROOT / "demo" / "knowledge")], out=Path(aside), options=options,
                report=lambda words: None)  # fmt: skip
        rows = [
            json.loads(line)
            for file in sorted(Path(aside).glob("*.jsonl"))
            for line in file.read_text(encoding="utf-8").splitlines()
        ]
    random.Random(1).shuffle(rows)
    for row in rows[:RECORDS]:
        yield row | {"source": "demo", "license": "MIT", "split": "test"}


def toxicity() -> Iterable[Row]:
    """The functional cases of `tests/generation/toxicity_cases.py`."""
    import toxicity_functional

    return toxicity_functional.rows()


def confidence(drafts: Path) -> Iterable[Row]:
    """The demo's drafts: good (1) where most claims cite an article that answers the question."""
    questions = (ROOT / "demo" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    gold = {row["id"]: row["gold"] for row in map(json.loads, questions)}
    for line in drafts.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] == "none" or not row["features"]:
            continue
        cited = Counter(
            s["source"] for s in row["sentences"] if s["kind"] == "claim" and s["source"]
        )
        good = bool(cited) and cited.most_common(1)[0][0] in gold[row["id"]]
        yield {"id": row["id"], "features": row["features"], "label": int(good), "group": row["id"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=("generator", "toxicity", "confidence"))
    parser.add_argument("--drafts", type=Path)
    options = parser.parse_args()
    if options.kind == "confidence":
        rows = list(confidence(options.drafts))
    else:
        rows = list(generator() if options.kind == "generator" else toxicity())
    FROZEN.mkdir(exist_ok=True)
    file = FROZEN / f"{options.kind}.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    print(f"{file.relative_to(ROOT)}: {len(rows)} records")


if __name__ == "__main__":
    import django

    django.setup()
    main()
