"""Training the toxicity screen, on a few rows of the public sets' formats written here."""

import argparse
import csv
import json
import math
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.progress import Progress, TaskID

from generation.safety.toxicity import ToxicityScreen
from generation.training import steps
from generation.training import toxicity as training
from generation.training.toxicity_contrasts import contrasting_sentences
from generation.training.toxicity_data import (
    LABELS,
    TrainingDataMissing,
    load_examples,
    obfuscate,
    paradetox,
    toxic_spans,
)
from generation.training.toxicity_points import choose_points
from generation.training.toxicity_templates import invented_sentences
from tests.generation.toxicity_cases import FUNCTIONAL


def _write(path: Path, rows: list[list[Any]], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as lines:
        csv.writer(lines, delimiter=delimiter).writerows(rows)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    comments = [[i, f"You are a foolish person number {i}, dammit, go away now"] for i in range(8)]
    _write(folder / "toxic_spans/comments.csv", [["comment_id", "comment_text"], *comments])
    annotations = [["annotation", "comment_id", "worker", "country", "all toxic", "not toxic"]]
    spans: list[list[Any]] = [["annotation", "type", "start", "end"]]
    for i in range(8):
        for vote in range(4):
            annotations.append([str(4 * i + vote), str(i), "1", "X", "False", str(vote == 3)])
            if vote < 2:
                spans.append([4 * i + vote, "Insult", 10, 24])
            if vote == 2:
                spans.append([4 * i + vote, "Profane/Obscene", 35, 41])
    spans.append([0, "Insu", "", ""])
    _write(folder / "toxic_spans/annotations.csv", annotations)
    _write(folder / "toxic_spans/spans.csv", spans)
    pairs = [[f"shut up dammit {i}", f"please be quiet {i}", "", ""] for i in range(12)]
    _write(
        folder / "paradetox/paradetox.tsv",
        [["toxic", "neutral1", "neutral2", "neutral3"], *pairs],
        "\t",
    )
    _write(
        folder / "paradetox/paradetox_cannot_rewrite.tsv",
        [
            ["", "INPUT", "OUTPUT"],
            [0, '"vile thing"', '{"toxic_content":true}'],
            [1, '"x"', '{"unclear":true}'],
        ],
        "\t",
    )
    turns = [[f"Where is my card number {i}?", "card"] for i in range(12)]
    for part in ("train", "test"):
        _write(folder / f"banking77/{part}.csv", [["text", "category"], *turns])
    _write(
        folder / "bitext_intents/train/Bitext_Sample_Customer_Service_Training_Dataset.csv",
        [["utterance", "tags"], ["cancel my order", "B"], ["cancel my damn order", "BW"]],
    )
    for domain in ("fastfood", "media", "software"):
        for part in ("train", "dev"):
            rows = [[f"hello i want item {i}"] for i in range(6)]
            _write(folder / f"multidogo/{domain}/{part}.tsv", [["utterance"], *rows], "\t")
    (folder / "clinc150").mkdir()
    (folder / "clinc150/data_full.json").write_text(
        json.dumps({"val": [["what time is it", "time"]] * 5})
    )
    article = folder / "kb/shop/returns.md"
    article.parent.mkdir(parents=True)
    article.write_text(
        "# Returns\n\n" + "Open the page of your orders and choose the article to return. " * 2
    )
    return folder


class Recorder(Progress):
    """A real progress bar that is never shown and keeps what it was told."""

    def __init__(self, *, cut_off_at: int = 0) -> None:
        super().__init__(disable=True)
        self.steps: list[int] = []
        self.cut_off_at = cut_off_at

    def update(self, task_id: TaskID, **fields: Any) -> None:
        super().update(task_id, **fields)
        self.steps.append(fields["completed"])
        if fields["completed"] == self.cut_off_at:
            raise KeyboardInterrupt


def _options(data: Path, out: Path, *more: str) -> dict[str, Any]:
    parser = argparse.ArgumentParser()
    training.add_arguments(parser)
    return vars(
        parser.parse_args(
            [
                "--data",
                str(data),
                "--out",
                str(out),
                "--scale",
                "0.004",
                "--epochs",
                "1",
                "--batch-size",
                "16",
                *more,
            ]
        )
    )


def test_a_short_training_writes_a_bundle_that_detoxify_loads(data: Path, tmp_path: Path) -> None:
    recorder = Recorder()
    figures = training.run(_options(data, tmp_path / "out"), progress=recorder)
    assert recorder.steps[-1] == recorder.tasks[0].total == figures["steps"] > 1
    screen = ToxicityScreen(bundle=tmp_path / "out", data_dir=tmp_path / "var")
    assert set(screen.score(["You are a fool"])[0]) == set(LABELS)
    assert screen.digest == figures["digest"]
    assert screen.operating_points == figures["operating_points"]


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "SAVE_SECONDS", 0.0)
    options = _options(data, tmp_path / "out", "--work", str(tmp_path / "work"))

    with pytest.raises(KeyboardInterrupt):
        training.run(options, progress=Recorder(cut_off_at=3))
    recorder = Recorder()
    training.run(options, progress=recorder)
    assert recorder.steps[0] == 3
    assert recorder.steps == list(range(3, recorder.steps[-1] + 1))


def test_word_embeddings_are_frozen_and_all_else_learns() -> None:
    model = training.new_model()
    frozen = {name for name, p in model.named_parameters() if not p.requires_grad}
    assert frozen
    assert all(name.startswith("bert.embeddings.") for name in frozen)
    assert not any(
        n.startswith("bert.embeddings.") for n, p in model.named_parameters() if p.requires_grad
    )


