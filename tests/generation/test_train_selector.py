"""`train selector` learns what tells right sections from wrong ones, and measures families left out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from django.core.management import call_command

from generation.training.selector import fit, measured, read
from retrieval.selector import FEATURES, Selector


def write_family(path: Path, family: str, *, seed: int) -> None:
    """Tickets whose right section has a high `read`, among noise; a fifth have none."""
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(40):
        features = rng.normal(size=(8, len(FEATURES)))
        right = np.zeros(8, dtype=bool)
        if number % 5:
            right[rng.integers(8)] = True
        features[right, FEATURES.index("read")] += 4.0
        rows.append(
            {
                "family": family,
                "id": f"{family}-{number}",
                "answerable": bool(right.any()),
                "reranker": "r@1",
                "features": features.tolist(),
                "right": right.tolist(),
            }
        )
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_it_finds_the_feature_that_tells(tmp_path: Path, capsys) -> None:
    for seed, family in enumerate(("a", "b")):
        write_family(tmp_path / f"{family}.jsonl", family, seed=seed)
    out = tmp_path / "selector.json"
    call_command(
        "train", "selector", "--candidates", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"),
        "--out", str(out), "--json",
    )  # fmt: skip
    figures = json.loads(capsys.readouterr().out)
    assert figures["tickets"] == 80
    assert set(figures["left_out"]) == {"a", "b"}
    assert all(one["first"] > 0.8 for one in figures["left_out"].values())
    model = Selector.load(out)
    assert max(model.read.order, key=lambda name: model.read.order[name]) == "read"
    assert model.reranker == "1"
    assert model.data == {"a": 40, "b": 40}


def test_a_fit_is_the_same_every_time(tmp_path: Path) -> None:
    write_family(tmp_path / "a.jsonl", "a", seed=3)
    tickets = read(tmp_path / "a.jsonl")
    assert fit(tickets) == fit(tickets)
    assert measured(fit(tickets), tickets)["answerable_auroc"] > 0.8
