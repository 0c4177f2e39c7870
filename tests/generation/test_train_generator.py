"""Training the generator, on tiny real models: what it learns from, that it learns, what ships."""

from __future__ import annotations

import argparse
import io
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from rich.progress import Progress as Bar

from generation.engine.files import open_folder
from generation.prompts import Passage, PromptTemplate, Turn, passage_text, sentences
from generation.training.articles import article_sections
from generation.training.records import Record, is_held_out, vary
from generation.training.sources import SourceError, read_sources
from generation.training.voices import flip, in_a_voice, sentence_question, topic_question

pytestmark = pytest.mark.xdist_group("train_generator")  # one process trains for all of them

ARTICLE = """---
title: "Parcels | Help"
---
# Parcels

## Change the delivery address

You can change the address until the parcel leaves our warehouse. Learn more in [Addresses](a.md).

1. Open **Orders**.
2. Choose Edit, and then choose the related link.
   Wait for a moment.
3. Enter the new address.

## Fees

If you send a parcel abroad, you pay a fee of 12 euros for each kilogram. This includes insurance.
For [!INCLUDE [unknown](x.md)] it differs. The following table shows all fees:

| a | b |
|---|---|

Text after a table is not read.

## See also

[Other](b.md) things that nobody asks for in any way, shape or form, and a few more words here.
"""


def knowledge_base(folder: Path, count: int = 40) -> Path:
    """Articles that differ in every sentence, so that copying is the only way to be right."""
    rng = random.Random(5)
    things = ["invoice", "parcel", "mailbox", "ticket", "licence", "report", "team", "backup"]
    verbs = ["Create", "Delete", "Share", "Export", "Rename", "Restore"]
    folder.mkdir(parents=True)
    for number in range(count):
        verb, thing = rng.choice(verbs), rng.choice(things)
        (folder / f"a{number}.md").write_text(
            f"---\ntitle: {verb} a {thing} {number}\n---\n\n"
            f"You can {verb.lower()} a {thing} on page {rng.randint(10, 99)} of the settings. "
            f"It takes {rng.randint(2, 50)} minutes until the {thing} is ready for your team. "
            f"If you cancel it, the {thing} stays for {rng.randint(2, 90)} days.\n",
            encoding="utf-8",
        )
    return folder


def test_articles_lose_pointers_unknown_includes_and_what_stands_behind_a_table():
    sections = list(article_sections(ARTICLE, "parcels.md"))
    assert [section.topic for section in sections] == ["Change the delivery address", "Fees"]
    address, fees = sections
    assert address.title == "Parcels"
    assert address.text == (
        "You can change the address until the parcel leaves our warehouse.\n"
        "1. Open Orders.\n"
        "2. Choose Edit, and then choose the related link. Wait for a moment.\n"
        "3. Enter the new address."
    )
    assert fees.text == (
        "If you send a parcel abroad, you pay a fee of 12 euros for each kilogram. "
        "This includes insurance."
    )


def test_a_list_of_steps_with_a_step_that_can_not_be_read_goes_as_a_whole():
    broken = ARTICLE.replace("Choose Edit, and", "Choose [!INCLUDE [unknown](x.md)], and")
    address = next(article_sections(broken.replace("our warehouse", "our warehouse " * 9), "p.md"))
    assert "1. " not in address.text
    assert address.text.startswith("You can change the address")


def test_every_reply_restates_the_topic_and_stands_in_the_right_passage(tmp_path):
    records = read_sources([("kb", knowledge_base(tmp_path / "kb"))], seed=1)
    assert len({r.group for r in records}) == 40
    assert len(records) > 60
    for record in records:
        first = record.passages[0]
        passage = " ".join(passage_text(first.text).split())
        assert all(" ".join(s.split()) in passage for s in sentences(record.body))
        assert record.opening.startswith("Thanks for your question")
        assert first.title[1:] in record.opening
        assert record.thread[-1].role == "customer"
        assert record.synthetic
        assert record.license == "CC BY 4.0"


