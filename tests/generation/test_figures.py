"""Each figure on rows made by hand, so that what it counts is what moves it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sacrebleu import corpus_bleu

from generation import evaluation
from generation.figures import (
    Figures,
    declines,
    groups_of,
    is_cut_off,
    text_metrics,
    unsupported_facts,
)
from generation.grounding import GroundedSentence, ground
from retrieval.embedder import get_embedder
from tests.generation.tiny_models import build, gpt_neo_config

PASSAGES = [
    "Hold the ring for 10 seconds. The display goes dark. Details: https://help.example.com/ring",
    "Refunds take 30 days. Write to refunds@example.com and name the Orion Plus.",
]


def facts_in(text: str, question: str = "How do I reset it?") -> list[str]:
    sentences = ground(text, PASSAGES, embed=get_embedder().encode, question=question)
    return unsupported_facts(sentences, PASSAGES, question=question)


def test_a_draft_that_repeats_its_passage_has_no_unsupported_fact() -> None:
    assert facts_in("Hold the ring for 10 seconds. The display goes dark.") == []
    assert facts_in("Hold the ring for ten seconds.") == []


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Hold the ring for 20 seconds.", "number"),
        ("Hold the ring for 10 seconds. Details: https://help.example.com/other", "url"),
        ("Hold the ring for 10 seconds and press the Nimbus button.", "name"),
        ("Hold the ring for 10 seconds.\n\n1. Unscrew the back cover of the boiler.", "step"),
    ],
)
def test_an_invented_number_url_name_or_step_counts(text: str, kind: str) -> None:
    assert kind in facts_in(text)


def test_a_fact_of_a_passage_that_is_not_cited_counts() -> None:
    said = "Hold the ring for 30 days."
    of_the_ring = GroundedSentence(said, 0, len(said), "claim", 0.9, True, evidence=0)
    assert unsupported_facts([of_the_ring], PASSAGES) == ["number"]
    of_refunds = GroundedSentence(said, 0, len(said), "claim", 0.9, True, evidence=1)
    assert unsupported_facts([of_the_ring, of_refunds], PASSAGES) == []


def test_the_title_of_a_cited_passage_is_evidence_too() -> None:
    said = "Resetting the Ember Mini 2: hold the ring."
    claim = GroundedSentence(said, 0, len(said), "claim", 0.9, True, evidence=0)
    assert set(unsupported_facts([claim], PASSAGES)) == {"name", "number"}
    titles = ["Resetting the Ember Mini 2", "Refunds"]
    assert unsupported_facts([claim], PASSAGES, titles=titles) == []
    assert unsupported_facts([claim], PASSAGES, titles=titles[::-1]) != []


def test_a_courtesy_may_repeat_the_question_and_invent_nothing() -> None:
    asked = "Where is order 4471902?"
    said = "Thank you for your question about order 4471902.\n\nHold the ring for 10 seconds."
    assert facts_in(said, asked) == []
    assert "number" in facts_in(said.replace("4471902", "4471903"), asked)


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("Hold the ring for 10 seconds.", False),
        ("Hold the ring for ten", True),
        ("Hold the ring for ten\n\nI hope this helps.", True),
        ("Do this:\n\n1. Hold the ring.\n2. Select Save", True),
        ("See https://help.example.com/ring", False),
        ("", False),
    ],
)
def test_a_paragraph_that_stops_in_mid_sentence_is_cut_off(text: str, cut: bool) -> None:
    assert is_cut_off(text, PASSAGES) is cut


def test_a_passage_that_leaves_out_full_stops_may_be_quoted() -> None:
    listed = ["1. Open the app\n2. Select Save\n3. Select Restart now"]
    assert not is_cut_off("1. Open the app\n2. Select Save", listed)
    assert is_cut_off("1. Open the app\n2. Select Restart", listed)


def test_a_draft_declines_with_no_text_no_claim_or_by_saying_so() -> None:
    assert declines("", [])
    assert declines("Hello,\n\nKind regards", [])
    assert declines("x", ["Our help articles don't answer this, so a colleague will write to you."])
    assert declines("x", ["I could not find anything about this in our knowledge base."])
    assert not declines("x", ["Hold the ring for 10 seconds."])
    assert not declines("x", ["You do not need a receipt.", "Refunds take 30 days."])


def row(number: int, **changes: Any) -> dict[str, Any]:
    """A row as `draft_row` makes it, sound in every respect."""
    sound = {
        "id": number, "text": "Hello,\n\nHold the ring.", "body": "Hold the ring.", "kind": "quoted",
        "route": "in_review", "reasons": [], "confidence": None, "loop": False, "cut_off": False,
        "unsupported_facts": [], "seconds": 0.5, "candidates": [],
        "sentences": [{"text": "Hold the ring.", "kind": "claim", "flags": []}],
    }  # fmt: skip
    return {**sound, **changes}


NONE = {"kind": "none", "text": "", "body": "", "sentences": []}


def test_the_shares_are_of_drafts_that_have_a_text() -> None:
    rows = [
        row(0, loop=True),
        row(1, cut_off=True, kind="generated"),
        row(2, unsupported_facts=["number", "url"], kind="constrained"),
        row(3, body="Hold the ring until it clicks."),
        row(4, **NONE),
    ]
    summary = evaluation.drafts_summary(rows, [{"id": number} for number in range(5)])
    assert summary["n"] == 5
    assert summary["loops"] == summary["cut_off"] == summary["unsupported_facts"] == 0.25
    assert summary["generated"] == 0.4
    assert summary["body_words"] == pytest.approx((3 * 3 + 6) / 4, abs=0.05)
    assert "unanswerable_drafted" not in summary
    low, high = summary["intervals"]["loops"]
    assert low == 0
    assert 0.5 <= high <= 1


def test_unanswerable_drafted_and_answerable_declined_are_told_apart() -> None:
    told = [{"id": 0, "answerable": False}, {"id": 1, "answerable": False}, {"id": 2, "answerable": True},
            {"id": 3, "answerable": True}, {"id": 4}]  # fmt: skip
    rows = [row(0), row(1, **NONE), row(2), row(3), row(4, **NONE)]
    summary = evaluation.drafts_summary(rows, told)
    assert (summary["unanswerable_drafted"], summary["answerable_declined"]) == (0.5, 0)
    rows[3] = row(3, **NONE)
    summary = evaluation.drafts_summary(rows, told)
    assert (summary["unanswerable_drafted"], summary["answerable_declined"]) == (0.5, 0.5)


def reply(number: int, **changes: Any) -> dict[str, Any]:
    """A row of `evaluate generation`, sound in every respect."""
    sound = {
        "id": number, "text": "Hold the ring.", "unsupported_facts": [], "loop": False,
        "cut_off": False, "declined": False, "nats": math.log(2) * 28, "bytes": 14,
    }  # fmt: skip
    return {**sound, **changes}


def test_each_fault_of_a_generated_reply_moves_its_own_figure() -> None:
    records = [{"id": n, "reply": "Hold the ring.", "answerable": n < 2} for n in range(4)]
    sound = evaluation.generation_summary([reply(n) for n in range(4)], records)
    assert (sound["token_f1"], sound["rouge_l"]) == (1, 1)
    assert sound["sacrebleu"] == pytest.approx(100)
    assert sound["bits_per_byte"] == 2
    assert sound["perplexity_per_byte"] == 4
    assert (sound["unanswerable_drafted"], sound["answerable_declined"]) == (1, 0)
    for change, figure in (
        ({"loop": True}, "loops"),
        ({"cut_off": True}, "cut_off"),
        ({"unsupported_facts": ["url"]}, "unsupported_facts"),
        ({"declined": True}, "answerable_declined"),
        ({"text": "Hold the ring of fire."}, "reply_words"),
    ):
        rows = [reply(0, **change), *(reply(n) for n in range(1, 4))]
        found = evaluation.generation_summary(rows, records)
        moved = {k for k in sound if sound[k] != found[k]} - {"intervals"}
        assert figure in moved
        if "text" not in change:
            assert moved == {figure}
    assert found["reply_words"] == 3.5
    without = [{k: v for k, v in reply(n).items() if k != "nats"} for n in range(4)]
    assert "bits_per_byte" not in evaluation.generation_summary(without, records)


def test_drafts_with_references_have_bleu_and_f1_with_intervals() -> None:
    rows = [row(0), row(1, body="Press the green button twice."), row(2)]
    told = [{"id": 0, "reply": "Hold the ring."}, {"id": 1, "reply": "Nothing alike"}, {"id": 2}]
    summary = evaluation.drafts_summary(rows, told)
    assert summary["token_f1"] == 0.5
    assert summary["intervals"]["token_f1"] == [0, 1]
    assert {"sacrebleu", "rouge_l"} <= summary["intervals"].keys()


def test_bleu_from_statistics_is_sacrebleus_own() -> None:
    texts = ["Hold the ring for ten seconds, then let go.", "Refunds take a month.", "No."]
    references = ["Hold the ring for 10 seconds and let go.", "A refund takes a month.", "Yes, no."]
    own = corpus_bleu(texts, [references]).score
    assert text_metrics(texts, references)["sacrebleu"] == pytest.approx(own, abs=0.01)


def test_groups_make_rows_without_one_stand_for_themselves() -> None:
    assert groups_of([{"id": 1}, {"id": 2}]) is None
    groups = groups_of([{"group": "a"}, {"id": 2}, {"group": "a"}, {"group": 1}]) or []
    assert groups[0] == groups[2]
    assert len(set(groups)) == 3


def test_a_figure_without_rows_is_none_and_has_no_interval() -> None:
    figures = Figures(0)
    figures.mean("loops", [])
    figures.ratio("bits_per_byte", [], [])
    figures.derived("perplexity_per_byte", "bits_per_byte", lambda value: 2**value)
    assert figures.summary() == {
        "n": 0, "loops": None, "bits_per_byte": None, "perplexity_per_byte": None, "intervals": {},
    }  # fmt: skip


def test_perplexity_per_byte_is_that_of_transformers_own_loss(tmp_path: Path) -> None:
    import torch

    from generation.engine.transformers_generator import TransformersGenerator

    generator = TransformersGenerator(str(build(tmp_path / "tiny", gpt_neo_config())), device="cpu")
    text = "You can change the address until the parcel leaves. The cafe costs 12.50 €."
    generator.warm_up()
    ids = [0, *generator._encode(text)]
    with torch.inference_mode():
        loss = generator.model(torch.tensor([ids]), labels=torch.tensor([ids])).loss
    nats = float(loss) * (len(ids) - 1)
    rows = [{"id": 1, "text": text}, {"id": 2, "text": ""}]
    done: list[int] = []
    summary, out = evaluation.perplexity(rows, generator, advance=done.append)
    assert out[0]["nats"] == pytest.approx(nats, rel=1e-4)
    bits = nats / math.log(2) / len(text.encode())
    assert summary["bits_per_byte"] == pytest.approx(bits, rel=1e-4)
    assert summary["perplexity_per_byte"] == pytest.approx(2**bits, rel=1e-4)
    assert summary["intervals"]["bits_per_byte"] == pytest.approx([bits, bits], abs=1e-3)
    assert sum(done) == 2


def test_a_text_longer_than_the_context_counts_every_token_once(tmp_path: Path) -> None:
    from generation.engine.likelihood import nats_of
    from generation.engine.transformers_generator import TransformersGenerator

    generator = TransformersGenerator(str(build(tmp_path / "tiny", gpt_neo_config())), device="cpu")
    tokens = np.random.default_rng(4).integers(1, 380, size=100).tolist()
    whole = nats_of(generator.model, [0], tokens, context=256)
    windowed = nats_of(generator.model, [0], tokens, context=40)
    assert windowed == pytest.approx(whole, rel=0.2)
    assert windowed != whole
    # the first window alone is exactly the beginning of the whole
    assert nats_of(generator.model, [0], tokens[:39], context=40) == pytest.approx(
        nats_of(generator.model, [0], tokens[:39], context=256), rel=1e-5
    )
    after = nats_of(generator.model, [0, *tokens[:60]], tokens[60:], context=256)
    before = nats_of(generator.model, [0], tokens[:60], context=256)
    assert before + after == pytest.approx(whole, rel=1e-5)
    with pytest.raises(ValueError, match="needs one before"):
        nats_of(generator.model, [], tokens, context=40)


def test_a_generator_without_likelihoods_says_so() -> None:
    with pytest.raises(evaluation.BadRecord, match="tells no likelihoods"):
        evaluation.perplexity([{"id": 1, "text": "x"}], object(), advance=lambda n: None)
