"""The base run on transformers' Trainer: seeded, checkpointed, resumable to the same weights.

One process on a CPU or a GPU, or several under `torchrun` or `accelerate launch`: then each step
takes a batch a process, and gradients are averaged.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import broadcast_object_list
from torch.utils.data import Dataset
from transformers import (
    GPTNeoForCausalLM,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from generation.training.corpus import Corpus, padded, plan_batches
from generation.training.forward import WeightedGPTNeo

CHECKPOINTS = "checkpoints"
MARK_FILE = "run.json"
POINTS = 2000  # of the loss that are kept, at most


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
    """Where a run stands. ``seconds`` is training time over all its parts."""

    step: int = 0
    seconds: float = 0.0
    tokens: int = 0
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def of(cls, state: TrainerState) -> Progress:
        """From what the Trainer keeps in its checkpoints."""
        history = [
            {
                "step": entry["step"],
                "loss": entry["loss"],
                "accuracy": entry["accuracy"],
                "rate": entry["learning_rate"],
                "norm": entry["grad_norm"],
                "tokens": entry["tokens"],
            }
            for entry in state.log_history
            if "loss" in entry
        ]
        return cls(
            step=state.global_step,
            seconds=seconds_of(state),
            tokens=int(sum(entry["tokens"] for entry in history)),
            history=history,
        )


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


def seconds_of(state: TrainerState) -> float:
    """Training time up to the last entry of the log, over all parts of the run."""
    return next((e["seconds"] for e in reversed(state.log_history) if "seconds" in e), 0.0)


class Clock(TrainerCallback):
    """Training time, the same in every process. Saves every few minutes, and ends a run whose time
    is up, or that reached its last step or ``stop_after``, with a checkpoint."""

    def __init__(
        self,
        *,
        minutes: float | None,
        stop_after: int | None = None,
        checkpoint_seconds: float = 240.0,
        report: Callable[[TrainerState], None] = lambda state: None,
    ) -> None:
        self.seconds = 0.0
        self._limit = minutes * 60 if minutes else None
        self._stop_after = stop_after
        self._checkpoint_seconds = checkpoint_seconds
        self._report = report
        self._began = self._saved_at = time.monotonic()

    @property
    def done(self) -> float | None:
        """The share of the time that is over, or None where there is no limit."""
        return self.seconds / self._limit if self._limit else None

    def on_train_begin(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._began = time.monotonic() - seconds_of(state)
        self._tick()
        self._saved_at = self.seconds
        if self.done is not None and self.done >= 1:  # a resumed run that had its time
            control.should_training_stop = True

    def on_step_end(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        self._tick()
        if state.is_world_process_zero:
            self._report(state)
        is_late = self.done is not None and self.done >= 1
        if is_late or state.global_step in (state.max_steps, self._stop_after):
            control.should_log = control.should_save = control.should_training_stop = True
        elif self.seconds - self._saved_at > self._checkpoint_seconds:
            control.should_log = control.should_save = True
            self._saved_at = self.seconds

    def on_log(
        self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        state.log_history[-1]["seconds"] = round(self.seconds, 3)

    def _tick(self) -> None:
        told = [time.monotonic() - self._began]
        if PartialState().num_processes > 1:  # rates and the end must agree
            broadcast_object_list(told)
        self.seconds = told[0]


class Batches(Dataset[dict[str, torch.Tensor]]):
    """The batches of a whole run in their order: pass after pass, each shuffled by its own seed."""

    def __init__(self, corpus: Corpus, recipe: Recipe, *, count: int) -> None:
        self._corpus = corpus
        self._batches: list[np.ndarray] = []
        passes = 0
        while len(self._batches) < count:
            seed = recipe.seed + 1000 * passes
            self._batches += plan_batches(corpus, batch_tokens=recipe.batch_tokens, seed=seed)
            passes += 1
        del self._batches[count:]

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, place: int) -> dict[str, torch.Tensor]:
        numbers = self._batches[place]
        ids, weights = (torch.from_numpy(array) for array in padded(self._corpus, numbers))
        tokens = torch.tensor(int(self._corpus.lengths[numbers].sum()))
        return {"input_ids": ids, "weights": weights, "tokens": tokens}


class BaseTrainer(Trainer):
    """The Trainer over `Batches`, with the project's forward pass, learning rates and log."""

    def __init__(
        self, model: GPTNeoForCausalLM, corpus: Corpus, *, recipe: Recipe, out: Path, clock: Clock
    ) -> None:
        gpu = torch.cuda.is_available()
        args = TrainingArguments(
            output_dir=str(out / CHECKPOINTS),
            max_steps=recipe.steps,
            per_device_train_batch_size=1,  # an item is a batch already
            train_sampling_strategy="sequential",
            max_grad_norm=recipe.clip,
            logging_steps=max(1, recipe.steps // POINTS),
            logging_first_step=True,
            save_strategy="no",  # the clock says when
            save_total_limit=1,
            use_cpu=not gpu,
            remove_unused_columns=False,
            dataloader_pin_memory=gpu,
            report_to=[],
            disable_tqdm=True,
            seed=recipe.seed,
        )
        optimizer = optimizer_of(model, recipe)
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: rate_factor(step, recipe, clock.done)
        )
        super().__init__(
            model=WeightedGPTNeo.around(model, bf16=recipe.bf16),
            args=args,
            train_dataset=Batches(corpus, recipe, count=recipe.steps * args.world_size),
            data_collator=_only,
            optimizers=(optimizer, schedule),
            callbacks=[clock],
        )
        self.remove_callback(PrinterCallback)  # standard output is the result's alone
        self._counts = torch.zeros(3, dtype=torch.long, device=args.device)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """The weighted loss; right, counted and read tokens are added up for the next log."""
        loss, right, counted = model(inputs["input_ids"], inputs["weights"])
        self._counts += torch.stack((right, counted, inputs["tokens"]))
        return (loss, {"loss": loss}) if return_outputs else loss

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        if "loss" in logs:
            counts: Any = self.accelerator.reduce(self._counts, reduction="sum")
            right, counted, tokens = counts.tolist()
            self._counts.zero_()
            logs |= {"accuracy": round(right / max(1, counted), 5), "tokens": tokens}
        super().log(logs, start_time)


