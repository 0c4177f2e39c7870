"""`train generator --from-decisions` and `--base`: any causal model, whole or by adapters."""

from __future__ import annotations

import argparse
import io
import json
import random
from pathlib import Path

import pytest
from django.core.management import call_command
from rich.console import Console
from rich.progress import Progress as Bar

from assistant.digests import file_sha256
from generation.engine import load_generator
from generation.engine.base import GenerationRequest, Sampling
from generation.engine.files import open_folder
from generation.prompts import Passage, PromptTemplate, Turn
from generation.training import generator
from generation.training.finetuning import FineTuningError, encode, open_base
from generation.training.record_files import dump, to_row, tombstones_beside
from generation.training.records import Record
from tests.generation.tiny_models import (
    build,
    gpt_neo_config,
    gptj_config,
    opt_config,
    tiny_gpt_neo_folder,  # noqa: F401
)

FORGOTTEN = "ticket:5"


def decision(number: int) -> Record:
    rng = random.Random(number)
    thing, days = rng.choice(["parcel", "refund", "bag", "hub"]), rng.randint(2, 99)
    return Record(
        id=f"ticket:{number}:1",
        group=f"ticket:{number}",
        source="decisions",
        license="the installation's own",
        synthetic=False,
        thread=(Turn("customer", f"How long does {thing} {number} take?"),),
        passages=(Passage("Times", f"A {thing} {number} takes {days} days."),),
        opening="",
        body=f"A {thing} {number} takes {days} days.",
        closing="",
        provenance="approved unchanged: generated draft",
    )


@pytest.fixture(scope="module")
def decisions(tmp_path_factory) -> Path:
    """An export: 24 records, of which four are never-train and one ticket is forgotten."""
    path = tmp_path_factory.mktemp("export") / "decisions.jsonl"
    rows = [to_row(decision(n), split="never" if n < 4 else "train") for n in range(24)]
    path.write_text("".join(map(dump, rows)), encoding="utf-8")
    tombstones_beside(path).write_text(FORGOTTEN + "\n", encoding="utf-8")
    return path


