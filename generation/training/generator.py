"""`manage.py train generator`: from cleared data sets to a packed GPT-Neo folder."""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress as Bar
from transformers import GPTNeoForCausalLM, PreTrainedTokenizerFast

from generation.prompts import PromptTemplate, title_line
from generation.training import finetuning
from generation.training.corpus import Corpus, encode_records
from generation.training.initialisation import generator_config, new_model
from generation.training.measuring import choose_records, measure
from generation.training.packing import base_of, pack
from generation.training.records import LICENSES, Record
from generation.training.sources import SourceError, read_sources
from generation.training.tokenizer import train_tokenizer
from generation.training.trainer import Progress, Recipe, train
from generation.training.unanswerable_records import with_unanswered

TEMPLATE = PromptTemplate(
    name="countersign-generator",
    version="1",
    line_start=" ",
    max_passages=1,
    max_earlier_turns=4,
    context_tokens=1024,
    new_tokens=240,
)
TOKENIZER_TEXTS = 12_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--source",
        action="append",
        default=[],
        metavar="NAME=FOLDER",
        help="kb, doc2dial, product_qa, dstc11, abcd or records (a folder of `data prepare`), and "
        "where it lies; may be repeated",
    )
    parser.add_argument("--out", required=True, type=Path, help="the run's folder")
    parser.add_argument("--go-on-from", type=Path, metavar="FOLDER",
                        help="train this packed folder's weights further")  # fmt: skip
    parser.add_argument("--rate", type=float, help="learning rate of the matrices")
    parser.add_argument("--limit", action="append", default=[], metavar="NAME=N",
                        help="at most N training records of a source")  # fmt: skip
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--minutes", type=float, help="end after so much training time")
    parser.add_argument("--resume", action="store_true", help="go on from the last checkpoint")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, help="CPU threads of torch")
    parser.add_argument("--batch-tokens", type=int, default=3072)
    parser.add_argument("--hidden", type=int, default=384)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--vocabulary", type=int, default=8192)
    parser.add_argument("--measure", type=int, default=240, help="held-out records to measure on")
    parser.add_argument("--smoke", action="store_true", help="a tiny model, to see that it runs")
    parser.add_argument("--base", metavar="MODEL",
                        help="fine-tune a folder, a hub's owner/name@commit, or bundled")  # fmt: skip
    parser.add_argument("--from-decisions", type=Path, metavar="FILE",
                        help="fine-tune on a file of export_decisions")  # fmt: skip
    parser.add_argument("--epochs", type=float, help="of fine-tuning, 3 unless said otherwise")
    parser.add_argument("--lora", type=int, metavar="RANK",
                        help="fine-tune adapters of this rank; 0: all weights")  # fmt: skip


def run(options: dict[str, Any], *, progress: Bar) -> dict[str, Any]:
    """Trains, evaluates on held-out records and packs; returns the figures.

    Everything stands under ``--out``: the tokenizer, the encoded corpus, the checkpoint, and in
    ``packed/`` the folder to ship. Raises SourceError, ResumeError.
    """
    if finetuning.wanted(options):
        return finetuning.run(options, progress=progress)
    if not options["source"]:
        raise SourceError(
            "nothing to train on: give --source NAME=FOLDER, or --from-decisions FILE"
        )
    out = Path(options["out"])
    out.mkdir(parents=True, exist_ok=True)
    seed = options.get("seed") or 1
    sizes = _sizes(options)
    if options.get("threads"):
        torch.set_num_threads(options["threads"])
    sources = [_source(text) for text in options["source"]]
    limits = {name: int(n) for name, n in (_pair(text) for text in options.get("limit") or [])}

    note = progress.add_task("reading the sources", total=None)
    records = read_sources(sources, seed=seed, limits=limits)
    held_out = [record for record in records if record.held_out]
    training = [record for record in records if not record.held_out]
    training = with_unanswered(training, random.Random(f"unanswered:{seed}"))
    base: Path | None = options.get("go_on_from")
    template, tokenizer, corpus = _prepare(
        out,
        training,
        seed=seed,
        vocabulary=sizes["vocabulary"],
        again=not options.get("resume"),
        base=base,
    )
    progress.remove_task(note)

    if base:
        model: GPTNeoForCausalLM = GPTNeoForCausalLM.from_pretrained(base, dtype=torch.float32)
    else:
        config = generator_config(
            vocab_size=len(tokenizer),
            hidden=sizes["hidden"],
            layers=sizes["layers"],
            context_tokens=template.context_tokens,
        )
        model = new_model(config, seed=seed)
    recipe = Recipe(
        steps=sizes["steps"],
        seed=seed,
        batch_tokens=sizes["batch_tokens"],
        learning_rate=options.get("rate") or Recipe.learning_rate,
        embedding_rate=(options.get("rate") or Recipe.learning_rate) * 4 / 7,
    )
    bar = progress.add_task("training", total=recipe.steps)

    def report(state: Progress) -> None:
        latest = state.history[-20:]
        loss = sum(entry["loss"] for entry in latest) / len(latest)
        right = sum(entry["accuracy"] for entry in latest) / len(latest)
        speed = state.tokens / max(state.seconds, 1e-9)
        words = f"training: loss {loss:.3f}, accuracy {right:.3f}, {speed:,.0f} tokens/s"
        progress.update(bar, completed=state.step, description=words)
        if state.step % 50 == 0:
            progress.console.log(f"step {state.step}, {words}, {state.seconds / 60:.1f} min")

    state = train(
        model,
        corpus,
        recipe=recipe,
        out=out,
        minutes=options.get("minutes"),
        resume=bool(options.get("resume")),
        report=report,
    )
    note = progress.add_task("measuring on held-out records", total=None)
    chosen = choose_records(held_out, count=sizes["measured"], seed=seed)
    figures, rows = measure(model, tokenizer, chosen, template=template)
    (out / "held_out.jsonl").write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    data = {
        "trained": dict(Counter(record.source for record in training)),
        "held_out": dict(Counter(record.source for record in held_out)),
        "synthetic": sum(record.synthetic for record in training),
        "licenses": {name: LICENSES[name] for name in sorted({r.source for r in training})},
        "held_out_doc2dial": sorted(
            {r.group.removeprefix("doc2dial:") for r in held_out if r.source == "doc2dial"}
        ),
    }
    digest = pack(
        out / "packed",
        model=model,
        tokenizer=tokenizer,
        template=template,
        recipe=recipe,
        progress=state,
        figures=figures,
        data=data,
        command=_command(options),
        base=base_of(base) if base else None,
    )
    progress.remove_task(note)
    return {
        "steps": state.step,
        "minutes": round(state.seconds / 60, 1),
        "tokens": state.tokens,
        "packed": str(out / "packed"),
        "digest": digest,
        "figures": figures,
        "records": data["trained"],
        "held_out": data["held_out"],
    }


