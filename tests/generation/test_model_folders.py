"""Each model that ships: digest, card and files belong together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.conf import settings

from generation.folders import front_matter, open_packed
from generation.models import ModelVersion

FOLDERS = sorted(path for path in (Path(settings.BASE_DIR) / "models").iterdir() if path.is_dir())


def test_there_are_models():
    assert {"generator", "toxicity", "confidence"} <= {folder.name for folder in FOLDERS}
    assert {folder.name for folder in FOLDERS} <= set(ModelVersion.Kind.values)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_digest_card_and_files_fit_together(folder: Path):
    packed = open_packed(folder, kind=folder.name)
    assert packed.digest == json.loads((folder / "manifest.json").read_text())["digest"]
    front, body = front_matter(packed.card)
    assert packed.license
    assert isinstance(front["tags"], list)
    assert body.startswith("# ")
    for word in ("limits", "data"):
        assert word in body.lower(), f"{folder.name}'s card says nothing of its {word}"


def test_all_weights_stay_within_what_a_clone_may_cost():
    files = [path for folder in FOLDERS for path in folder.iterdir()]
    assert sum(path.stat().st_size for path in files) <= 100_000_000
