"""What a draft says of a ticket's needs is counted by whole words, and the demo's needs stand in its articles."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from generation.markup import blocks_of

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo"
script = runpy.run_path(str(ROOT / "benchmarks" / "answered.py"))
answered, half_of, read = script["answered"], script["half_of"], script["read"]
share_said, words = script["share_said"], script["words"]


def test_a_need_is_said_through_marks_quotes_and_table_signs() -> None:
    needs = [["Dewdrop CR2450"], ["Tap Copy to"], ['its state becomes "Packing"'], ["2 years"]]
    body = "| Dewdrop | CR2450 |\n\n3. Tap **Copy to** to\nuse it until its state becomes “Packing”. 12 years"
    assert share_said(needs, body) == 0.75


def test_an_empty_draft_says_nothing_and_a_missing_one_is_an_error() -> None:
    answers = [
        {"id": "1", "needs": [["five days"], ["no fee", "free of charge"]]},
        {"id": "2", "needs": [["no fee"]]},
    ]
    drafts = [
        {"id": "1", "kind": "quoted", "body": "It is free of charge."},
        {"id": "2", "kind": "none", "body": ""},
    ]
    found = answered(drafts, answers)
    assert found["all"]["tickets"] == 2
    assert found["all"]["needs_said"]["mean"] == 0.25
    assert found["all"]["words"]["mean"] == 2.5
    assert found["kind quoted"]["needs_said"]["mean"] == 0.5
    assert found["kind none"]["none_said"]["mean"] == 1
    with pytest.raises(ValueError, match="no draft for 2"):
        answered(drafts[:1], answers)


def test_every_run_of_the_demo_answers_stands_in_an_article_and_its_ticket_is_answerable() -> None:
    written = [path.read_text(encoding="utf-8") for path in DEMO.glob("knowledge/*/*.md")]
    # as it stands in the file, or as a reader sees it, where rows of tables name their columns
    shown = [" ".join(block.text for block in blocks_of(text)) for text in written]
    articles = [words(text) for text in (*written, *shown)]
    answers = read(DEMO / "answers.jsonl")
    answerable = {row["id"] for row in read(DEMO / "questions.jsonl") if row["answerable"]}
    assert {row["id"] for row in answers} <= answerable
    runs = [run for row in answers for need in row["needs"] for run in need]
    assert [run for run in runs if not any(words(run) in text for text in articles)] == []
    assert {half_of(row["id"]) for row in answers} == {"a", "b"}
