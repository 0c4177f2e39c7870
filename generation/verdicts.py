"""What a judge said of drafts (`generation.judges`), counted: shares with 95 % intervals, and two runs
compared on the same tickets. Pure.

A row is `{"n", "verdict", "cause", "facts_stated", "facts_total"}`. Usable is what is sent as it is or
after a light edit. Shares of `send` to `declined` are of the answerable tickets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from generation.figures import Figures, curves_of, merged
from generation.pairs import BadVerdict
from retrieval.intervals import areas_of, interval_of, interval_of_ratio
from retrieval.metrics import auroc

Row = dict[str, Any]
Values = list[float | None]

OF_ANSWERABLE = ("send", "light", "heavy", "over", "declined")
OF_UNANSWERABLE = ("declined", "drafted")
USABLE = frozenset({"send", "light"})


@dataclass(frozen=True)
class Judged:
    """One ticket's verdict. `confidence` is its draft's: None without a draft, or where the drafts'
    file was not given."""

    id: Any
    answerable: bool
    language: str
    verdict: str
    cause: str
    facts_stated: int
    facts_total: int
    confidence: float | None

    @property
    def usable(self) -> bool:
        return self.verdict in USABLE


def judged_of(
    verdicts: Sequence[Row], key: Sequence[Row] | None = None, drafts: Sequence[Row] = ()
) -> list[Judged]:
    """The verdicts by their tickets. Without a key a number is its ticket's id, and a ticket is
    answerable unless its verdict is `drafted`, or `declined` with no fact to state.
    Raises BadVerdict."""
    known = {row["n"]: row for row in key} if key is not None else None
    confidences = {row["id"]: row["confidence"] for row in drafts}
    found: dict[Any, Judged] = {}
    for verdict in verdicts:
        n = verdict["n"]
        if n in found:
            raise BadVerdict(f"{n}: has two verdicts")
        stated, total = _facts(verdict)
        if known is None:
            row = {"id": n, "answerable": _looks_answerable(verdict, total)}
        elif n in known:
            row = known[n]
        else:
            raise BadVerdict(f"{n}: no such number in the key")
        allowed = OF_ANSWERABLE if row["answerable"] else OF_UNANSWERABLE
        if verdict["verdict"] not in allowed:
            kind = "an answerable" if row["answerable"] else "an unanswerable"
            raise BadVerdict(
                f"{n}, field verdict: {verdict['verdict']!r} of {kind} ticket: choose one of "
                + ", ".join(allowed)
            )
        found[n] = Judged(
            row["id"],
            bool(row["answerable"]),
            str(row.get("language") or "en"),
            verdict["verdict"],
            " ".join(str(verdict.get("cause") or "").lower().split()),
            stated,
            total,
            confidences.get(row["id"]),
        )
    return list(found.values())


def _facts(verdict: Row) -> tuple[int, int]:
    stated, total = verdict.get("facts_stated") or 0, verdict.get("facts_total") or 0
    if type(stated) is not int or type(total) is not int or not 0 <= stated <= total:
        raise BadVerdict(f"{verdict['n']}, field facts_stated: {stated!r} of {total!r}")
    return stated, total


def _looks_answerable(verdict: Row, facts: int) -> bool:
    return verdict["verdict"] != "drafted" and (verdict["verdict"] != "declined" or facts > 0)


def verdicts_summary(judged: Sequence[Judged], *, not_judged: int = 0, curves: bool = False) -> Row:
    """`send`, `light`, `heavy`, `over`, `answerable_declined`, `usable` (shares of the answerable),
    `unanswerable_drafted`, `facts_stated` (of all facts), and where drafts have a confidence
    `usable_auroc` (drafts only) and `answerable_auroc` (a ticket without a draft counts as 0); their
    `intervals`; `counts` by verdict, `causes` by verdict; the shares in English and otherwise. With
    `curves`, points to draw of the confidence against usable."""
    parts = [_shares(judged)]
    pairs = _usable_pairs(judged)
    if any(one.confidence is not None for one in judged):
        ranks = Figures(len(judged))
        ranks.ranking("usable_auroc", [c for c, _ in pairs], [u for _, u in pairs], groups=None)
        ranks.ranking("answerable_auroc", *_answerable_scores(judged), groups=None)
        parts.append(ranks)
    causes: dict[str, Counter[str]] = {}
    for one in judged:
        if one.cause and not one.usable:
            causes.setdefault(one.verdict, Counter())[one.cause] += 1
    summary = merged(parts) | {
        "answerable": sum(one.answerable for one in judged),
        "unanswerable": sum(not one.answerable for one in judged),
        "not_judged": not_judged,
        "counts": dict(Counter(one.verdict for one in judged if one.answerable)),
        "facts": [sum(o.facts_stated for o in judged), sum(o.facts_total for o in judged)],
        "causes": {verdict: dict(found.most_common()) for verdict, found in causes.items()},
    }
    english = [one for one in judged if one.language == "en"]
    if len(english) < len(judged):
        others = [one for one in judged if one.language != "en"]
        summary["by_language"] = {
            name: _shares(some).summary() for name, some in (("en", english), ("others", others))
        }
    if curves:
        summary["curves"] = curves_of([c for c, _ in pairs], [u for _, u in pairs])
    return summary


def _shares(judged: Sequence[Judged]) -> Figures:
    figures = Figures(len(judged))
    for name, value in _FIGURES.items():
        figures.mean(name, [value(one) for one in judged])
    figures.ratio(
        "facts_stated", [one.facts_stated for one in judged], [one.facts_total for one in judged]
    )
    return figures


def _share(verdicts: frozenset[str], *, answerable: bool = True) -> Callable[[Judged], bool | None]:
    return lambda one: one.verdict in verdicts if one.answerable is answerable else None


_FIGURES: dict[str, Callable[[Judged], bool | None]] = {
    "usable": _share(USABLE),
    "send": _share(frozenset({"send"})),
    "light": _share(frozenset({"light"})),
    "heavy": _share(frozenset({"heavy"})),
    "over": _share(frozenset({"over"})),
    "answerable_declined": _share(frozenset({"declined"})),
    "unanswerable_drafted": _share(frozenset({"drafted"}), answerable=False),
}


def _usable_pairs(judged: Sequence[Judged]) -> list[tuple[float, bool]]:
    """(confidence, usable) of each draft. One that rightly says that it can't answer is left out."""
    return [(one.confidence, one.usable) for one in judged
            if one.confidence is not None and (one.answerable or one.verdict == "drafted")]  # fmt: skip


