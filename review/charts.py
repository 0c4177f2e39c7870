"""Curves as the places of an SVG's lines and dots. Pure; `models/_chart.html` draws them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 360, 240
LEFT, RIGHT, TOP, BOTTOM = 44, 350, 12, 198
MOST_POINTS = 400

Point = tuple[float, float]


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: its place in the drawing, and its label."""

    at: float
    label: str


@dataclass(frozen=True)
class Line:
    """`kind` is a class of the style sheet: curve, second or reference."""

    kind: str
    points: str


@dataclass(frozen=True)
class Dot:
    x: float
    y: float
    radius: float
    words: str


@dataclass(frozen=True)
class Chart:
    """A drawing with the words that say the same."""

    title: str
    summary: str
    x_label: str
    y_label: str
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    lines: Sequence[Line]
    dots: Sequence[Dot] = ()


def reliability(rows: Any) -> Chart | None:
    """How often drafts of a confidence were good; None where the rows hold no such table.

    A row has `confidence`, `good` and `n`, or `mean_score`, `share` and `n`.
    """
    bins = [
        (x, y, n)
        for row in _rows(rows)
        if (x := _number(row, "confidence", "mean_score")) is not None
        and (y := _number(row, "good", "share")) is not None
        and (n := _number(row, "n"))
    ]
    if not bins:
        return None
    most = max(n for _, _, n in bins)
    axis = _scale(0.0, 1.0)
    dots = [
        Dot(
            _x(x, axis), _y(y, axis), round(2.5 + 3.5 * math.sqrt(n / most), 1),
            f"said {x:.2f}, came true {y:.2f}, {n:.0f} rows",
        )
        for x, y, n in bins
    ]  # fmt: skip
    total = sum(n for _, _, n in bins)
    gap = sum(abs(x - y) * n for x, y, n in bins) / total
    return Chart(
        "Reliability",
        f"{len(bins)} bins of {total:.0f} held-out rows; said and true differ by {gap:.2f} on average.",
        "said",
        "came true",
        _ticks(axis, horizontal=True),
        _ticks(axis, horizontal=False),
        [_line("reference", [(0, 0), (1, 1)], axis, axis)],
        dots,
    )


def roc(rows: Any) -> Chart | None:
    """Recall against false alarms; None where the rows hold no such points."""
    points = [
        (x, y)
        for row in _rows(rows)
        if (x := _number(row, "false_alarms")) is not None
        and (y := _number(row, "recall")) is not None
    ]
    if len(points) < 2:
        return None
    axis = _scale(0.0, 1.0)
    area = sum((b[0] - a[0]) * (a[1] + b[1]) / 2 for a, b in pairwise(points))
    return Chart(
        "ROC",
        f"The area under the curve is {area:.3f}; the dashed line is chance.",
        "false alarms",
        "recall",
        _ticks(axis, horizontal=True),
        _ticks(axis, horizontal=False),
        [
            _line("reference", [(0, 0), (1, 1)], axis, axis),
            _line("curve", points, axis, axis),
        ],
    )


def loss(rows: Any) -> Chart | None:
    """The training's loss by step; None where the rows hold none."""
    points = [
        (x, y)
        for row in _rows(rows)
        if (x := _number(row, "step")) is not None and (y := _number(row, "loss")) is not None
    ]
    if len(points) < 2:
        return None
    every = math.ceil(len(points) / MOST_POINTS)
    kept = points[::every] + ([points[-1]] if (len(points) - 1) % every else [])
    steps = _scale(0.0, max(x for x, _ in points))
    losses = _scale(0.0, max(y for _, y in points))
    return Chart(
        "Training loss",
        f"From {points[0][1]:.3f} at step {points[0][0]:,.0f} to {points[-1][1]:.3f} "
        f"at step {points[-1][0]:,.0f}.",
        "step",
        "loss",
        _ticks(steps, horizontal=True),
        _ticks(losses, horizontal=False),
        [_line("curve", kept, steps, losses)],
    )


TREND_WIDTH, TREND_HEIGHT, TREND_GAP = 60, 20, 2


@dataclass(frozen=True)
class Bar:
    """A bar of a trend: where it stands and how high it is, and what it says."""

    x: float
    y: float
    width: float
    height: float
    words: str


@dataclass(frozen=True)
class Trend:
    """Counts of successive weeks as bars, with the words that say the same."""

    bars: Sequence[Bar]
    summary: str


def trend(weeks: Sequence[int]) -> Trend:
    """Tiny bars, the newest week at the right; `knowledge/_trend.html` draws them."""
    most = max([*weeks, 1])
    step = TREND_WIDTH / max(len(weeks), 1)
    bars = []
    for place, count in enumerate(weeks):
        height = round(max(TREND_HEIGHT * count / most, 1), 1)  # nothing is a line, not a hole
        ago = len(weeks) - 1 - place
        when = "this week" if not ago else f"{ago} week{'s' if ago > 1 else ''} ago"
        bars.append(
            Bar(
                round(step * place, 1), round(TREND_HEIGHT - height, 1),
                round(step - TREND_GAP, 1), height, f"{when}: {count}",
            )
        )  # fmt: skip
    return Trend(bars, "Last four weeks, oldest first: " + ", ".join(str(n) for n in weeks))


def _rows(rows: Any) -> list[Mapping[str, Any]]:
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _number(row: Mapping[str, Any], *names: str) -> float | None:
    for name in names:
        value = row.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    return None


def _scale(low: float, high: float) -> list[float]:
    """Four or five round numbers from `low` up to `high` or just over it."""
    if high <= low:
        high = low + 1.0
    rough = (high - low) / 4
    magnitude = 10 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= rough * 0.999)
    return [low + step * i for i in range(math.ceil((high - low) / step - 1e-9) + 1)]


def _x(value: float, scale: list[float]) -> float:
    return round(LEFT + (value - scale[0]) / (scale[-1] - scale[0]) * (RIGHT - LEFT), 1)


def _y(value: float, scale: list[float]) -> float:
    return round(BOTTOM - (value - scale[0]) / (scale[-1] - scale[0]) * (BOTTOM - TOP), 1)


def _ticks(scale: list[float], *, horizontal: bool) -> list[Tick]:
    place = _x if horizontal else _y
    return [Tick(place(value, scale), f"{value:,.6g}") for value in scale]


def _line(kind: str, points: Sequence[Point], xs: list[float], ys: list[float]) -> Line:
    return Line(kind, " ".join(f"{_x(x, xs)},{_y(y, ys)}" for x, y in points))
