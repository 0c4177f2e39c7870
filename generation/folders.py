"""Packed model folders as the registry reads them: files, digest, card, metrics. Imports no torch.

A folder holds `manifest.json` (`{"digest", "files": {name: sha256}}`), the files that it lists,
`README.md` (a card in the Hugging Face format: YAML front matter, then Markdown), and what its
training wrote: `metrics.json` and, where data was prepared by `manage.py data prepare`,
`data_manifest.json`. A confidence model is its own metrics (`confidence.json`).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from generation.confidence import ConfidenceError, ConfidenceModel
from generation.engine.base import GeneratorUnavailable
from generation.engine.files import digest_of, open_folder
from generation.safety import ScreenUnavailable
from generation.safety.checkpoint import read_manifest
from retrieval import minilm

MANIFEST, CARD = "manifest.json", "README.md"
METRICS = ("metrics.json", "confidence.json")
DATA = "data_manifest.json"
MAX_CARD = 200_000


class BadFolder(ValueError):
    """A model folder that cannot be registered; the message names the file and what is wrong."""


@dataclass(frozen=True)
class PackedFolder:
    """What a folder says of its model. `front` is the card's front matter."""

    path: Path
    digest: str
    size_bytes: int
    card: str = ""
    front: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def license(self) -> str:
        name = self.front.get("license_name") or self.front.get("license") or ""
        return str(name)[:100]

    @property
    def base(self) -> str:
        base = self.front.get("base_model") or ""
        return ", ".join(map(str, base))[:200] if isinstance(base, list) else str(base)[:200]

    def as_fields(self) -> dict[str, Any]:
        """The columns of `ModelVersion` that the folder decides."""
        return {
            "size_bytes": self.size_bytes,
            "license": self.license,
            "base": self.base,
            "data_manifest": self.data,
            "metrics": self.metrics,
            "card": self.card,
        }


def open_packed(path: Path, *, kind: str) -> PackedFolder:
    """The folder, every digest checked, and its card. Reads every byte of it.

    Raises BadFolder: no manifest, a file that isn't the one listed, no card, a card without a
    license, or what the kind's own reader refuses.
    """
    if not path.is_dir():
        raise BadFolder(f"{path} is no folder.")
    found = peek(path)
    if not found.digest:
        raise BadFolder(f"{path / MANIFEST} is missing or names no digest: train or pack it anew.")
    listed = _json(path / MANIFEST)["files"]
    for name, expected in listed.items():
        _check(path, name, expected)
    if digest_of(listed) != found.digest:
        raise BadFolder(f"{path / MANIFEST}: its digest isn't the one of the files that it lists.")
    if not found.card:
        raise BadFolder(f"{path / CARD} is missing: a model is registered with its card.")
    if not found.license:
        raise BadFolder(f"{path / CARD} names no license in its front matter.")
    try:
        if kind == "generator":
            open_folder(path, name=str(path), manifest_required=True)
        elif kind == "toxicity":
            read_manifest(path)
        elif kind == "reranker":
            if not {minilm.WEIGHTS, minilm.CONFIG} <= set(listed):
                raise BadFolder(f"{path / MANIFEST} lists no reranker of `train reranker`.")
            minilm.read_manifest(path)
        elif kind == "confidence":
            ConfidenceModel.load(path)
    except (
        GeneratorUnavailable,
        ScreenUnavailable,
        minilm.BundleError,
        ConfidenceError,
    ) as error:
        raise BadFolder(str(error)) from error
    return found


def peek(path: Path) -> PackedFolder:
    """What the folder says of itself, unchecked and without reading the weights."""
    manifest = _json(path / MANIFEST)
    files = manifest.get("files")
    is_whole = isinstance(files, dict) and all(isinstance(f, str) for f in files.values())
    try:
        card = (path / CARD).read_text(encoding="utf-8")[:MAX_CARD].replace("\x00", "")
    except (OSError, UnicodeDecodeError):
        card = ""
    metrics = next((read for name in METRICS if (read := _json(path / name))), {})
    if not metrics:
        trained = _json(path / "config.json").get("training")
        metrics = {"training": trained} if isinstance(trained, dict) else {}
    data = _json(path / DATA) or metrics.get("data")
    return PackedFolder(
        path=path,
        digest=str(manifest.get("digest", "")) if is_whole else "",
        size_bytes=sum(file.stat().st_size for file in path.glob("*") if file.is_file()),
        card=card,
        front=front_matter(card)[0],
        metrics=metrics,
        data=data if isinstance(data, dict) else {},
    )


def front_matter(card: str) -> tuple[dict[str, Any], str]:
    """The card's front matter and the Markdown after it; `{}` where there is none to read."""
    if not card.startswith("---\n") or "\n---" not in card[4:]:
        return {}, card
    raw, _, rest = card[4:].partition("\n---")
    body = rest.lstrip("-").lstrip()
    try:
        # the scan refuses aliases, by which a small card could become a huge one
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(raw)):
            return {}, body
        front = yaml.safe_load(raw)
    except yaml.YAMLError:
        return {}, body
    return (front if isinstance(front, dict) else {}), body


def _check(folder: Path, name: str, expected: str) -> None:
    if Path(name).name != name:
        raise BadFolder(f"{folder / MANIFEST} lists {name!r}, which isn't a file of the folder.")
    try:
        with (folder / name).open("rb") as stream:
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        raise BadFolder(f"{folder / name} is listed in the manifest and missing.") from None
    if found != expected:
        raise BadFolder(
            f"{folder / name} has the digest {found[:12]}, its manifest says {expected[:12]}."
        )


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"), parse_constant=_no_number)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON number, and a database refuses it")
