"""Bootstrap confidence intervals of evaluation figures (Efron 1979, percentile method). Pure.

Rows are drawn again with replacement 1,000 times by a fixed seed, and the 2.5th and 97.5th
percentiles of the figure are its interval. Rows that name the same group (the turns of a dialogue,
the judges of a pair) are drawn together, since they don't vary apart. A draw is a row of weights,
how often each row was drawn, so that a figure of all draws is a matrix product.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence

import numpy as np

RESAMPLES = 1000
LEVEL = 0.95
SEED = 20_261_124
_BLOCK_CELLS = 4_000_000  # weights held at a time

Interval = list[float]
Groups = Sequence[Hashable] | None


def weights_of_draws(
    n: int, *, groups: Groups = None, resamples: int = RESAMPLES, seed: int = SEED
) -> Iterator[np.ndarray]:
    """Blocks of draws, float64 [draws, n]: how often each row was drawn, whole groups together."""
    members = _group_numbers(n, groups)
    count = int(members.max()) + 1
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK_CELLS // max(n, 1))
    for start in range(0, resamples, block):
        draws = min(block, resamples - start)
        yield rng.multinomial(count, np.full(count, 1 / count), size=draws)[:, members].astype(
            np.float64
        )


def _group_numbers(n: int, groups: Groups) -> np.ndarray:
    if groups is None:
        return np.arange(n)
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(group, len(numbers)) for group in groups])


def interval_of(
    figure: Callable[[np.ndarray], np.ndarray],
    n: int,
    *,
    groups: Groups = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval | None:
    """The interval of a figure that maps weights [draws, n] to values [draws].

    A draw for which the figure isn't defined is NaN and left out. None where there is no row, or
    where fewer than half of the draws define the figure. Raises ValueError where the groups are
    not as many as the rows.
    """
    if groups is not None and len(groups) != n:
        raise ValueError(f"{len(groups)} groups for {n} rows")
    if n == 0:
        return None
    draws = weights_of_draws(n, groups=groups, resamples=resamples, seed=seed)
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.concatenate([figure(weights) for weights in draws])
    values = values[np.isfinite(values)]
    if len(values) < resamples / 2:
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return [round(float(low), 4), round(float(high), 4)]


def interval_of_mean(
    values: Sequence[float | None], *, groups: Groups = None, seed: int = SEED
) -> Interval | None:
    """The interval of the mean; a row of None is one that the figure doesn't speak of."""
    known = [float(value is not None) for value in values]
    return interval_of_ratio(
        [0.0 if value is None else float(value) for value in values],
        known,
        groups=groups,
        seed=seed,
    )


def interval_of_ratio(
    over: Sequence[float], under: Sequence[float], *, groups: Groups = None, seed: int = SEED
) -> Interval | None:
    """The interval of sum(over) / sum(under), such as a share of claims or nats a byte."""
    a, b = np.asarray(over, dtype=np.float64), np.asarray(under, dtype=np.float64)
    if not b.any():
        return None
    return interval_of(lambda w: (w @ a) / (w @ b), len(a), groups=groups, seed=seed)


def interval_of_auroc(
    scores: Sequence[float],
    labels: Sequence[bool | int],
    *,
    groups: Groups = None,
    seed: int = SEED,
) -> Interval | None:
    """The interval of the area under the ROC curve, ties counting half; None with one class only."""
    truth = np.asarray(labels, dtype=bool)
    if truth.all() or not truth.any():
        return None
    values, place = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
    order = np.argsort(place, kind="stable")
    starts = np.searchsorted(place[order], np.arange(len(values)))
    positive = truth[order].astype(np.float64)

    def figure(weights: np.ndarray) -> np.ndarray:
        ordered = weights[:, order]
        hits = np.add.reduceat(ordered * positive, starts, axis=1)
        misses = np.add.reduceat(ordered * (1 - positive), starts, axis=1)
        below = np.cumsum(misses, axis=1) - misses / 2  # those of the same score count half
        return (hits * below).sum(1) / (hits.sum(1) * misses.sum(1))

    return interval_of(figure, len(truth), groups=groups, seed=seed)
