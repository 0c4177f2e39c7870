"""Curves become places in a drawing, whatever the JSON holds."""

from __future__ import annotations

import pytest

from review import charts, model_pages


def places(line: charts.Line) -> list[tuple[float, float]]:
    return [tuple(map(float, pair.split(","))) for pair in line.points.split()]


def test_the_loss_runs_from_left_to_right_and_stays_inside():
    chart = charts.loss([{"step": 30 * i, "loss": 3 / i} for i in range(1, 1001)])
    assert chart is not None
    points = places(chart.lines[0])
    assert 2 < len(points) <= charts.MOST_POINTS + 1
    assert points == sorted(points)
    for x, y in points:
        assert charts.LEFT <= x <= charts.RIGHT
        assert charts.TOP <= y <= charts.BOTTOM
    assert "From 3.000 at step 30 to 0.003 at step 30,000." in chart.summary
    assert [tick.label for tick in chart.x_ticks] == ["0", "10,000", "20,000", "30,000"]


def test_a_perfect_reliability_lies_on_the_line_in_both_formats():
    theirs = [{"mean_score": s, "share": s, "n": 10} for s in (0.1, 0.5, 0.9)]
    ours = [{"confidence": s, "good": s, "n": 10} for s in (0.1, 0.5, 0.9)]
    for rows in (theirs, ours):
        chart = charts.reliability(rows)
        assert chart is not None
        assert "differ by 0.00" in chart.summary
        (ax, ay), (bx, by) = places(chart.lines[0])
        for dot in chart.dots:
            along = (dot.x - ax) / (bx - ax)
            assert dot.y == pytest.approx(ay + along * (by - ay), abs=0.2)


def test_the_area_under_a_roc_is_the_area():
    points = [(0, 0), (0.5, 1), (1, 1)]
    chart = charts.roc([{"false_alarms": x, "recall": y} for x, y in points])
    assert chart is not None
    assert "0.750" in chart.summary


@pytest.mark.parametrize(
    "rows",
    [
        None,
        [],
        "x",
        {"step": 1},
        [1, 2],
        [{"step": "a", "loss": 1}],
        [{"step": float("nan"), "loss": 1}] * 3,
        [{"step": True, "loss": 1}] * 3,
    ],
)
def test_what_is_no_curve_is_not_drawn(rows: object):
    assert charts.loss(rows) is charts.roc(rows) is charts.reliability(rows) is None


def test_a_flat_line_and_a_single_value_have_a_scale():
    chart = charts.loss([{"step": 0, "loss": 0.0}, {"step": 0, "loss": 0.0}])
    assert chart is not None
    assert len(chart.y_ticks) >= 2


def test_metrics_of_any_shape_are_laid_out():
    blocks = model_pages.laid_out(
        {"steps": 1766, "ok": True, "none": None, "loss": [{"step": 1}], "recipe": {"rate": 7e-4},
         "figures": {"all": {"f1": 0.425}, "kb": {"n": 3}}, "deep": {"er": {"x": 1}, "y": 2}}
    )  # fmt: skip
    tables = [block for block in blocks if isinstance(block, model_pages.Table)]
    assert [(t.title, list(t.columns), t.rows) for t in tables] == [
        ("figures", ["f1", "n"], [("all", ["0.425", "–"]), ("kb", ["–", "3"])])
    ]
    facts = {
        name: value for b in blocks if isinstance(b, model_pages.Facts) for name, value in b.rows
    }
    assert facts == {
        "steps": "1,766",
        "ok": "yes",
        "none": "–",
        "rate": "7.00e-04",
        "y": "2",
        "x": "1",
    }
