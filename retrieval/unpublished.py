"""What its author keeps from readers: drafts, hidden pages, dates to come. Pure.

The names are those of Jekyll, Hugo, Docusaurus, Mintlify, Eleventy, Astro, Pelican, Obsidian Publish,
WordPress, Zendesk, Intercom and Microsoft's docs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import PurePosixPath
from typing import Any

_TRUE = {"true", "yes", "on", "1", "y"}
_FALSE = {"false", "no", "off", "0", "n", "never"}
# fields that keep a page back where they are true, and where they are false
_KEPT_BACK = {
    "draft", "isdraft", "hidden", "ishidden", "hide", "unlisted", "private", "isprivate", "internal",
    "internalonly", "noindex", "headless", "archived", "unpublished", "excludefromsearch",
    "searchexclude", "wip", "deleted", "trashed", "confidential", "staffonly", "agentsonly", "pagedraft",
}  # fmt: skip
_SHOWN = {
    "published", "ispublished", "publish", "public", "ispublic", "visible", "listed", "permalink",
    "searchable", "indexable",
}  # fmt: skip
_STATES = {"status", "state", "visibility", "pagestatus", "publicationstatus", "workflowstate",
           "audience", "access", "poststatus", "robots"}  # fmt: skip
_STATE = re.compile(
    r"(?:draft|drafts|unpublished|private|internal|hidden|unlisted|pending|review|scheduled|future|"
    r"archived?|trash(?:ed)?|deleted|inactive|wip|staff|agents?|employees|confidential|restricted|"
    r"obsolete|noindex)",
)
_STATE_PHRASES = {
    "inreview", "inprogress", "workinprogress", "todo", "notpublished", "internalonly", "staffonly",
    "agentsonly", "needsreview", "notready", "pendingreview", "underreview",
}  # fmt: skip
_FROM = {"date", "publishdate", "pubdate", "publishedat", "publishat", "publishedon", "pubdatetime"}
_UNTIL = {"expirydate", "expires", "expiresat", "unpublishdate", "expiry", "expirationdate"}
_DATED_NAME = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})-")
_FOLDERS = {"drafts", "draft", "unpublished"}
_PARTS = {"includes", "layouts", "partials", "sass", "data", "snippets", "templates"}


def why_by_fields(fields: Mapping[str, Any], *, now: datetime) -> str:
    """Why a page with these fields is not for readers now, as words after its name; "" where it is."""
    for name, value in fields.items():
        key = _key(name)
        shown = f"{name}: {_shown(value)}"
        if key == "build" and isinstance(value, Mapping):
            if _says(value.get("render"), _FALSE):
                return f"is not rendered there ({name}.render: {_shown(value['render'])})"
        elif _keeps_back(key, value):
            return f"is not for readers there ({shown})"
        elif key in _FROM | _SHOWN and (day := _day(value)) and day > now:
            return f"is dated later than today ({shown})"
        elif key in _UNTIL and (day := _day(value)) and day <= now:
            return f"has expired there ({shown})"
    return ""


def why_by_name(source: str, *, now: datetime) -> str:
    """Why a file under this path below its source is no page for readers; "" where it is one."""
    path = PurePosixPath(source)
    for folder in path.parts[:-1]:
        plain = folder.lower().lstrip("_")
        if plain in _FOLDERS:
            return f"lies in a folder of drafts ({folder}/)"
        if folder.startswith("_") and plain in _PARTS:
            return f"is a part of other pages, not a page ({folder}/)"
    if path.name.startswith("_") and path.stem.lower() not in {"_index", "_readme", "_home"}:
        return "is a part of other pages, not a page (its name begins with an underscore)"
    dated = _DATED_NAME.match(path.name)
    if dated and "_posts" in path.parts and (day := _day("-".join(dated.groups()))) and day > now:
        return f"is dated later than today ({path.name})"
    return ""


def depends_on_the_day(fields: Mapping[str, Any], source: str) -> bool:
    """Whether the clock alone may change what `why_by_fields` or `why_by_name` says."""
    timed = any(_key(name) in _FROM | _UNTIL and _day(value) for name, value in fields.items())
    return timed or bool(_DATED_NAME.match(PurePosixPath(source).name))


def _key(name: object) -> str:
    return re.sub(r"[^a-z]", "", str(name).lower())


def _shown(value: object) -> str:
    words = str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())
    return words[:60]


def _says(value: object, words: set[str]) -> bool:
    return isinstance(value, str | bool | int) and str(value).strip().lower() in words


def _keeps_back(key: str, value: object) -> bool:
    if key in _KEPT_BACK:
        return _says(value, _TRUE)
    if key in _SHOWN and _says(value, _FALSE):
        return True
    return key in _STATES and _names_a_state(key, value)


def _names_a_state(key: str, value: object) -> bool:
    values = value if isinstance(value, list) else [value]
    words = [_key(one) for one in values if isinstance(one, str)]
    if key == "robots":
        return any("noindex" in one for one in words) or "none" in words
    if not words:
        return False
    return all(bool(_STATE.fullmatch(one)) or one in _STATE_PHRASES for one in words)


def _day(value: object) -> datetime | None:
    """The moment that a date names, in UTC where it says no zone."""
    if isinstance(value, datetime):
        found = value
    elif isinstance(value, date):
        found = datetime(value.year, value.month, value.day)
    else:
        words = str(value).strip()
        match = re.match(
            r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ](\d{2}:\d{2}(?::\d{2})?))?", words
        )
        if not isinstance(value, str) or not match:
            return None
        try:
            try:
                found = datetime.fromisoformat(words)
            except ValueError:
                found = datetime(int(match[1]), int(match[2]), int(match[3]))
        except ValueError:
            return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
