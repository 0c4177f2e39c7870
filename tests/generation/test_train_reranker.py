"""Training the reranker, on a few rows of the public sets' formats written here."""

from __future__ import annotations

import argparse
import csv
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.progress import Progress, TaskID

from generation.folders import open_packed
from generation.training import reranker as training
from generation.training import steps
from generation.training.reranker import draw, ranking_loss
from generation.training.reranker_claims import Replied, judged, load_claims
from generation.training.reranker_data import (
    Ranking,
    TrainingDataMissing,
    doc2dial_rankings,
    load_rankings,
    split_of,
)
from retrieval.cross_encoder import ANSWERS, load_network, load_tokenizer, padded, word_pieces
from retrieval.embedder import get_embedder

TOPICS = {
    "passport": "Bring two photographs to the office when you renew a passport in person.",
    "pension": "A pension is paid into your bank account on the third working day.",
    "library": "A library card costs nothing and is valid for five years from its issue.",
    "parking": "A resident may park in the zone where the permit was issued to them.",
    "allotment": "An allotment is let for one season and may be dug from the first of March.",
    "ferry": "The ferry carries bicycles without a charge and cars for nine crowns each.",
}


def pages(split: str, count: int) -> list[str]:
    """Ids of pages that the digest puts into a split."""
    names = (f"Page {number}#1_0" for number in range(400))
    return [name for name in names if split_of(name) == split][:count]


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("public-sets")
    docs, turns = [], []
    names = [*pages("train", 4), *pages("test", 1), *pages("development", 1)]
    for number, (page, (word, fact)) in enumerate(zip(names, TOPICS.items(), strict=True)):
        text = f"All about the {word}. {fact} Ask at the desk for more."
        docs.append({"doc_id": page, "text": text})
        asked = [{"role": "user", "text": f"Tell me of the {word}"}]
        turns.append(
            {
                "id": str(number),
                "doc_id": page,
                "agent_reply": fact,
                "turns": [
                    *asked,
                    {"role": "agent", "text": "Gladly."},
                    {"role": "user", "text": f"What is it with the {word}?"},
                ],
                "grounding": fact,
                "grounding_start": text.index(fact),
            }
        )
    _lines(folder / "doc2dial/docs.jsonl", docs)
    _lines(folder / "doc2dial/turns.jsonl", turns)
    article = "---\ntitle: Office {0}\n---\n\n## Use the {0}\n\n" + "".join(
        f"Open door {n} of the {{0}} and wait. " for n in range(6)
    )
    (folder / "kb").mkdir()
    for word in ("printer", "scanner", "kettle"):
        (folder / f"kb/{word}.md").write_text(article.format(word))
    columns = ["qid", "question", "ASIN", "candidate", "source", "qa_pair_id", "title", "label"]
    rows = [
        [word, f"does the {word} work?", word, f"the {word} works well", "cqa", "1", word, "2"]
        for word in ("lamp", "fan")
    ]
    rows += [[*row[:3], f"the {row[0]} is red", "cqa", "2", row[0], "0"] for row in rows]
    (folder / "product_qa/ePQA").mkdir(parents=True)
    with (folder / "product_qa/ePQA/dev.csv").open("w", newline="") as file:
        csv.writer(file).writerows([columns, *rows])
    (folder / "product_qa/hetPQA/evidence_ranking").mkdir(parents=True)
    with (folder / "product_qa/hetPQA/evidence_ranking/dev.csv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([["ASIN", "question", "candidate", "label"]])
    (folder / "product_qa/hetPQA/answer_generation").mkdir(parents=True)
    answers = [
        [word, f"does the {word} work?", f"the {word} works well for 20 hours", f"yes, the {word} works for 20 hours", "cqa"]
        for word in ("lamp", "fan")
    ]  # fmt: skip
    with (folder / "product_qa/hetPQA/answer_generation/train.csv").open("w", newline="") as file:
        names = ["ASIN", "question", "candidate", "answer", "source"]
        csv.writer(file, delimiter="\t").writerows([names, *answers])
    (folder / "begin/wow").mkdir(parents=True)
    with (folder / "begin/wow/begin_dev_wow.tsv").open("w", newline="") as file:
        names = ["model_name", "data_source", "knowledge", "message", "response", "begin_label"]
        chat = [
            ["m", "wow", fact, "hi", f"I love the {word}.", "Not fully attributable"]
            for word, fact in TOPICS.items()
        ] + [["m", "wow", fact, "hi", fact, "Fully attributable"] for fact in TOPICS.values()]
        csv.writer(file, delimiter="\t").writerows([names, *chat])
    travel = folder / "dstc11_track5_val"
    travel.mkdir()
    faqs = {
        "0": {"question": "Is there WiFi?", "answer": "WiFi is free."},
        "1": {"question": "Are pets allowed?", "answer": "Pets stay at home."},
    }
    (travel / "knowledge.json").write_text(
        json.dumps({"hotel": {"7": {"name": "THE OAK", "reviews": {}, "faqs": faqs}}})
    )
    (travel / "val_logs.json").write_text(
        json.dumps([[{"speaker": "U", "text": "May my dog come to the Oak?"}]])
    )
    gold = {"domain": "hotel", "entity_id": 7, "doc_type": "faq", "doc_id": 1}
    (travel / "val_labels.json").write_text(json.dumps([{"target": True, "knowledge": [gold]}]))
    return folder


def options(data: Path, out: Path, *more: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    training.add_arguments(parser)
    # the upper layer alone learns here, so that a step takes a moment
    quick = ("--frozen-layers", "5", "--questions", "1", "--articles", "3")
    return vars(parser.parse_args(["--data", str(data), "--out", str(out), *quick, *more]))


def test_every_set_gives_questions_with_right_and_wrong_passages(data: Path) -> None:
    found = load_rankings(data, get_embedder(), articles=3, seed=1)
    assert {name: len(rankings) > 0 for name, rankings in found.items()} == dict.fromkeys(
        training.SHARES, True
    )
    for rankings in found.values():
        for one in rankings:
            assert not set(one.right) & {*one.near, *one.wrong}, one
    pets = found["dstc11_track5_val"][0]
    assert "Pets stay at home" in pets.right[0]
    assert "WiFi is free" in pets.wrong[0]


def test_pages_kept_apart_are_neither_asked_about_nor_shown(data: Path) -> None:
    rankings = list(doc2dial_rankings(data / "doc2dial", get_embedder()))
    assert len(rankings) == 8  # four pages' turns, alone and as threads
    shown = " ".join(" ".join((r.question, *r.right, *r.near, *r.wrong)) for r in rankings)
    assert "passport" in shown
    assert "allotment" not in shown
    assert "ferry" not in shown


def test_about_a_third_of_the_pages_is_kept_for_the_figures() -> None:
    splits = [split_of(f"page {number}") for number in range(2000)]
    assert 0.26 < splits.count("test") / 2000 < 0.34
    assert 0.07 < splits.count("development") / 2000 < 0.13


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataMissing, match="doc2dial is missing"):
        load_rankings(tmp_path, get_embedder(), articles=1, seed=1)


def test_every_set_of_claims_has_supported_and_unsupported_ones_and_no_page_kept_apart(
    data: Path,
) -> None:
    found = load_claims(data, articles=3, seed=1)
    assert set(found) == set(training.CLAIM_SHARES)
    for name, claims in found.items():
        assert {claim.label for claim in claims} == {0.0, 1.0}, name
    shown = " ".join(claim.claim + claim.evidence for claim in found["doc2dial"])
    assert "passport" in shown
    assert "allotment" not in shown
    assert "ferry" not in shown


def test_a_reply_is_supported_by_its_evidence_alone_and_only_unchanged() -> None:
    reply = Replied("It runs for 20 hours.", "The lamp runs for 20 hours.", ("It is red.",))
    claims = list(judged([reply] * 20, random.Random(3)))
    supported = {(claim.claim, claim.evidence) for claim in claims if claim.label}
    assert supported == {(reply.reply, reply.evidence)}
    assert not supported & {(claim.claim, claim.evidence) for claim in claims if not claim.label}


def test_a_draw_begins_with_the_right_passage_and_marks_what_is_only_less_right() -> None:
    ranking = Ranking("x", "q", ("right",), ("near 1", "near 2"), ("wrong 1", "wrong 2"))
    other = Ranking("x", "p", ("right",), (), ("else",))
    drawn = draw(ranking, [other], random.Random(1))
    assert drawn.passages[0] == "right"
    assert drawn.passages.count("right") == 1  # a stranger that is right here is no wrong passage
    marks = dict(zip(drawn.passages, drawn.labels, strict=True))
    assert marks["right"] == 1
    assert marks["wrong 1"] == marks["wrong 2"] == 0
    assert all(mark != mark for text, mark in marks.items() if text.startswith("near"))


def test_the_loss_falls_when_the_right_passage_rises_and_asks_nothing_absolute_of_a_near_one() -> (
    None
):
    labels = [[1.0, float("nan"), 0.0]]
    level = ranking_loss(torch.tensor([0.0, 0.0, 0.0]), labels)
    assert ranking_loss(torch.tensor([2.0, 0.0, 0.0]), labels) < level
    assert ranking_loss(torch.tensor([0.0, 0.0, -2.0]), labels) < level
    near = torch.tensor([3.0, 1.0, -3.0], requires_grad=True)
    ranking_loss(near, labels).backward()
    assert near.grad is not None
    share = torch.softmax(near.detach(), dim=0)[1]
    assert float(near.grad[1]) == pytest.approx(float(share), abs=1e-6)  # the ranking alone


def test_a_short_run_lowers_the_loss_and_its_bundle_scores_as_the_network_did(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, torch.nn.Module] = {}
    write = training.write

    def keep(folder: Path, network: Any, **rest: Any) -> str:
        kept["network"] = network
        return write(folder, network, **rest)

    monkeypatch.setattr(training, "write", keep)
    chosen = options(data, tmp_path / "out", "--steps", "24", "--head-learning-rate", "3e-3")
    monkeypatch.setattr(training, "WINDOW", 8)
    with Progress(disable=True) as progress:
        figures = training.run(chosen, progress=progress)
    assert figures["last_loss"] < 0.8 * figures["first_loss"], figures
    assert open_packed(tmp_path / "out", kind="reranker").license == "see-attribution"

    tokenizer = load_tokenizer()
    question = word_pieces(tokenizer, "What is it with the pension?")
    pairs = padded([(question, word_pieces(tokenizer, fact)) for fact in TOPICS.values()])
    with torch.inference_mode():
        trained = kept["network"].eval()(pairs)[:, ANSWERS]
        loaded = load_network(tmp_path / "out")(pairs)[:, ANSWERS]
    torch.testing.assert_close(loaded, trained, atol=0.2, rtol=0.02)  # rounded to bfloat16
    assert int(loaded.argmax()) == list(TOPICS).index("pension")


def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "SAVE_SECONDS", 0.0)
    short = ("--steps", "4", "--work")
    with Progress(disable=True) as progress:
        straight = training.run(
            options(data, tmp_path / "a", *short, str(tmp_path / "work-a")), progress=progress
        )
        again = options(data, tmp_path / "b", *short, str(tmp_path / "work-b"))
        with monkeypatch.context() as patch:
            patch.setattr(Progress, "update", _killed_at(3))
            with pytest.raises(KeyboardInterrupt):
                training.run(again, progress=progress)
        resumed = training.run(again, progress=progress)
    assert resumed["steps"] == straight["steps"] == 4
    a, b = load_network(tmp_path / "a").state_dict(), load_network(tmp_path / "b").state_dict()
    for name, weights in a.items():
        torch.testing.assert_close(weights, b[name], msg=name)


def _killed_at(step: int) -> Any:
    def update(self: Progress, task: TaskID, **fields: Any) -> None:
        if fields.get("completed") == step:
            raise KeyboardInterrupt

    return update
