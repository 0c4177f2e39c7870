"""Model folders: found, checked against their manifest, digested. Imports no torch.

A folder holds what transformers reads (config.json, safetensors, a tokenizer) and, for models of
ours, `prompt.json` (the layout it was trained on) and `manifest.json`:
`{"digest": ..., "files": {name: sha256}}`.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

from generation.engine.base import GeneratorUnavailable
from generation.prompts import DEFAULT_TEMPLATE, PROMPT_FILE, PromptTemplate, TemplateError

BUNDLED = Path(__file__).resolve().parents[2] / "models" / "generator"
MANIFEST = "manifest.json"
# All that decides a model's output. Documentation and training state don't.
_MATTERS = ("*.safetensors", "*.json", "*.model", "merges.txt", "vocab.txt", "*.jinja")
_COMMIT = re.compile(r"[0-9a-f]{40}")

# Tests set this to False, so that none of them reaches for a hub by accident.
ALLOW_HUB_MODELS = True


@dataclass(frozen=True)
class ModelFolder:
    """A checked folder. `template` is the model's own, else the general one (`own_template`)."""

    name: str
    path: Path
    digest: str
    template: PromptTemplate
    own_template: bool


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def folder_digests(folder: Path) -> dict[str, str]:
    """SHA-256 by file name of all that decides the model's output, the manifest left out."""
    found = {path for pattern in _MATTERS for path in folder.glob(pattern) if path.is_file()}
    return {p.name: file_sha256(p) for p in sorted(found) if p.name != MANIFEST}


def digest_of(files: dict[str, str]) -> str:
    """One digest for a set of named digests."""
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()


def write_manifest(folder: Path) -> str:
    """Writes `manifest.json` over the folder as it is; returns the folder's digest."""
    files = folder_digests(folder)
    digest = digest_of(files)
    text = json.dumps({"digest": digest, "files": files}, indent=2, sort_keys=True)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return digest


def open_folder(path: Path, *, name: str, manifest_required: bool = False) -> ModelFolder:
    """The folder, checked. Raises GeneratorUnavailable that names a missing or altered file."""
    hint = "Run `git checkout -- models` or `git lfs pull`, or set COUNTERSIGN_GENERATOR."
    if name != "bundled":
        hint = "Set COUNTERSIGN_GENERATOR to the folder of a causal language model."
    if not (path / "config.json").is_file():
        raise GeneratorUnavailable(f"{path} has no config.json.", hint=hint)
    if not any(path.glob("*.safetensors")):
        raise GeneratorUnavailable(
            f"{path} has no weights in safetensors.",
            hint=f"Weights in pickles aren't read. {hint}",
        )
    files = folder_digests(path)
    _check_manifest(path, files, required=manifest_required, hint=hint)
    own_template = (path / PROMPT_FILE).is_file()
    try:
        template = PromptTemplate.load(path) if own_template else DEFAULT_TEMPLATE
    except (TemplateError, TypeError) as error:
        raise GeneratorUnavailable(f"{path / PROMPT_FILE}: {error}.", hint=hint) from error
    return ModelFolder(name, path, digest_of(files), template, own_template)


def _check_manifest(path: Path, files: dict[str, str], *, required: bool, hint: str) -> None:
    try:
        listed = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["files"]
        items = dict(listed).items()
    except FileNotFoundError:
        if required:
            raise GeneratorUnavailable(f"{path / MANIFEST} is missing.", hint=hint) from None
        return
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise GeneratorUnavailable(f"{path / MANIFEST} can't be read.", hint=hint) from error
    for file, expected in items:
        target = path / file
        if not target.is_file():
            raise GeneratorUnavailable(f"{target} is missing.", hint=hint)
        found = files.get(file) or file_sha256(target)
        if found != expected:
            raise GeneratorUnavailable(
                f"{target} is corrupt: its digest is {found[:12]}, expected {expected[:12]}.",
                hint=hint,
            )
    if unlisted := sorted(set(files) - set(listed)):
        raise GeneratorUnavailable(
            f"{path} holds files that its manifest doesn't list: {', '.join(unlisted)}.", hint=hint
        )


def split_hub_name(setting: str) -> tuple[str, str]:
    """Owner/name and commit of `owner/name@commit`. Raises GeneratorUnavailable where unpinned."""
    name, _, revision = setting.partition("@")
    if not _COMMIT.fullmatch(revision):
        raise GeneratorUnavailable(
            f"{setting!r} names a hub model without a pinned revision.",
            hint=f"Write {name}@ and the 40 hex digits of a commit; a branch or tag can move.",
        )
    return name, revision


def fetch(setting: str) -> Path:
    """The local folder of `owner/name@commit`, downloaded unless it is cached.

    Raises GeneratorUnavailable: unpinned, unknown, or (not permanent) the hub can't be reached.
    """
    name, revision = split_hub_name(setting)
    if not ALLOW_HUB_MODELS:
        raise GeneratorUnavailable(
            f"{setting} would be loaded from the hub, which is switched off here.",
            hint="A test that means it sets generation.engine.files.ALLOW_HUB_MODELS.",
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    try:
        folder = snapshot_download(name, revision=revision, allow_patterns=list(_MATTERS))
    except (GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError) as error:
        raise GeneratorUnavailable(
            f"the hub doesn't give {setting}.", hint="Check the name, the commit and HF_TOKEN."
        ) from error
    except OfflineModeIsEnabled as error:
        raise GeneratorUnavailable(
            f"{setting} isn't in the local cache and HF_HUB_OFFLINE is set.",
            hint="Download it once without HF_HUB_OFFLINE, or name a local folder.",
        ) from error
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise GeneratorUnavailable(
            f"{setting} isn't in the local cache and the hub can't be reached.",
            hint="Check the network, or name a local folder.",
            permanent=False,
        ) from error
    return Path(folder)
