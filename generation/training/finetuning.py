"""`train generator --from-decisions FILE` and `--base MODEL`: fine-tune any causal language model.

On transformers' Trainer: bfloat16 on a GPU, several GPUs under torchrun, checkpoints, resumable. The
loss is on the reply alone. Never-train decisions measure what it brought: their loss before and after.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress as Bar
from torch.utils.data import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PrinterCallback,
    Trainer,
    TrainerState,
    TrainingArguments,
    set_seed,
)
from transformers.trainer_utils import get_last_checkpoint

from generation.engine import files
from generation.engine.base import GeneratorUnavailable
from generation.prompts import (
    END_OF_TEXT,
    PromptError,
    PromptTemplate,
    build_prompt,
    render_completion,
)
from generation.training.adapters import merged, rank_for, with_adapters
from generation.training.packing import loss_plot, thinned
from generation.training.prepared import read_decisions
from generation.training.records import Record, opening_for
from generation.training.sources import read_sources
from generation.training.trainer import Clock

WHOLE_RATE, ADAPTER_RATE = 1e-4, 2e-4
LARGEST_BATCH = 16
CHECKPOINT_STEPS = 200
IGNORED = -100  # the label of a token without loss


class FineTuningError(ValueError):
    """The base can't be loaded, or there is nothing to train on."""

    permanent = True


@dataclass(frozen=True)
class Example:
    """A record as tokens; the first ``prompt`` of them carry no loss."""

    ids: list[int]
    prompt: int


class Examples(Dataset[Example]):
    """Examples as the Trainer reads them."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self.examples = list(examples)

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, place: int) -> Example:
        return self.examples[place]


def run(options: dict[str, Any], *, progress: Bar) -> dict[str, Any]:
    """Fine-tunes the base on decisions (and ``--source`` records), packs it, returns the figures.

    Raises FineTuningError, SourceError, RecordFileError, OSError.
    """
    out, seed = Path(options["out"]), options.get("seed") or 1
    set_seed(seed)
    training, never, left_out = _records(options, seed)
    folder = open_base(str(options.get("base") or "bundled"))
    tokenizer: Any = AutoTokenizer.from_pretrained(folder.path, local_files_only=True)
    model: Any = AutoModelForCausalLM.from_pretrained(
        folder.path, local_files_only=True, use_safetensors=True, dtype=_dtype()
    )
    template = _template(folder, model)
    examples = encode(training, template=template, tokenizer=tokenizer, own=folder.own_template)
    held_back = encode(never, template=template, tokenizer=tokenizer, own=folder.own_template)
    if not examples:
        raise FineTuningError("no record fits the model's context: there is nothing to train on")
    rank = rank_for(model, options.get("lora"))
    model = with_adapters(model, rank=rank) if rank else model.float()
    bar = progress.add_task("fine-tuning", total=None)

    def report(state: TrainerState) -> None:
        latest = next((e["loss"] for e in reversed(state.log_history) if "loss" in e), None)
        words = "fine-tuning" if latest is None else f"fine-tuning: loss {latest:.3f}"
        progress.update(bar, total=state.max_steps, completed=state.global_step, description=words)

    trainer = Trainer(
        model=model,
        args=_arguments(options, out, examples, rank=rank, seed=seed),
        train_dataset=Examples(examples),
        eval_dataset=Examples(held_back) if held_back else None,
        data_collator=_Collator(tokenizer),
        callbacks=[Clock(minutes=options.get("minutes"), report=report)],
    )
    trainer.remove_callback(PrinterCallback)  # standard output is the result's alone
    before = _loss(trainer, held_back)
    checkpoints = out / "checkpoints"
    last = get_last_checkpoint(str(checkpoints)) if checkpoints.is_dir() else None
    if options.get("resume") and last is None:
        raise FineTuningError(f"there is no checkpoint under {checkpoints}: start without --resume")
    trainer.train(resume_from_checkpoint=last if options.get("resume") else None)
    after = _loss(trainer, held_back)
    progress.remove_task(bar)
    report = {
        "base": folder.name,
        "base_digest": folder.digest,
        "adapters_rank": rank,
        "steps": trainer.state.global_step,
        "records": dict(Counter(record.source for record in training)),
        "licenses": {record.source: record.license for record in training},
        "fits": len(examples),
        "left_out": left_out,
        "never_train": {"n": len(held_back), "loss_before": before, "loss_after": after},
        "seed": seed,
    }
    if not trainer.is_world_process_zero():
        return report
    whole = merged(trainer.model) if rank else trainer.model
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    digest = _pack(out / "packed", whole, tokenizer, template, report, history)
    return report | {"packed": str(out / "packed"), "digest": digest}


def wanted(options: dict[str, Any]) -> bool:
    """Whether these options of `train generator` fine-tune instead of training anew."""
    return bool(options.get("from_decisions") or options.get("base"))


def open_base(setting: str) -> files.ModelFolder:
    """The checked folder of `bundled`, a folder, or a hub's owner/name@commit.

    Raises FineTuningError.
    """
    try:
        if setting == "bundled":
            return files.open_folder(files.BUNDLED, name=setting, manifest_required=True)
        path = Path(setting).expanduser()
        if path.is_dir():
            return files.open_folder(path, name=path.name)
        return files.open_folder(files.fetch(setting), name=setting)
    except GeneratorUnavailable as error:
        raise FineTuningError(f"--base: {error}") from error


def encode(
    records: Sequence[Record], *, template: PromptTemplate, tokenizer: Any, own: bool
) -> list[Example]:
    """The records that fit the template's context. ``own``: the model knows our three-part replies,
    so an agent's reply without an opening gets the one that restates the topic."""
    budget = template.context_tokens - template.new_tokens
    found = []
    for record in records:
        try:
            prompt = build_prompt(
                template=template,
                thread=record.thread,
                passages=record.passages,
                count_tokens=lambda text: len(tokenizer.encode(text)),
                budget=budget,
            )
        except PromptError:
            continue
        parts = record.paragraphs
        if own and record.answerable and not record.opening:
            parts = (opening_for(_topic(record), record.body), *parts)
        reply = render_completion(template, parts).removesuffix(END_OF_TEXT)
        before = tokenizer.encode(prompt.text)
        after = [*tokenizer.encode(reply, add_special_tokens=False), tokenizer.eos_token_id]
        if len(after) <= template.new_tokens:
            found.append(Example(before + after, len(before)))
    return found


