"""Where several machines meet: a shared folder or object storage that holds the index's folders.

The builder uploads segments and snapshot before it makes the snapshot active; a worker on another
machine fetches what it lacks, checks every digest, and only then gives the folder its name.
"""

from __future__ import annotations

import shutil
import uuid
from functools import lru_cache
from typing import Any

from django.conf import settings

from retrieval.sealed import MANIFEST, DamagedSnapshot, check, index_root, settle


class StoreError(DamagedSnapshot):
    """The index's store cannot be used, so that files are missing here: what to do about it."""


@lru_cache(maxsize=4)
def _connect(url: str) -> tuple[Any, str]:
    from fsspec.core import url_to_fs

    if "://" not in url:
        raise StoreError(
            f"COUNTERSIGN_INDEX_STORE={url!r} is no address: write file:///folder or s3://bucket/path."
        )
    try:
        files, root = url_to_fs(url)
    except (ImportError, ValueError) as error:
        scheme = url.split("://", 1)[0]
        package = " (pip install s3fs)" if scheme == "s3" else ""
        raise StoreError(
            f"COUNTERSIGN_INDEX_STORE: {scheme}:// needs a package that is missing{package}: {error}"
        ) from error
    return files, root.rstrip("/")


def upload(name: str) -> None:
    """Bring a folder of the index into the store, its manifest last; nothing where none is set or
    it is there. Raises `StoreError`."""
    if not settings.INDEX_STORE:
        return
    files, root = _connect(settings.INDEX_STORE)
    folder = index_root() / name
    target = f"{root}/{name}"
    try:
        if files.exists(f"{target}/{MANIFEST}"):
            return
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        paths.sort(key=lambda path: path.name == MANIFEST)
        for path in paths:
            remote = f"{target}/{path.relative_to(folder).as_posix()}"
            files.makedirs(remote.rsplit("/", 1)[0], exist_ok=True)
            files.put_file(str(path), remote)
    except OSError as error:
        raise StoreError(f"COUNTERSIGN_INDEX_STORE: {name} cannot be written: {error}") from error


def fetch(name: str, digest: str) -> bool:
    """Bring a folder from the store, whole and checked, replacing a damaged one. False where no
    store is set or it holds none of this name. Raises `DamagedSnapshot` where the store's own copy
    is damaged, and `StoreError`."""
    if not settings.INDEX_STORE:
        return False
    files, root = _connect(settings.INDEX_STORE)
    source = f"{root}/{name}"
    aside = index_root() / f".fetching-{name}-{uuid.uuid4().hex[:8]}"
    try:
        if not files.exists(f"{source}/{MANIFEST}"):
            return False
        for remote in files.find(source):
            local = aside / remote[len(source) :].lstrip("/")
            local.parent.mkdir(parents=True, exist_ok=True)
            files.get_file(remote, str(local))
        check(aside, digest)
        settle(aside, index_root() / name, digest)
    except DamagedSnapshot as damage:
        raise DamagedSnapshot(f"In COUNTERSIGN_INDEX_STORE: {damage}") from damage
    except OSError as error:
        raise StoreError(f"COUNTERSIGN_INDEX_STORE: {name} cannot be read: {error}") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def holds(name: str) -> bool:
    """Whether the store has a folder of this name, whole."""
    if not settings.INDEX_STORE:
        return False
    files, root = _connect(settings.INDEX_STORE)
    return bool(files.exists(f"{root}/{name}/{MANIFEST}"))


def local_or_stored(name: str) -> bool:
    """Whether a folder of the index is on this machine or in the store."""
    return (index_root() / name / MANIFEST).is_file() or holds(name)


def remove(name: str) -> None:
    """Take a folder out of the store; nothing where it isn't there."""
    if holds(name):
        files, root = _connect(settings.INDEX_STORE)
        files.rm(f"{root}/{name}", recursive=True)
