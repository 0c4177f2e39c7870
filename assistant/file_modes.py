"""Files of an installation are its user's alone: folders 0700, files 0600 (POSIX; nothing elsewhere)."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_OTHERS = 0o077


def private_from_now_on(folder: Path) -> None:
    """Have this process, and what it starts, make files for their owner alone; closes the folder."""
    if os.name != "posix":
        return
    os.umask(_OTHERS)
    _close(folder)


def heal(folder: Path) -> int:
    """Take every file and folder under this one away from others; how many were open to them."""
    if os.name != "posix":
        return 0
    found = 0
    for place, folders, names in os.walk(folder):
        found += sum(_close(Path(place) / name) for name in (*folders, *names))
    return found + _close(folder)


def _close(path: Path) -> bool:
    try:
        mode = path.lstat().st_mode
        if stat.S_ISLNK(mode) or not mode & _OTHERS:
            return False
        path.chmod(stat.S_IMODE(mode) & ~_OTHERS)
    except (
        OSError
    ):  # gone meanwhile, or somebody else's: a check of the owner's is not ours to force
        return False
    return True
