"""Confidence: a probability that stands on labels, explains itself, and refuses a broken file."""

import json
import math
import random
from types import SimpleNamespace

import numpy as np
import pytest

from generation.confidence import (
    FEATURES,
    ConfidenceError,
    ConfidenceModel,
    agreement_of,
    features_of,
)
from generation.training import confidence as training


def features(**changes):
    values = {
        "question": "How do I reset my thermostat?",
        "retrieval_scores": [0.5, 0.8, 0.3],
        "sentences": [
            SimpleNamespace(kind="claim", support=0.9, flags=[]),
            SimpleNamespace(kind="claim", support=0.5, flags=["number_without_evidence"]),
            SimpleNamespace(kind="courtesy", support=None, flags=[]),
        ],
        "mean_log_probability": -0.4,
        "samples": ["hold the button", "hold the button"],
        "text": "Hold the button.",
        "kind": "generated",
        "relevance": 0.7,
    }
    return features_of(**(values | changes))


def test_features_have_the_documented_names_and_values():
    found = features()
    assert set(found) == set(FEATURES)
    assert found["retrieval_top"] == 0.8
    assert found["retrieval_margin"] == pytest.approx(0.3)
    assert (found["support_min"], found["support_mean"], found["flags"]) == (0.5, 0.7, 1.0)
    assert (found["log_probability"], found["log_probability_absent"]) == (-0.4, 0.0)
    assert (found["agreement"], found["agreement_absent"]) == (1.0, 0.0)
    assert found["length"] == pytest.approx(math.log(4))
    assert (found["generated"], found["constrained"]) == (1.0, 0.0)


def test_coverage_is_the_share_of_the_questions_words_that_the_draft_takes_up():
    asked = "How do I reset my thermostat?"
    assert features(question=asked, text="Reset the thermostat.")["coverage"] == 1.0
    assert features(question=asked, text="Hold the button.")["coverage"] == 0.0
    assert features(question="Why?", text="Hold the button.")["coverage"] == 0.0


def test_what_is_absent_is_marked_as_absent():
    found = features(mean_log_probability=None, samples=[], retrieval_scores=[], sentences=[])
    assert found["log_probability_absent"] == found["agreement_absent"] == 1.0
    assert found["support_min"] == found["retrieval_top"] == found["retrieval_margin"] == 0.0
    assert all(math.isfinite(value) for value in found.values())


def test_a_vague_question_is_vaguer_than_a_clear_one():
    clear = "My Ember Pro thermostat shows error E4 after the last update, how do I reset it?"
    assert (
        features(question="It does not work")["vagueness"] > features(question=clear)["vagueness"]
    )
    assert features(question=clear)["vagueness"] == 0.0


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (["a b c", "a b c"], 1.0), (["a b", "c d"], 0.0), (["a b c d", "a b"], 2 / 3),
        (["a", "a", "b"], 1 / 3), (["", "a"], 0.0), (["", ""], 1.0), (["a"], None), ([], None),
    ],
)  # fmt: skip
def test_agreement_is_the_mean_token_f1_of_pairs(samples, expected):
    assert agreement_of(samples) == (None if expected is None else pytest.approx(expected))


def labels(n=600, seed=3):
    dice = random.Random(seed)
    rows = []
    for number in range(n):
        row = {name: dice.gauss(0, 1) for name in FEATURES}
        z = 2.0 * row["support_min"] - 1.0 * row["vagueness"] - 0.5
        good = int(dice.random() < 1 / (1 + math.exp(-z)))
        rows.append(training.Label(row, good, f"page-{number % 60}"))
    return rows


@pytest.fixture(scope="module")
def model():
    return training.fit(labels(), label="test", name="test")


def test_the_fit_finds_what_made_drafts_good_and_says_how_well(model):
    weights = dict(zip(model.features, model.coefficients, strict=True))
    assert weights["support_min"] > 1 > 0 > weights["vagueness"]
    assert set(weights) <= set(training.SPEAKS)
    assert model.auroc > 0.75
    assert 0 <= model.ece < 0.2
    assert (model.n, len(model.reliability)) == (600, 15)
    assert sum(row["n"] for row in model.reliability) == model.n_held_out > 100


def test_a_feature_whose_weight_goes_against_its_meaning_is_left_out():
    rows = [
        training.Label(row.features | {"retrieval_top": -2.0 * row.label}, row.label, row.group)
        for row in labels()
    ]
    found = training.fit(rows, label="test", name="test")
    assert "retrieval_top" not in found.features
    assert "support_min" in found.features


def test_a_small_set_weighs_as_much_as_a_large_one():
    good = [training.Label(row.features, 1, row.group, "small") for row in labels(100)]
    bad = [training.Label(row.features, 0, row.group, "large") for row in labels(900, seed=4)]
    model = training.fit([*good, *bad], label="test", name="test")
    average = dict(zip(model.features, model.means, strict=True))
    assert 0.4 < model.probability(average) < 0.6


def test_no_group_is_on_both_sides_of_the_split(model):
    held_out = {row.group for row in labels() if training.is_held_out(row.group)}
    assert 5 < len(held_out) < 40
    expected = sum(training.is_held_out(row.group) for row in labels())
    assert model.n_held_out == expected


def test_probability_is_the_logistic_of_the_standardised_features(model):
    row = labels()[0].features
    x = np.array([row[name] for name in model.features])
    z = model.intercept + ((x - model.means) / model.scales) @ model.coefficients
    assert model.probability(row) == pytest.approx(1 / (1 + np.exp(-z)))
    low = dict(zip(model.features, model.means, strict=True)) | {"support_min": -1e6}
    assert 0 <= model.probability(low) < 1e-6


def test_reasons_name_the_strongest_features_in_words(model):
    average = dict(zip(model.features, model.means, strict=True))
    reasons = model.explain(average | {"support_min": 3.0, "vagueness": 2.0})
    assert [reason.text for reason in reasons][:2] == ["evidence strong", "vague question"]
    assert reasons[0].weight > 0 > reasons[1].weight
    assert model.explain(average) == []


@pytest.mark.parametrize("bad", [None, math.nan])
def test_a_missing_feature_is_an_error_not_a_guess(model, bad):
    row = dict(labels()[0].features)
    row["support_min"] = bad
    with pytest.raises(ConfidenceError, match="support_min"):
        model.probability(row)


def test_the_file_round_trips_and_names_what_it_stands_on(model, tmp_path):
    path = model.save(tmp_path / "confidence")
    again = ConfidenceModel.load(tmp_path / "confidence")
    assert again == model == ConfidenceModel.load(path)
    assert again.digest == model.digest
    data = json.loads(path.read_text())
    assert {"data_digest", "label", "n", "auroc", "ece", "reliability"} <= set(data)


