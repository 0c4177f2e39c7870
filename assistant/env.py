"""Typed environment variables: every setting of an installation is declared here or in settings.py.

Each helper registers what it reads, so that the README's table can be held true by a test
(`tests/assistant/test_settings_documented.py`), and fails loudly on a value it cannot understand.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

PREFIX = "COUNTERSIGN_"
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off", ""}


@dataclass(frozen=True)
class Setting:
    """One environment variable: its full name, its default as a reader writes it, what it is for."""

    name: str
    default: str
    help: str


DECLARED: dict[str, Setting] = {}


def _read(name: str, default: str, help: str) -> str:
    full = PREFIX + name
    DECLARED[full] = Setting(full, default, help)
    return os.environ.get(full, default)


def env_str(name: str, default: str, help: str) -> str:
    """The variable's text, stripped."""
    return _read(name, default, help).strip()


def env_bool(name: str, default: bool, help: str) -> bool:
    """True for 1/true/yes/on, False for 0/false/no/off or nothing; anything else is an error."""
    value = _read(name, "1" if default else "0", help).strip().lower()
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise ImproperlyConfigured(f"{PREFIX}{name}={value!r}: write 1 or 0.")


def env_int(
    name: str, default: int, help: str, *, minimum: int = 0, maximum: int | None = None
) -> int:
    """A whole number, at least `minimum` and at most `maximum`."""
    value = _read(name, str(default), help).strip()
    try:
        number = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{PREFIX}{name}={value!r}: write a whole number.") from None
    if number < minimum:
        raise ImproperlyConfigured(f"{PREFIX}{name}={number}: write {minimum} or more.")
    if maximum is not None and number > maximum:
        raise ImproperlyConfigured(f"{PREFIX}{name}={number}: write {maximum} or less.")
    return number


def env_float(name: str, default: float, help: str) -> float:
    """A decimal number."""
    value = _read(name, str(default), help).strip()
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ImproperlyConfigured(f"{PREFIX}{name}={value!r}: write a number.")
    return number


def env_choice(name: str, default: str, help: str, *, choices: Sequence[str]) -> str:
    """One of these words, whatever its case."""
    value = env_str(name, default, help)
    for choice in choices:
        if value.upper() == choice.upper():
            return choice
    raise ImproperlyConfigured(f"{PREFIX}{name}={value!r}: write one of {', '.join(choices)}.")


def env_time_zone(name: str, default: str, help: str) -> str:
    """A time zone's name, as the IANA database has it."""
    value = env_str(name, default, help)
    try:
        ZoneInfo(value)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ImproperlyConfigured(
            f"{PREFIX}{name}={value!r} is no time zone: write one such as Europe/Berlin, or UTC."
        ) from None
    return value


def env_list(name: str, default: str, help: str) -> list[str]:
    """A comma-separated list without empty items."""
    return [item.strip() for item in _read(name, default, help).split(",") if item.strip()]


def env_networks(name: str, default: str, help: str) -> list[str]:
    """A comma-separated list of IP addresses and networks (10.0.0.0/8)."""
    found = env_list(name, default, help)
    for item in found:
        try:
            ip_network(item, strict=False)
        except ValueError:
            raise ImproperlyConfigured(
                f"{PREFIX}{name}: {item!r} is no address and no network; write 10.0.0.7 or 10.0.0.0/8."
            ) from None
    return found


def env_path(name: str, default: str, help: str, *, base: Path) -> Path:
    """A path; a relative one is taken from `base`."""
    path = Path(_read(name, default, help).strip()).expanduser()
    return path if path.is_absolute() else base / path


def env_url(name: str, default: str, help: str, *, schemes: Sequence[str], example: str) -> str:
    """A URL of one of these schemes, or nothing. Its value is never told: it may hold a password."""
    value = env_str(name, default, help)
    if not value:
        return value
    wrong = f"{PREFIX}{name} is not a URL that can be used"
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        raise ImproperlyConfigured(
            f"{wrong}: write {example}, with %40 for an @ within the password and so on."
        ) from None
    if parts.scheme not in schemes or "://" not in value or port == 0:
        raise ImproperlyConfigured(f"{wrong}: write {example}.")
    return value


def load_file(path: Path) -> None:
    """Read `NAME=value` lines; what the environment says already wins. A missing file is fine."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} is no text in UTF-8: save it as UTF-8.") from None
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        name, separator, value = line.partition("=")
        if not separator or not name.startswith(PREFIX):
            raise ImproperlyConfigured(f"{path}, line {number}: write {PREFIX}NAME=value.")
        if "\0" in line:
            raise ImproperlyConfigured(f"{path}, line {number}: take the null character out.")
        os.environ.setdefault(name.strip(), value.strip().strip('"'))
