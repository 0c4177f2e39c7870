"""A database that cannot answer just now: the web process waits a little, then says so with 503.

A worker waits longer (`settings.DATABASES`), since nobody looks at its clock.
"""

from __future__ import annotations

import sys
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, InterfaceError, OperationalError, connections
from django.http import HttpRequest, HttpResponse

RETRY_AFTER_SECONDS = 10
# PostgreSQL's error codes, appendix A of its manual: lock not available, deadlock, serialization,
# connection exceptions, too many connections, shutting down or starting up
_STATES = ("55P03", "40P01", "40001", "08", "53300", "57P0")


def is_busy(error: BaseException | None) -> bool:
    """Whether the database was locked by another, or away: trying again later may well succeed."""
    if not isinstance(error, OperationalError | InterfaceError):
        return False
    cause = error.__cause__ or error
    name = getattr(cause, "sqlite_errorname", None)
    if name is not None:
        return bool(name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")))
    if settings.DATABASES[DEFAULT_DB_ALIAS]["ENGINE"].endswith("sqlite3"):
        return False
    state = getattr(cause, "sqlstate", None)
    return state is None or state.startswith(_STATES)  # without one, there was no connection


def wait_little() -> None:
    """Have this process wait for a lock for `settings.WEB_LOCK_SECONDS` only; called once, at start."""
    database = settings.DATABASES[DEFAULT_DB_ALIAS]
    options = database.setdefault("OPTIONS", {})
    milliseconds = settings.WEB_LOCK_SECONDS * 1000
    if database["ENGINE"].endswith("sqlite3"):
        options["timeout"] = settings.WEB_LOCK_SECONDS
        told = options.get("init_command", "")
        options["init_command"] = f"{told} PRAGMA busy_timeout={milliseconds};"
    else:
        told = options.get("options", "")
        options["options"] = f"{told} -c lock_timeout={milliseconds}".strip()
        options.setdefault("connect_timeout", settings.WEB_LOCK_SECONDS)
    connections.close_all()


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler of an error that nobody expected: 503 where the database is busy, else 500.

    Both pages are files that need no database. (`api_errors` says the same to a program in JSON.)
    """
    busy = is_busy(sys.exc_info()[1])
    status = 503 if busy else 500
    page = Path(settings.BASE_DIR) / "templates" / f"{status}.html"
    answer = HttpResponse(page.read_bytes(), status=status)
    if busy:
        answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer
