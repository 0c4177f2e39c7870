"""What is left of somebody in the files of an installation: found, so that it can be erased or told."""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

_SHORTEST = 5  # characters: a shorter text stands everywhere by chance
_OURS = ("models", "index", "static", "keys")  # folders that hold no words of customers


def erase_mail(ticket: int) -> list[str]:
    """Delete the mails to this ticket's customer that were written as files; the names of the files."""
    gone = []
    for path in Path(settings.MAIL_DIR).glob(f"**/{ticket}-*.eml"):
        path.unlink(missing_ok=True)
        gone.append(path.name)
    return sorted(gone)


def squeeze_database() -> bool:
    """Have SQLite's files hold no deleted words: the log of writes is emptied into the database.

    (What was deleted there is overwritten with zeros: `PRAGMA secure_delete`.) False where somebody
    reads just now, so that the log of writes stays until the next time; True on PostgreSQL, whose files
    `docs/privacy.md` speaks of.
    """
    if connection.vendor != "sqlite":
        return True
    if connection.in_atomic_block:
        return False
    try:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy = cursor.fetchone()
    except DatabaseError:
        return False
    return bool(busy is None or busy[0] == 0)


def files_with(words: Iterable[str]) -> list[str]:
    """The files under the data folder in which one of these texts stands, by their path in it."""
    wanted = [word.encode() for word in {w.strip() for w in words} if len(word) >= _SHORTEST]
    root = Path(settings.DATA_DIR)
    return sorted(
        str(path.relative_to(root)) for path in _files(root) if wanted and _holds(path, wanted)
    )


def _files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        if Path(folder) == root:
            folders[:] = [name for name in folders if name not in _OURS]
        yield from (Path(folder) / name for name in names)


def _holds(path: Path, wanted: list[bytes]) -> bool:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return any(data.find(word) >= 0 for word in wanted)
    except (OSError, ValueError):  # gone meanwhile, not a plain file, or empty
        return False