def test_records_are_the_same_for_a_seed_and_limited_only_outside_the_held_out(tmp_path):
    source = [("kb", knowledge_base(tmp_path / "kb", 80))]
    records = read_sources(source, seed=3)
    assert records == read_sources(source, seed=3)
    assert records != read_sources(source, seed=4)
    held_out = [r for r in records if r.held_out]
    assert held_out
    limited = read_sources(source, seed=3, limits={"kb": 10})
    assert [r for r in limited if r.held_out] == held_out
    assert sum(not r.held_out for r in limited) == 10


def test_about_five_percent_of_documents_are_held_out_by_name_alone():
    share = sum(is_held_out(f"kb:{n}.md") for n in range(4000)) / 4000
    assert 0.035 < share < 0.065


@pytest.mark.parametrize("text", ["kb", "kb=", "nonsense=/x", "kb=/does/not/exist"])
def test_a_source_that_is_no_source_is_a_named_error(text, tmp_path):
    from generation.training import generator

    with pytest.raises(SourceError, match=r"NAME=|unknown source|does not exist"), Bar() as bar:
        generator.run({"source": [text], "out": tmp_path}, progress=bar)


def test_changed_names_and_numbers_agree_in_question_passage_and_reply():
    record = Record(
        id="1",
        group="g",
        source="kb",
        license="",
        synthetic=True,
        thread=(Turn("customer", "Does OneDrive keep files 93 days?"),),
        passages=(Passage("OneDrive", "OneDrive keeps deleted files for 93 days. Teams: 30."),),
        opening="About OneDrive.",
        body="OneDrive keeps deleted files for 93 days.",
        closing="Bye.",
    )
    changed = [vary(record, random.Random(seed)) for seed in range(20)]
    assert any("OneDrive" not in r.body and "93" not in r.body for r in changed)
    for r in changed:
        assert r.passages[0].text.startswith(r.body)
        name = r.passages[0].title
        assert r.opening == f"About {name}."
        assert r.thread[0].text.startswith(f"Does {name} keep files")


def test_questions_turn_to_the_first_person_and_ask_what_the_sentence_answers():
    rng = random.Random(1)
    sentence = "If you send your parcel abroad, you pay a fee of 12 euros."
    assert "I send my parcel abroad" in sentence_question(sentence, "Fees", rng)
    assert flip("you're late and your friends help yourself") == (
        "I'm late and my friends help myself"
    )
    assert "create an invoice" in topic_question("How to: Create an invoice", "T", rng)
    voices = {in_a_voice("How do I pay?", random.Random(n)) for n in range(50)}
    assert len(voices) > 30


# ---- with torch ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """(template, tokenizer, corpus, records) of a small knowledge base."""
    from generation.training.corpus import encode_records
    from generation.training.stages import TEMPLATE, text_of
    from generation.training.tokenizer import train_tokenizer

    folder = knowledge_base(tmp_path_factory.mktemp("sources") / "kb")
    records = read_sources([("kb", folder)], seed=1)
    template = replace(TEMPLATE, context_tokens=256, new_tokens=120)
    texts = [text_of(record) for record in records]
    tokenizer = train_tokenizer(texts, vocab_size=480, context_tokens=256)
    corpus = encode_records(records, template=template, tokenizer=tokenizer, seed=1)
    return template, tokenizer, corpus, records


def small_model(tokenizer, *, seed=1, context=256):
    from generation.training.initialisation import generator_config, new_model

    config = generator_config(
        vocab_size=len(tokenizer), hidden=96, layers=4, context_tokens=context
    )
    return new_model(config, seed=seed)


def test_any_text_survives_the_tokenizer_digits_and_citations_are_single_tokens(tiny):
    _, tokenizer, _, _ = tiny
    text = "Zürich 1024 😀\n\n[1] a [3]\t<b>"
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert tokenizer.tokenize("x 2048")[-4:] == ["2", "0", "4", "8"]
    assert "[1]" in tokenizer.tokenize("Reply: [1]")
    assert tokenizer.eos_token_id == 0


