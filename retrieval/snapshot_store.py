"""Where several machines meet: a shared folder or object storage that holds the index's folders.

The builder uploads segments and snapshot before it makes the snapshot active; a worker on another
machine fetches what it lacks, checks every digest, and only then gives the folder its name.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
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
        # what another machine uploaded a moment ago must be seen
        files, root = url_to_fs(url, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        scheme = url.split("://", 1)[0]
        package = " (make install EXTRAS=cpu,s3, or pip install s3fs)" if scheme == "s3" else ""
        raise StoreError(
            f"COUNTERSIGN_INDEX_STORE: {scheme}:// needs a package that is missing{package}: {error}"
        ) from error
    return files, root.rstrip("/")


@contextmanager
def _using(what: str) -> Iterator[None]:
    """Whatever the store raises, as a `StoreError` that says what to look at."""
    try:
        yield
    except Exception as error:  # packages for object storage raise kinds of their own
        hint = (
            " Check the bucket, that it answers, and AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY in this process's environment."
            if settings.INDEX_STORE.startswith("s3:")
            else ""
        )
        raise StoreError(
            f"COUNTERSIGN_INDEX_STORE: {what}: {str(error).rstrip('. ') or type(error).__name__}.{hint}"
        ) from error


def upload(name: str) -> None:
    """Bring a folder of the index into the store, its manifest last; nothing where none is set or
    it is there. Raises `StoreError`."""
    if not settings.INDEX_STORE:
        return
    files, root = _connect(settings.INDEX_STORE)
    folder = index_root() / name
    target = f"{root}/{name}"
    with _using(f"{name} cannot be written"):
        if files.exists(f"{target}/{MANIFEST}"):
            return
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        paths.sort(key=lambda path: path.name == MANIFEST)
        for path in paths:
            remote = f"{target}/{path.relative_to(folder).as_posix()}"
            if not settings.INDEX_STORE.startswith("s3:"):  # there it would make a missing bucket
                files.makedirs(remote.rsplit("/", 1)[0], exist_ok=True)
            files.put_file(str(path), remote)


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
        with _using(f"{name} cannot be read"):
            if not files.exists(f"{source}/{MANIFEST}"):
                return False
            for remote in files.find(source):
                local = aside / remote[len(source) :].lstrip("/")
                local.parent.mkdir(parents=True, exist_ok=True)
                files.get_file(remote, str(local))
        check(aside, digest)
        settle(aside, index_root() / name, digest)
    except StoreError:
        raise
    except DamagedSnapshot as damage:
        raise DamagedSnapshot(f"In COUNTERSIGN_INDEX_STORE: {damage}") from damage
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return True


def holds(name: str) -> bool:
    """Whether the store has a folder of this name, whole. Raises `StoreError`."""
    if not settings.INDEX_STORE:
        return False
    files, root = _connect(settings.INDEX_STORE)
    with _using(f"{name} cannot be looked for"):
        return bool(files.exists(f"{root}/{name}/{MANIFEST}"))


def local_or_stored(name: str) -> bool:
    """Whether a folder of the index is on this machine or in the store."""
    return (index_root() / name / MANIFEST).is_file() or holds(name)


def remove(name: str) -> None:
    """Take a folder out of the store; nothing where it isn't there. Raises `StoreError`."""
    if holds(name):
        files, root = _connect(settings.INDEX_STORE)
        with _using(f"{name} cannot be removed"):
            files.rm(f"{root}/{name}", recursive=True)