def test_an_unknown_label_adds_nothing_to_the_loss() -> None:
    logits = torch.tensor([[2.0, -3.0], [0.5, 9.0]])
    targets = torch.tensor([[1.0, 0.0], [0.0, math.nan]])
    changed = logits.clone()
    changed[1, 1] = -7.0
    weights = torch.ones(2)
    loss = training.masked_loss(logits, targets, weights)
    assert torch.isfinite(loss)
    assert loss == training.masked_loss(changed, targets, weights)
    assert loss != training.masked_loss(
        logits, torch.tensor([[1.0, 0.0], [1.0, math.nan]]), weights
    )


def test_span_votes_become_shares(data: Path) -> None:
    examples, profane = toxic_spans(data / "toxic_spans")
    assert len(examples) == 8
    shares = dict(zip(LABELS, examples[1].targets, strict=True))
    assert shares == {
        "toxicity": 0.75,
        "obscene": 0.25,
        "identity_attack": 0,
        "insult": 0.5,
        "threat": 0,
    }
    assert profane == {"dammit"}


def test_a_toxic_sentence_knows_only_what_its_set_says(data: Path) -> None:
    toxic, neutral = paradetox(data / "paradetox", {"dammit"})
    assert len(toxic) == 13
    assert toxic[0].targets[:2] == (1.0, 1.0)
    assert all(math.isnan(target) for target in toxic[0].targets[2:])
    assert {example.text for example in toxic} >= {"vile thing"}
    assert all(set(example.targets) == {0.0} for example in neutral)


def test_a_missing_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(TrainingDataMissing, match=r"comments.csv is missing.*--data"):
        load_examples(tmp_path, scale=1, seed=1)


def test_the_same_seed_gives_the_same_examples(data: Path) -> None:
    first, second, other = (load_examples(data, scale=0.01, seed=seed) for seed in (1, 1, 2))
    assert repr(first) == repr(second)
    assert repr(first) != repr(other)


def test_training_goes_on_from_a_bundle_and_mixes_half_of_it_back(
    data: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    from generation.safety.toxicity import BUNDLE

    start = load_file(BUNDLE / "weights.safetensors")
    model = training.new_model(BUNDLE)
    name = "bert.encoder.layer.2.output.dense.weight"
    assert torch.equal(model.state_dict()[name], start[name].float())
    assert torch.equal(model.state_dict()["classifier.bias"], start["classifier.bias"].float())
    with torch.no_grad():
        model.state_dict()[name].add_(1.0)
    training.mix_with(model, BUNDLE, 0.25)
    change = model.state_dict()[name] - start[name].float()
    assert torch.allclose(change, torch.full_like(change, 0.25), atol=1e-5)
    options = _options(data, tmp_path / "out", "--start", str(BUNDLE), "--mix", "0.5")
    figures = training.run(options, progress=Recorder())
    assert figures["mix"] == 0.5
    assert len(figures["started_from"]) == 64


def test_no_functional_case_shares_five_words_with_what_training_invents() -> None:
    def runs(text: str) -> set[str]:
        words = re.findall(r"[a-z0-9']+", text.lower())
        return {" ".join(words[i : i + 5]) for i in range(len(words) - 4)}

    made = [*contrasting_sentences(30_000, seed=1), *invented_sentences(20_000, seed=1)]
    invented = {run for text, _ in made for run in runs(text)}
    assert len(invented) > 10_000
    for _, text, _ in FUNCTIONAL:
        assert not runs(text) & invented, text


def test_functional_cases_are_balanced_and_distinct() -> None:
    kinds = Counter((kind, toxic) for kind, _, toxic in FUNCTIONAL)
    assert len({kind for kind, _ in kinds}) == 8
    assert set(kinds.values()) == {10}
    assert len({text for _, text, _ in FUNCTIONAL}) == len(FUNCTIONAL)


def test_contrasting_sentences_are_of_both_kinds_and_filled_in() -> None:
    made = contrasting_sentences(600, seed=3)
    toxic = sum(labels["toxicity"] for _, labels in made)
    assert 200 < toxic < 400
    assert not any("{" in text or "}" in text for text, _ in made)


def test_invented_sentences_are_distinct_and_of_both_kinds() -> None:
    made = invented_sentences(300, seed=3)
    assert len({text for text, _ in made}) == len(made) == 300
    assert {labels["toxicity"] for _, labels in made} == {0, 1}
    assert all(set(labels) == set(LABELS) for _, labels in made)


def test_obfuscation_changes_one_marked_word_only() -> None:
    r = random.Random(4)
    for _ in range(30):
        changed = obfuscate("you stupid cow", {"stupid"}, r)
        assert changed.startswith("you ")
        assert changed.endswith(" cow")
        assert "stupid" not in changed
    assert obfuscate("a kind word", {"stupid"}, r) == "a kind word"


def test_points_let_no_more_than_the_share_through() -> None:
    scores = [{"toxicity": i / 1000, "insult": 0.01} for i in range(1000)]
    points = choose_points(scores, {"draft": (0.01, 0.001)})["draft"]
    assert sum(row["toxicity"] >= points["toxicity"] for row in scores) <= 10
    assert points["toxicity"] == pytest.approx(0.989, abs=0.01)
    assert points["insult"] == 0.4
