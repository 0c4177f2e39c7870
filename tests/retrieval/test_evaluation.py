"""Metrics equal values worked out by hand, and an evaluation counts a page by its best chunk."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from retrieval.evaluation import BadConfiguration, BadQuestions, Configuration, run
from retrieval.ingest import IngestReport
from retrieval.metrics import auroc, hit_at, ndcg_at, recall_at, reciprocal_rank

RANKED = ["a", "b", "c", "d"]


def test_metrics_of_one_gold_page() -> None:
    assert hit_at(RANKED, ["c"], 2) == 0
    assert hit_at(RANKED, ["c"], 3) == 1
    assert reciprocal_rank(RANKED, ["c"], 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(RANKED, ["c"], 2) == 0
    assert ndcg_at(RANKED, ["c"], 10) == pytest.approx(1 / math.log2(4))
    assert ndcg_at(RANKED, ["x"], 10) == 0


def test_metrics_of_several_gold_pages() -> None:
    gold = ["b", "d", "z"]
    assert recall_at(RANKED, gold, 5) == pytest.approx(2 / 3)
    assert recall_at(RANKED, gold, 2) == pytest.approx(1 / 3)
    gain = 1 / math.log2(3) + 1 / math.log2(5)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert ndcg_at(RANKED, gold, 10) == pytest.approx(gain / ideal)
    assert ndcg_at(["b", "d"], ["b", "d"], 10) == 1


def test_auroc_counts_ties_half_and_needs_both_classes() -> None:
    assert auroc([0.9, 0.8, 0.3, 0.1], [True, False, True, False]) == 0.75
    assert auroc([0.5, 0.5], [True, False]) == 0.5
    assert auroc([1, 2, 3], [False, True, True]) == 1
    assert auroc([1, 2], [True, True]) is None


def questions(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.django_db
def test_an_evaluation_gives_the_stable_figures_and_rows(
    knowledge: IngestReport, tmp_path: Path
) -> None:
    path = questions(
        tmp_path / "questions.jsonl",
        {"id": "1", "query": "When does my refund arrive?", "gold": ["billing/refund-times.md"], "answerable": True},
        {"id": "2", "query": "Which batteries fit?", "gold": ["billing/invoice.txt"], "answerable": True},
        {"id": "3", "query": "Who painted the ceiling of the chapel?", "gold": [], "answerable": False},
        {
            "id": "4",
            "query": "And after that?",
            "gold": ["devices/reset-thermostat.md"],
            "answerable": True,
            "thread": [
                {"role": "customer", "text": "How do I reset my thermostat?"},
                {"role": "agent", "text": "Hold the ring for ten seconds."},
                {"role": "customer", "text": "And after that?"},
            ],
        },
    )  # fmt: skip
    out = tmp_path / "out.jsonl"
    figures = run(path, (1, 5, 10), Configuration(mode="fused"), out)
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in rows] == ["1", "2", "3", "4"]
    for row in rows:
        sources = [result["source"] for result in row["results"]]
        assert len(sources) == len(set(sources)) == 4
        scores = [result["score"] for result in row["results"]]
        assert scores == sorted(scores, reverse=True)
    ranks = [
        [result["source"] for result in rows[index]["results"]].index(gold) + 1
        for index, gold in [
            (0, "billing/refund-times.md"),
            (1, "billing/invoice.txt"),
            (3, "devices/reset-thermostat.md"),
        ]
    ]
    assert ranks[0] == ranks[2] == 1
    assert ranks[1] > 1
    assert figures["n"] == 4
    assert figures["hit@1"] == pytest.approx(2 / 3)
    assert figures["hit@5"] == figures["hit@10"] == figures["recall@5"] == 1
    assert figures["mrr@10"] == pytest.approx((1 + 1 / ranks[1] + 1) / 3)
    assert figures["ndcg@10"] == pytest.approx((2 + 1 / math.log2(ranks[1] + 1)) / 3)
    assert figures["answerable_auroc"] == 1
    assert rows[2]["answer_score"] < min(rows[i]["answer_score"] for i in (0, 1, 3))


@pytest.mark.django_db
def test_two_configurations_are_compared_on_the_same_questions(
    knowledge: IngestReport, tmp_path: Path
) -> None:
    asked = [
        ("put the heating controller into factory state", "devices/reset-thermostat.md"),
        ("AAA", "devices/battery.md"),
        ("refund", "billing/refund-times.md"),
    ]
    rows = [{"id": str(at), "query": q, "gold": [g]} for at, (q, g) in enumerate(asked)]
    path = questions(tmp_path / "questions.jsonl", *rows)
    dense, lexical = Configuration(mode="dense"), Configuration(mode="lexical")
    result = run(path, configuration=dense, against=lexical)
    assert result["config"] == {"mode": "dense"}
    assert result["against"]["config"] == {"mode": "lexical"}
    change = result["difference"]["figures"]["mrr@10"]
    assert change["value"] == pytest.approx(result["mrr@10"] - result["against"]["mrr@10"])
    assert change["interval"][0] <= change["value"] <= change["interval"][1]
    assert "0" in result["difference"]["gained"]
    assert (change["gained"], change["lost"]) == (
        len(result["difference"]["gained"]),
        len(result["difference"]["lost"]),
    )
    same = run(path, configuration=dense, against=dense)["difference"]
    assert (same["gained"], same["lost"]) == ([], [])
    assert same["figures"]["hit@1"]["interval"] == [0.0, 0.0]


def test_a_configuration_that_is_not_known_is_named() -> None:
    with pytest.raises(BadConfiguration, match=r"depth; known: mode, thread"):
        Configuration.of({"depth": "3"})
    with pytest.raises(BadConfiguration, match="thread 'first': choose one of both"):
        Configuration.of({"thread": "first"})


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("not json", "line 1: is not JSON"),
        ('{"id": 1}', "line 1, field query"),
        ('{"query": "x", "gold": "a.md"}', "line 1, field gold"),
        ('{"query": "x", "gold": [], "thread": ["y"]}', "line 1, field thread"),
    ],
)
def test_a_bad_question_is_named(
    knowledge: IngestReport, tmp_path: Path, line: str, words: str
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(BadQuestions, match=words):
        run(path)
