"""A log says what broke and where, and nothing that anybody wrote."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.logs import WithoutWords, name_of

FORMATTER = WithoutWords("%(levelname)s %(name)s %(message)s")
words = st.text(min_size=12, max_size=80).filter(lambda t: len(set(t)) > 5 and t.strip() == t)


def line(message: object, *args: Any, error: BaseException | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("assistant.x", logging.ERROR, "file.py", 1, message, args, info)
    return FORMATTER.format(record)


def raised(make: Any) -> BaseException:
    try:
        make()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


@given(words, st.sampled_from([ValueError, KeyError, RuntimeError, OSError, UnicodeError]))
@example("Ana'\"\n%s\\ {x} <ana@example.org>", ValueError)
def test_what_an_error_says_is_never_written(text: str, kind: type[Exception]) -> None:
    def fail() -> None:
        local = text  # noqa: F841  a traceback with locals would show it
        try:
            raise kind(text)
        except kind as error:
            raise RuntimeError(f"could not take {text}") from error

    error = raised(fail)
    for made in (
        line("it failed", error=error),
        line("it failed: %s", error, error=error),
        line(f"Task x raised unexpected: {error!r}", error=error),
        line("Task %(name)s: %(exc)s", {"name": "x", "exc": repr(error)}, error=error),
        line("it failed: %s", error),
        line(error),
    ):
        assert text not in made
        assert repr(text)[1:-1] not in made
        assert "RuntimeError" in made
    assert "test_logs.py" in line("it failed", error=error)


def test_groups_and_contexts_are_named_without_their_words() -> None:
    def fail() -> None:
        raise ExceptionGroup(f"two of {who}'s", [KeyError(who), ValueError(f"{who}!")])

    who = "".join(["Otto", "line"])  # the code's own lines are written
    made = line("a group failed", error=raised(fail))
    assert who not in made
    assert "KeyError" in made
    assert "ValueError" in made
    assert "ExceptionGroup" in made


@pytest.mark.parametrize(
    ("message", "gone"),
    [
        ("Not Found: /review/tickets/?q=ana%40example.org", "ana"),
        ("Not Found: /review/tickets/?ana%40example.org", "ana"),
        ("GET https://x.example/search?name=Ana&page=2 failed", "Ana"),
        ('"GET /a?b=Ottoline HTTP/1.1" 200', "Ottoline"),
    ],
)
def test_query_strings_are_cut_off(message: str, gone: str) -> None:
    assert gone in message
    assert gone not in line(message)


def test_what_an_operator_needs_stays() -> None:
    import sqlite3

    def locked() -> None:
        raise sqlite3.OperationalError("database is locked")

    error = raised(locked)
    error.sqlite_errorname = "SQLITE_BUSY"  # type: ignore[attr-defined]
    assert name_of(error) == "OperationalError [SQLITE_BUSY]"
    assert (
        name_of(raised(lambda: Path("/nowhere/Ottoline").read_bytes())) == "FileNotFoundError [2]"
    )
    assert "no module" in line("x", error=raised(lambda: __import__("nowhere_at_all"))).lower()
    assert line("%s of %d", "run", 3).endswith("run of 3")
    assert line("reply %s could not be sent", 7).endswith("reply 7 could not be sent")


def test_a_line_that_cannot_be_written_says_so_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(FORMATTER)
    record = logging.LogRecord("assistant.x", 40, "file.py", 9, "%d of %d", ("Ottoline",), None)
    handler.handle(record)
    told = capsys.readouterr()
    assert "Ottoline" not in told.out + told.err
    assert "file.py:9" in told.out
