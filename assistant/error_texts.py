"""Errors of an installation's surroundings, told in one line that says what to do.

A disk, a right, a database or a broker that fails is no fault of the program, and a traceback helps
nobody there. `manage.py` asks here for the words and ends with status 2; `--traceback` shows the rest.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Callable
from typing import Any

EXIT_STATUS = 2  # the installation is not as it must be

_WORDS = {
    errno.EACCES: "this user has no right to it. Run as the user who owns the data folder, or give it "
    "back: chown -R USER FOLDER.",
    errno.EPERM: "this user has no right to it. Run as the user who owns the data folder, or give it "
    "back: chown -R USER FOLDER.",
    errno.EROFS: "its disk is mounted read-only. Mount it for writing, or set COUNTERSIGN_DATA_DIR to "
    "a folder that can be written.",
    errno.ENOSPC: "its disk is full. Make room and start again; what was written before is whole.",
    errno.EDQUOT: "this user's share of the disk is used up. Make room and start again; what was "
    "written before is whole.",
    errno.EFBIG: "it is larger than this user may write (see ulimit -f).",
    errno.EIO: "its disk fails. Look at the system's log, and keep a copy of the data folder.",
    errno.EEXIST: "a file stands where a folder is needed. Move it away, or set COUNTERSIGN_DATA_DIR "
    "to a folder.",
    errno.ENOTDIR: "a file stands where a folder is needed. Move it away, or set "
    "COUNTERSIGN_DATA_DIR to a folder.",
    errno.EISDIR: "a folder stands where a file is needed. Move it away.",
    errno.EMFILE: "too many files are open. Raise the limit (ulimit -n).",
    errno.ENFILE: "too many files are open on this machine.",
}

# What a database says, as SQLite, psycopg and libpq word it, and what to do about it.
_OF_A_DATABASE = (
    (
        r"no such table|relation .* does not exist|no such column|column .* does not exist",
        "The database is not set up, or is older than the program: run manage.py migrate.",
    ),
    (
        r"readonly database|read-only transaction",
        "The database cannot be written. Run as the user who owns the data folder, and see that its "
        "disk is not mounted read-only.",
    ),
    (
        r"database or disk is full|no space left|could not extend file",
        "The disk of the database is full. Make room and start again; nothing is half done.",
    ),
    (
        r"unable to open database file",
        "The database's file cannot be opened. See that the data folder is there, that this user may "
        "write it, and that its disk has room.",
    ),
    (
        r"not a database|malformed",
        "The database's file is damaged. Put back your backup; keep the damaged file.",
    ),
    (
        r"database (table )?is locked",
        "The database is in use by something that does not let go. Wait, or find what holds it, then "
        "try again.",
    ),
    (
        r"disk i/o error",
        "The database's disk fails. Look at the system's log and its free space.",
    ),
    (
        r"authentication failed|no password supplied|role .* does not exist|permission denied",
        "The database refuses this user. See the name, the password and the rights behind "
        "COUNTERSIGN_DATABASE_URL.",
    ),
    (
        r"database .* does not exist",
        "The database server has no such database. Make it, or mend COUNTERSIGN_DATABASE_URL.",
    ),
)
_UNREACHABLE = (
    "The database cannot be reached. See that its server runs and that COUNTERSIGN_DATABASE_URL is "
    "right."
)
_BROKER = "The broker cannot be reached. See that it runs and that COUNTERSIGN_BROKER_URL is right."


def in_one_line(error: BaseException) -> str | None:
    """What went wrong and what to do, in one line; None for an error that is a fault of ours.

    Neither a database's nor a broker's own words are repeated: they may hold a password or a text.
    """
    from django.core.exceptions import ImproperlyConfigured
    from django.db import DatabaseError, InterfaceError, OperationalError
    from kombu.exceptions import OperationalError as BrokerError

    if isinstance(error, ImproperlyConfigured):
        return " ".join(str(error).split())
    if isinstance(error, BrokerError):
        return _BROKER
    if isinstance(error, DatabaseError | InterfaceError):
        said = str(error)
        for pattern, words in _OF_A_DATABASE:
            if re.search(pattern, said, re.IGNORECASE):
                return words
        return _UNREACHABLE if isinstance(error, OperationalError | InterfaceError) else None
    if isinstance(error, OSError) and error.errno in _WORDS:
        what = error.filename if isinstance(error.filename, str) else "A file"
        return f"{what}: {_WORDS[error.errno]}"
    return None


def words_of(error: BaseException) -> str:
    """The same for a command that goes on in words of its own; else what the error says, on a line."""
    return in_one_line(error) or " ".join(str(error).split())


def told(run: Callable[[list[str]], Any], arguments: list[str]) -> None:
    """Run a command line; an error of the surroundings ends it with one line and status 2."""
    try:
        run(arguments)
    except Exception as error:
        line = None if "--traceback" in arguments else in_one_line(error)
        if line is None:
            raise
        sys.stderr.write(f"{line}\n")
        sys.exit(EXIT_STATUS)