def _answerable_scores(judged: Sequence[Judged]) -> tuple[list[float], list[bool]]:
    return [one.confidence or 0.0 for one in judged], [one.answerable for one in judged]


def verdicts_difference(mine: Sequence[Judged], theirs: Sequence[Judged]) -> Row:
    """How much more of each figure `mine` has than `theirs` on the tickets that both judged:
    `{"n", "figures": {name: {"value", "interval"}}, "gained", "lost"}`; the ids are those that
    became usable and that are so no more. Each draw takes both verdicts of a ticket."""
    others = {one.id: one for one in theirs}
    pairs = [(one, others[one.id]) for one in mine if one.id in others]
    if any(a.answerable != b.answerable for a, b in pairs):
        raise BadVerdict("the two runs don't agree on which tickets have an answer")
    a, b = [one for one, _ in pairs], [other for _, other in pairs]
    figures: Row = {}
    for name, value in _FIGURES.items():
        known = [(x, y) for x, y in zip(map(value, a), map(value, b), strict=True)
                 if x is not None and y is not None]  # fmt: skip
        change = [float(x) - float(y) for x, y in known]
        figures[name] = {
            "value": round(float(np.mean(change)), 4) if change else None,
            "interval": interval_of_ratio(change, [1.0] * len(change)),
        }
    figures["facts_stated"] = _facts_difference(a, b)
    for name, scores in (("usable_auroc", _usable_scores), ("answerable_auroc", _all_scores)):
        if all(any(one.confidence is not None for one in side) for side in (a, b)):
            figures[name] = _area_difference(scores(a), scores(b))
    return {
        "n": len(pairs),
        "figures": figures,
        "gained": [x.id for x, y in pairs if x.usable and not y.usable],
        "lost": [x.id for x, y in pairs if y.usable and not x.usable],
    }


def _facts_difference(a: Sequence[Judged], b: Sequence[Judged]) -> Row:
    change = [x.facts_stated - y.facts_stated for x, y in zip(a, b, strict=True)]
    totals = [x.facts_total for x in a]
    if totals != [y.facts_total for y in b]:
        raise BadVerdict("the two runs don't agree on how many facts a ticket has")
    value = round(sum(change) / sum(totals), 4) if sum(totals) else None
    return {"value": value, "interval": interval_of_ratio(change, totals)}


Scores = tuple[list[int], list[float], list[bool]]  # places, confidences, labels


def _usable_scores(judged: Sequence[Judged]) -> Scores:
    places = [at for at, one in enumerate(judged) if _usable_pairs([one])]
    pairs = _usable_pairs(judged)
    return places, [c for c, _ in pairs], [u for _, u in pairs]


def _all_scores(judged: Sequence[Judged]) -> Scores:
    return list(range(len(judged))), *_answerable_scores(judged)


def _area_difference(mine: Scores, theirs: Scores) -> Row:
    values = [auroc(scores, labels) for _, scores, labels in (mine, theirs)]
    if values[0] is None or values[1] is None:
        return {"value": None, "interval": None}
    n = 1 + max(max(places) for places, _, _ in (mine, theirs))
    areas = [(np.asarray(places), areas_of(scores, labels))
             for places, scores, labels in (mine, theirs)]  # fmt: skip
    interval = interval_of(
        lambda w: areas[0][1](w[:, areas[0][0]]) - areas[1][1](w[:, areas[1][0]]), n
    )
    return {"value": round(values[0] - values[1], 4), "interval": interval}
