"""`manage.py evaluate`: one JSON object that can be stored with a model, its figures and intervals."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from generation import registry
from tests.generation.tiny_models import build, gpt_neo_config

pytestmark = pytest.mark.django_db  # which model is live stands in the database
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(name: str, *rows: dict[str, Any]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        return path

    return make


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(
        tmp_path_factory.mktemp("tiny") / "neo", gpt_neo_config(max_position_embeddings=2048)
    )


@pytest.fixture
def tiny_generator(tiny: Path, settings: Any) -> None:
    settings.GENERATOR = str(tiny)
    settings.MAX_NEW_TOKENS = 12
    registry.forget_models()
    yield
    registry.forget_models()


def evaluate(*arguments: object) -> dict[str, Any]:
    out = StringIO()
    call_command("evaluate", *map(str, arguments), "--json", stdout=out)
    return dict(json.loads(out.getvalue()))


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_result_names_its_file_and_command_and_its_figures_are_flat(write: Write) -> None:
    rows = [
        {"id": 1, "text": "You stupid idiot", "label": 1, "set": "rude"},
        {"id": 2, "text": "Where is my parcel?", "label": 0, "set": "ordinary"},
        {"id": 3, "text": "What a pathetic moron you are", "label": 1, "set": "rude"},
        {"id": 4, "text": "Thank you", "label": 0, "set": "ordinary"},
    ]
    path = write("texts.jsonl", *rows)
    out = path.with_name("out.jsonl")
    found = evaluate("toxicity", "--texts", path, "--out", out, "--curves")
    assert found["file_digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (found["task"], found["file"], found["n"]) == ("toxicity", "texts.jsonl", 4)
    assert found["command"]
    assert found["measured_at"].endswith("+00:00")
    assert found["auroc"] == found["accuracy_as_draft"] == found["recall_as_draft"] == 1
    assert found["false_alarms_as_draft"] == 0
    assert found["flagged_as_draft"] == 0.5
    assert found["sets"]["rude"]["recall_as_draft"] == 1
    assert found["sets"]["ordinary"]["n"] == 2
    assert set(found["intervals"]) >= {"auroc", "accuracy_as_ticket", "flagged_as_draft"}
    assert found["curves"]["roc"][-1] == {
        "false_alarms": 1, "recall": 1, "threshold": found["curves"]["roc"][-1]["threshold"],
    }  # fmt: skip
    assert sum(row["n"] for row in found["curves"]["reliability"]) == 4
    assert read(out)[0]["flagged"] == {"ticket": True, "draft": True}


def test_texts_without_labels_have_shares_and_no_auroc(write: Write) -> None:
    found = evaluate("toxicity", "--texts", write("t.jsonl", {"id": 1, "text": "Thank you"}))
    assert found["auroc"] is None
    assert found["flagged_as_ticket"] == 0
    assert "accuracy_as_draft" not in found
    assert "curves" not in found


def test_grounding_has_an_interval_by_group(write: Write) -> None:
    rows = [
        {"id": n, "evidence": "Refunds take 30 days.", "text": f"Refunds take {days} days.",
         "label": int(days == 30), "group": n // 2}
        for n, days in enumerate([30, 31, 30, 14, 30, 3])
    ]  # fmt: skip
    found = evaluate("grounding", "--pairs", write("pairs.jsonl", *rows))
    assert found["auroc"] == 1
    assert found["intervals"]["auroc"] == [1, 1]


def test_the_generator_alone_is_measured_with_its_likelihood(
    write: Write, tiny_generator: None
) -> None:
    rows = [
        {
            "id": n,
            "thread": [{"role": "customer", "text": "How do I reset the ring?"}],
            "passages": [{"title": "Ring", "text": "Hold the ring for 10 seconds."}],
            "reply": "Hold the ring for 10 seconds.",
            "answerable": n != 2,
        }
        for n in range(3)
    ]
    path = write("records.jsonl", *rows)
    out = path.with_name("out.jsonl")
    found = evaluate("generation", "--records", path, "--out", out)
    for name in ("sacrebleu", "token_f1", "rouge_l", "loops", "cut_off", "unsupported_facts",
                 "reply_words", "unanswerable_drafted", "answerable_declined"):  # fmt: skip
        assert isinstance(found[name], int | float), name
    assert found["bits_per_byte"] > 0
    assert found["perplexity_per_byte"] == pytest.approx(2 ** found["bits_per_byte"], rel=1e-4)
    made = read(out)
    assert [row["id"] for row in made] == [0, 1, 2]
    assert all(row["bytes"] == len("Hold the ring for 10 seconds.") for row in made)
    assert all(row["cut_off"] for row in made)  # twelve tokens of gibberish


def test_a_prepared_records_right_passage_is_drafted_from_wherever_it_stands(
    write: Write, tiny_generator: None
) -> None:
    passages = [
        {"title": "Bags", "heading_path": ["Care"], "text": "Wash the bag by hand."},
        {"title": "Ring", "heading_path": ["Reset"], "text": "Hold the ring for 10 seconds."},
    ]
    row = {
        "id": 1,
        "thread": [{"role": "customer", "text": "How do I reset the ring?"}],
        "reply": "Hold the ring for 10 seconds.",
    }
    swapped = evaluate(
        "generation", "--records",
        write("swapped.jsonl", row | {"passages": passages, "right": 1}),
    )  # fmt: skip
    first = evaluate(
        "generation", "--records", write("first.jsonl", row | {"passages": passages[::-1]})
    )
    assert swapped["bits_per_byte"] == first["bits_per_byte"]
    as_given = evaluate("generation", "--records", write("as.jsonl", row | {"passages": passages}))
    assert as_given["bits_per_byte"] != first["bits_per_byte"]
    with pytest.raises(CommandError, match="field right"):
        evaluate(
            "generation", "--records",
            write("bad.jsonl", row | {"passages": passages, "right": 2}),
        )  # fmt: skip


def test_a_record_without_a_reply_counts_for_declining_alone(
    write: Write, tiny_generator: None
) -> None:
    row = {
        "thread": [{"role": "customer", "text": "Do you sell boats?"}],
        "passages": [{"title": "Ring", "text": "Hold the ring for 10 seconds."}],
    }
    replied = row | {"id": 1, "reply": "Hold the ring."}
    both = evaluate(
        "generation", "--records", write("b.jsonl", replied, row | {"id": 2, "reply": None})
    )
    one = evaluate("generation", "--records", write("one.jsonl", replied))
    assert both["n"] == 2
    assert (both["token_f1"], both["bits_per_byte"]) == (one["token_f1"], one["bits_per_byte"])
    assert both["unanswerable_drafted"] in (0, 1)
    assert "unanswerable_drafted" not in one
    none = evaluate("generation", "--records", write("none.jsonl", row | {"id": 2, "reply": None}))
    assert none["n"] == 1
    assert none.get("token_f1") is None


def test_perplexity_reads_whole_texts(write: Write, tiny_generator: None) -> None:
    path = write("texts.jsonl", {"id": 1, "text": "Hold the ring."}, {"id": 2, "text": "Let go."})
    found = evaluate("perplexity", "--texts", path)
    assert found["n"] == 2
    assert found["perplexity_per_byte"] > 1
    assert "@" in found["generator"]


def test_recited_training_text_and_personal_data_are_counted(write: Write, tmp_path: Path) -> None:
    training = " ".join(f"word{number}" for number in range(80))
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "article.md").write_text(f"Before. {training} After.")
    drafts = write(
        "drafts.jsonl",
        {"id": 1, "text": training},
        {"id": 2, "text": training},
        {"id": 3, "text": "Write to ann.example@gmail.com"},
        {"id": 4, "text": "Hold the ring."},
    )
    prompts = write("prompts.jsonl", {"id": 2, "passages": [{"title": "", "text": training}]})
    found = evaluate(
        "memorization", "--drafts", drafts, "--corpus", tmp_path / "corpus", "--prompts", prompts
    )
    assert found["recited"] == 0.25
    assert found["personal_data"] == 0.25
    assert found["longest"] == 80
    assert found["corpus_runs"] > 30


def test_pairs_are_written_blind_and_their_verdicts_read_back(write: Write) -> None:
    drafts = [
        {
            "id": n,
            "kind": "quoted",
            "candidates": [
                {"kind": "constrained", "body": f"made {n}"},
                {"kind": "quoted", "body": f"said {n}"},
            ],
            "sources": [{"source": "a.md", "text": "x"}],
        }
        for n in range(6)
    ]
    path = write("drafts.jsonl", *drafts)
    tickets = write("tickets.jsonl", *({"id": n, "body": f"question {n}"} for n in range(6)))
    pairs, key = path.with_name("pairs.jsonl"), path.with_name("key.jsonl")
    options = ("--drafts", path, "--tickets", tickets, "--key", key)
    made = evaluate("pairs", *options, "--out", pairs, "--count", 4)
    assert (made["n"], made["with_both"]) == (4, 6)
    given = write(
        "verdicts.jsonl",
        *({"id": row["id"], "prefer": row["model"], "judge": "ann"} for row in read(key)),
    )
    assert len(read(pairs)) == 4
    found = evaluate("verdicts", "--verdicts", given, "--key", key)
    assert found["model_preferred"] == found["preferred_or_equal"] == 1
    assert found["not_judged"] == 0
    with pytest.raises(CommandError, match="--out is missing"):
        evaluate("pairs", *options)
    lacking = write("few.jsonl", {"id": 0, "body": "question"})
    with pytest.raises(CommandError, match="lacks the ticket 1"):
        evaluate("pairs", "--drafts", path, "--tickets", lacking, "--key", key, "--out", pairs)


def test_a_judges_file_is_written_and_its_verdicts_read_back(write: Write, tmp_path: Path) -> None:
    articles = tmp_path / "articles"
    articles.mkdir()
    (articles / "a.md").write_text("# A\n\n## Part\n\nHold the ring.\n")
    ids = [f"nc-{n}" for n in range(4)]
    tickets = write("tickets.jsonl", *(
        {"id": i, "body": "question", "answerable": i != "nc-3", "facts": ["a fact"],
         "gold": [{"path": "a.md", "sections": ["Part"]}], "thread": "https://example.com/1"}
        for i in ids
    ))  # fmt: skip
    drafts = write("drafts.jsonl", *(
        {"id": i, "text": "Hold it.", "reasons": [], "confidence": c}
        for i, c in zip(ids, (0.9, 0.8, 0.2, 0.1), strict=True)
    ))  # fmt: skip
    out = tmp_path / "judge.md"
    made = evaluate("judge", "--drafts", drafts, "--tickets", tickets, "--out", out,
                    "--articles", articles)  # fmt: skip
    assert (made["n"], made["answerable"], made["sections_missing"]) == (4, 3, [])
    assert "> Hold the ring." in out.read_text()
    key = tmp_path / "judge.key.jsonl"
    words = dict(zip(ids, ("send", "light", "over", "drafted"), strict=True))
    given = write("verdicts.jsonl", *(
        {"n": row["n"], "verdict": words[row["id"]], "cause": "", "facts_stated": 0, "facts_total": 1}
        for row in read(key)
    ))  # fmt: skip
    found = evaluate("verdicts", "--verdicts", given, "--key", key, "--drafts", drafts,
                     "--against", given, "--against-drafts", drafts, "--curves")  # fmt: skip
    assert found["usable"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["usable_auroc"] == found["answerable_auroc"] == 1
    assert found["unanswerable_drafted"] == 1
    assert found["against"]["usable"] == found["usable"]
    assert found["difference"]["figures"]["usable"] == {"value": 0, "interval": [0, 0]}
    assert found["curves"]["reliability"]
    indexed = evaluate("judge", "--drafts", drafts, "--tickets", tickets, "--out", out)
    assert len(indexed["sections_missing"]) == 3  # nothing is indexed here
    with pytest.raises(CommandError, match="--key is missing"):
        evaluate("verdicts", "--verdicts", write("v.jsonl", {"id": 1, "prefer": "a", "judge": "x"}))


def test_a_file_that_is_missing_ends_with_status_two(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        evaluate("toxicity", "--texts", tmp_path / "none.jsonl")
    assert caught.value.returncode == 2
