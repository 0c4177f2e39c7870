"""A figure's interval is what the bootstrap says, by row or by group, and the same on every run."""

from __future__ import annotations

import numpy as np
import pytest

from retrieval.curves import reliability_table, roc_points
from retrieval.intervals import (
    interval_of,
    interval_of_auroc,
    interval_of_mean,
    interval_of_ratio,
    weights_of_draws,
)
from retrieval.metrics import auroc


def test_a_share_has_the_interval_of_the_normal_approximation() -> None:
    low, high = interval_of_mean([1.0] * 300 + [0.0] * 700) or []
    margin = 1.96 * (0.3 * 0.7 / 1000) ** 0.5
    assert low == pytest.approx(0.3 - margin, abs=0.004)
    assert high == pytest.approx(0.3 + margin, abs=0.004)


def test_nineteen_of_twenty_intervals_hold_the_truth() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for trial in range(200):
        low, high = (
            interval_of_mean((rng.random(150) < 0.4).astype(float).tolist(), seed=trial) or []
        )
        held += low <= 0.4 <= high
    assert 181 <= held <= 198  # 190 expected; three deviations to the lower side


def test_a_group_is_drawn_as_a_whole_so_its_interval_is_wider() -> None:
    values = [float(group % 2) for group in range(40) for _ in range(10)]
    groups = [group for group in range(40) for _ in range(10)]
    by_row = interval_of_mean(values) or []
    by_group = interval_of_mean(values, groups=groups) or []
    assert by_group[1] - by_group[0] > 2.5 * (by_row[1] - by_row[0])
    for weights in weights_of_draws(400, groups=groups, resamples=3):
        assert (weights.reshape(-1, 40, 10) == weights.reshape(-1, 40, 10)[:, :, :1]).all()
        assert (weights.reshape(-1, 40, 10)[:, :, 0].sum(1) == 40).all()


def test_the_same_rows_give_the_same_interval_and_another_seed_another_one() -> None:
    values = np.random.default_rng(1).normal(size=50).tolist()
    assert interval_of_mean(values) == interval_of_mean(values)
    assert interval_of_mean(values, seed=1) != interval_of_mean(values, seed=2)


def test_blocks_of_draws_are_as_many_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.intervals._BLOCK_CELLS", 700)
    blocks = list(weights_of_draws(100, resamples=50))
    assert [len(block) for block in blocks] == [7] * 7 + [1]
    assert all((block.sum(1) == 100).all() for block in blocks)


def test_nothing_to_draw_from_has_no_interval() -> None:
    assert interval_of_mean([]) is None
    assert interval_of_mean([None, None]) is None
    assert interval_of_ratio([], []) is None
    assert interval_of_ratio([1.0], [0.0]) is None
    assert interval_of_auroc([0.5, 0.6], [1, 1]) is None
    assert interval_of(lambda w: np.full(len(w), np.nan), 3) is None
    with pytest.raises(ValueError, match="2 groups for 3 rows"):
        interval_of_mean([1.0, 2.0, 3.0], groups=["a", "b"])


def test_one_value_or_equal_values_have_an_interval_without_width() -> None:
    assert interval_of_mean([0.25]) == [0.25, 0.25]
    assert interval_of_mean([1.0] * 30) == [1.0, 1.0]


def test_rows_that_a_figure_does_not_speak_of_count_for_nothing() -> None:
    low, high = interval_of_mean([1.0] * 50 + [None] * 500) or []
    assert (low, high) == (1.0, 1.0)


def test_a_ratio_weighs_rows_by_what_is_under_it() -> None:
    low, high = interval_of_ratio([1.0, 0.0] * 100, [1.0, 9.0] * 100) or []
    assert low < 0.1 < high < 0.2


def test_the_interval_of_an_auroc_is_that_of_drawing_rows_one_by_one() -> None:
    rng = np.random.default_rng(3)
    labels = rng.random(80) < 0.4
    scores = np.round(rng.normal(size=80) + labels, 1)  # rounded: many ties
    found = interval_of_auroc(scores.tolist(), labels.tolist(), seed=9) or []
    slow = []
    for block in weights_of_draws(80, seed=9):
        for weights in block.astype(int):
            rows = np.repeat(np.arange(80), weights)
            slow.append(auroc(scores[rows].tolist(), labels[rows].tolist()))
    assert found == pytest.approx(np.quantile(slow, [0.025, 0.975]).tolist(), abs=1e-4)


def test_roc_points_pass_through_every_threshold_of_a_small_set() -> None:
    points = roc_points([0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0])
    assert [(p["false_alarms"], p["recall"]) for p in points] == [
        (0, 0),
        (0, 0.5),
        (0.5, 1),
        (1, 1),
    ]
    assert [p.get("threshold") for p in points] == [None, 0.9, 0.8, 0.1]
    assert roc_points([0.1, 0.2], [1, 1]) == []


def test_a_long_roc_curve_is_thinned_and_keeps_its_ends() -> None:
    rng = np.random.default_rng(2)
    labels = rng.random(5000) < 0.5
    points = roc_points((rng.normal(size=5000) + labels).tolist(), labels.tolist(), points=50)
    assert len(points) == 51
    assert (points[-1]["false_alarms"], points[-1]["recall"]) == (1, 1)
    xs, ys = [p["false_alarms"] for p in points], [p["recall"] for p in points]
    assert xs == sorted(xs)
    assert ys == sorted(ys)


def test_a_reliability_table_counts_each_row_once_and_needs_probabilities() -> None:
    table = reliability_table([0.05, 0.15, 0.19, 1.0], [0, 1, 0, 1])
    assert [(row["low"], row["n"], row["share"]) for row in table] == [
        (0.0, 1, 0.0), (0.1, 2, 0.5), (0.9, 1, 1.0),
    ]  # fmt: skip
    assert table[1]["mean_score"] == pytest.approx(0.17)
    with pytest.raises(ValueError, match="between 0 and 1"):
        reliability_table([1.2], [1])
