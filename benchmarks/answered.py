"""How much of what a customer asked for the drafts say.

    python manage.py evaluate drafts --tickets TICKETS --out OUT
    python benchmarks/answered.py --drafts OUT --answers demo/answers.jsonl

A row of `--answers` names a ticket and its needs, the facts and steps that a complete reply gives. A need is
a list of short runs of words out of the articles; a draft says it where any of them stands in its body,
whatever the capitals, Markdown marks and punctuation around words. A fact in other words isn't seen, so a
model's own sentences are counted low, and a right run in a wrong sentence counts. demo/answers.jsonl was
written by a language model in a session of its own that had seen the articles and tickets and no draft; no
person has checked it. `--half` takes the tickets whose id's sha256 is even (a) or odd (b), so that one can
be developed on and the other held out.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import string
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from retrieval.intervals import interval_of_mean

Row = dict[str, Any]
MARKS = re.compile(r"[|*_`#>\[\]()]")
ENDS = string.punctuation + "“”„‘’…–—"


def read(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line.strip()]


def words(text: str) -> str:
    """The words in lower case between single spaces, without Markdown marks and punctuation at their ends."""
    parts = MARKS.sub(" ", text.replace("’", "'")).casefold().split()
    return f" {' '.join(filter(None, (part.strip(ENDS) for part in parts)))} "


def half_of(ticket: str) -> str:
    return "ab"[hashlib.sha256(ticket.encode()).digest()[-1] % 2]


def share_said(needs: list[list[str]], body: str) -> float:
    """The share of the needs of which the body holds at least one alternative."""
    text = words(body)
    return sum(any(words(run) in text for run in need) for need in needs) / len(needs)


def figures(shares: list[float], lengths: list[int]) -> Row:
    """Means over tickets, each with its 95 % bootstrap interval; an empty body has 0 words."""
    columns: dict[str, list[float]] = {
        "needs_said": shares,
        "all_said": [float(share == 1) for share in shares],
        "none_said": [float(share == 0) for share in shares],
        "words": [float(length) for length in lengths],
    }
    means = {
        name: {"mean": round(sum(values) / len(values), 4), "interval": interval_of_mean(values)}
        for name, values in columns.items()
    }
    return {"tickets": len(shares), **means}


def answered(drafts: list[Row], answers: list[Row]) -> Row:
    """Figures of all and of each kind of draft. Raises ValueError where a ticket has none."""
    by_id = {row["id"]: row for row in drafts}
    missing = [row["id"] for row in answers if row["id"] not in by_id]
    if missing or not answers:
        raise ValueError(f"no draft for {', '.join(missing) or 'any ticket'}: evaluate it, too")
    found: dict[str, tuple[list[float], list[int]]] = defaultdict(lambda: ([], []))
    for row in answers:
        draft = by_id[row["id"]]
        for name in ("all", f"kind {draft['kind']}"):
            found[name][0].append(share_said(row["needs"], draft["body"]))
            found[name][1].append(len(draft["body"].split()))
    return {name: figures(*columns) for name, columns in sorted(found.items())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drafts", type=Path, required=True, help="what `evaluate drafts` wrote")
    parser.add_argument("--answers", type=Path, required=True, help='lines of {"id", "needs"}')
    parser.add_argument("--half", choices=["a", "b"], help="only the tickets of this half")
    options = parser.parse_args()
    answers = [r for r in read(options.answers) if options.half in (None, half_of(r["id"]))]
    try:
        print(json.dumps(answered(read(options.drafts), answers), indent=2))
    except ValueError as error:
        sys.exit(f"{options.drafts}: {error}")


if __name__ == "__main__":
    main()
