"""What an event may hold, and its exact bytes: identifiers and salted digests, never content."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import Enum

import rfc8785

VERSION = 1
MAX_STRING = 500
MAX_KEY = 100
MAX_DEPTH = 6
MAX_BYTES = 16_384
MAX_INTEGER = 2**53 - 1  # RFC 8785 numbers are IEEE 754 doubles

JSON = None | bool | int | float | str | Sequence["JSON"] | Mapping[str, "JSON"]

_ACTION = re.compile(r"[a-z][a-z_]*\.[a-z][a-z_]*")
_ACTOR = re.compile(r"user:\d+:.+|api:.+|cli:.+|system(:.+)?")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class BadEvent(ValueError):
    """An event that may not be recorded as it is; the message names the field. A caller's bug."""


def instant(at: datetime) -> str:
    """UTC with microseconds, `2026-01-31T09:05:00.000000Z`. BadEvent for a naive datetime."""
    if at.tzinfo is None:
        raise BadEvent("at: a time without a time zone says nothing; pass an aware datetime")
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _checked_string(value: str, where: str, limit: int) -> str:
    if isinstance(value, Enum):
        value = value.value
    value = str(value)
    if len(value) > limit:
        raise BadEvent(
            f"{where}: {len(value)} characters where {limit} are allowed; "
            "the log keeps identifiers and digests, so seal the text and record its digest"
        )
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadEvent(f"{where}: lone surrogates are not text") from None
    return value


def checked(value: object, where: str = "data", depth: int = 0) -> JSON:
    """The value as plain JSON types. BadEvent names what does not belong into the log."""
    if depth > MAX_DEPTH:
        raise BadEvent(f"{where}: nested deeper than {MAX_DEPTH}")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _checked_string(value, where, MAX_STRING)
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise BadEvent(f"{where}: {value} is beyond ±(2^53-1); record it as a string")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise BadEvent(f"{where}: {value} is no JSON number")
        return float(value)
    if isinstance(value, Mapping):
        made: dict[str, JSON] = {}
        for key, item in value.items():
            if not isinstance(key, str):
                raise BadEvent(f"{where}: the key {key!r} is no string")
            name = _checked_string(key, f"{where}: a key", MAX_KEY)
            made[name] = checked(item, f"{where}.{name}", depth + 1)
        return made
    if isinstance(value, list | tuple):
        return [checked(item, f"{where}[{i}]", depth + 1) for i, item in enumerate(value)]
    raise BadEvent(f"{where}: {type(value).__name__} is no JSON type")


def canonical_bytes(
    *,
    index: int,
    at: datetime,
    action: str,
    actor: str,
    ticket: int | None,
    draft: int | None,
    model: str,
    data: Mapping[str, JSON],
) -> bytes:
    """The event's exact bytes (RFC 8785): what the leaf hash covers. BadEvent names a bad field."""
    if len(action) > 60 or not _ACTION.fullmatch(action):
        raise BadEvent(f"action: {action!r} is not noun.verb_past in lower case")
    if len(actor) > 160 or _CONTROL.search(actor) or not _ACTOR.fullmatch(actor):
        raise BadEvent(
            f"actor: {actor!r} is not user:<id>:<username>, api:<key>, cli:<account> or system:<process>"
        )
    for field, number in (("ticket", ticket), ("draft", draft)):
        if number is not None and (type(number) is not int or not 0 <= number <= MAX_INTEGER):
            raise BadEvent(f"{field}: {number!r} is no number of a {field}")
    if not isinstance(data, Mapping):
        raise BadEvent(f"data: {type(data).__name__} is no JSON object")
    made = rfc8785.dumps(
        {
            "v": VERSION,
            "index": index,
            "at": instant(at),
            "action": action,
            "actor": _checked_string(actor, "actor", 160),
            "ticket": ticket,
            "draft": draft,
            "model": _checked_string(model, "model", 200),
            "data": checked(data),
        }
    )
    if len(made) > MAX_BYTES:
        raise BadEvent(f"data: the event has {len(made)} bytes where {MAX_BYTES} are allowed")
    return made
