"""The training loop: seeded, checkpointed, resumable to the same weights."""

from __future__ import annotations

import copy
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import GPTNeoForCausalLM

from generation.training.corpus import Corpus, padded, plan_batches
from generation.training.forward import weighted_loss

CHECKPOINT_FILE = "checkpoint.pt"
HISTORY_FILE = "history.json"


@dataclass(frozen=True)
class Recipe:
    """What decides the weights, besides the corpus and the first weights."""

    steps: int
    seed: int = 1
    batch_tokens: int = 3072
    learning_rate: float = 7e-4
    embedding_rate: float = 4e-4
    warm_up: int = 100
    weight_decay: float = 0.05
    clip: float = 1.0
    bf16: bool = True


@dataclass
class Progress:
    """Where a run stands; saved with each checkpoint. ``seconds`` is training time over all runs."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    history: list[dict[str, float]] = field(default_factory=list)


class ResumeError(ValueError):
    """There is no checkpoint to resume, or it belongs to another recipe or corpus."""

    permanent = True


def rate_factor(step: int, recipe: Recipe, done: float | None = None) -> float:
    """Linear warm-up, a plateau, then a straight fall to a fiftieth over the last 40%.

    ``done`` (0 to 1) may stand for the share of steps. The plateau is there because a run bounded
    by time on a busy machine doesn't know how many steps it will get: with a cosine most of them
    might fall where the rate is already low.
    """
    if step < recipe.warm_up:
        return (step + 1) / recipe.warm_up
    share = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    share = min(1.0, max(share, done or 0.0))
    return max(0.02, min(1.0, (1.0 - share) / 0.4))


def _optimizer(model: GPTNeoForCausalLM, recipe: Recipe) -> torch.optim.AdamW:
    embeddings, matrices, vectors = [], [], []
    for name, parameter in model.named_parameters():
        if "wte" in name or "wpe" in name:
            embeddings.append(parameter)
        elif parameter.ndim >= 2:
            matrices.append(parameter)
        else:
            vectors.append(parameter)
    rate = recipe.learning_rate
    groups = [
        {"params": matrices, "base": rate, "weight_decay": recipe.weight_decay},
        {"params": vectors, "base": rate, "weight_decay": 0.0},
        {"params": embeddings, "base": recipe.embedding_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), eps=1e-8, fused=True)


def train(
    model: GPTNeoForCausalLM,
    corpus: Corpus,
    *,
    recipe: Recipe,
    out: Path,
    minutes: float | None = None,
    resume: bool = False,
    stop_after: int | None = None,
    checkpoint_seconds: float = 240.0,
    report: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Trains ``model`` in place and returns where it stands; checkpoints under ``out``.

    A run that was interrupted (or told to ``stop_after`` a step) and resumed gives the weights of
    one that was not. With ``minutes``, the learning rate also falls with the training time, so that
    the run ends in time on a slow machine; the weights then depend on the machine's speed, and the
    history keeps each step's rate. Raises ResumeError.
    """
    optimizer = _optimizer(model, recipe)
    # bfloat16 copies run forwards and backwards; the float32 weights take the steps.
    working = copy.deepcopy(model).bfloat16() if recipe.bf16 else model
    progress = Progress()
    mark = _fingerprint(recipe, corpus)
    if resume:
        progress = _restore(out, mark, model, optimizer)
    batches: list[Any] = []
    passes = 0
    while len(batches) < recipe.steps:
        seed = recipe.seed + 1000 * passes
        batches += plan_batches(corpus, batch_tokens=recipe.batch_tokens, seed=seed)
        passes += 1
    working.train()
    _refresh(working, model)
    saved_at = time.monotonic()
    while progress.step < recipe.steps and progress.step != stop_after:
        done = progress.seconds / (minutes * 60) if minutes else None
        if done is not None and done >= 1:
            break
        began = time.monotonic()
        factor = rate_factor(progress.step, recipe, done)
        entry = _step(model, working, optimizer, corpus, batches[progress.step], recipe, factor)
        progress.step += 1
        progress.seconds += time.monotonic() - began
        progress.tokens += int(entry["tokens"])
        progress.history.append({"step": progress.step, **entry})
        report(progress)
        if time.monotonic() - saved_at > checkpoint_seconds:
            _save(out, mark, model, optimizer, progress)
            saved_at = time.monotonic()
    _save(out, mark, model, optimizer, progress)
    model.eval()
    return progress


@torch.no_grad()
def _refresh(working: GPTNeoForCausalLM, model: GPTNeoForCausalLM) -> None:
    """The working copy's weights from the float32 ones."""
    if working is not model:
        for copied, parameter in zip(working.parameters(), model.parameters(), strict=True):
            copied.copy_(parameter)


def _step(
    model: GPTNeoForCausalLM,
    working: GPTNeoForCausalLM,
    optimizer: torch.optim.AdamW,
    corpus: Corpus,
    numbers: Any,
    recipe: Recipe,
    factor: float,
) -> dict[str, float]:
    for group in optimizer.param_groups:
        group["lr"] = group["base"] * factor
    ids, weights = (torch.from_numpy(array) for array in padded(corpus, numbers))
    loss, _, right, counted = weighted_loss(working, ids, weights)
    working.zero_grad(set_to_none=True)
    loss.backward()
    if working is not model:
        for copied, parameter in zip(working.parameters(), model.parameters(), strict=True):
            parameter.grad = None if copied.grad is None else copied.grad.float()
    norm = nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimizer.step()
    _refresh(working, model)
    return {
        "loss": round(loss.item(), 5),
        "accuracy": round(right / max(1, counted), 5),
        "rate": group["lr"] / group["base"] * recipe.learning_rate,
        "norm": round(float(norm), 4),
        "tokens": int(corpus.lengths[numbers].sum()),
    }


def _fingerprint(recipe: Recipe, corpus: Corpus) -> dict[str, Any]:
    return {"recipe": asdict(recipe), "records": len(corpus), "tokens": len(corpus.tokens)}


def _save(
    out: Path,
    mark: dict[str, Any],
    model: GPTNeoForCausalLM,
    optimizer: torch.optim.AdamW,
    progress: Progress,
) -> None:
    state = {
        "mark": mark,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "progress": asdict(progress),
    }
    aside = out / (CHECKPOINT_FILE + ".new")
    torch.save(state, aside)
    os.replace(aside, out / CHECKPOINT_FILE)
    aside = out / (HISTORY_FILE + ".new")
    aside.write_text(json.dumps(asdict(progress)), encoding="utf-8")
    os.replace(aside, out / HISTORY_FILE)


def _restore(
    out: Path, mark: dict[str, Any], model: GPTNeoForCausalLM, optimizer: torch.optim.AdamW
) -> Progress:
    path = out / CHECKPOINT_FILE
    if not path.exists():
        raise ResumeError(f"{path} does not exist: start without --resume")
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state["mark"] != mark:
        raise ResumeError(
            f"{path} belongs to another run ({state['mark']} against {mark}): "
            "use the same sources and options, or start anew in another folder"
        )
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return Progress(**state["progress"])