def tune(out: Path, decisions: Path, base: Path | str, *more: str) -> dict:
    """What `train generator --from-decisions FILE --base BASE` returns."""
    parser = argparse.ArgumentParser()
    generator.add_arguments(parser)
    words = ["--from-decisions", decisions, "--base", base, "--out", out, "--batch-tokens", 700]
    options = vars(parser.parse_args([*map(str, words), *more]))
    with Bar(console=Console(file=io.StringIO())) as bar:
        return generator.run(options | {"rate": 5e-3}, progress=bar)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A tiny GPT-Neo with room for a prompt of the general layout."""
    config = gpt_neo_config(max_position_embeddings=512, initializer_range=0.05)
    return build(tmp_path_factory.mktemp("base") / "tiny-neo", config)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, decisions, base) -> tuple[dict, Path]:
    out = tmp_path_factory.mktemp("whole")
    return tune(out, decisions, base, "--epochs", "6", "--lora", "0"), out


@pytest.fixture(scope="module")
def by_adapters(tmp_path_factory, decisions, base) -> tuple[dict, Path]:
    out = tmp_path_factory.mktemp("lora")
    return tune(out, decisions, base, "--epochs", "6", "--lora", "4"), out


@pytest.mark.parametrize("how", ["whole", "by_adapters"])
def test_fine_tuning_lowers_the_loss_on_tickets_that_it_never_saw(how, request):
    result, _ = request.getfixturevalue(how)
    assert result["never_train"]["n"] == 4
    assert result["never_train"]["loss_after"] < 0.9 * result["never_train"]["loss_before"]
    losses = [
        p["loss"] for p in json.loads(Path(result["packed"], "metrics.json").read_text())["loss"]
    ]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("how", ["whole", "by_adapters"])
def test_what_is_packed_is_a_plain_folder_that_the_engine_checks_loads_and_drafts_with(
    how, request
):
    result, _ = request.getfixturevalue(how)
    folder = Path(result["packed"])
    opened = open_folder(folder, name="tuned", manifest_required=True)
    assert opened.digest == result["digest"]
    assert opened.own_template
    assert not list(folder.glob("*adapter*"))
    assert list(folder.glob("*.safetensors"))
    tuned = load_generator(str(folder), device="cpu")
    request_ = GenerationRequest("Customer: hi\n\nReply: [1]", 1, Sampling(n=1, max_new_tokens=5))
    ((completion,),) = tuned.generate([request_])
    assert completion.tokens > 0


def test_adapters_change_the_linear_layers_that_they_were_merged_into_and_nothing_else(
    by_adapters, base
):
    import torch
    from transformers import AutoModelForCausalLM

    result, _ = by_adapters
    assert result["adapters_rank"] == 4
    before = AutoModelForCausalLM.from_pretrained(base).bfloat16().state_dict()
    after = AutoModelForCausalLM.from_pretrained(result["packed"]).state_dict()
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    linear = {n for n in before if ".attn.attention." in n or ".mlp.c_" in n}
    assert changed
    assert changed <= {n for n in linear if n.endswith("weight")}


def test_never_train_and_forgotten_tickets_are_not_trained_on(whole):
    result, _ = whole
    assert result["records"] == {"decisions": 24 - 4 - 1}
    assert result["left_out"]["forgotten"] == 1
    card = Path(result["packed"], "README.md").read_text()
    assert "tiny-neo" in card
    assert "| decisions | 19 |" in card


def test_the_same_seed_gives_the_same_weights_and_a_stopped_run_resumes_to_them(
    whole, tmp_path, decisions, base
):
    result, _ = whole
    stopped = tune(tmp_path, decisions, base, "--epochs", "6", "--lora", "0", "--minutes", "1e-9")
    assert 0 < stopped["steps"] < result["steps"]
    resumed = tune(tmp_path, decisions, base, "--epochs", "6", "--lora", "0", "--resume")
    assert resumed["steps"] == result["steps"]
    assert file_sha256(Path(resumed["packed"], "model.safetensors")) == file_sha256(
        Path(result["packed"], "model.safetensors")
    )


@pytest.mark.parametrize("shape", ["gptj", "opt"])
def test_other_shapes_take_adapters_by_the_same_command(shape, tmp_path, decisions):
    config = gptj_config() if shape == "gptj" else opt_config()
    setattr(config, "n_positions" if shape == "gptj" else "max_position_embeddings", 512)
    folder = build(tmp_path / shape, config)
    result = tune(tmp_path / "out", decisions, folder, "--lora", "2", "--steps", "6")
    assert result["steps"] == 6
    assert result["never_train"]["loss_after"] < result["never_train"]["loss_before"]
    assert open_folder(Path(result["packed"]), name="tuned", manifest_required=True)


def test_a_model_too_short_for_any_record_is_a_named_error(
    tmp_path, decisions, tiny_gpt_neo_folder
):
    with pytest.raises(FineTuningError, match="context"):
        tune(tmp_path, decisions, tiny_gpt_neo_folder)


def test_the_loss_is_on_the_reply_alone_and_ends_with_the_end_of_text(base):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(base)
    template = PromptTemplate(name="t", version="1", context_tokens=400, new_tokens=150)
    (example,) = encode([decision(7)], template=template, tokenizer=tokenizer, own=False)
    reply = tokenizer.decode(example.ids[example.prompt :])
    assert reply.strip() == decision(7).body + tokenizer.eos_token
    assert tokenizer.decode(example.ids[: example.prompt]).endswith("Reply: [1]")
    (ours,) = encode([decision(7)], template=template, tokenizer=tokenizer, own=True)
    assert "Thanks for your question" in tokenizer.decode(ours.ids[ours.prompt :])
    short = PromptTemplate(name="t", version="1", context_tokens=40, new_tokens=20)
    assert encode([decision(7)], template=short, tokenizer=tokenizer, own=False) == []


def test_the_bundled_model_is_the_base_unless_another_is_named(decisions):
    folder = open_base("bundled")
    assert folder.own_template
    assert folder.name == "bundled"


@pytest.mark.parametrize(
    ("named", "complaint"),
    [
        ("EleutherAI/gpt-neo-1.3B", "pinned revision"),
        ("EleutherAI/gpt-neo-1.3B@" + "a" * 40, "switched off"),
    ],
)
def test_a_base_of_a_hub_needs_a_pinned_revision_and_leave(named, complaint):
    with pytest.raises(FineTuningError, match=complaint):
        open_base(named)


def test_the_command_prints_its_result_as_one_json_object_and_nothing_else(
    decisions, base, tmp_path, capfd
):
    call_command(
        "train", "generator", f"--from-decisions={decisions}", f"--base={base}",
        f"--out={tmp_path}", "--steps=2", "--json",
    )  # fmt: skip
    printed = json.loads(capfd.readouterr().out)
    assert printed["steps"] == 2
    assert printed["base"] == "tiny-neo"


def test_nothing_to_train_on_is_a_named_error(tmp_path, base):
    empty = tmp_path / "d.jsonl"
    empty.write_text("")
    with pytest.raises(FineTuningError, match="export_decisions"):
        tune(tmp_path, empty, base)
    empty.write_text(dump(to_row(decision(9), split="train")))
    with pytest.raises(FineTuningError, match="without --resume"):
        tune(tmp_path, empty, base, "--resume")
