"""A judge can't tell whose draft is whose, and verdicts are counted for the right side."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from generation.pairs import BadVerdict, blind_pairs, candidates_of, verdicts_summary


def draft(number: int, *, kind: str = "generated", model: str = "", chosen: str = "quoted") -> Any:
    return {
        "id": f"t{number}",
        "kind": chosen,
        "candidates": [
            {"kind": kind, "body": model or f"the model writes {number}"},
            {"kind": "quoted", "body": f"the article says {number}"},
        ],
        "sources": [{"source": "a.md"}, {"source": "b.md"}, {"source": "a.md"}],
    }


DRAFTS = [draft(number, kind=("generated", "constrained")[number % 2]) for number in range(100)]
TICKETS = {
    f"t{n}": {"id": f"t{n}", "subject": f"s{n}", "body": f"question {n}"} for n in range(100)
}


def test_pairs_name_no_side_and_half_of_them_are_turned() -> None:
    pairs, key, summary = blind_pairs(DRAFTS, TICKETS, count=60, seed=7)
    assert len(pairs) == len(key) == summary["n"] == 60
    shown = json.dumps(pairs)
    assert not any(word in shown for word in ("generated", "constrained", "quoted", '"t1', "kind"))
    assert sum(row["model"] == "a" for row in key) == 30
    runs = sum(x["model"] != y["model"] for x, y in pairwise(key))
    assert 15 < runs < 45  # neither all of one side first nor in turn
    for pair, row in zip(pairs, key, strict=True):
        number = row["ticket"][1:]
        assert pair[row["model"]] == f"the model writes {number}"
        assert pair["b" if row["model"] == "a" else "a"] == f"the article says {number}"
        assert pair["thread"][-1]["text"] == f"question {number}"
        assert pair["articles"] == ["a.md", "b.md"]


def test_the_seed_draws_tickets_and_order() -> None:
    assert blind_pairs(DRAFTS, TICKETS, seed=7) == blind_pairs(DRAFTS, TICKETS, seed=7)
    _, one, _ = blind_pairs(DRAFTS, TICKETS, seed=1)
    _, two, _ = blind_pairs(DRAFTS, TICKETS, seed=2)
    assert [row["ticket"] for row in one] != [row["ticket"] for row in two]
    assert [row["ticket"] for row in one] != sorted(
        (row["ticket"] for row in one), key=lambda t: int(t[1:])
    )


def test_tickets_with_one_candidate_or_equal_words_are_counted_and_not_shown() -> None:
    same = draft(1, model="the  article says 1")
    alone = {**draft(2), "candidates": [{"kind": "quoted", "body": "x"}]}
    none = {**draft(3), "candidates": []}
    pairs, _, summary = blind_pairs([draft(0), same, alone, none], TICKETS, seed=7)
    assert len(pairs) == 1
    assert (summary["tickets"], summary["with_both"], summary["identical"]) == (4, 2, 1)


def test_two_runs_are_compared_by_what_each_put_into_the_composer() -> None:
    new = [{**draft(n), "body": f"new {n}" if n else ""} for n in range(4)]
    old = [{"id": f"t{n}", "body": "new 3" if n == 3 else f"old {n}"} for n in range(3, -1, -1)]
    pairs, key, summary = blind_pairs(new, TICKETS, seed=7, others=old)
    assert (summary["with_both"], summary["identical"], summary["n"]) == (3, 1, 2)
    for pair, row in zip(pairs, key, strict=True):
        number = row["ticket"][1:]
        assert pair[row["model"]] == f"new {number}"
        assert {pair["a"], pair["b"]} == {f"new {number}", f"old {number}"}


def test_any_kind_but_the_quote_is_the_models() -> None:
    both = draft(1, chosen="constrained")
    both["candidates"].append({"kind": "constrained", "body": "made of runs"})
    found = candidates_of(both)
    assert found is not None
    assert (found.kind, found.model) == ("constrained", "made of runs")
    named = candidates_of(both, kind="generated")
    assert named is not None
    assert named.kind == "generated"
    first = candidates_of({**both, "kind": "quoted"})
    assert first is not None
    assert first.kind == "generated"
    assert candidates_of(both, kind="free") is None


KEY = [
    {"id": "p1", "model": "a"},
    {"id": "p2", "model": "b"},
    {"id": "p3", "model": "a"},
    {"id": "p4", "model": "b"},
]


def verdict(pair: str, prefer: str, judge: str = "ann") -> dict[str, str]:
    return {"id": pair, "prefer": prefer, "judge": judge}


def test_verdicts_count_for_the_side_that_was_the_models() -> None:
    summary = verdicts_summary(
        [verdict("p1", "a"), verdict("p2", "a"), verdict("p3", "equal")], KEY
    )
    assert summary["n"] == 3
    assert summary["model_preferred"] == summary["equal"] == pytest.approx(1 / 3, abs=1e-4)
    assert summary["preferred_or_equal"] == pytest.approx(2 / 3, abs=1e-4)
    assert summary["side_a_preferred"] == 1
    assert summary["not_judged"] == 1
    assert summary["intervals"]["preferred_or_equal"] == [0, 1]


def test_two_judges_of_a_pair_are_no_two_pairs() -> None:
    ones = [verdict(f"p{n}", "a", judge) for n in (1, 2, 3, 4) for judge in ("ann", "ben")]
    summary = verdicts_summary(ones, KEY)
    assert summary["judges"] == {
        "ann": {"n": 4, "preferred_or_equal": 0.5}, "ben": {"n": 4, "preferred_or_equal": 0.5},
    }  # fmt: skip
    alone = verdicts_summary(ones[::2], KEY)
    assert summary["intervals"]["preferred_or_equal"] == alone["intervals"]["preferred_or_equal"]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (verdict("p9", "a"), "p9: no such pair"),
        (verdict("p1", "left"), "field prefer: 'left'"),
        (verdict("p1", "a", " "), "field judge"),
        (verdict("p2", "b"), "judged this pair twice"),
    ],
)
def test_a_verdict_that_cannot_be_counted_is_named(bad: dict[str, str], words: str) -> None:
    with pytest.raises(BadVerdict, match=words):
        verdicts_summary([verdict("p2", "a"), bad], KEY)
