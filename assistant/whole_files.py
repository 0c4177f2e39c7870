"""State on the disk appears whole or not at all, also when the disk is full or the power fails.

A file is written aside, synced, and only then given its name; so is a folder. Whoever writes a file that
somebody reads later writes it here. (What only grows, the checkpoints, is appended in
`assistant/audit/checkpoint.py`; logs and the broker's wake-ups may be lost.)
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any


@contextmanager
def written_whole(path: Path, *, binary: bool = False, replace: bool = True) -> Iterator[IO[Any]]:
    """A file to write, for its owner alone; it gets the name `path` when the block ends well.

    Until then, and for ever where the block or the disk fails, what stood at `path` stands there still.
    With `replace` off, a file that stands there already stays, and so wins the first of two writers.
    Raises OSError.
    """
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    descriptor = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        text = {} if binary else {"encoding": "utf-8", "newline": ""}
        with open(descriptor, "wb" if binary else "w", **text) as file:  # type: ignore[call-overload]
            yield file
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(aside, path)
        else:
            with suppress(FileExistsError):
                os.link(aside, path)
    except OSError as error:
        if error.filename is None:  # a full disk is told without the file's name
            error.filename = str(path)
        raise
    finally:
        aside.unlink(missing_ok=True)
    sync(path.parent)


def write_whole(path: Path, content: str | bytes, *, replace: bool = True) -> None:
    """Write a file in one step (`written_whole`). Raises OSError."""
    binary = isinstance(content, bytes)
    with written_whole(path, binary=binary, replace=replace) as file:
        file.write(content)


@contextmanager
def folder_made_whole(path: Path) -> Iterator[Path]:
    """A folder to fill, which gets the name `path` when the block ends well; else nothing is left.

    A folder that stands there already with something in it stays: another process was quicker.
    Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    aside.mkdir(mode=0o700)
    try:
        yield aside
        for inner in [*aside.rglob("*"), aside]:
            sync(inner)
        try:
            os.rename(aside, path)
        except OSError:
            if not path.is_dir():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    sync(path.parent)


def sync(path: Path) -> None:
    """Write a file or a folder's names through to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
