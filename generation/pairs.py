"""Blind pairs: the model's draft beside the quoted one, for a judge who can't tell which is which.

The pairs' file holds what a judge sees, each pair's sides in an order drawn by the seed and without
a name; the key's file says which side was whose. A verdict is `{"id", "prefer": "a" | "b" | "equal",
"judge"}`. Any kind but the quote is the model's: generated, constrained.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from generation.figures import Figures, merged

Row = dict[str, Any]
PAIRS = 60
QUOTED = "quoted"


class BadVerdict(ValueError):
    """A verdict that can't be counted: which one and why."""


@dataclass(frozen=True)
class Candidates:
    """The two bodies that a ticket has, and the kind of the model's."""

    id: Any
    kind: str
    model: str
    quoted: str

    @property
    def identical(self) -> bool:
        return self.model.split() == self.quoted.split()


def candidates_of(draft: Row, *, kind: str | None = None) -> Candidates | None:
    """Both candidates of an `evaluate drafts` row, or None where one of them is missing.

    Of several that are the model's: the one of `kind` where it is given, else the one that stands
    in the composer, else the first.
    """
    quoted = next((c for c in draft["candidates"] if c["kind"] == QUOTED), None)
    models = [
        c
        for c in draft["candidates"]
        if c["kind"] != QUOTED and (kind is None or c["kind"] == kind)
    ]
    if quoted is None or not models:
        return None
    chosen = next((c for c in models if c["kind"] == draft["kind"]), models[0])
    return Candidates(draft["id"], chosen["kind"], chosen["body"], quoted["body"])


def blind_pairs(
    drafts: Sequence[Row],
    tickets: dict[Any, Row],
    *,
    count: int = PAIRS,
    seed: int,
    kind: str | None = None,
) -> tuple[list[Row], list[Row], Row]:
    """(pairs, key, summary): at most `count` pairs that differ, drawn and ordered by the seed.

    The pairs' ids are numbers of their own, so that neither a ticket's id nor its place tells
    anything. The key has a row a pair; the summary says how many tickets had two candidates, and in
    how many both were the same words, which no judge need see.
    """
    rng = random.Random(f"pairs:{seed}")
    both = [found for row in drafts if (found := candidates_of(row, kind=kind))]
    different = [found for found in both if not found.identical]
    drawn = rng.sample(different, min(count, len(different)))
    sources = {row["id"]: [s["source"] for s in row.get("sources", [])] for row in drafts}
    # as many times a as b, in a shuffled order: no judge who likes the left side decides it
    sides = (["a", "b"] * len(drawn))[: len(drawn)]
    rng.shuffle(sides)
    pairs, key = [], []
    for number, (found, side) in enumerate(zip(drawn, sides, strict=True), start=1):
        name = f"pair-{number:03}"
        ticket = tickets[found.id]
        a, b = (found.model, found.quoted) if side == "a" else (found.quoted, found.model)
        thread = ticket.get("thread") or [{"role": "customer", "text": ticket.get("body", "")}]
        pairs.append(
            {
                "id": name,
                "subject": ticket.get("subject", ""),
                "thread": thread,
                "a": a,
                "b": b,
                "articles": list(dict.fromkeys(sources[found.id])),
            }
        )
        key.append({"id": name, "ticket": found.id, "model": side, "kind": found.kind})
    summary: Row = {
        "n": len(pairs),
        "tickets": len(drafts),
        "with_both": len(both),
        "identical": len(both) - len(different),
        "kinds": dict(Counter(found.kind for found in drawn)),
    }
    return pairs, key, summary


def verdicts_summary(verdicts: Sequence[Row], key: Sequence[Row]) -> Row:
    """How often the model's side was preferred, held equal, or either, with intervals by pair.

    Verdicts of several judges on one pair are drawn together. Also each judge's own share, how often
    side a was preferred among the decided (a judge who reads carefully is near one half), and the pairs
    that nobody has judged. Raises BadVerdict, for a judge's second verdict on a pair too.
    """
    sides = {row["id"]: row["model"] for row in key}
    seen: set[tuple[str, str]] = set()
    for verdict in verdicts:
        _check(verdict, sides, seen)
    judged = [(row, cast(str, sides[row["id"]])) for row in verdicts]
    preferred = [row["prefer"] == side for row, side in judged]
    equal = [row["prefer"] == "equal" for row, _ in judged]
    either = [p or e for p, e in zip(preferred, equal, strict=True)]
    figures = Figures(len(verdicts), groups=[row["id"] for row, _ in judged])
    figures.mean("model_preferred", preferred)
    figures.mean("equal", equal)
    figures.mean("preferred_or_equal", either)
    figures.mean(
        "side_a_preferred",
        [None if row["prefer"] == "equal" else row["prefer"] == "a" for row, _ in judged],
    )
    judges: dict[str, list[bool]] = {}
    for (row, _), good in zip(judged, either, strict=True):
        judges.setdefault(row["judge"], []).append(good)
    return merged([figures]) | {
        "pairs": len(sides),
        "not_judged": len(sides) - len({row["id"] for row, _ in judged}),
        "judges": {
            name: {"n": len(good), "preferred_or_equal": round(sum(good) / len(good), 4)}
            for name, good in sorted(judges.items())
        },
    }


def _check(verdict: Row, sides: dict[str, str], seen: set[tuple[str, str]]) -> None:
    name, judge = verdict["id"], str(verdict["judge"]).strip()
    if name not in sides:
        raise BadVerdict(f"{name}: no such pair in the key")
    if verdict["prefer"] not in ("a", "b", "equal"):
        raise BadVerdict(f"{name}, field prefer: {verdict['prefer']!r} is neither a, b nor equal")
    if not judge:
        raise BadVerdict(f"{name}, field judge: name who judged")
    if (name, judge) in seen:
        raise BadVerdict(f"{name}: {judge} has judged this pair twice")
    seen.add((name, judge))
