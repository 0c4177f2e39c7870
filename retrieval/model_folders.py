"""Where a model that an operator names lies, and the digest of its weights. No model library."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from django.conf import settings

from assistant.digests import file_sha256


class ModelMissing(RuntimeError):
    """A named model isn't there, or isn't a model: what to do about it."""


def named_folder(setting: str, *, variable: str, part: str, owner: str) -> Path:
    """The folder that a setting names: its path, or a hub model's local copy (`name@revision`, of
    `owner` where the name has none), fetched only with COUNTERSIGN_ALLOW_HUB. Raises
    `ModelMissing`."""
    given = Path(setting).expanduser()
    folder = (
        given.resolve() if given.is_dir() else _hub_folder(setting, variable, part, owner=owner)
    )
    if not (folder / "config.json").is_file():
        raise ModelMissing(
            f"{folder} holds no sentence-transformers model to be the {part} (no config.json)."
        )
    return folder


def _hub_folder(setting: str, variable: str, part: str, *, owner: str) -> Path:
    # the revision is part of the name, so that what was measured stays what runs
    name, _, revision = setting.partition("@")
    if not revision or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise ModelMissing(
            f"{variable}={setting!r}: write the path of a folder, or a "
            "sentence-transformers model as name@revision."
        )
    from huggingface_hub import snapshot_download

    repo = name if "/" in name else f"{owner}/{name}"
    try:
        return Path(
            snapshot_download(repo, revision=revision, local_files_only=not settings.HUB_ALLOWED)
        )
    except Exception as error:  # network, name and cache errors alike: the model is not here
        hint = "" if settings.HUB_ALLOWED else " Set COUNTERSIGN_ALLOW_HUB=1 to download it."
        raise ModelMissing(f"The {part} {setting} is not on this machine.{hint}") from error


def weights_digest(folder: Path) -> str:
    """sha256 of the weights (over all weight files where there are several). Raises
    `ModelMissing`."""
    weights = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("pytorch_model*.bin"))
    if not weights:
        raise ModelMissing(f"{folder} holds no weights (*.safetensors or pytorch_model*.bin).")
    digests = [file_sha256(path) for path in weights]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()
