"""How often a draft tells half a list of steps, and whether making lists whole mends it.

    python benchmarks/cut_lists.py lists FOLDER … --articles 80
    python benchmarks/cut_lists.py drafts --data DIR --count 40 --out FILE

`lists` needs no model: of each list of steps in the articles (drawn by a seed), whether it stands in several
passages, and whether what begins in any one of these has it whole.

`drafts` asks for the sections of such lists, in articles of DIR/kb that the training held out, and
writes the quote and the composition from the article's five passages nearest to the question, with the
lists as they were found and made whole.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

import django
import numpy as np

django.setup()

from generation.composing import best_passages, body_of, outline_of  # noqa: E402
from generation.engine.transformers_generator import TransformersGenerator  # noqa: E402
from generation.markup import blocks_of  # noqa: E402
from generation.parts import Unit, parts_of  # noqa: E402
from generation.prompts import Passage, Turn, build_prompt  # noqa: E402
from generation.quoting import Ranked, quote_of, rank  # noqa: E402
from generation.training.records import is_held_out  # noqa: E402
from generation.training.voices import topic_question  # noqa: E402
from generation.whole_lists import read_with, with_whole_lists  # noqa: E402
from retrieval.chunking import embedded_text  # noqa: E402
from retrieval.embedder import get_embedder  # noqa: E402
from retrieval.loaders import LoadedArticle, LoadError, load  # noqa: E402
from retrieval.passages import SearchHit  # noqa: E402
from retrieval.publishing import cut  # noqa: E402

LONGEST_ARTICLE = 20  # passages
NEW_TOKENS = 200
Span = tuple[int, int]


def articles_in(folder: Path, rng: random.Random) -> Iterator[tuple[Path, LoadedArticle]]:
    paths = sorted(folder.rglob("*.md"))
    rng.shuffle(paths)
    for path in paths:
        try:
            yield path, load(path)
        except LoadError:
            continue


def passages_of(article: LoadedArticle) -> list[SearchHit]:
    pieces = cut(article.text, title=article.title, embedder=get_embedder())
    return [
        SearchHit(
            number, 1, 1, "", article.title, "", piece.heading_path,
            article.text[piece.start : piece.end], piece.start, piece.end, 0, 0, 0,
        )
        for number, piece in enumerate(pieces)
    ]  # fmt: skip


def beside_in(
    passages: Sequence[SearchHit], text: str
) -> Callable[[SearchHit, bool], SearchHit | None]:
    """As `retrieval.neighbours.neighbour_of`, without a database."""

    def beside(passage: SearchHit, after: bool) -> SearchHit | None:
        place = passage.chunk_id + (1 if after else -1)
        if not 0 <= place < len(passages):
            return None
        other = passages[place]
        first, last = (passage, other) if after else (other, passage)
        apart = other.heading_path != passage.heading_path or text[first.end : last.start].strip()
        return None if apart else other

    return beside


def lists_of_steps(text: str) -> Iterator[list[Span]]:
    """The spans of the items of each list of steps with two and more."""
    spans: list[Span] = []
    for block in [*blocks_of(text), None]:
        if block and block.kind == "step":
            spans.append((block.start, block.end))
            continue
        if len(spans) > 1:
            yield spans
        spans = []


# ---- lists -------------------------------------------------------------------------------------


def count_lists(folder: Path, *, articles: int, seed: int) -> None:
    paths = sorted(folder.rglob("*.md"))
    counts: Counter[str] = Counter()
    for path in random.Random(seed).sample(paths, min(articles, len(paths))):
        try:
            article = load(path)
        except LoadError:
            continue
        passages = passages_of(article)
        beside = beside_in(passages, article.text)
        counts["passages"] += len(passages)
        for items in lists_of_steps(article.text):
            inside = [p for p in passages if p.start < items[-1][1] and items[0][0] < p.end]
            counts["lists of steps"] += 1
            if len(inside) < 2:
                continue
            counts["in several passages"] += 1
            for found in inside:
                said, neighbours = _told(found, items, beside)
                counts["found by one of these"] += 1
                counts["whole"] += said == len(items)
                counts["neighbours"] += neighbours
    print(f"{folder}: {json.dumps(counts)}")


def _told(found: SearchHit, items: list[Span], beside: Any) -> tuple[int, int]:
    """How many of the items an answer has that begins with those in ``found``; its neighbours."""
    parts = parts_of([found.text])
    own = [any(_is_item(found, unit, items) for unit in part.units) for part in parts]
    if not any(own):
        return 0, 0
    near = np.array([own], dtype=np.float32)
    ranked, neighbours = with_whole_lists(Ranked([""], parts, near, near), [found], beside=beside)
    best = ranked.parts[int(ranked.scores[0].argmax())]
    sources = [found, *neighbours]
    said = sum(_is_item(sources[unit.passage], unit, items) for unit in best.units)
    return said, len(neighbours)


def _is_item(passage: SearchHit, unit: Unit, items: list[Span]) -> bool:
    return unit.list_id >= 0 and any(a <= passage.start + unit.start < b for a, b in items)


# ---- drafts ------------------------------------------------------------------------------------


def asked_for(data: Path, *, count: int, seed: int) -> Iterator[tuple[str, str, LoadedArticle]]:
    """(id, question, article) of sections whose list of steps goes on in the next passage."""
    rng = random.Random(seed)
    made = 0
    for path, article in articles_in(data / "kb", rng):
        name = path.relative_to(data / "kb").as_posix()
        if not is_held_out(f"kb:{name.partition('/')[2]}"):  # training named them below their set
            continue
        passages = passages_of(article)
        beside = beside_in(passages, article.text)
        paths = [
            one.heading_path
            for one, other in pairwise(passages)
            if beside(one, True) and _goes_on(one.text, other.text)
        ]
        for headings in list(dict.fromkeys(paths))[: 2 if len(passages) <= LONGEST_ARTICLE else 0]:
            topic = headings[-1] if headings else article.title
            yield f"{name}:{topic}", topic_question(topic, article.title, rng), article
            made += 1
        if made >= count:
            return


def _goes_on(one: str, other: str) -> bool:
    before, after = blocks_of(one), blocks_of(other)
    return bool(before and after) and before[-1].kind == after[0].kind == "step"


class Drafting:
    """Quote and composition with the embedder and the bundled generator; nothing else of a draft."""

    def __init__(self) -> None:
        self.embedder = get_embedder()
        self.generator = TransformersGenerator()
        self.known: dict[str, Any] = {}

    def embed(self, texts: Sequence[str]) -> Any:
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        self.known.update(zip(new, self.embedder.encode(new) if new else [], strict=True))
        return np.stack([self.known[text] for text in texts])

    def rows(self, question: str, article: LoadedArticle) -> dict[str, Any]:
        passages = passages_of(article)
        texts = [
            embedded_text(
                title=hit.title, heading_path=hit.heading_path, text=hit.text,
                count_tokens=self.embedder.count_tokens,
            )
            for hit in passages
        ]  # fmt: skip
        near = self.embed(texts) @ self.embed([question])[0]
        hits = [passages[place] for place in np.argsort(-near, kind="stable")[:5]]
        titles = [hit.full_title for hit in hits]
        ranked = rank(question, [hit.text for hit in hits], titles=titles, embed=self.embed)
        assert ranked is not None
        beside = beside_in(passages, article.text)
        whole, neighbours = with_whole_lists(ranked, hits, beside=beside)
        row: dict[str, Any] = {"question": question, "neighbours": len(neighbours)}
        for name, parts in (("found", ranked), ("whole", whole)):
            sources = [*hits, *neighbours]
            row[f"quoted, {name}"] = self._quoted(parts, sources, article.text)
            row[f"composed, {name}"] = self._composed(question, parts, sources, article.text)
        return row

    def _quoted(self, ranked: Ranked, sources: Sequence[SearchHit], text: str) -> dict[str, Any]:
        quote = quote_of(ranked)
        picks = quote.picks if quote else []
        spans = [(sources[p].start + start, sources[p].start + end) for p, start, end in picks]
        return _row(quote.text if quote else "", spans, text)

    def _composed(
        self, question: str, ranked: Ranked, sources: Sequence[SearchHit], text: str
    ) -> dict[str, Any]:
        first = best_passages(ranked)[0]
        hit = sources[first]
        prompt = build_prompt(
            template=self.generator.template,
            thread=[Turn("customer", question)],
            passages=[Passage(hit.title, read_with(ranked, first, hit.text), hit.heading_path)],
            count_tokens=self.generator.count_tokens,
            budget=self.generator.context_tokens - NEW_TOKENS,
        )
        topic = (hit.heading_path or (hit.title,))[-1]
        draft = outline_of(
            ranked, ranked.scores, prompt=prompt.text, passages=(first,), topic=topic
        )
        composition = self.generator.compose([draft.outline])[0] if draft else None
        if draft is None or composition is None:
            return _row("", [], text)
        said = [part for run in composition.runs for place in run for part in draft.parts[place]]
        units = [unit for part in said for unit in part.units]
        starts = [sources[unit.passage].start for unit in units]
        spans = [(at + u.start, at + u.end) for at, u in zip(starts, units, strict=True)]
        return _row(body_of(draft, composition), spans, text)


def _row(body: str, spans: Sequence[Span], text: str) -> dict[str, Any]:
    """A body, its words, and whether a list of steps in it is `cut` or `whole`."""
    steps = ""
    for items in lists_of_steps(text):
        said = [any(a < end and start < b for a, b in spans) for start, end in items]
        if any(said) and steps != "cut":
            steps = "whole" if all(said) else "cut"
    return {"body": body, "words": len(body.split()), "steps": steps}


def draft(data: Path, out: Path, *, count: int, seed: int) -> None:
    drafting = Drafting()
    rows: list[dict[str, Any]] = []
    with out.open("w", encoding="utf-8") as file:
        for name, question, article in asked_for(data, count=count, seed=seed):
            rows.append({"id": name} | drafting.rows(question, article))
            file.write(json.dumps(rows[-1], ensure_ascii=False) + "\n")
            file.flush()
    for kind in ("quoted, found", "quoted, whole", "composed, found", "composed, whole"):
        states = Counter(row[kind]["steps"] or "none" for row in rows)
        words = fmean(row[kind]["words"] for row in rows)
        print(f"{kind}: {json.dumps(states)}, {words:.0f} words")
    print(f"neighbours: {json.dumps(Counter(row['neighbours'] for row in rows))}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    lists = actions.add_parser("lists")
    lists.add_argument("folders", type=Path, nargs="+")
    lists.add_argument("--articles", type=int, default=80)
    drafts = actions.add_parser("drafts")
    drafts.add_argument("--data", type=Path, required=True)
    drafts.add_argument("--out", type=Path, required=True)
    drafts.add_argument("--count", type=int, default=40)
    for action in (lists, drafts):
        action.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.action == "lists":
        for folder in options.folders:
            count_lists(folder, articles=options.articles, seed=options.seed)
    else:
        draft(options.data, options.out, count=options.count, seed=options.seed)


if __name__ == "__main__":
    main()
