"""What a file says of itself before its text: YAML, TOML, JSON or plain `Title:` lines. Pure.

Files come from strangers: sizes and depths are bounded before anything is parsed.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any

import yaml

MAX_CHARACTERS = 64 * 1024
MAX_DEPTH = 20
MAX_VALUES = 5_000

_YAML = re.compile(r"\A---[ \t]*\n(.*?)(?:^---|^\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_TOML = re.compile(r"\A\+\+\+[ \t]*\n(.*?)^\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
_LINES = re.compile(r"\A(?:[A-Za-z][\w -]{0,30}:[ \t]+\S[^\n]*\n)+(?=[ \t]*\n|\Z)")
_FIRST_LINE = re.compile(
    r"(?:title|date|status|category|tags|slug|authors?|modified|lang|language|draft|published)\Z",
    re.IGNORECASE,
)
# a top-level `key: value` that stands on one line, with a value that YAML would not take as text
_PAIR = re.compile(r"^([A-Za-z_][\w-]*):[ \t]+(.+?)[ \t]*$", re.MULTILINE)
_OPENS, _CLOSES = "[{", "]}"


class FrontMatterError(ValueError):
    """A front matter that cannot be read, in words that fit after the file's name."""


@dataclass(frozen=True)
class FrontMatter:
    """`values` as JSON can hold them; `words` are the single values as they are written, so that
    `1.10`, `12:30` and `no` stay what they look like; `text` is what follows."""

    text: str
    values: Mapping[str, Any] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def first(self, *names: str) -> str:
        """The first of these fields that says something, on one line; of a list its first entry."""
        for name in names:
            value = self.words.get(name, self.values.get(name))
            if isinstance(value, list):
                value = next((one for one in value if isinstance(one, str | int | float)), None)
            if isinstance(value, str | int | float) and not isinstance(value, bool):
                line = " ".join(str(value).split())
                if line:
                    return line
        return ""


def split(document: str) -> FrontMatter:
    """The front matter and the text after it. Raises `FrontMatterError`."""
    if found := _YAML.match(document):
        return _yaml(found[1], document, document[found.end() :])
    if found := _TOML.match(document):
        return _toml(found[1], document[found.end() :])
    if document.startswith("{") and document[1:2] in {"\n", '"', " "}:
        return _json(document)
    if found := _LINES.match(document):
        return _lines(found[0], document)
    return FrontMatter(document)


def _bounded(raw: str) -> None:
    if len(raw) > MAX_CHARACTERS:
        raise FrontMatterError("has a front matter of more than 64 kB")
    depth = 0
    for character in raw:
        if character in _OPENS:
            depth += 1
            if depth > MAX_DEPTH:
                raise FrontMatterError(
                    f"has a front matter that is nested deeper than {MAX_DEPTH} levels"
                )
        elif character in _CLOSES:
            depth = max(0, depth - 1)


def _yaml(raw: str, document: str, text: str) -> FrontMatter:
    _bounded(raw)
    try:
        try:
            front, words = _loaded(raw)
        except (yaml.YAMLError, ValueError) as error:
            if isinstance(error, FrontMatterError):
                raise
            # "title: Error 504: gateway timed out": what people mean is plain
            front, words = _loaded(_quoted(raw))
    except FrontMatterError:
        raise
    except (yaml.YAMLError, ValueError, TypeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 2}" if where else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise FrontMatterError(
            f"has a front matter that is not valid YAML{line}: {problem}"
        ) from error
    if front is None:
        return FrontMatter(text)
    if not isinstance(front, dict):
        return FrontMatter(document)  # a text between two rules, not a front matter
    try:
        return FrontMatter(text, _as_json(front), words)
    except FrontMatterError:
        raise
    except (ValueError, TypeError) as error:
        raise FrontMatterError(
            f"has a front matter that is not valid YAML: {type(error).__name__}"
        ) from error


def _loaded(raw: str) -> tuple[Any, dict[str, str]]:
    """The values, and the single ones as they are written."""
    _check_events(raw)
    front = yaml.safe_load(raw)
    written = yaml.load(raw, Loader=yaml.BaseLoader)  # noqa: S506  (makes strings only)
    if not isinstance(written, dict):
        return front, {}
    return front, {
        key: value
        for key, value in written.items()
        if isinstance(key, str) and isinstance(value, str)
    }


def _check_events(raw: str) -> None:
    """Read as a stream, so that what is too deep ends before it costs anything."""
    depth = 0
    for count, event in enumerate(yaml.parse(raw, Loader=yaml.SafeLoader)):
        if isinstance(event, yaml.AliasEvent):
            raise FrontMatterError("has a front matter with YAML aliases, which are not read")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MAX_DEPTH:
            raise FrontMatterError(
                f"has a front matter that is nested deeper than {MAX_DEPTH} levels"
            )
        if count > MAX_VALUES:
            raise FrontMatterError(f"has a front matter of more than {MAX_VALUES:,} values")


def _quoted(raw: str) -> str:
    """The same with those one-line values in quotes that are no YAML by themselves."""

    def quote(found: re.Match[str]) -> str:
        key, value = found[1], found[2]
        block = value[0] in "|>&*" and len(value.split()) == 1
        unclosed = value[0] in "[{" and not ("]" in value or "}" in value)
        if block or unclosed:
            return found[0]
        try:
            _loaded(f"{key}: {value}\n")
        except FrontMatterError:
            raise
        except (yaml.YAMLError, ValueError):
            return f"{key}: {json.dumps(value, ensure_ascii=False)}"
        return found[0]

    return _PAIR.sub(quote, raw)


def _toml(raw: str, text: str) -> FrontMatter:
    _bounded(raw)
    try:
        values = _as_json(tomllib.loads(raw))
    except (ValueError, TypeError, RecursionError) as error:
        raise FrontMatterError(f"has a front matter that is not valid TOML: {error}") from error
    return FrontMatter(text, values)


def _json(document: str) -> FrontMatter:
    """Hugo's JSON front matter: an object, and a text after it."""
    ended = re.search(r"^\}[ \t]*(?:\n|\Z)", document[: MAX_CHARACTERS + 2], re.MULTILINE)
    if ended is None:
        return FrontMatter(document)
    raw = document[: ended.end()]
    _bounded(raw)
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError):
        return FrontMatter(document)  # a text that begins with a brace
    return FrontMatter(document[ended.end() :], _as_json(values))


def _lines(raw: str, document: str) -> FrontMatter:
    """`Title: …` lines as Pelican, MultiMarkdown and MkDocs take them."""
    pairs = [line.partition(":") for line in raw.splitlines()]
    if not _FIRST_LINE.match(pairs[0][0]) or len(raw) > MAX_CHARACTERS:
        return FrontMatter(document)
    words = {key.strip().lower(): value.strip() for key, _, value in pairs}
    if "title" not in words:
        return FrontMatter(document)
    return FrontMatter(document[len(raw) :], _as_json(words), words)


def _as_json(values: Mapping[Any, Any]) -> dict[str, Any]:
    written = json.dumps(values, default=_jsonable, ensure_ascii=False, allow_nan=False)
    written.encode()  # half of a surrogate pair is no character
    if "\\u0000" in written:
        raise FrontMatterError("has a front matter with a NUL character")
    found: dict[str, Any] = json.loads(written)
    return found


def _jsonable(value: object) -> str:
    return value.isoformat() if isinstance(value, date | datetime | time) else str(value)
