"""Packed model folders for tests of the registry: small files, a true manifest, a card."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.utils import timezone

from assistant.digests import file_sha256
from generation import comparing, versions
from generation.engine.files import digest_of
from generation.models import ModelVersion

CARD = """---
license: mit
base_model: somebody/something
tags: [test]
---
# A model of the tests

Its **card**. <script>alert(1)</script>
"""


def write_manifest(folder: Path, *names: str) -> str:
    """A manifest over these files, in the format that every packed folder has."""
    files = {name: file_sha256(folder / name) for name in names}
    digest = digest_of(files)
    (folder / "manifest.json").write_text(json.dumps({"digest": digest, "files": files}))
    return digest


def pack(folder: Path, *, weights: str = "weights", card: str = CARD) -> Path:
    """A folder that registers as a generator; nothing that a worker could load."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_text(weights)
    loss = [{"step": 10 * i, "loss": 3 / i} for i in range(1, 6)]
    metrics = {
        "loss": loss,
        "figures": {"all": {"n": 12, "body_f1": 0.42}, "help": {"n": 7, "body_f1": 0.5}},
        "data": {"licenses": {"articles": "CC BY 4.0"}, "trained": {"articles": 1200}},
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "README.md").write_text(card)
    write_manifest(folder, "config.json", "model.safetensors", "metrics.json")
    return folder


def candidate(tmp_path: Path, name: str, **more: Any) -> ModelVersion:
    """A registered generator."""
    folder = pack(tmp_path / name, weights=f"weights of {name}", **more)
    return versions.register(kind="generator", folder=folder, by=None, now=timezone.now())


def frozen_file(tmp_path: Path) -> Path:
    """The generators' frozen set, named."""
    file = tmp_path / "frozen.jsonl"
    file.write_text('{"id": 1}\n')
    comparing.name_frozen_set(
        kind="generator", task="generation", file=file, actor="system:test", now=timezone.now()
    )
    return file


def result(file: Path, token_f1: float | None, /, **more: Any) -> dict[str, Any]:
    """What `manage.py evaluate generation --json` prints."""
    figures = {} if token_f1 is None else {"token_f1": token_f1}
    named = {
        "task": "generation",
        "file": file.name,
        "file_digest": file_sha256(file),
        "n": 400,
        "command": f"manage.py evaluate generation --records {file.name} --json",
        "measured_at": "2026-11-24T10:00:00+00:00",
    }
    return named | figures | more


def measured(version: ModelVersion, file: Path, token_f1: float | None, /, **more: Any) -> None:
    comparing.store_evaluation(
        version=version,
        result=result(file, token_f1, **more),
        actor="system:test",
        now=timezone.now(),
    )


def live_now(version: ModelVersion, ada: Any) -> ModelVersion:
    """The version, promoted over whatever is live by an administrator's reason."""
    return versions.promote(
        version=version,
        over=ModelVersion.objects.filter(kind=version.kind, state="live").first(),
        by=ada,
        now=timezone.now(),
        reason="It is the first one that this installation has.",
    )
