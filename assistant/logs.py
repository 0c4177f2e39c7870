"""What is written into logs: what happened and where in the code, never what a customer or a form said.

An exception's message may hold anything: the text that could not be read, the row that the database
refused, the address that a mail server did not know. So a traceback is written without messages and
without values: the kinds of the errors, the files, lines and functions, and the code that the database
or the operating system gave. Nor is a query string ever written.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

_OWN_WORDS = (ImportError, NotImplementedError)  # their messages speak of code only
_QUERY = re.compile(r"(?<=[^\s?])\?[^\s\"'<>]+")
_SHORTEST = 4  # a message shorter than that is no text of anybody
_LONGEST_ARGUMENT = 300

logger = logging.getLogger(__name__)


def name_of(error: BaseException) -> str:
    """The kind of an error, with the code that says more and tells nothing of anybody.

    `OperationalError [SQLITE_BUSY]`, `OperationalError [55P03]`, `ConnectionRefusedError [111]`.
    """
    code = next(filter(None, (_code(link) for link in _chain(error))), "")
    kind = type(error).__name__
    if isinstance(error, _OWN_WORDS):
        return f"{kind}: {error}"
    return f"{kind} [{code}]" if code else kind


def _code(error: BaseException) -> str:
    for attribute in ("sqlite_errorname", "sqlstate", "smtp_code", "errno"):
        found = getattr(error, attribute, None)
        if isinstance(found, str | int) and str(found).isascii() and len(str(found)) < 40:
            return str(found)
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it came from; each once."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        link = waiting.pop(0)
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        waiting += [link.__cause__, link.__context__]
        if isinstance(link, BaseExceptionGroup):
            waiting += link.exceptions


def traceback_without_words(error: BaseException) -> str:
    """Frames and kinds of errors, the one that was first above, without messages and values."""
    parts = []
    for link in reversed(list(_chain(error))):
        frames = traceback.format_list(traceback.extract_tb(link.__traceback__))
        parts.append("".join(["Traceback (most recent call last):\n", *frames, name_of(link)]))
    return "\n\nthen:\n".join(parts)


class WithoutWords(logging.Formatter):
    """Formats a record without anything that an exception says, and without query strings.

    An error among the arguments is named by its kind. Pass `str(error)` where its words speak of files
    and models only, as those of a model that cannot be loaded do.
    """

    def format(self, record: logging.LogRecord) -> str:
        try:
            return self._format(record)
        except Exception as error:
            # else `logging` itself would write the arguments to standard error
            where = f"{record.name}, {record.pathname}:{record.lineno}"
            return f"a log line of {where} could not be written: {name_of(error)}"

    def _format(self, record: logging.LogRecord) -> str:
        error = record.exc_info[1] if record.exc_info else None
        said = sorted(_said(error), key=len, reverse=True)
        copy = logging.makeLogRecord(record.__dict__)
        copy.args = _plain(record.args, said)
        copy.msg = name_of(record.msg) if isinstance(record.msg, BaseException) else str(record.msg)
        for words in said:
            copy.msg = copy.msg.replace(words, "…")
        copy.exc_text = None
        return _QUERY.sub("?…", super().format(copy))

    def formatException(self, ei: Any) -> str:
        return traceback_without_words(ei[1]) if ei[1] is not None else ""

    def formatStack(self, stack_info: str) -> str:
        return stack_info  # frames without values


def _said(error: BaseException | None) -> set[str]:
    """Everything that this error and those behind it say, in the ways in which it is written."""
    found: set[str] = set()
    for link in _chain(error):
        for write in (str, repr):
            try:
                found.add(write(link))
            except Exception:  # noqa: S112  an error that cannot be written says nothing
                continue
        found |= {str(value) for value in link.args if isinstance(value, str)}
    return {text for text in found if len(text) >= _SHORTEST}


def _plain(args: Any, said: list[str]) -> Any:
    if isinstance(args, Mapping):
        return {name: _plain_value(value, said) for name, value in args.items()}
    if isinstance(args, tuple):
        return tuple(_plain_value(value, said) for value in args)
    return args


def _plain_value(value: Any, said: list[str]) -> Any:
    if isinstance(value, BaseException):
        return name_of(value)
    if value is None or isinstance(value, int | float):
        return value
    text = str(value)
    if text.startswith("Traceback (most recent call last)"):
        return "(its traceback is below)"
    for words in said:
        text = text.replace(words, "…")
    return text if len(text) <= _LONGEST_ARGUMENT else text[:_LONGEST_ARGUMENT] + "…"


def _uncaught(
    kind: type[BaseException], error: BaseException | None, _: TracebackType | None
) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt):
        return
    logger.critical("the process ends by an error", exc_info=error)


def guard_process() -> None:
    """Have what ends a process or a thread written as everything else, into the same log.

    For processes whose standard error is a file: Python's own hooks would write messages.
    """
    sys.excepthook = _uncaught
    threading.excepthook = lambda args: _uncaught(args.exc_type, args.exc_value, None)
    sys.unraisablehook = lambda args: _uncaught(args.exc_type, args.exc_value, None)