def test_a_word_at_the_start_of_a_line_has_the_tokens_it_has_within_a_line(tiny):
    template, tokenizer, _, records = tiny
    from generation.training.corpus import render

    prompt, completion = render(records[0], template, tokenizer)
    first = sentences(records[0].body)[0].split()[0]
    assert f"\n\n {first}" in completion
    assert f"\n {first}" in prompt or f" {first}" in prompt


def test_loss_falls_on_the_reply_and_weighs_the_first_word_of_the_body_most(tiny):
    _, tokenizer, corpus, records = tiny
    assert len(records) - 8 < len(corpus) <= len(records)  # what is too long for the context goes
    ids = corpus.tokens[: corpus.starts[1]].tolist()
    weights = corpus.weights[: corpus.starts[1]]
    marked = tokenizer.decode([ids[i] for i in np.flatnonzero(weights == 4)])
    body = tokenizer.decode(ids).split("[1]")[-1].split("\n\n")[1]
    assert body.startswith(marked)
    assert weights[-1] == 1
    assert ids[-1] == tokenizer.eos_token_id
    assert 0 < (corpus.weights == np.float16(0.3)).mean() < 0.3


def test_what_follows_each_sentence_of_the_body_weighs_more_than_copying(tiny):
    from generation.training.corpus import encode_records

    template, tokenizer, _, records = tiny
    several = next(r for r in records if len(sentences(r.body)) >= 2)
    corpus = encode_records([several], template=template, tokenizer=tokenizer, seed=1)
    ids, weights = corpus.tokens.tolist(), corpus.weights
    marked = [i for i in np.flatnonzero(weights == 2) if weights[i - 1] != 2]
    assert len(marked) == len(sentences(several.body))
    assert tokenizer.decode(ids[marked[-1] :]).startswith("\n\n")  # the last one ends the body


def test_a_wrong_passage_gets_a_reply_that_says_so_and_has_no_body(tiny):
    from generation.training.corpus import encode_records
    from generation.training.unanswerable_records import with_unanswered

    template, tokenizer, _, records = tiny
    added = with_unanswered(records, random.Random(1), share=1.0)[len(records) :]
    assert added
    origin = {f"{r.id}:unanswerable": r for r in records}
    for record in added:
        answered = origin[record.id]
        assert (record.thread, record.group) == (answered.thread, answered.group)
        assert not any(line in record.passages[0].text for line in answered.body.split("\n"))
        assert record.reply.count("\n\n") == 1
        assert "answer it" in record.reply
    corpus = encode_records(added[:3], template=template, tokenizer=tokenizer, seed=1)
    assert "articles don't answer it" in tokenizer.decode(corpus.tokens[: corpus.starts[1]])


def test_the_output_loss_has_the_value_and_the_gradients_of_plain_cross_entropy():
    import torch
    from torch.nn import functional

    from generation.training.forward import _OutputLoss

    torch.manual_seed(1)
    targets, scale = torch.randint(0, 50, (30,)), torch.rand(30)
    ours, theirs = (
        [tensor.clone().requires_grad_() for tensor in (hidden, weight)]
        for hidden, weight in [(torch.randn(30, 8), torch.randn(50, 8))] * 2
    )
    loss, hits = _OutputLoss.apply(*ours, targets, scale)
    logits = functional.linear(*theirs)
    plain = (
        functional.cross_entropy(logits, targets, reduction="none") * scale
    ).sum() / scale.sum()
    (3 * loss).backward()
    (3 * plain).backward()
    torch.testing.assert_close(loss, plain)
    assert torch.equal(hits, logits.argmax(-1) == targets)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-5, rtol=1e-4)


