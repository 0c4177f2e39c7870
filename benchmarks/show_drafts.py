"""Drafts chosen by a seed, as Markdown: show_drafts.py --drafts OUT --tickets FILE --seed 7."""

from __future__ import annotations

import argparse
import json
import random
from pathlib import Path


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drafts", type=Path, required=True, help="what `evaluate drafts` wrote")
    parser.add_argument("--tickets", type=Path, required=True, help="the tickets it was given")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--count", type=int, default=10)
    options = parser.parse_args()
    tickets = {row["id"]: row for row in read(options.tickets)}
    rows = random.Random(options.seed).sample(read(options.drafts), options.count)
    for number, row in enumerate(rows, start=1):
        ticket = tickets[row["id"]]
        thread = ticket.get("thread") or [{"role": "customer", "text": ticket["body"]}]
        print(f"### {number}. {row['kind']}, {row['route']}\n")
        for turn in thread[-3:]:
            print(f"**{turn['role']}**: {turn['text'].strip()}\n")
        print(f"{quoted(row['body'] or '(no draft: ' + ' '.join(row['reasons'][:2]) + ')')}\n")
        claims = [s for s in row["sentences"] if s["kind"] == "claim"]
        supports = ", ".join(f"{s['support']:.2f}" for s in claims)
        source = claims[0]["source"] if claims else "–"
        print(f"Support {supports or '–'} · from “{source}”", end="")
        if row["confidence"] is not None:
            print(f" · confidence {row['confidence']:.2f}", end="")
        print(f"\n\nThe human agent wrote: {ticket.get('reply', '–')}\n")


if __name__ == "__main__":
    main()