def _topic(record: Record) -> str:
    passage = record.passages[0]
    return passage.heading_path[-1] if passage.heading_path else passage.title


def _records(
    options: dict[str, Any], seed: int
) -> tuple[list[Record], list[Record], dict[str, int]]:
    training: list[Record] = []
    never: list[Record] = []
    left_out: dict[str, int] = {}
    if options.get("from_decisions"):
        training, never, left_out = read_decisions(Path(options["from_decisions"]))
    sources = [text.partition("=")[::2] for text in options.get("source") or []]
    mixed = read_sources([(name, Path(path)) for name, path in sources], seed=seed)
    training += [record for record in mixed if not record.held_out]
    if not training:
        raise FineTuningError(
            "there is no record to train on: give --from-decisions FILE of export_decisions, or "
            f"--source NAME=PATH{f'; left out: {left_out}' if left_out else ''}"
        )
    return training, never, left_out


def _template(folder: files.ModelFolder, model: Any) -> PromptTemplate:
    positions = getattr(model.config, "max_position_embeddings", None)
    context = min(folder.template.context_tokens, positions or folder.template.context_tokens)
    new = min(folder.template.new_tokens, context // 2)
    return replace(folder.template, context_tokens=context, new_tokens=new)


def _dtype() -> torch.dtype:
    gpu = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    return torch.bfloat16 if gpu else torch.float32


def _arguments(
    options: dict[str, Any], out: Path, examples: Sequence[Example], *, rank: int, seed: int
) -> TrainingArguments:
    longest = max(len(example.ids) for example in examples)
    room = (options.get("batch_tokens") or 3072) // longest
    batch = max(1, min(LARGEST_BATCH, room, len(examples)))
    epochs = options.get("epochs") or 3.0
    steps = math.ceil(len(examples) * epochs / batch)
    gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(out / "checkpoints"),
        max_steps=min(steps, options.get("steps") or steps),
        per_device_train_batch_size=batch,
        per_device_eval_batch_size=1,  # so that the mean over records doesn't depend on padding
        learning_rate=options.get("rate") or (ADAPTER_RATE if rank else WHOLE_RATE),
        lr_scheduler_type="cosine",
        warmup_steps=min(20, steps // 10),
        weight_decay=0.01,
        logging_steps=1,
        save_steps=CHECKPOINT_STEPS,
        save_total_limit=1,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        use_cpu=not gpu,
        remove_unused_columns=False,
        dataloader_pin_memory=gpu,
        report_to=[],
        disable_tqdm=True,
        seed=seed,
        data_seed=seed,
    )


def _loss(trainer: Trainer, examples: Sequence[Example]) -> float | None:
    """Mean cross-entropy a token of the reply (natural log), averaged over records."""
    return round(trainer.evaluate()["eval_loss"], 5) if examples else None


class _Collator:
    """Right-padded tensors; loss on the reply's tokens only."""

    def __init__(self, tokenizer: Any) -> None:
        pad = tokenizer.pad_token_id
        self._pad = tokenizer.eos_token_id if pad is None else pad

    def __call__(self, examples: Sequence[Example]) -> dict[str, torch.Tensor]:
        width = max(len(example.ids) for example in examples)
        ids = torch.full((len(examples), width), self._pad)
        labels = torch.full((len(examples), width), IGNORED)
        mask = torch.zeros((len(examples), width), dtype=torch.long)
        for row, example in enumerate(examples):
            end = len(example.ids)
            ids[row, :end] = torch.tensor(example.ids)
            labels[row, example.prompt : end] = ids[row, example.prompt : end]
            mask[row, :end] = 1
        return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def _pack(
    folder: Path,
    model: Any,
    tokenizer: Any,
    template: PromptTemplate,
    report: dict[str, Any],
    history: Sequence[dict[str, float]],
) -> str:
    """The folder to load: bfloat16 safetensors, tokenizer, template, figures, card; its digest."""
    if not all(torch.isfinite(parameter).all() for parameter in model.parameters()):
        raise FineTuningError("the weights hold NaN or infinity: train again with a lower rate")
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    template.save(folder)
    points = [
        {"step": e["step"], "loss": e["loss"], "accuracy": 0.0, "rate": e["learning_rate"]}
        for e in history
    ]
    metrics = report | {"loss": thinned(points)}
    text = json.dumps(metrics, indent=1, ensure_ascii=False)
    (folder / "metrics.json").write_text(text + "\n", encoding="utf-8")
    (folder / "training_loss.svg").write_text(loss_plot(points), encoding="utf-8")
    (folder / "README.md").write_text(_card(report), encoding="utf-8")
    for path in folder.iterdir():  # safetensors writes files that only their owner may read
        path.chmod(0o644)
    return files.write_manifest(folder)


def _card(report: dict[str, Any]) -> str:
    never = report["never_train"]
    rows = "\n".join(f"| {name} | {count:,} |" for name, count in report["records"].items())
    how = (
        f"adapters of rank {report['adapters_rank']}, merged" if report["adapters_rank"] else "all"
    )
    measured = (
        f"Loss a token on {never['n']} never-train replies: {never['loss_before']} before, "
        f"{never['loss_after']} after."
        if never["n"]
        else "There were no never-train replies to measure on."
    )
    return (
        "---\nlibrary_name: transformers\npipeline_tag: text-generation\n"
        f"base_model: {report['base']}\n---\n\n# A fine-tuned drafter\n\n"
        f"`{report['base']}` (digest {report['base_digest'][:12]}), fine-tuned for "
        f"{report['steps']} steps; weights trained: {how}. It drafts replies to support tickets from "
        "passages of a knowledge base, for a person to review.\n\n"
        f"{measured} That is no measure of how good its drafts are: run `manage.py evaluate drafts` "
        "before it goes live.\n\n"
        f"| records of | n |\n|---|---|\n{rows}\n\n"
        "The base's license goes on to hold. Trained on redacted replies of this installation: do "
        "not publish it without asking whose words they were. A ticket forgotten after this training "
        "is still in the weights; export the decisions again and train anew (docs/training-data.md).\n"
    )
