"""Rows of an evaluation file drawn by a seed, in the file's order: sample_rows.py FILE 300 > sample.jsonl

`--group-by _` gives each row the `group` that stands in its id before the last `_` (doc2dial's ids are
dialogue_turn), so that intervals draw a dialogue's turns together.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--group-by", metavar="MARK")
    options = parser.parse_args()
    lines = [line for line in options.file.read_text(encoding="utf-8").splitlines() if line.strip()]
    drawn = random.Random(options.seed).sample(range(len(lines)), min(options.count, len(lines)))
    for number in sorted(drawn):
        row = json.loads(lines[number])
        if options.group_by:
            row["group"] = str(row["id"]).rpartition(options.group_by)[0] or str(row["id"])
        sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