def _command(options: dict[str, Any]) -> str:
    """The command for the card, with folders named as they stand in a checkout's neighbourhood."""
    words = ["python manage.py train generator"]
    for name, folder in (_source(text) for text in options["source"]):
        shown = "/".join(folder.parts[-2:]) if folder.parent.name == "kb" else folder.name
        words.append(f"--source {name}=DATA/{shown}")
    words += [f"--limit {text}" for text in options.get("limit") or []]
    words += ["--go-on-from models/generator"] if options.get("go_on_from") else []
    for name in ("rate", "steps", "minutes", "batch_tokens", "threads", "seed", "measure"):
        if options.get(name):
            words.append(f"--{name.replace('_', '-')} {options[name]:g}")
    return " \\\n  ".join([*words, "--out OUT"])


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        raise SourceError(f"{text!r} should look like NAME=VALUE")
    return name, value


def _source(text: str) -> tuple[str, Path]:
    name, folder = _pair(text)
    return name, Path(folder)


def _sizes(options: dict[str, Any]) -> dict[str, int]:
    if options.get("smoke"):
        return {"hidden": 96, "layers": 4, "vocabulary": 600, "steps": 30, "batch_tokens": 1024,
                "measured": 8}  # fmt: skip
    return {
        "hidden": options.get("hidden") or 384,
        "layers": options.get("layers") or 6,
        "vocabulary": options.get("vocabulary") or 8192,
        "steps": options.get("steps") or 3000,
        "batch_tokens": options.get("batch_tokens") or 3072,
        "measured": options.get("measure") or 240,
    }


def _prepare(
    out: Path,
    training: list[Record],
    *,
    seed: int,
    vocabulary: int,
    again: bool,
    base: Path | None,
) -> tuple[PromptTemplate, PreTrainedTokenizerFast, Corpus]:
    """Template, tokenizer and encoded corpus: made once, and read back by a resumed run."""
    corpus_file, folder = out / "corpus.npz", out / "tokenizer"
    if not again and corpus_file.exists():
        template = PromptTemplate.load(folder)
        saved = PreTrainedTokenizerFast.from_pretrained(folder)
        return template, saved, Corpus.load(corpus_file)
    if base:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(base)
    else:
        chosen = random.Random(seed).sample(training, min(len(training), TOKENIZER_TEXTS))
        tokenizer = train_tokenizer(
            (_text_of(record) for record in chosen),
            vocab_size=vocabulary,
            context_tokens=TEMPLATE.context_tokens,
        )
    tokenizer.save_pretrained(folder)
    TEMPLATE.save(folder)
    corpus = encode_records(training, template=TEMPLATE, tokenizer=tokenizer, seed=seed)
    corpus.save(corpus_file)
    (out / "corpus.json").write_text(
        json.dumps({"records": len(corpus), "tokens": len(corpus.tokens)}), encoding="utf-8"
    )
    return TEMPLATE, tokenizer, corpus


def _text_of(record: Record) -> str:
    passage = record.passages[0]
    lines = [turn.text for turn in record.thread]
    lines += [" " + title_line(passage), record.opening]
    lines += [" " + line for line in passage.text.split("\n")]
    return "\n".join(lines)