def test_batches_hold_every_record_once_within_their_size(tiny):
    from generation.training.corpus import padded, plan_batches

    corpus = tiny[2]
    batches = plan_batches(corpus, batch_tokens=900, seed=7)
    assert sorted(n for batch in batches for n in batch) == list(range(len(corpus)))
    for batch in batches:
        ids, weights = padded(corpus, batch)
        assert ids.shape == weights.shape
        assert ids.size <= 900 or len(batch) == 1


def test_the_training_forward_gives_transformers_logits_beyond_the_local_window():
    import torch
    from transformers import GPTNeoConfig, GPTNeoForCausalLM

    from generation.training.forward import hidden_states

    config = GPTNeoConfig(
        vocab_size=61,
        hidden_size=48,
        num_layers=4,
        num_heads=4,
        attention_types=[[["global", "local"], 2]],
        window_size=7,
        max_position_embeddings=40,
        resid_dropout=0.0,
        embed_dropout=0.0,
        attention_dropout=0.0,
        initializer_range=0.3,
    )
    torch.manual_seed(3)
    model = GPTNeoForCausalLM(config).eval()
    ids = torch.randint(0, 61, (3, 33))
    with torch.inference_mode():
        ours = model.lm_head(hidden_states(model, ids))
        theirs = model(ids).logits
    assert theirs.std() > 0.5  # far from trivial
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_the_structured_start_copies_before_the_first_step():
    import torch

    from generation.training.initialisation import generator_config, new_model

    model = new_model(generator_config(vocab_size=2000, context_tokens=256), seed=1).eval()
    torch.manual_seed(0)
    half = torch.randint(0, 2000, (4, 60))
    ids = torch.cat((half, half), dim=1)
    with torch.inference_mode():
        guesses = model(ids).logits.argmax(-1)
    right = (guesses[:, 61:-1] == ids[:, 62:]).float().mean()
    assert right > 0.9


def test_the_structured_start_names_a_shape_that_it_can_not_fill():
    from generation.training.initialisation import generator_config, new_model

    config = generator_config(vocab_size=300, hidden=96, layers=2, context_tokens=64)
    with pytest.raises(ValueError, match="three layers"):
        new_model(config, seed=1)


def test_training_lowers_the_loss_and_resuming_gives_the_same_weights(tiny, tmp_path):
    import torch

    from generation.training.trainer import Recipe, ResumeError, train

    _, tokenizer, corpus, _ = tiny
    recipe = Recipe(steps=10, batch_tokens=700, warm_up=2, bf16=False)
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    whole.mkdir()
    parts.mkdir()

    straight = small_model(tokenizer)
    state = train(straight, corpus, recipe=recipe, out=whole)
    assert state.step == 10
    losses = [entry["loss"] for entry in state.history]
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])

    first = train(small_model(tokenizer), corpus, recipe=recipe, out=parts, stop_after=5)
    assert first.step == 5
    resumed = small_model(tokenizer, seed=99)  # other weights, which the checkpoint replaces
    second = train(resumed, corpus, recipe=recipe, out=parts, resume=True)
    assert [e["loss"] for e in second.history] == losses
    for name, weight in straight.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name]), name

    with pytest.raises(ResumeError, match="another run"):
        train(resumed, corpus, recipe=replace(recipe, seed=2), out=parts, resume=True)
    with pytest.raises(ResumeError, match="without --resume"):
        train(resumed, corpus, recipe=recipe, out=tmp_path, resume=True)


def test_a_time_limit_ends_a_run_that_can_be_resumed(tiny, tmp_path):
    from generation.training.trainer import Recipe, train

    _, tokenizer, corpus, _ = tiny
    recipe = Recipe(steps=4, batch_tokens=700, warm_up=2, bf16=False)
    stopped = train(small_model(tokenizer), corpus, recipe=recipe, out=tmp_path, minutes=1e-9)
    assert 0 < stopped.step < 4
    finished = train(small_model(tokenizer), corpus, recipe=recipe, out=tmp_path, resume=True)
    assert finished.step == 4


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """What `train generator --smoke` returns and writes, from articles of a test."""
    root = tmp_path_factory.mktemp("run")
    result = stage_run(knowledge_base(root / "kb", 60), root / "out")
    return result, root / "out"


