"""What the pages about models show: each kind's versions, figures side by side, tables, curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from assistant import heartbeat
from assistant.models import Heartbeat
from generation.chosen import by_setting
from generation.comparing import CRITERIA, Comparison, compare
from generation.models import ModelEvaluation, ModelVersion
from review import charts

State, Kind = ModelVersion.State, ModelVersion.Kind
ABOUT = {
    Kind.GENERATOR: "Writes the drafts.",
    Kind.TOXICITY: "Screens what customers write and what would be sent.",
    Kind.RERANKER: "Puts the best passages first.",
    Kind.CONFIDENCE: "Says how likely a draft is good.",
}


@dataclass
class Section:
    """One kind: what is live (`is_default`: by a setting), on trial, waiting, put away."""

    kind: str
    label: str
    about: str
    live: ModelVersion | None = None
    is_default: bool = False
    comparison: Comparison | None = None
    canary: ModelVersion | None = None
    candidates: list[ModelVersion] = field(default_factory=list)
    retired: list[ModelVersion] = field(default_factory=list)
    charts: list[charts.Chart] = field(default_factory=list)
    loaded: list[str] = field(default_factory=list)

    @property
    def waiting(self) -> list[ModelVersion]:
        return ([self.canary] if self.canary else []) + self.candidates

    @property
    def behind(self) -> list[str]:
        """What workers hold in place of the live one."""
        return [name for name in self.loaded if not self.live or name != str(self.live)]


def sections(*, now: datetime) -> list[Section]:
    """Every kind that has a version."""
    found = []
    rows = ModelVersion.objects.exclude(state=State.SETTING).order_by("-state_at", "-pk")
    by_kind: dict[str, list[ModelVersion]] = {}
    for row in rows.select_related("previous"):
        by_kind.setdefault(row.kind, []).append(row)
    for kind in Kind:
        mine = by_kind.get(kind, [])
        live = next((row for row in mine if row.state == State.LIVE), None)
        default = by_setting(kind) if live is None else None
        if not mine and default is None:
            continue
        made = Section(
            kind=kind.value,
            label=kind.label,
            about=ABOUT[kind],
            live=live or default,
            is_default=live is None,
            canary=next((row for row in mine if row.state == State.CANARY), None),
            candidates=[row for row in mine if row.state == State.CANDIDATE],
            retired=[row for row in mine if row.state == State.RETIRED],
            loaded=loaded_by_workers(now=now) if kind == Kind.GENERATOR else [],
        )
        if made.live is not None:
            made.comparison = compare(made.live, made.live)
            made.charts = charts_of(made.live)
        found.append(made)
    return found


def loaded_by_workers(*, now: datetime) -> list[str]:
    """The generator of each drafting worker that lives, as its heartbeat says."""
    alive = Heartbeat.objects.filter(queue="gpu", beat_at__gte=now - heartbeat.ALIVE_FOR)
    told = ((row.details.get("models") or {}).get("generator") for row in alive.order_by("name"))
    return [name for name in told if isinstance(name, str)]


def charts_of(version: ModelVersion) -> list[charts.Chart]:
    """Loss and reliability from its training, ROC from its newest evaluation with points."""
    metrics = version.metrics
    curves: dict[str, Any] = {}
    for one in version.evaluations.all() if version.pk else ():
        drawn = one.figures.get("curves")
        if isinstance(drawn, dict):
            curves = {**drawn, **curves}
    own = metrics.get("curves")
    curves = {**(own if isinstance(own, dict) else {}), **curves}
    made = [
        charts.loss(metrics.get("loss")),
        charts.reliability(metrics.get("reliability") or curves.get("reliability")),
        charts.roc(metrics.get("roc") or curves.get("roc")),
    ]
    return [chart for chart in made if chart is not None]


# --- figures side by side -------------------------------------------------------------------


@dataclass(frozen=True)
class FigureRow:
    """One figure of this version and of what is live, where both were measured on the same file."""

    name: str
    mine: str
    interval: str
    theirs: str
    decides: bool


@dataclass(frozen=True)
class Measured:
    """One file's newest evaluation of this version beside the live one's, and how often before."""

    evaluation: ModelEvaluation
    theirs: ModelEvaluation | None
    is_frozen_set: bool
    rows: Sequence[FigureRow]
    earlier: Sequence[ModelEvaluation]


def measured(version: ModelVersion, live: ModelVersion | None) -> list[Measured]:
    """Each file that this version was measured on, the frozen set first."""
    if version.pk is None:
        return []
    frozen = compare(version, live).frozen
    by_file: dict[tuple[str, str], list[ModelEvaluation]] = {}
    for one in version.evaluations.all():
        by_file.setdefault((one.task, one.file_digest), []).append(one)
    other = live if live is not None and live.pk not in (None, version.pk) else None
    found = []
    for (task, digest), made in by_file.items():
        theirs = other.evaluations.filter(task=task, file_digest=digest).first() if other else None
        is_frozen = frozen is not None and (frozen.task, frozen.digest) == (task, digest)
        rows = _side_by_side(made[0], theirs, CRITERIA[version.kind].figure)
        found.append(Measured(made[0], theirs, is_frozen, rows, made[1:]))
    return sorted(found, key=lambda one: not one.is_frozen_set)


def _side_by_side(
    mine: ModelEvaluation, theirs: ModelEvaluation | None, decides: str
) -> list[FigureRow]:
    others = theirs.figures if theirs else {}
    intervals = mine.figures.get("intervals")
    rows = []
    for name, value in mine.figures.items():
        if type(value) in (int, float):
            bounds = intervals.get(name) if isinstance(intervals, dict) else None
            rows.append(
                FigureRow(
                    name=name,
                    mine=said(value),
                    interval=_interval(bounds),
                    theirs=said(others.get(name)),
                    decides=name == decides,
                )
            )
    return sorted(rows, key=lambda row: not row.decides)


def _interval(bounds: Any) -> str:
    if isinstance(bounds, list) and len(bounds) == 2:
        return f"{said(bounds[0])} to {said(bounds[1])}"
    return ""


# --- what training measured -----------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """Figures of several sets: `rows` are a name and a value for each of `columns`."""

    title: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[str]]]


@dataclass(frozen=True)
class Facts:
    """Single values under one title."""

    title: str
    rows: Sequence[tuple[str, str]]


def laid_out(values: Mapping[str, Any], *, title: str = "") -> list[Table | Facts]:
    """A training's JSON as tables and facts; long lists are drawn elsewhere and left out here."""
    facts = [(_words(k), said(v)) for k, v in values.items() if _is_plain(v)]
    made: list[Table | Facts] = [Facts(_words(title), facts)] if facts else []
    for name, value in values.items():
        if isinstance(value, Mapping) and value:
            inner = list(value.values())
            if all(isinstance(one, Mapping) and all(map(_is_plain, one.values())) for one in inner):
                columns = list(dict.fromkeys(key for one in inner for key in one))
                rows = [(str(k), [said(one.get(c)) for c in columns]) for k, one in value.items()]
                made.append(Table(_words(name), [_words(c) for c in columns], rows))
            else:
                made += laid_out(value, title=name)
    return made


def said(value: Any) -> str:
    """A value as a cell holds it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if value and (abs(value) < 1e-3 or abs(value) >= 1e6):
            return f"{value:.2e}"
        return f"{value:.4f}".rstrip("0").rstrip(".") if math.isfinite(value) else "–"
    return str(value)


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _words(name: str) -> str:
    return name.replace("_", " ")
