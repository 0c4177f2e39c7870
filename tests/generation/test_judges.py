"""A judge sees ticket, draft, gold and facts, and nothing that tells a system; verdicts are counted right."""

from __future__ import annotations

import json
from typing import Any

import pytest

from generation.gold import Gold
from generation.judges import judge_file
from generation.pairs import BadVerdict
from generation.verdicts import judged_of, verdicts_difference, verdicts_summary


def ticket(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": f"nc-{number:03}",
        "subject": f"subject {number}",
        "body": f"mail {number}\nwith a log",
        "answerable": True,
        "gold": [{"path": "a.md", "sections": ["Part"]}],
        "facts": [f"fact of {number}"],
        **more,
    }


def draft(number: int, text: str = "", **more: Any) -> dict[str, Any]:
    return {
        "id": f"nc-{number:03}",
        "text": text,
        "body": text,
        "kind": "constrained",
        "confidence": 0.4321,
        "reasons": ["Confidence is not calibrated here yet."],
        "sources": [{"source": "elsewhere.md", "score": 1.0, "text": "x"}],
        **more,
    }


def find(gold: Gold, heading: str) -> str | None:
    return None if heading == "Gone" else f"## {heading}\n\ntext of {gold.path}"


TICKETS = [ticket(n) for n in range(30)]
DRAFTS = [draft(n, f"Hello,\n\nreply {n}") for n in range(30)]


def test_the_file_shows_what_is_judged_and_nothing_of_who_wrote_it() -> None:
    text, key, summary = judge_file(TICKETS, DRAFTS, find, seed=7)
    assert [row["n"] for row in key] == list(range(1, 31))
    assert {row["id"] for row in key} == {row["id"] for row in TICKETS}
    assert [row["id"] for row in key] != sorted(row["id"] for row in key)
    assert summary == {"n": 30, "answerable": 30, "sections_missing": [], "seed": 7}
    for word in ("nc-0", "confidence", "calibrated", "constrained", "0.4321", "elsewhere"):
        assert word not in text.split("\n---\n", 1)[1]
    for place, row in enumerate(key):
        number = int(row["id"].removeprefix("nc-"))
        part = text.split(f"## {row['n']}\n", 1)[1].split("\n---\n", 1)[0]
        assert f"> mail {number}\n> with a log" in part, place
        assert f"> reply {number}" in part
        assert f"1. fact of {number}" in part
        assert "From `a.md`, “Part”:\n\n> ## Part\n>\n> text of a.md" in part


def test_the_seed_draws_the_order_and_a_sample() -> None:
    assert judge_file(TICKETS, DRAFTS, find, seed=7) == judge_file(TICKETS, DRAFTS, find, seed=7)
    _, one, _ = judge_file(TICKETS, DRAFTS, find, seed=1)
    _, two, _ = judge_file(TICKETS, DRAFTS, find, seed=2)
    assert one != two
    _, few, summary = judge_file(TICKETS, DRAFTS, find, seed=7, count=5)
    assert len(few) == summary["n"] == 5


def test_what_is_missing_is_said() -> None:
    rows = [
        ticket(1, answerable=False, gold=[], facts=[], why_unanswerable="Only the web app is told."),
        ticket(2, gold=[{"path": "a.md", "sections": ["Gone"]}]),
        ticket(3, needs=2, gold=[{"path": "a.md", "sections": ["A"], "need": 1},
                                 {"path": "b.md", "sections": ["", "B"], "need": 2}]),
        ticket(4),
    ]  # fmt: skip
    made = [
        draft(1),
        draft(2, reasons=["No article speaks of this.", "There is no draft: a person writes."]),
        draft(3, "Hello"),
    ]
    text, key, summary = judge_file(rows, made, find, seed=3)
    assert "**The articles do not answer this mail.** Only the web app is told." in text
    assert "(no draft)" in text
    assert "(no draft: No article speaks of this.)" in text
    assert "From `b.md` (need 2)" in text
    assert summary["sections_missing"] == ["nc-002: a.md: Gone"]
    assert len(key) == 3  # a ticket without a row of drafts is none of the run's
    assert {row["id"] for row in key if not row["answerable"]} == {"nc-001"}


def key_of(answerable: str, language: str = "en") -> list[dict[str, Any]]:
    return [
        {"n": n, "id": f"t{n}", "answerable": letter == "a", "language": language}
        for n, letter in enumerate(answerable, start=1)
    ]


def verdict(n: int, word: str, *, stated: int = 0, total: int = 0, cause: str = "") -> Any:
    return {"n": n, "verdict": word, "cause": cause, "facts_stated": stated, "facts_total": total}


VERDICTS = [
    verdict(1, "send", stated=2, total=2),
    verdict(2, "light", stated=1, total=2),
    verdict(3, "heavy", total=1, cause="Cut"),
    verdict(4, "over", total=2, cause="wrong  article"),
    verdict(5, "declined", total=1, cause="no draft"),
    verdict(6, "drafted", cause="wrong article"),
    verdict(7, "declined"),
]
KEY = key_of("aaaaauu")
CONFIDENCES = [0.9, 0.8, 0.3, 0.7, None, 0.5, None]
MADE = [{"id": f"t{n}", "confidence": c} for n, c in enumerate(CONFIDENCES, start=1)]