def stage_run(folder: Path, out: Path, *more: str) -> dict:
    """What `train generator --smoke` returns for these stages."""
    from generation.training import generator

    parser = argparse.ArgumentParser()
    generator.add_arguments(parser)
    words = ["--source", f"kb={folder}", "--out", str(out), "--smoke", *more]
    with Bar(console=Console(file=io.StringIO())) as bar:
        return generator.run(vars(parser.parse_args(words)), progress=bar)


def test_each_stage_lowers_its_loss_and_language_modelling_the_bits_a_byte_of_unseen_articles(
    packed,
):
    result, out = packed
    assert result["stages"] == ["tokenizer", "language-modelling", "fine-tuning"]
    language, tuning = (
        json.loads((out / name / "stage.json").read_text(encoding="utf-8"))
        for name in result["stages"][1:]
    )
    for told in (language, tuning):
        assert told["unseen_articles"] > 0
        assert told["loss"][-1]["loss"] < told["loss"][0]["loss"]
    assert language["bits_per_byte_after"] < language["bits_per_byte_before"]
    assert tuning["bits_per_byte_before"] == language["bits_per_byte_after"]
    assert (out / "language-modelling" / "loss.svg").read_text(encoding="utf-8").startswith("<svg")
    card = Path(result["packed"], "README.md").read_text(encoding="utf-8")
    assert f"| language-modelling | 15 | {language['tokens'] / 1e6:.2f} |" in card


def test_stages_run_apart_and_cut_off_reach_the_weights_of_one_whole_run(packed, tmp_path):
    whole, first = packed
    folder = first.parent / "kb"
    with pytest.raises(ValueError, match="add tokenizer to --stages"):
        stage_run(folder, tmp_path, "--stages", "fine-tuning")
    language = ("--stages", "tokenizer", "language-modelling")
    cut = stage_run(folder, tmp_path, *language, "--minutes", "1e-9")
    assert cut["reached"]["language-modelling"]["steps"] < 15
    assert "packed" not in cut
    stage_run(folder, tmp_path, *language, "--resume")
    last = stage_run(folder, tmp_path, "--stages", "fine-tuning")
    weights = [Path(r["packed"], "model.safetensors").read_bytes() for r in (whole, last)]
    assert weights[0] == weights[1]


def test_held_out_articles_are_measured_on_and_never_read(tmp_path):
    from generation.training.language import running_texts

    source = [("kb", knowledge_base(tmp_path / "kb", 80))]
    read, unseen = running_texts(source, read_sources(source, seed=1))
    assert unseen
    assert not set(read) & set(unseen)
    assert len(read) + len(unseen) == 80


def test_a_training_passage_that_is_also_held_out_counts_as_held_out():
    from generation.training.language import running_texts

    def record(group: str) -> Record:
        passage = Passage("Fees", "It costs 12 euros.")
        return Record(group, group, "doc2dial", "", False, (Turn("customer", "?"),), (passage,),
                      "", "It costs 12 euros.", "")  # fmt: skip

    groups = [f"g{n}" for n in range(200)]
    both = [record(next(g for g in groups if is_held_out(g) is held)) for held in (True, False)]
    assert running_texts([("doc2dial", Path("x"))], both) == ([], [" Fees\n It costs 12 euros."])


def test_a_smoke_run_packs_a_folder_that_transformers_loads_and_generates_with(packed):
    import torch
    from transformers import AutoTokenizer, GPTNeoForCausalLM

    result, _ = packed
    folder = Path(result["packed"])
    model = GPTNeoForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert model.dtype == torch.bfloat16
    assert model.lm_head.weight is model.transformer.wte.weight
    assert tokenizer.padding_side == "left"
    prompt = tokenizer("Customer: hi\n\n[1] A\n Text.\n\nReply: [1]", return_tensors="pt")
    output = model.generate(**prompt, max_new_tokens=8, do_sample=False)
    assert output.shape[1] > prompt["input_ids"].shape[1]
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == 0