@pytest.mark.parametrize(
    "damage",
    [
        {"format": "other"}, {"extra": 1}, {"means": [0.0]}, {"features": ["unknown"] * 14},
        {"intercept": math.inf}, {"scales": [0.0] * 14},
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(model, tmp_path, damage):
    (tmp_path / "confidence.json").write_text(json.dumps(model.as_dict() | damage))
    with pytest.raises(ConfidenceError):
        ConfidenceModel.load(tmp_path)


def test_a_missing_or_unreadable_file_says_what_to_do(tmp_path):
    with pytest.raises(ConfidenceError, match="train confidence"):
        ConfidenceModel.load(tmp_path)
    (tmp_path / "confidence.json").write_text("{")
    with pytest.raises(ConfidenceError, match="JSON"):
        ConfidenceModel.load(tmp_path)


# ---- labels -------------------------------------------------------------------------------------

GOLD = {"id": "1", "gold": ["a.md"], "grounding": "Hold the button for seven seconds."}


def drafted(body="Hold the button for seven seconds.", source="a.md", **changes):
    row = {
        "id": "1", "kind": "quoted", "text": f"Hi,\n\n{body}", "body": body, "features": features(),
        "sentences": [
            {"text": "Hi,", "kind": "courtesy", "source": None, "support": None, "flags": []},
            {"text": body, "kind": "claim", "source": source, "support": 1.0, "flags": []},
        ],
    }  # fmt: skip
    return row | changes


@pytest.mark.parametrize(
    ("row", "label"),
    [
        (drafted(), 1),
        (drafted(source="b.md"), 0),
        (drafted(body="Cameras see in the dark."), 0),
        (drafted(body="Hold the button for seven."), 1),  # more than half of the content words
        (drafted(body="Hold the button."), 0),
        (drafted(body="The button is green."), 0),
    ],
)
def test_a_draft_is_good_that_says_the_gold_span_from_the_gold_page(row, label):
    (made,) = training.label_drafts([row], [GOLD])
    assert (made.label, made.group) == (label, "a.md")


def test_a_draft_with_an_unsupported_claim_or_for_what_nothing_answers_is_not_good():
    weak = drafted()
    weak["sentences"][1]["support"] = 0.3
    flagged = drafted()
    flagged["sentences"][1]["flags"] = ["number_without_evidence"]
    unanswerable = {"id": "1", "gold": [], "answerable": False, "group": "dialogue"}
    assert not training.is_good(weak, GOLD)
    assert not training.is_good(flagged, GOLD)
    (made,) = training.label_drafts([drafted()], [unanswerable])
    assert (made.label, made.group) == (0, "dialogue")


def test_one_of_several_answers_or_the_reply_of_a_person_is_enough():
    body = drafted(body="It is green and glows.")
    assert training.is_good(body, GOLD | {"answers": ["Press it.", "Green glow."]})
    assert training.is_good(body, GOLD | {"reply": "It glows in green."})
    assert not training.is_good(body, GOLD | {"answers": ["Press it."], "reply": "Press it once."})


def test_rows_without_a_draft_are_left_out_and_incomplete_ones_are_named():
    assert training.label_drafts([drafted(kind="none", text="")], [GOLD]) == []
    with pytest.raises(ValueError, match="row 2"):
        training.label_drafts([drafted(id="2")], [GOLD])
    with pytest.raises(ValueError, match="features"):
        training.label_drafts([drafted(features={})], [GOLD])


class Bar:
    def add_task(self, *args, **kwargs):
        return 0

    def advance(self, *args):
        pass


def test_the_command_fits_a_labels_file_and_writes_the_model(tmp_path):
    lines = [
        json.dumps({"features": row.features, "label": row.label, "group": row.group})
        for row in labels(200)
    ]
    (tmp_path / "labels.jsonl").write_text("\n".join(lines))
    options = {"labels": tmp_path / "labels.jsonl", "out": tmp_path / "out"}
    result = training.run(options, progress=Bar())
    model = ConfidenceModel.load(tmp_path / "out")
    assert (result["n"], result["digest"]) == (200, model.digest)
    assert model.data_digest == training.data_digest(labels(200)[::-1])
    (whole,) = result["sets"].values()
    assert (whole["n"], whole["auroc"]) == (model.n_held_out, model.auroc)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2"),
        ('{"features": {}, "label": 2, "group": "g"}', "label"),
        ('{"features": {}, "label": 1}', "group"),
        ('{"label": 1, "group": "g"}', "features"),
    ],
)
def test_a_bad_label_row_is_named(tmp_path, line, words):
    file = tmp_path / "labels.jsonl"
    good = json.dumps({"features": {}, "label": 1, "group": "g"})
    file.write_text(f"{good}\n{line}\n")
    with pytest.raises(ValueError, match=words):
        training.read_labels(file)


def test_too_few_or_all_alike_labels_are_refused():
    with pytest.raises(ValueError, match="too few"):
        training.fit(labels(10), label="", name="")
    alike = [training.Label(row.features, 1, row.group) for row in labels(100)]
    with pytest.raises(ValueError, match="alike"):
        training.fit(alike, label="", name="")
