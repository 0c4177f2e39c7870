"""What of a question set's gold is found, and what drafts rest on. Wants Django set up.

An article counts once, by its best passage, and so does a section (the passages under one heading of one
article). A question with several needs asks for several answers: any of them counts as first, and
`needs` figures say which share of needs has its own among five.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from generation.figures import Figures
from generation.gold import Gold, gold_of
from retrieval.intervals import interval_of_mean
from retrieval.models import Chunk, Document
from retrieval.query import Query
from retrieval.search import Mode, SearchHit, SearchResults, ThreadTurn, query_of, search_many
from retrieval.section_search import find_sections

Row = dict[str, Any]
DEPTH = 60  # passages, of which at least ten articles come
BATCH = 16
KEPT = 10


def found_for(
    rows: Sequence[Row], *, mode: Mode | None = None, advance: Callable[[int], object] = id
) -> list[Row]:
    """A row a question, as drafts are searched for or by a `mode` of passages: the first articles and
    sections, the search's answer score, and the ranks (from 1) of each need's gold article and
    section, None where it isn't found. `advance(n)` follows it."""
    out: list[Row] = []
    for start in range(0, len(rows), BATCH):
        batch = rows[start : start + BATCH]
        queries = [
            query_of(row.get("subject") or "", [ThreadTurn("customer", row["body"])])
            for row in batch
        ]
        for row, results in zip(batch, _searched(queries, mode), strict=True):
            passages = [
                (hit.source, hit.title, hit.heading_path, headings_in(hit)) for hit in results.hits
            ]
            articles = list(dict.fromkeys((source, title) for source, title, _, _ in passages))
            sections = list(dict.fromkeys(passages))
            needs = needs_of(row)
            out.append(
                {
                    "id": row["id"],
                    "answer_score": results.answer_score,
                    "article_ranks": {
                        need: rank([any(g.path == source for g in gold) for source, _ in articles])
                        for need, gold in needs.items()
                    },
                    "section_ranks": {
                        need: rank([any(is_right(g, *one) for g in gold) for one in sections])
                        for need, gold in needs.items()
                    },
                    "sections": [" › ".join((s, *path)) for s, _, path, _ in sections[:KEPT]],
                }
            )
        advance(len(batch))
    return out


def headings_in(hit: SearchHit) -> tuple[str, ...]:
    """The headings inside of what was found ("Solution")."""
    return tuple(line.lstrip("# ") for line in hit.text.split("\n") if line.startswith("#"))


def is_right(
    gold: Gold, source: str, title: str, path: tuple[str, ...], inside: tuple[str, ...]
) -> bool:
    """Whether a section is a right one by the headings over it or in it."""
    return gold.is_section(source, title, path) or gold.is_section(source, title, (*path, *inside))


def _searched(queries: Sequence[Query], mode: Mode | None) -> list[SearchResults]:
    if mode is None:
        return find_sections(queries, k=DEPTH)
    return search_many(queries, k=DEPTH, mode=mode)


def needs_of(row: Row) -> dict[int, list[Gold]]:
    needs: dict[int, list[Gold]] = {}
    for gold in gold_of(row):
        needs.setdefault(gold.need, []).append(gold)
    return needs


def rank(right: Sequence[bool]) -> int | None:
    return right.index(True) + 1 if True in right else None


def figures(rows: Sequence[Row], found: Sequence[Row]) -> Row:
    """Over answerable questions `article@1`, `article@5`, `section@1`, `section@5` (any need's),
    `needs_article@5`, `needs_section@5` (the share of a question's needs); over all `answerable_auroc` of
    the answer score; the same for questions of one and of more needs, in English and not."""
    told = _figures(rows, found)
    groups = {
        "one_need": lambda row: len(needs_of(row)) < 2,
        "more_needs": lambda row: len(needs_of(row)) > 1,
        "other_languages": lambda row: (row.get("language") or "en") != "en",
    }
    for name, belongs in groups.items():
        pairs = [(row, one) for row, one in zip(rows, found, strict=True)
                 if belongs(row) and row.get("answerable", True)]  # fmt: skip
        if pairs and len(pairs) < len(rows):
            part = _figures([row for row, _ in pairs], [one for _, one in pairs])
            told[name] = {
                k: v for k, v in part.items() if k not in ("intervals", "answerable_auroc")
            }
    english = [at for at, row in enumerate(rows) if (row.get("language") or "en") == "en"]
    if len(english) < len(rows):
        told["english"] = _figures([rows[at] for at in english], [found[at] for at in english])
    return told | {"not_indexed": not_indexed(rows)}


def _figures(rows: Sequence[Row], found: Sequence[Row]) -> Row:
    is_asked = [bool(row.get("answerable", True)) for row in rows]
    told = Figures(sum(is_asked))
    for name, values in values_of(rows, found).items():
        told.mean(name, values)
    scores = [one["answer_score"] for one in found]
    told.ranking("answerable_auroc", scores, is_asked, groups=None)
    return told.summary()


