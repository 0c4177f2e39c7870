"""`manage.py train selector`: fits what chooses among the sections that a search finds.

It reads rows of ``lab/candidates.py`` of several families, which the reranker was not trained on. The order
is fitted by choosing the right section of each ticket (softmax over its sections), the probability on
the section that this puts first: whether it answers.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from retrieval.metrics import auroc
from retrieval.selector import FEATURES, READ, TELLING, Selector, Weights

DECAY = 0.002  # of the squared weights
ANSWERS_DECAY = 0.01
STEPS = 60


@dataclass(frozen=True)
class Ticket:
    """`features` is `float64 [sections, FEATURES]`, `right` says which answer."""

    family: str
    features: NDArray[np.float64]
    right: NDArray[np.bool_]
    answerable: bool
    reranker: str  # the version of what read the sections


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `manage.py train selector`."""
    parser.add_argument(
        "--candidates", type=Path, nargs="+", required=True, help="rows, a file a family"
    )
    parser.add_argument("--out", type=Path, required=True, help="selector.json")


def run(options: dict[str, Any], *, progress: Any) -> dict[str, Any]:
    """Fits on all families, measures each by a fit on the others; the figures as a dict."""
    tickets = [ticket for path in options["candidates"] for ticket in read(path)]
    families = sorted({ticket.family for ticket in tickets})
    bar = progress.add_task("Fitting", total=1 + len(families))
    figures: dict[str, Any] = {}
    for family in families if len(families) > 1 else []:
        others = fit([ticket for ticket in tickets if ticket.family != family])
        figures[family] = measured(others, [t for t in tickets if t.family == family])
        progress.advance(bar)
    model = fit(tickets)
    model.save(options["out"])
    progress.advance(bar)
    return {"out": str(options["out"]), "tickets": len(tickets), "left_out": figures}


def read(path: Path) -> list[Ticket]:
    """A file of `lab/candidates.py`."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Ticket(
            row["family"],
            np.array(row["features"], dtype=np.float64).reshape(-1, len(FEATURES)),
            np.array(row["right"], dtype=np.bool_),
            row["answerable"],
            row.get("reranker", ""),
        )
        for row in rows
        if row["features"]
    ]


def fit(tickets: Sequence[Ticket]) -> Selector:
    """The model that fits the tickets. Deterministic."""
    every = np.concatenate([ticket.features for ticket in tickets])
    means, scales = every.mean(axis=0), every.std(axis=0)
    scales[scales < 1e-6] = 1.0
    inputs = [torch.tensor((ticket.features - means) / scales) for ticket in tickets]
    blind = [found.clone() for found in inputs]
    for found in blind:
        found[:, [FEATURES.index(name) for name in READ]] = 0.0
    return Selector(
        means=_named(FEATURES, means),
        scales=_named(FEATURES, scales),
        read=_weights(inputs, tickets),
        unread=_weights(blind, tickets),
        reranker=tickets[0].reranker.rpartition("@")[2],  # its digest
        data=dict(Counter(ticket.family for ticket in tickets)),
    )


def _weights(inputs: Sequence[Tensor], tickets: Sequence[Ticket]) -> Weights:
    order = _order(inputs, [torch.tensor(ticket.right) for ticket in tickets])
    first = [int((found @ order).argmax()) for found in inputs]
    telling = [FEATURES.index(name) for name in TELLING]
    said = torch.stack([found[at, telling] for found, at in zip(inputs, first, strict=True)])
    right = [float(t.right[at]) for t, at in zip(tickets, first, strict=True)]
    answers, intercept = _answers(said, torch.tensor(right, dtype=torch.float64))
    return Weights(
        order=_named(FEATURES, order.numpy()),
        answers=_named(TELLING, answers.numpy()),
        intercept=round(intercept, 6),
    )


def _named(names: Sequence[str], values: NDArray[np.float64]) -> dict[str, float]:
    return dict(zip(names, values.round(6).tolist(), strict=True))


def _order(inputs: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    """The weights by which right sections stand above the others of their search."""
    some = [at for at, known in enumerate(right) if known.any()]
    weights = torch.zeros(len(FEATURES), dtype=torch.float64, requires_grad=True)

    def loss() -> Tensor:
        chosen = [
            torch.logsumexp((inputs[at] @ weights)[right[at]], 0)
            - torch.logsumexp(inputs[at] @ weights, 0)
            for at in some
        ]
        return -torch.stack(chosen).mean() + DECAY * (weights**2).sum()

    _minimise(loss, [weights])
    return weights.detach()


def _answers(said: Tensor, right: Tensor) -> tuple[Tensor, float]:
    """Weights and intercept of whether what is said first answers."""
    weights = torch.zeros(said.shape[1], dtype=torch.float64, requires_grad=True)
    intercept = torch.zeros(1, dtype=torch.float64, requires_grad=True)

    def loss() -> Tensor:
        fitted = torch.nn.functional.binary_cross_entropy_with_logits(
            said @ weights + intercept, right
        )
        return fitted + ANSWERS_DECAY * (weights**2).sum()

    _minimise(loss, [weights, intercept])
    return weights.detach(), float(intercept.detach())


def _minimise(loss: Callable[[], Tensor], parameters: Sequence[Tensor]) -> None:
    optimizer = torch.optim.LBFGS(parameters, max_iter=STEPS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)


def measured(model: Selector, tickets: Sequence[Ticket]) -> dict[str, float]:
    """How often a right section is first and among five, of the tickets that can be answered; how well the
    first one's probability tells whether it answers, and tickets that can be answered from others."""
    said: list[float] = []
    answers: list[bool] = []
    five: list[bool] = []
    for ticket in tickets:
        order = np.argsort(-model.standings(ticket.features), kind="stable")
        said.append(float(model.log_odds(ticket.features)[order[0]]))
        answers.append(bool(ticket.right[order[0]]))
        five.append(bool(ticket.right[order[:5]].any()))
    some = [at for at, ticket in enumerate(tickets) if ticket.answerable]
    return {
        "first": round(float(np.mean([answers[at] for at in some])), 3),
        "among_five": round(float(np.mean([five[at] for at in some])), 3),
        "found": round(float(np.mean([tickets[at].right.any() for at in some])), 3),
        "answers_auroc": round(auroc(said, answers) or 0.5, 3),
        "answerable_auroc": round(auroc(said, [t.answerable for t in tickets]) or 0.5, 3),
    }