def optimizer_of(model: GPTNeoForCausalLM, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW with own rates for embeddings, and decay on the matrices alone."""
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
        {"params": matrices, "lr": rate, "weight_decay": recipe.weight_decay},
        {"params": vectors, "lr": rate, "weight_decay": 0.0},
        {"params": embeddings, "lr": recipe.embedding_rate, "weight_decay": 0.0},
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
    report: Callable[[Progress], None] = lambda progress: None,
) -> Progress:
    """Trains ``model`` in place and returns where it stands; checkpoints under ``out``.

    A run that was interrupted (or told to ``stop_after`` a step) and resumed gives the weights of
    one that was not. With ``minutes``, the learning rate also falls with the training time, so that
    the run ends in time on a slow machine; the weights then depend on the machine's speed, and the
    history keeps each step's rate. Raises ResumeError.
    """
    last = _begin(out, _fingerprint(recipe, corpus), resume=resume)
    clock = Clock(
        minutes=minutes,
        stop_after=stop_after,
        report=lambda state: report(Progress.of(state)),
    )
    trainer = BaseTrainer(model, corpus, recipe=recipe, out=out, clock=clock)
    trainer.train(resume_from_checkpoint=last)
    model.eval()
    return Progress.of(trainer.state)


def has_checkpoint(out: Path) -> bool:
    """Whether a run of `train` under ``out`` can be resumed."""
    folder = out / CHECKPOINTS
    return folder.is_dir() and get_last_checkpoint(str(folder)) is not None


def _begin(out: Path, mark: dict[str, Any], *, resume: bool) -> str | None:
    """The checkpoint to go on from; a new run leaves its mark and no earlier run's checkpoints."""
    folder, file = out / CHECKPOINTS, out / MARK_FILE
    if not resume:
        with PartialState().main_process_first():
            if PartialState().is_main_process:
                shutil.rmtree(folder, ignore_errors=True)
                out.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(mark), encoding="utf-8")
        return None
    if not has_checkpoint(out) or not file.is_file():
        raise ResumeError(f"{folder} holds no checkpoint: start without --resume")
    before = json.loads(file.read_text(encoding="utf-8"))
    if before != mark:
        raise ResumeError(
            f"{folder} belongs to another run ({before} against {mark}): "
            "use the same sources and options, or start anew in another folder"
        )
    return get_last_checkpoint(str(folder))


def _fingerprint(recipe: Recipe, corpus: Corpus) -> dict[str, Any]:
    processes = PartialState().num_processes
    return {"recipe": asdict(recipe), "records": len(corpus), "tokens": len(corpus.tokens),
            "processes": processes}  # fmt: skip


def _only(items: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    (batch,) = items
    return batch
