"""Evaluations stored with a version, and the comparison that a promotion needs.

A kind's frozen set is one file, named by its digest. Only figures on that file count, so that
nobody compares a good day on easy questions with a bad one on hard questions.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.dateparse import parse_datetime

from assistant.audit.log import record
from generation.models import FrozenSet, ModelEvaluation, ModelVersion
from generation.paired import difference
from retrieval.intervals import Interval


@dataclass(frozen=True)
class Criterion:
    """Which figure of which `manage.py evaluate` decides; higher is better."""

    tasks: tuple[str, ...]
    figure: str
    words: str


_NAMING = {"task", "file", "file_digest", "n", "command", "measured_at"}
_SHA256 = re.compile(r"[0-9a-f]{64}")
TOLERANCE = 0.05  # of the deciding figure: what a promotion may cost at worst
CRITERIA = {
    "generator": Criterion(("generation", "drafts"), "token_f1", "token F1 of the reply"),
    "toxicity": Criterion(("toxicity",), "auroc", "AUROC"),
    "reranker": Criterion(("retrieval",), "hit@1", "hit@1"),
    "confidence": Criterion(("confidence",), "auroc", "AUROC"),
}


# Written by this project (`benchmarks/frozen_sets.py`): what decides until a team names its own.
OWN_SETS = {
    "generator": settings.BASE_DIR / "demo" / "frozen" / "generator.jsonl",
    "toxicity": settings.BASE_DIR / "demo" / "frozen" / "toxicity.jsonl",
    "reranker": settings.BASE_DIR / "demo" / "questions.jsonl",
    "confidence": settings.BASE_DIR / "demo" / "frozen" / "confidence.jsonl",
}


class BadEvaluation(ValueError):
    """An evaluation that cannot be stored; the message names the field."""


@dataclass(frozen=True)
class Comparison:
    """A version against the live one on the frozen set. `why` says why it doesn't suffice.

    `interval` is the paired bootstrap's 95 % interval of the figures' difference, mine less theirs;
    None where an evaluation didn't keep its records' values, and the figures decide as they stand.
    """

    criterion: Criterion
    frozen: FrozenSet | None
    mine: ModelEvaluation | None
    theirs: ModelEvaluation | None
    interval: Interval | None = None
    why: str = ""

    @property
    def suffices(self) -> bool:
        return not self.why

    @property
    def my_figure(self) -> float | None:
        return figure_of(self.mine, self.criterion.figure)

    @property
    def their_figure(self) -> float | None:
        return figure_of(self.theirs, self.criterion.figure)


def figure_of(evaluation: ModelEvaluation | None, name: str) -> float | None:
    """The figure as a number, or None where the evaluation lacks it."""
    value: Any = evaluation.figures.get(name) if evaluation else None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and math.isfinite(value) else None


def compare(version: ModelVersion, live: ModelVersion | None) -> Comparison:
    """Whether the version's newest evaluation on the frozen set is not worse than the live one's.

    By the paired interval: it is worse where the whole interval lies below 0, and undecided where
    it may cost more than `TOLERANCE`; neither suffices.
    """
    criterion = CRITERIA[version.kind]
    frozen = FrozenSet.objects.filter(kind=version.kind).first()
    mine, theirs = _on(frozen, version, criterion), _on(frozen, live, criterion)
    interval = difference(_parts(mine), _parts(theirs))
    found = Comparison(criterion, frozen, mine, theirs, interval)
    a, b = found.my_figure, found.their_figure
    if frozen is None:
        why = "No frozen set is named for this kind, so there is nothing to compare on."
    elif a is None:
        why = f"It has no evaluation on the frozen set {frozen.name} that holds {criterion.figure}."
    elif b is None:
        why = f"What is live has no evaluation on the frozen set {frozen.name} to compare with."
    elif mine is not None and theirs is not None and mine.n != theirs.n:
        why = f"It was measured on {mine.n} records, what is live on {theirs.n}."
    else:
        why = _verdict(a, b, interval, f"{criterion.words} {a:.4f} against {b:.4f}", frozen.name)
    return replace(found, why=why)


def _verdict(mine: float, theirs: float, interval: Interval | None, figures: str, name: str) -> str:
    """Why these figures don't suffice; empty where they do."""
    if interval is None:
        return f"It is worse on the frozen set {name}: {figures}." if mine < theirs else ""
    low, high = interval
    if high < 0:
        return f"It is worse on the frozen set {name}: {figures}, difference {low:+.4f} to {high:+.4f}."
    if low < -TOLERANCE:
        return (
            f"The frozen set {name} doesn't tell: {figures}, difference {low:+.4f} to {high:+.4f}, "
            f"so it may be worse by more than {TOLERANCE:g}. A larger set would decide."
        )
    return ""