def values_of(rows: Sequence[Row], found: Sequence[Row]) -> dict[str, list[float | None]]:
    """Each figure's value for each question; None for the unanswerable ones."""
    values: dict[str, list[float | None]] = {}
    for what in ("article", "section"):
        ranks = [
            list(one[f"{what}_ranks"].values()) if row.get("answerable", True) else []
            for row, one in zip(rows, found, strict=True)
        ]
        for k in (1, 5):
            hits = [[place is not None and place <= k for place in places] for places in ranks]
            values[f"{what}@{k}"] = [float(any(hit)) if hit else None for hit in hits]
        values[f"needs_{what}@5"] = [sum(hit) / len(hit) if hit else None for hit in hits]
    return values


def difference(rows: Sequence[Row], found: Sequence[Row], others: Sequence[Row]) -> Row:
    """How much better each figure is than in another run's rows, on the questions that both have:
    `{name: {"value", "interval", "gained", "lost"}}`, drawn by question (95 %)."""
    other = {one["id"]: one for one in others}
    both = [(row, one) for row, one in zip(rows, found, strict=True) if one["id"] in other]
    asked = [row for row, _ in both]
    mine = values_of(asked, [one for _, one in both])
    theirs = values_of(asked, [other[one["id"]] for _, one in both])
    told = {}
    for name, values in mine.items():
        change = [None if a is None else a - (b or 0.0)
                  for a, b in zip(values, theirs[name], strict=True)]  # fmt: skip
        known = [value for value in change if value is not None]
        told[name] = {
            "value": round(sum(known) / len(known), 4) if known else None,
            "interval": interval_of_mean(change),
            "gained": [
                row["id"] for row, value in zip(asked, change, strict=True) if (value or 0) > 0
            ],
            "lost": [
                row["id"] for row, value in zip(asked, change, strict=True) if (value or 0) < 0
            ],
        }
    return told


def not_indexed(rows: Sequence[Row]) -> list[str]:
    """Gold articles and sections that no published passage stands under: a fault of the set, or of how
    its articles are read."""
    places: dict[str, set[tuple[str, tuple[str, ...]]]] = {}
    published = Chunk.objects.filter(
        revision__document__state=Document.State.PUBLISHED,
        revision__pk__in=Document.objects.values("current"),
    )
    for source, title, path in published.values_list(
        "revision__document__source", "revision__title", "heading_path"
    ):
        places.setdefault(source, set()).add((title, tuple(path)))
    missing = []
    for row in rows:
        for gold in gold_of(row):
            if gold.path not in places:
                missing.append(f"{row['id']}: {gold.path}")
                continue
            for heading in gold.sections:
                one = Gold(gold.path, (heading,))
                if not any(one.is_section(gold.path, *place) for place in places[gold.path]):
                    missing.append(f"{row['id']}: {gold.path}: {heading}")
    return missing


def cited_figures(rows: Sequence[Row], drafts: Sequence[Row]) -> Row:
    """Of drafts for answerable questions: `cites_article` and `cites_section`, whether a claim rests on a
    gold one, `only_section`, whether every claim does; over all `confidence_answerable_auroc` (no draft
    counts as 0). A guide between two judgements, no judgement."""
    by_id = {row["id"]: row for row in rows}
    titles: dict[tuple[str, int], tuple[str, str, tuple[str, ...]] | None] = {}
    article, section, only, labels = [], [], [], []
    for draft in drafts:
        row = by_id[draft["id"]]
        labels.append(bool(row.get("answerable", True)))
        if not labels[-1] or draft["kind"] == "none":
            continue
        gold = gold_of(row)
        cited = [(s["source"], s["start"]) for s in draft["sentences"]
                 if s["kind"] == "claim" and s["source"] is not None]  # fmt: skip
        for place in cited:
            if place not in titles:
                titles[place] = passage_at(*place)
        right = [any(g.is_section(*titles[p]) for g in gold) if titles[p] else False for p in cited]
        article.append(any(g.path == source for g in gold for source, _ in cited))
        section.append(any(right))
        only.append(bool(right) and all(right))
    told = Figures(len(drafts))
    for name, values in (
        ("cites_article", article),
        ("cites_section", section),
        ("only_section", only),
    ):
        told.mean(name, values)
    told.ranking(
        "confidence_answerable_auroc", [d["confidence"] or 0.0 for d in drafts], labels, groups=None
    )
    summary = told.summary()
    return {k: v for k, v in summary.items() if k not in ("n", "intervals")}


def passage_at(source: str, start: int) -> tuple[str, str, tuple[str, ...]] | None:
    """(source, title, heading path) of the published passage that holds a place."""
    found = (
        Chunk.objects.filter(
            revision__document__source=source,
            revision__pk__in=Document.objects.filter(source=source).values("current"),
            start__lte=start,
        )
        .select_related("revision")
        .order_by("-start")
        .first()
    )
    return found and (source, found.revision.title, tuple(found.heading_path))
