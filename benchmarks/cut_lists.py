"""How often a draft tells half a list of steps: `make` tickets about lists that stand in two passages,
then `count` in what `evaluate drafts` wrote.

    python benchmarks/cut_lists.py make --data DIR --out OUT
    manage.py ingest OUT/articles --collection lists
    manage.py evaluate drafts --tickets OUT/tickets.jsonl --out OUT/drafts.jsonl
    python benchmarks/cut_lists.py count --drafts OUT/drafts.jsonl

DIR/kb holds help articles; those that the generator's training held out are taken. A ticket asks for the
section of a list of steps that one passage begins and the next goes on with.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

import django

django.setup()

from generation.markup import blocks_of  # noqa: E402
from generation.training.records import is_held_out  # noqa: E402
from generation.training.voices import topic_question  # noqa: E402
from retrieval.chunking import Piece  # noqa: E402
from retrieval.embedder import get_embedder  # noqa: E402
from retrieval.loaders import LoadedArticle, LoadError, load  # noqa: E402
from retrieval.models import Document  # noqa: E402
from retrieval.publishing import cut  # noqa: E402

LONGEST_ARTICLE = 20  # passages
KINDS = ("step", "bullet")


def cut_sections(article: LoadedArticle) -> list[tuple[str, ...]] | None:
    """Heading paths of sections whose list of steps goes on in the next passage; None of a long article."""
    pieces = cut(article.text, title=article.title, embedder=get_embedder())
    if len(pieces) > LONGEST_ARTICLE:
        return None
    found = [a.heading_path for a, b in pairwise(pieces) if goes_on(article.text, a, b)]
    return list(dict.fromkeys(found))


def goes_on(text: str, one: Piece, other: Piece) -> bool:
    if one.heading_path != other.heading_path or text[one.end : other.start].strip():
        return False
    before, after = (blocks_of(text[piece.start : piece.end]) for piece in (one, other))
    return bool(before and after) and before[-1].kind == after[0].kind == "step"


def make(data: Path, out: Path, *, count: int, seed: int) -> None:
    rng = random.Random(seed)
    shutil.rmtree(out / "articles", ignore_errors=True)
    rows: list[dict[str, Any]] = []
    paths = sorted(data.glob("kb/*/**/*.md"))
    rng.shuffle(paths)
    for path in paths:
        name = path.relative_to(data / "kb").as_posix()
        if not is_held_out(f"kb:{name.partition('/')[2]}"):  # training named them below their set
            continue
        try:
            article = load(path)
        except LoadError:
            continue
        for headings in (cut_sections(article) or [])[:2]:
            target = out / "articles" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
            topic = headings[-1] if headings else article.title
            asked = topic_question(topic, article.title, rng)
            thread = [{"role": "customer", "text": asked}]
            rows.append({"id": f"{name}:{topic}", "group": name, "thread": thread, "gold": [name]})
        if len(rows) >= count:
            break
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    (out / "tickets.jsonl").write_text("".join(lines), encoding="utf-8")
    print(f"{len(rows)} tickets over {len({row['group'] for row in rows})} articles")


def lists_of(text: str) -> Iterator[tuple[str, list[tuple[int, int]]]]:
    """(kind, spans of the items) of each list of an article."""
    kind, spans = "", []
    for block in [*blocks_of(text), None]:
        if spans and (block is None or block.kind != kind):
            yield kind, spans
            spans = []
        kind = block.kind if block else ""
        if block and kind in KINDS:
            spans.append((block.start, block.end))


def count_cut(drafts: Path) -> None:
    texts = dict(Document.objects.values_list("source", "current__text"))
    counts: Counter[str] = Counter()
    for row in map(json.loads, drafts.open(encoding="utf-8")):
        counts["drafts"] += row["kind"] != "none"
        told: dict[str, list[tuple[int, int]]] = {}
        for claim in row["sentences"]:
            if claim["kind"] == "claim" and claim["start"] is not None:
                told.setdefault(claim["source"], []).append((claim["start"], claim["end"]))
        states = set()
        for source, spans in told.items():
            for kind, items in lists_of(texts[source]):
                said = [any(a < end and start < b for a, b in spans) for start, end in items]
                if sum(said) > 1:
                    states.add(f"{kind}s {'whole' if all(said) else 'cut'}")
        counts.update(states)
        if "steps cut" in states:
            print(f"cut: {row['id']} ({row['kind']})\n{row['body']}\n")
    print(json.dumps(counts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    making = actions.add_parser("make")
    making.add_argument("--data", type=Path, required=True)
    making.add_argument("--out", type=Path, required=True)
    making.add_argument("--count", type=int, default=40)
    making.add_argument("--seed", type=int, default=7)
    counting = actions.add_parser("count")
    counting.add_argument("--drafts", type=Path, required=True)
    options = parser.parse_args()
    if options.action == "make":
        make(options.data, options.out, count=options.count, seed=options.seed)
    else:
        count_cut(options.drafts)


if __name__ == "__main__":
    main()
