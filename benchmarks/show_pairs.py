"""Judged pairs as Markdown: show_pairs.py --pairs PAIRS --key KEY --verdicts VERDICTS [--tickets PREFIX].

``--tickets``: only pairs whose ticket's id begins with it, for sets whose text may be shown.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    for name in ("pairs", "key", "verdicts"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--tickets", default="", help="only ids that begin so")
    options = parser.parse_args()
    key = {row["id"]: row for row in read(options.key)}
    verdicts = defaultdict(list)
    for row in read(options.verdicts):
        verdicts[row["id"]].append(row["prefer"])
    for pair in read(options.pairs):
        model, ticket = key[pair["id"]]["model"], str(key[pair["id"]]["ticket"])
        if not ticket.startswith(options.tickets):
            continue
        names = {side: "composed" if side == model else "quoted" for side in "ab"}
        judged = [names.get(side, side) for side in verdicts[pair["id"]]]
        print(f"## {pair['id']} ({ticket}): preferred {', '.join(judged) or '–'}\n")
        for turn in pair["thread"]:
            print(f"**{turn['role']}**: {turn['text'].strip()}\n")
        for side in "ab":
            print(f"{side}, {names[side]}:\n\n{quoted(pair[side])}\n")


if __name__ == "__main__":
    main()
