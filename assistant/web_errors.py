"""Errors that Django cannot catch any more (in a response that is on its way): ours to log.

The web server would write them itself, with their messages, past `assistant.logs`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

logger = logging.getLogger(__name__)


class BrokenOff(ConnectionAbortedError):
    """A response could not be finished; the log says why."""


class _Response:
    """A response's pieces; an error among them is logged here, and the connection ends."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self._left = iter(pieces)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._left)
        except StopIteration:
            raise
        except Exception:
            logger.exception("a response broke off")
        raise BrokenOff  # outside of the `except`, so that it carries no other error along

    def close(self) -> None:
        close = getattr(self._pieces, "close", None)
        if close is None:
            return
        try:
            close()
        except Exception:
            logger.exception("a response could not be closed")


def kept_from_the_server(application: Application) -> Application:
    """The application, whose errors are logged here and reach the web server without a word."""

    def call(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        try:
            return _Response(application(environ, start_response))
        except Exception:
            logger.exception("a request could not be answered")
        start_response("500 Internal Server Error", [("Content-Type", "text/plain")])
        return [b"Something broke on our side; the server's log says where.\n"]

    return call