def _parts(evaluation: ModelEvaluation | None) -> Mapping[str, Any] | None:
    kept = evaluation.figures.get("paired") if evaluation else None
    return kept if isinstance(kept, Mapping) else None


def _on(
    frozen: FrozenSet | None, version: ModelVersion | None, criterion: Criterion
) -> ModelEvaluation | None:
    if frozen is None or version is None or version.pk is None:
        return None
    made = version.evaluations.filter(task=frozen.task, file_digest=frozen.digest)
    return next((one for one in made if figure_of(one, criterion.figure) is not None), None)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, in hex. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def name_frozen_set(
    *, kind: str, task: str, file: Path, actor: str, now: datetime
) -> tuple[FrozenSet, bool]:
    """Name the file that decides on this kind from now on; the second value: whether it is new.

    Raises BadEvaluation for a task that measures another kind, OSError.
    """
    _check_task(kind, task)
    digest = file_digest(file)
    with transaction.atomic():
        if FrozenSet.objects.filter(kind=kind, task=task, digest=digest).exists():
            return FrozenSet.objects.get(kind=kind), False
        row, _ = FrozenSet.objects.update_or_create(
            kind=kind,
            defaults={"task": task, "name": file.name[:200], "digest": digest, "fixed_at": now},
        )
        record(
            "model.frozen_set_named",
            actor=actor,
            data={"kind": kind, "task": task, "file_digest": digest},
            now=now,
        )
    return row, True


def store_evaluation(
    *, version: ModelVersion, result: Mapping[str, Any], actor: str, now: datetime
) -> ModelEvaluation:
    """Keep what `manage.py evaluate TASK … --json` printed for this version.

    `result` names the measurement by `task`, `file`, `file_digest`, `n`, `command` and
    `measured_at`; all else in it are figures. Raises BadEvaluation naming what is missing or wrong.
    """
    task, name, digest, command = (
        _text(result, field) for field in ("task", "file", "file_digest", "command")
    )
    _check_task(version.kind, task)
    if not _SHA256.fullmatch(digest):
        raise BadEvaluation(f"file_digest: {digest[:80]!r} is no SHA-256 in hex")
    n = result.get("n")
    if type(n) is not int or n < 1:
        raise BadEvaluation(f"n: {n!r} is no number of records")
    measured_at = parse_datetime(_text(result, "measured_at"))
    if measured_at is None or measured_at.tzinfo is None:
        raise BadEvaluation("measured_at: write an ISO 8601 time with its time zone")
    made_by = result.get("model", "")
    if made_by and not str(made_by).endswith(f"@{version.digest[:12]}"):
        raise BadEvaluation(f"model: the figures are of {made_by}, not of {version}")
    figures = {field: value for field, value in result.items() if field not in _NAMING}
    _check_finite(figures)
    criterion = CRITERIA[version.kind]
    with transaction.atomic():
        made = ModelEvaluation.objects.create(
            version=version,
            task=task,
            file_name=Path(name).name[:200],
            file_digest=digest,
            n=n,
            figures=figures,
            command=command[:1000],
            measured_at=measured_at,
        )
        value = figure_of(made, criterion.figure)
        record(
            "model.evaluated",
            actor=actor,
            model=str(version)[:200],
            data={
                "version": version.pk,
                "task": task,
                "file_digest": digest,
                "n": n,
                criterion.figure: None if value is None else f"{value:.4f}",
            },
            now=now,
        )
    return made


def _text(result: Mapping[str, Any], field: str) -> str:
    value = result.get(field)
    if not isinstance(value, str) or not value.strip():
        raise BadEvaluation(f"{field}: missing; a figure is kept with what it was measured by")
    return value.strip()


def _check_task(kind: str, task: str) -> None:
    if task not in CRITERIA[kind].tasks:
        known = " or ".join(CRITERIA[kind].tasks)
        raise BadEvaluation(f"task: {task!r} doesn't measure a {kind}; write {known}")


def _check_finite(value: object, where: str = "figures") -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadEvaluation(f"{where}: {value} is no JSON number")
    if isinstance(value, Mapping):
        for key, item in value.items():
            _check_finite(item, f"{where}.{key}")
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _check_finite(item, f"{where}[{place}]")