def test_a_packed_folder_passes_the_engines_check_and_fails_it_when_a_weight_changes(packed):
    from generation.engine.base import GeneratorUnavailable

    result, out = packed
    folder = Path(result["packed"])
    opened = open_folder(folder, name="bundled", manifest_required=True)
    assert opened.digest == result["digest"]
    assert opened.own_template
    assert opened.template == PromptTemplate.load(out / "tokenizer")
    weights = folder / "model.safetensors"
    original = weights.read_bytes()
    try:
        weights.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
        with pytest.raises(GeneratorUnavailable, match="safetensors"):
            open_folder(folder, name="bundled", manifest_required=True)
    finally:
        weights.write_bytes(original)


def test_card_and_metrics_state_the_figures_the_data_and_the_way_to_repeat_them(packed):
    result, _ = packed
    folder = Path(result["packed"])
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    assert metrics["figures"] == result["figures"]
    assert metrics["figures"]["all"]["n"] > 0
    assert set(metrics["figures"]["all"]) >= {
        "body_f1", "quote_f1", "verbatim", "loops", "invented_numbers", "ended",
    }  # fmt: skip
    assert metrics["steps"] == result["steps"] == 30
    assert metrics["loss"][-1]["loss"] < metrics["loss"][0]["loss"]
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "train generator" in card
    assert "CC BY 4.0" in card
    assert f"| {metrics['figures']['all']['body_f1']:g} |" in card
    assert str(folder.parent) not in card
    assert (folder / "training_loss.svg").read_text(encoding="utf-8").startswith("<svg")


def test_weights_that_are_not_finite_are_not_packed(tiny, tmp_path):
    import torch

    from generation.training.packing import PackingError, pack
    from generation.training.trainer import Progress, Recipe

    template, tokenizer, _, _ = tiny
    model = small_model(tokenizer)
    with torch.no_grad():
        model.transformer.ln_f.bias[0] = float("nan")
    with pytest.raises(PackingError, match="NaN"):
        pack(
            tmp_path / "packed",
            model=model,
            tokenizer=tokenizer,
            template=template,
            recipe=Recipe(steps=1),
            progress=Progress(),
            figures={},
            data={},
            command="",
        )
    assert not (tmp_path / "packed").exists()


def test_measuring_counts_what_a_reply_gets_wrong():
    from generation.figures import token_f1
    from generation.training.measuring import _row

    record = Record(
        id="1",
        group="g",
        source="kb",
        license="",
        synthetic=True,
        thread=(Turn("customer", "How long?"),),
        passages=(Passage("Fees", "It costs 12 euros. It takes 3 days. Call us any time."),),
        opening="Thanks for your question. Here is what we have on this topic: Fees.",
        body="It takes 3 days.",
        closing="Bye.",
    )
    good = _row(record, f" {record.opening}\n\n It takes 3 days.\n\n Bye.", True)
    assert good["exact"]
    assert good["body_f1"] == 1.0
    assert good["verbatim"] == good["sentences"] == 1
    assert good["ended"]
    assert not good["invented_number"]
    bad = _row(record, f" {record.opening}\n\n It takes 4 euros. Call us any time.\n\n", False)
    assert not bad["exact"]
    assert (bad["verbatim"], bad["sentences"]) == (1, 2)
    assert bad["invented_number"]
    assert not bad["ended"]
    assert good["quote_f1"] == pytest.approx(
        token_f1("It costs 12 euros. It takes 3 days.", record.body)
    )
    looped = _row(record, " a b c d e f g h a b c d e f g h", True)
    assert looped["loop"]
