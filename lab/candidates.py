"""What is known of the sections that a search finds for the tickets of one family: the rows that
`manage.py train selector` fits on.

    python lab/candidates.py FAMILY --out FILE [--installation DIR] [--articles N]

FAMILY is a folder with `tickets.jsonl` and `articles/` (lab/README.md). Its articles are ingested into an
installation of its own: those that the tickets name, and others by a seed until there are N. A row is
a ticket: `{"family", "id", "answerable", "reranker", "features": [[...]], "right": [...]}`, a list for
each section.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]

from lab.installation import manage, open_installation  # noqa: E402

SEED = 7


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("family", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--installation", type=Path, help="a folder that is kept")
    parser.add_argument("--articles", type=int, default=150)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        folder = options.installation or Path(passing)
        open_installation(folder)
        tickets = [json.loads(line) for line in (options.family / "tickets.jsonl").open()]
        manage("migrate", "--verbosity", "0")
        if not (folder / "articles").is_dir():
            set_up(options.family / "articles", folder, tickets, options.articles)
        rows = list(rows_of(options.family.name, tickets))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text("".join(json.dumps(row) + "\n" for row in rows))
    print(f"{len(rows)} tickets", file=sys.stderr)


def set_up(articles: Path, folder: Path, tickets: list[dict], count: int) -> None:
    from retrieval.loaders import is_supported

    named = {one["path"] for row in tickets for one in [*row["gold"], *row["near"]]}
    others = [
        path
        for path in sorted(str(p.relative_to(articles)) for p in articles.rglob("*") if p.is_file())
        if path not in named and is_supported(Path(path))
    ]
    random.Random(SEED).shuffle(others)
    for path in [*sorted(named), *others[: max(0, count - len(named))]]:
        target = folder / "articles" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(articles / path, target)
    print(manage("ingest", str(folder / "articles"), "--collection", "help"))


def rows_of(family: str, tickets: list[dict]):
    from generation.training.ticket_rankings import is_named
    from retrieval.query import ThreadTurn, query_of
    from retrieval.section_search import candidates_for
    from retrieval.snapshots import open_active

    snapshot = open_active()
    for row in tickets:
        if row.get("language", "en") != "en":
            continue
        query = query_of(row["subject"], [ThreadTurn("customer", row["body"])])
        (found,) = candidates_for([query], snapshot=snapshot)
        yield {
            "family": family,
            "id": row["id"],
            "answerable": bool(row["gold"]),
            "reranker": found.reranker,
            "features": found.features.round(5).tolist(),
            "right": [
                any(is_named(one.section, gold["path"], gold["section"]) for gold in row["gold"])
                for one in found.sections
            ],
        }


if __name__ == "__main__":
    main()
