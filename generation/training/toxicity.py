"""`manage.py train toxicity`: fine-tunes MiniLM's encoder with a multi-label toxicity head.

The word embeddings stay those of all-MiniLM-L6-v2; the six encoder layers, the pooler and the head
are trained with binary cross-entropy, a label that a set says nothing about being left out. What is
written is only what changed, rounded to bfloat16 (see `generation.safety.checkpoint`, which puts it
back together with the packaged MiniLM into a checkpoint of Detoxify's own format).
"""

import argparse
import json
import math
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from rich.progress import Progress
from safetensors.torch import load_file
from torch import nn
from transformers import BertConfig, BertForSequenceClassification, BertTokenizer

from generation.safety.checkpoint import WEIGHTS, minilm_folder, read_manifest, write_bundle
from generation.training.toxicity_data import LABELS, Example, load_examples
from generation.training.toxicity_points import set_points

MAX_TOKENS = 104
_STATE_EVERY = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `manage.py train toxicity`."""
    parser.add_argument("--data", type=Path, required=True, help="folder of the public sets")
    parser.add_argument("--out", type=Path, required=True, help="folder for the new weights")
    parser.add_argument(
        "--points-only", action="store_true", help="choose the operating points of --out again"
    )
    parser.add_argument("--work", type=Path, help="folder for the state to resume from")
    parser.add_argument("--start", type=Path, help="folder of weights to go on from")
    parser.add_argument(
        "--mix",
        type=float,
        default=1.0,
        help="share of the trained weights in what is written, the rest those of --start",
    )
    parser.add_argument("--epochs", type=float, default=2.0)
    parser.add_argument("--minutes", type=float, default=0, help="stop in time; 0: no limit")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the examples to use")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=8e-5)
    parser.add_argument("--head-learning-rate", type=float, default=5e-4)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--seed", type=int, default=7)


def new_model(start: Path | None = None) -> BertForSequenceClassification:
    """MiniLM with a fresh head, or with the weights of the bundle `start`: logits float32 [n, 5].

    The embeddings don't take gradients. Raises ScreenUnavailable where `start` is damaged.
    """
    folder = str(minilm_folder())
    config = BertConfig.from_pretrained(folder, local_files_only=True)
    config.num_labels = len(LABELS)
    config.id2label = dict(enumerate(LABELS))
    config.label2id = {label: i for i, label in enumerate(LABELS)}
    config.problem_type = "multi_label_classification"
    config.attention_probs_dropout_prob = 0.0  # attention's fast path has no dropout on the CPU
    model = BertForSequenceClassification.from_pretrained(
        folder, config=config, dtype=torch.float32, local_files_only=True
    )
    if start is not None:
        read_manifest(start)
        trained = {name: tensor.float() for name, tensor in load_file(start / WEIGHTS).items()}
        if unknown := model.load_state_dict(trained, strict=False).unexpected_keys:
            raise ValueError(f"{start / WEIGHTS} holds {unknown[0]}, which this model lacks")
    model.bert.embeddings.requires_grad_(False)
    return model


def mix_with(model: BertForSequenceClassification, start: Path, share: float) -> None:
    """Makes the weights `share` of the model's own and the rest those of the bundle `start`.

    What was learnt last stays for the most part, and what was forgotten for it comes back (WiSE-FT:
    Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
    """
    before = load_file(start / WEIGHTS)
    state = model.state_dict()
    mixed = {name: share * state[name] + (1 - share) * old.float() for name, old in before.items()}
    model.load_state_dict(mixed, strict=False)


def masked_loss(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Mean binary cross-entropy over the known targets ([n, labels], NaN: unknown), weighted by row.

    Toxicity counts twice, since every route asks for it.
    """
    known = ~torch.isnan(targets)
    losses = nn.functional.binary_cross_entropy_with_logits(
        logits, torch.nan_to_num(targets), reduction="none"
    )
    label_weights = torch.ones(logits.shape[1])
    label_weights[0] = 2.0
    factors = known * weights[:, None] * label_weights
    return (losses * factors).sum() / factors.sum().clamp(min=1e-6)


def batches(encoded: list[list[int]], batch_size: int, r: random.Random) -> Iterator[list[int]]:
    """Shuffled batches of row numbers, each of rows of about the same length."""
    order = list(range(len(encoded)))
    r.shuffle(order)
    pool = batch_size * 40
    found: list[list[int]] = []
    for start in range(0, len(order), pool):
        rows = sorted(order[start : start + pool], key=lambda i: len(encoded[i]))
        found.extend(rows[i : i + batch_size] for i in range(0, len(rows), batch_size))
    r.shuffle(found)
    yield from found


def _tensors(
    encoded: list[list[int]], examples: Sequence[Example], rows: list[int]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    width = max(len(encoded[i]) for i in rows)
    ids = torch.tensor([encoded[i] + [0] * (width - len(encoded[i])) for i in rows])
    targets = torch.tensor([examples[i].targets for i in rows], dtype=torch.float32)
    weights = torch.tensor([examples[i].weight for i in rows], dtype=torch.float32)
    return ids, (ids != 0).long(), targets, weights


def _encode(tokenizer: BertTokenizer, examples: Sequence[Example]) -> list[list[int]]:
    texts = [example.text for example in examples]
    return tokenizer(texts, truncation=True, max_length=MAX_TOKENS)["input_ids"]


@torch.no_grad()
def development_loss(
    model: nn.Module, tokenizer: BertTokenizer, examples: Sequence[Example]
) -> tuple[float, float]:
    """The masked loss on held-out examples, and the AUROC of toxicity where it is known."""
    from sklearn.metrics import roc_auc_score

    model.eval()
    encoded = _encode(tokenizer, examples)
    losses, scores, truths = [], [], []
    for start in range(0, len(examples), 64):
        rows = list(range(start, min(start + 64, len(examples))))
        ids, mask, targets, weights = _tensors(encoded, examples, rows)
        logits = model(input_ids=ids, attention_mask=mask).logits.float()
        losses.append(masked_loss(logits, targets, weights).item() * len(rows))
        for logit, target in zip(logits[:, 0].tolist(), targets[:, 0].tolist(), strict=True):
            if not math.isnan(target):
                scores.append(logit)
                truths.append(target >= 0.5)
    auroc = float(roc_auc_score(truths, scores)) if 0 < sum(truths) < len(truths) else math.nan
    return sum(losses) / len(examples), auroc


def run(options: dict[str, Any], *, progress: Progress) -> dict[str, Any]:
    """Trains, writes the bundle to `options["out"]` and returns its figures.

    Runs of the same options and seed differ only by when a limit in minutes stops them. An
    interrupted run with `work` set goes on from its last saved step.

    Raises:
        TrainingDataMissing: a set isn't in the folder.
    """
    torch.set_num_threads(options["threads"])
    if options.get("points_only"):
        return {"operating_points": _points(options), "out": str(options["out"])}
    torch.manual_seed(options["seed"])
    examples, held_out = load_examples(
        options["data"], scale=options["scale"], seed=options["seed"]
    )
    tokenizer = BertTokenizer.from_pretrained(str(minilm_folder()), local_files_only=True)
    encoded = _encode(tokenizer, examples)
    model = new_model(options.get("start"))
    head = [p for n, p in model.named_parameters() if n.startswith("classifier")]
    body = [
        p for n, p in model.named_parameters() if p.requires_grad and not n.startswith("classifier")
    ]
    rates = (options["learning_rate"], options["head_learning_rate"])
    optimizer = torch.optim.AdamW(
        [{"params": body, "lr": rates[0]}, {"params": head, "lr": rates[1]}], weight_decay=0.01
    )
    per_epoch = math.ceil(len(examples) / options["batch_size"])
    total = max(1, round(per_epoch * options["epochs"]))
    state_file = options["work"] / "state.pt" if options.get("work") else None
    step, spent = 0, 0.0
    if state_file and state_file.is_file():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step, spent = state["step"], state["seconds"]
    started = time.monotonic() - spent
    limit = options["minutes"] * 60
    bar = progress.add_task("Training", total=total, completed=step)
    smooth, share, steps_done = math.nan, step / total, step
    for number, rows in enumerate(_plan(encoded, options, total)):
        if number < step:
            continue
        spent = time.monotonic() - started
        share = max(number / total, spent / limit if limit else 0.0)
        if share >= 1:
            break
        factor = min(1.0, share / 0.06 + 0.02) * (1 - share)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        model.train()
        ids, mask, targets, weights = _tensors(encoded, examples, rows)
        with torch.autocast("cpu", torch.bfloat16, enabled=options["precision"] == "bf16"):
            logits = model(input_ids=ids, attention_mask=mask).logits
        loss = masked_loss(logits.float(), targets, weights)
        loss.backward()
        nn.utils.clip_grad_norm_(body + head, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        smooth = loss.item() if math.isnan(smooth) else 0.98 * smooth + 0.02 * loss.item()
        steps_done = number + 1
        progress.update(bar, completed=steps_done, description=f"Training, loss {smooth:.4f}")
        if state_file and steps_done % _STATE_EVERY == 0:
            _save_state(state_file, model, optimizer, steps_done, time.monotonic() - started)
    share_trained = options.get("mix", 1.0)
    if options.get("start") and share_trained < 1:
        mix_with(model, options["start"], share_trained)
    loss_held, auroc_held = development_loss(model, tokenizer, held_out)
    figures = {
        "examples": len(examples),
        "held_out": len(held_out),
        "steps": steps_done,
        "batch_size": options["batch_size"],
        "seed": options["seed"],
        "precision": options["precision"],
        "started_from": read_manifest(options["start"])["digest"] if options.get("start") else None,
        "mix": share_trained,
        "seconds": round(time.monotonic() - started),
        "held_out_loss": round(loss_held, 5),
        "held_out_auroc": round(auroc_held, 4),
    }
    write_bundle(options["out"], model, LABELS, training=figures)
    points = _points(options)
    digest = read_manifest(options["out"])["digest"]
    return {**figures, "operating_points": points, "out": str(options["out"]), "digest": digest}


def _points(options: dict[str, Any]) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as aside:
        return set_points(
            options["out"], data=options["data"], data_dir=Path(aside), seed=options["seed"]
        )


def _plan(encoded: list[list[int]], options: dict[str, Any], total: int) -> Iterator[list[int]]:
    """The batches of the whole run, the same for the same seed, so that a resumed run skips right."""
    r = random.Random(options["seed"])
    given = 0
    while given < total:
        for rows in batches(encoded, options["batch_size"], r):
            if given == total:
                return
            given += 1
            yield rows


def _save_state(
    path: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    step: int,
    seconds: float,
) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "step": step,
        "seconds": seconds,
    }
    torch.save(state, aside)
    aside.replace(path)
    path.with_suffix(".json").write_text(json.dumps({"step": step, "seconds": seconds}))
