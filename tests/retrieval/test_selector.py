"""The selector's file, and what it weighs."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retrieval.literal import Asked, Told
from retrieval.passages import SearchHit
from retrieval.sections import Found
from retrieval.selector import (
    FEATURES,
    READ,
    TELLING,
    Selector,
    SelectorError,
    Weights,
    features_of,
    get_selector,
)

NEAR = Weights(
    order={name: float(name == "near") for name in FEATURES},
    answers={name: float(name == "near") for name in TELLING},
    intercept=-1.0,
)


def selector() -> Selector:
    return Selector(
        means=dict.fromkeys(FEATURES, 0.0),
        scales=dict.fromkeys(FEATURES, 1.0),
        read=NEAR,
        unread=NEAR,
        reranker="r",
        data={"f": 3},
    )


def found(number: int, text: str, near: float, article: int = 1) -> Found:
    hit = SearchHit(
        number, article, article, "a.md", "Hub", "", ("Reset",), text, 0, len(text), 0.1, near, 2.0
    )
    return Found(number, hit, hit)


def known(asked: Asked, sections: list[Found], read: np.ndarray | None) -> np.ndarray:
    told = [Told.of(f.section.full_title, f.section.text, lambda term: 3.0) for f in sections]
    return features_of(asked, sections, told, read)


SECTIONS = [found(0, "1. Hold the ring.\n2. Let go.", 0.7), found(1, "Call us.", 0.4, 2)]


def test_a_saved_one_is_loaded_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "selector.json"
    selector().save(path)
    assert Selector.load(path) == selector()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row.pop("means"),
        lambda row: row["scales"].update(near=0.0),
        lambda row: row["read"]["order"].update(near=float("nan")),
        lambda row: row.update(format="other"),
        lambda row: row["unread"]["answers"].pop("run"),
    ],
)
def test_a_damaged_file_is_named(spoil, tmp_path: Path) -> None:
    path = tmp_path / "selector.json"
    selector().save(path)
    row = json.loads(path.read_text())
    spoil(row)
    path.write_text(json.dumps(row))
    with pytest.raises(SelectorError, match=r"selector\.json"):
        Selector.load(path)


def test_the_one_that_ships_loads_and_goes_by_what_it_should() -> None:
    found = get_selector()
    for name in ("near_gap", "read_gap", "heading_words"):
        assert found.read.order[name] > 0, name
    for weights in (found.read, found.unread):
        assert weights.order["introduces"] < 0
    assert {found.unread.order[name] for name in READ} == {0.0}
    assert found.unread.answers["read"] == 0.0


def test_features_are_finite_and_tell_what_they_say() -> None:
    asked = Asked.of("How do I reset the hub?", lambda term: 3.0)
    read = np.array([0.9, 0.0], dtype=np.float32)
    features = known(asked, SECTIONS, read)
    assert features.shape == (2, len(FEATURES))
    assert np.isfinite(features).all()
    assert np.isfinite(selector().log_odds(features * 1e6)).all()
    row = dict(zip(FEATURES, features[0], strict=True))
    assert (row["steps"], row["short"], row["near_gap"], row["article"]) == (1.0, 1.0, 0.0, 1.0)
    assert row["heading_words"] == 1.0
    unread = known(asked, SECTIONS, None)
    assert np.isnan(unread[:, FEATURES.index("read")]).all()
    assert np.isfinite(selector().log_odds(unread)).all()


def test_a_nearer_section_is_likelier() -> None:
    asked = Asked.of("reset", lambda term: 1.0)
    features = known(asked, SECTIONS, None)
    for odds in (selector().log_odds(features), selector().standings(features)):
        assert odds[0] - odds[1] == pytest.approx(0.3)
    farther = [replace(one, section=replace(one.section, dense_score=0.1)) for one in SECTIONS]
    assert selector().log_odds(known(asked, farther, None))[0] < odds[0]
