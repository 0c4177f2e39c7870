"""Sealed folders: files that never change, named by the digest of the manifest that lists them.

Everything of the index that is written to the disk goes through here: synced, sealed, renamed into
place. Whoever reads a folder checks every file's digest first.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from assistant.digests import file_sha256
from assistant.whole_files import sync

MANIFEST = "manifest.json"
FORMAT = 4  # which files the index's folders hold; goes up when that changes


class DamagedSnapshot(RuntimeError):
    """A snapshot's files are missing or are not the ones that were built."""


def index_root() -> Path:
    """Where snapshots and segments lie."""
    return Path(settings.DATA_DIR) / "index"


def seal(folder: Path, about: Mapping[str, Any]) -> str:
    """Write every file through to the disk, the manifest last; returns the manifest's sha256."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        sync(path)
    manifest = {
        "format": FORMAT,
        **about,
        "files": {path.relative_to(folder).as_posix(): file_sha256(path) for path in files},
    }
    raw = json.dumps(manifest, indent=1, sort_keys=True).encode()
    (folder / MANIFEST).write_bytes(raw)
    sync(folder / MANIFEST)
    for path in [*(p for p in folder.rglob("*") if p.is_dir()), folder]:
        sync(path)
    return hashlib.sha256(raw).hexdigest()


def settle(aside: Path, final: Path, digest: str) -> None:
    """Give a sealed folder its name. A whole one of the same digest may stand there already."""
    if final.exists():
        try:
            check(final, digest)
        except DamagedSnapshot:
            shutil.rmtree(final)
        else:
            shutil.rmtree(aside)
            return
    try:
        os.rename(aside, final)
    except OSError:
        check(final, digest)  # another process was quicker
        shutil.rmtree(aside)
    sync(final.parent)


def read_manifest(folder: Path, digest: str) -> dict[str, Any]:
    """The manifest, which must have this digest. Raises `DamagedSnapshot`."""
    try:
        raw = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise DamagedSnapshot(f"{folder.name}/{MANIFEST} cannot be read: {error}") from error
    if hashlib.sha256(raw).hexdigest() != digest:
        raise DamagedSnapshot(f"{folder.name}/{MANIFEST} is not the one that was built.")
    manifest: dict[str, Any] = json.loads(raw)
    if manifest["format"] != FORMAT:
        raise DamagedSnapshot(
            f"{folder.name} was built by another version of Countersign (format "
            f"{manifest['format']}, this one reads {FORMAT}); a new one is being built."
        )
    return manifest


def check(folder: Path, digest: str) -> dict[str, Any]:
    """The manifest, after every file that it names was found to be the one that was built.

    Raises `DamagedSnapshot` naming the file that is missing or altered.
    """
    manifest = read_manifest(folder, digest)
    for name, expected in manifest["files"].items():
        check_file(folder / name, expected)
    return manifest


def check_file(path: Path, expected: str) -> None:
    """Raise `DamagedSnapshot` unless the file has this sha256."""
    try:
        found = file_sha256(path)
    except OSError as error:
        raise DamagedSnapshot(f"{path.parent.name}/{path.name} cannot be read: {error}") from error
    if found != expected:
        raise DamagedSnapshot(f"{path.parent.name}/{path.name} is not the file that was built.")


def traces(folder: Path, manifest: Mapping[str, Any]) -> tuple[tuple[int, int, int], ...] | None:
    """Inode, size and time of each file: a change since its digest was checked shows here without
    reading it again. None where one is gone."""
    try:
        states = [(folder / name).stat() for name in manifest["files"]]
    except OSError:
        return None
    return tuple((state.st_ino, state.st_size, state.st_mtime_ns) for state in states)