def test_verdicts_are_shares_of_their_tickets_with_intervals() -> None:
    found = verdicts_summary(judged_of(VERDICTS, KEY, MADE), not_judged=2)
    assert (found["n"], found["answerable"], found["unanswerable"]) == (7, 5, 2)
    assert found["usable"] == 0.4
    for name in ("send", "light", "heavy", "over", "answerable_declined"):
        assert found[name] == 0.2, name
    assert found["unanswerable_drafted"] == 0.5
    assert found["facts_stated"] == pytest.approx(3 / 8)
    assert found["facts"] == [3, 8]
    assert found["not_judged"] == 2
    assert found["causes"] == {
        "heavy": {"cut": 1}, "over": {"wrong article": 1}, "declined": {"no draft": 1},
        "drafted": {"wrong article": 1},
    }  # fmt: skip
    assert found["usable_auroc"] == 1  # .9 and .8 over .3, .7 and .5
    # .9 .8 .3 .7 0 over .5 and 0: 8 of 10 pairs, one of them a tie
    assert found["answerable_auroc"] == pytest.approx((2 + 2 + 1 + 2 + 0.5) / 10)
    low, high = found["intervals"]["usable"]
    assert low < 0.4 < high
    assert {"usable_auroc", "facts_stated", "unanswerable_drafted"} <= set(found["intervals"])


def test_without_a_key_the_shares_are_the_same() -> None:
    with_key = verdicts_summary(judged_of(VERDICTS, KEY))
    without = verdicts_summary(judged_of(VERDICTS))
    assert with_key == without
    assert "usable_auroc" not in without


def test_other_languages_are_counted_apart() -> None:
    key = [*KEY[:6], {**KEY[6], "language": "de"}]
    found = verdicts_summary(judged_of(VERDICTS, key))
    assert found["by_language"]["en"]["n"] == 6
    assert found["by_language"]["en"]["unanswerable_drafted"] == 1
    assert found["by_language"]["others"]["unanswerable_drafted"] == 0
    assert "by_language" not in verdicts_summary(judged_of(VERDICTS, KEY))


def test_two_runs_are_compared_ticket_by_ticket() -> None:
    turned = [*key_of("aaaaauu")]
    other = [
        verdict(1, "over", total=2), verdict(2, "light", stated=1, total=2),
        verdict(3, "heavy", total=1), verdict(4, "over", total=2), verdict(5, "light", total=1),
        verdict(6, "drafted"),
    ]  # fmt: skip
    found = verdicts_difference(judged_of(VERDICTS, KEY, MADE), judged_of(other, turned, MADE))
    assert found["n"] == 6
    assert (found["gained"], found["lost"]) == (["t1"], ["t5"])
    figures = found["figures"]
    assert figures["usable"]["value"] == 0
    assert figures["over"]["value"] == figures["answerable_declined"]["value"] * -1 == -0.2
    assert figures["unanswerable_drafted"]["value"] == 0
    assert figures["facts_stated"]["value"] == pytest.approx(2 / 8)
    assert figures["answerable_auroc"]["value"] == 0
    assert figures["usable_auroc"]["value"] == pytest.approx(1 - 3 / 4)
    low, high = figures["usable"]["interval"]
    assert low < 0 < high
    json.dumps(found)


def test_equal_runs_differ_by_nothing() -> None:
    same = judged_of(VERDICTS, KEY, MADE)
    figures = verdicts_difference(same, same)["figures"]
    assert {one["value"] for one in figures.values()} == {0}
    assert all(one["interval"] == [0, 0] for one in figures.values() if one["interval"])


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (verdict(9, "send"), "9: no such number"),
        (verdict(6, "send"), "6, field verdict: 'send' of an unanswerable"),
        (verdict(1, "drafted"), "1, field verdict: 'drafted' of an answerable"),
        (verdict(1, "fine"), "1, field verdict: 'fine'"),
        (verdict(1, "send", stated=3, total=2), "1, field facts_stated: 3 of 2"),
        (verdict(2, "send"), "2: has two verdicts"),
    ],
)
def test_a_verdict_that_cannot_be_counted_is_named(bad: dict[str, Any], words: str) -> None:
    with pytest.raises(BadVerdict, match=words):
        judged_of([verdict(2, "send"), bad], KEY)


def test_runs_that_disagree_on_their_tickets_are_not_compared() -> None:
    mine = judged_of([verdict(1, "send", stated=1, total=2)], KEY)
    with pytest.raises(BadVerdict, match="how many facts"):
        verdicts_difference(mine, judged_of([verdict(1, "send", stated=1, total=3)], KEY))
    with pytest.raises(BadVerdict, match="which tickets have an answer"):
        verdicts_difference(mine, judged_of([verdict(1, "declined")], key_of("u")))
