"""Retrieval metrics over ranked lists without repetition. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence


def hit_at(ranked: Sequence[str], gold: Collection[str], k: int) -> float:
    """1 where any gold item stands among the first `k`, else 0."""
    return float(any(item in gold for item in ranked[:k]))


def recall_at(ranked: Sequence[str], gold: Collection[str], k: int) -> float:
    """The share of the gold items among the first `k`."""
    wanted = set(gold)
    return len(wanted.intersection(ranked[:k])) / len(wanted)


def reciprocal_rank(ranked: Sequence[str], gold: Collection[str], k: int) -> float:
    """1 over the rank of the first gold item among the first `k`, else 0."""
    return next((1.0 / rank for rank, item in enumerate(ranked[:k], 1) if item in gold), 0.0)


def ndcg_at(ranked: Sequence[str], gold: Collection[str], k: int) -> float:
    """Normalised discounted cumulative gain with binary relevance (Järvelin and Kekäläinen 2002)."""
    wanted = set(gold)
    gain = sum(1.0 / math.log2(rank + 1) for rank, item in enumerate(ranked[:k], 1) if item in wanted)
    ideal = sum(1.0 / math.log2(rank + 1) for rank in range(1, min(len(wanted), k) + 1))
    return gain / ideal


def auroc(scores: Sequence[float], labels: Sequence[bool]) -> float | None:
    """The chance that a positive scores above a negative, ties counting half (Mann-Whitney U);
    None where one of the two classes is missing."""
    positives = sum(labels)
    negatives = len(labels) - positives
    if not positives or not negatives:
        return None
    order = sorted(range(len(scores)), key=lambda index: scores[index])
    rank_sum, start = 0.0, 0
    while start < len(order):
        end = start
        while end < len(order) and scores[order[end]] == scores[order[start]]:
            end += 1
        middle = (start + 1 + end) / 2  # tied scores share their ranks' mean
        rank_sum += middle * sum(labels[index] for index in order[start:end])
        start = end
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
