"""The public address of an article: what its own file states, else what its collection makes of its path.

Pure. Files come from strangers: an address is http or https, without a name or password in it, at most
`LONGEST` characters, and written in characters that a mail may carry (RFC 3986).
"""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

import idna

from retrieval.loaders import is_supported
from retrieval.trust import Trust

if TYPE_CHECKING:
    from retrieval.models import Document

LONGEST = 500
PATH, SLUG = "{path}", "{slug}"
# a help centre's `url` is its API's address, so what readers see comes first
FIELDS = ("html_url", "canonical_url", "permalink", "url", "source_url", "slug")

_INDEXES = frozenset({"index", "_index", "readme"})
_STYLES = frozenset({"date", "pretty", "ordinal", "weekdate", "none"})  # Jekyll's, for `permalink`
_PATTERN = re.compile(r"(?:\A|/):\w|[{}]")  # ":title", "{{ page.slug }}"
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9._-]*[a-z0-9_])?")
_STRAY_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_IN_PATH = "/:@!$&'()*+,;=%"
_ALONE = re.compile(r"\{path\}/?(?=\Z|[?#])")
# top-level names that no public host has (RFC 6761, 6762, 8375, ICANN) or that companies use inside
_INSIDE = frozenset(
    "local localhost internal intranet private corp home lan test invalid arpa".split()
)


class BadAddress(ValueError):
    """What cannot be a public address, in words that fit after its name."""


@dataclass(frozen=True)
class Stated:
    """What a front matter says of its article's address: a whole one, a path of its site (`/…`), or a
    name in place of the file's own (no `/` before it); "" for nothing. `notes` say what is ignored."""

    address: str = ""
    notes: tuple[str, ...] = ()


def address_of(document: Document) -> str:
    """Where customers read the article, or "": for one that is not published or not public, and where
    neither its file nor its collection says it. Reads `document.collection`.

    What its file or its source says counts where it leads to the collection's own site, or else to a
    host that everybody can reach, by an article whose origin is not of low trust.
    """
    collection = document.collection
    if document.state != "published" or collection.visibility != "public":
        return ""
    template, stated = collection.public_address, document.stated_address
    read_at = _address_or_nothing(document.source)
    if stated.startswith("/"):
        site = _origin(template) or _origin(read_at)
        own = _bounded(site + stated) if site else ""
    else:
        own = stated if _is_whole(stated) else ""
    for found in (own, read_at):
        if found and _may_be_told(found, document.trust, template):
            return found
    return filled(template, document.source, "" if own or stated.startswith("/") else stated)


def filled(template: str, source: str, name: str = "") -> str:
    """A template with an article's path in it; `name` (escaped) stands for the file's own. "" where there
    is no template, or the path has no such address."""
    parts = _parts(source, name)
    if not template or parts is None:
        return ""
    if not parts:  # the collection's front page
        if SLUG in template or not _ALONE.search(template):
            return ""
        return _ALONE.sub("", template)
    return _bounded(template.replace(PATH, "/".join(parts)).replace(SLUG, parts[-1]))


def checked_template(words: str) -> str:
    """A collection's public address as it is kept, "" for none: a prefix gets `{path}` at its end.
    Raises `BadAddress`."""
    words = words.strip()
    if not words:
        return ""
    if "{" in _split(words).netloc:
        raise BadAddress("has its host's name to be filled in; write the host as it is")
    template = checked_address(words, more="{}")
    if set(re.findall(r"[{}]", template.replace(PATH, "").replace(SLUG, ""))):
        raise BadAddress(f"has braces around something else than {PATH} or {SLUG}")
    if PATH in template or SLUG in template:
        return template
    if urlsplit(template).query or urlsplit(template).fragment:
        raise BadAddress(f"is the same for every article; write {PATH} or {SLUG} where it differs")
    return _checked_length(f"{template.rstrip('/')}/{PATH}")


def stated(front_matter: Mapping[str, Any]) -> Stated:
    """The address that a front matter states, of the first of `FIELDS` that can be one."""
    fields = {str(key).lower().replace("-", "_"): value for key, value in front_matter.items()}
    notes: list[str] = []
    for field in FIELDS:
        value = fields.get(field)
        if value is None or isinstance(value, bool) or value == "":
            continue
        try:
            return Stated(_stated(field, value), tuple(notes))
        except BadAddress as bad:
            notes.append(f"its {field} {bad}; it is not used as the article's public address")
    return Stated("", tuple(notes))


def checked_address(address: str, *, more: str = "") -> str:
    """A whole address in ASCII; what is escaped stays so, and characters of `more` stay as they are.
    Raises `BadAddress`."""
    parts = _split(_checked_length(address.strip()))
    if parts.scheme not in {"http", "https"}:
        raise BadAddress("does not begin with https:// or http://")
    if "@" in parts.netloc:
        raise BadAddress("holds a user name or a password")
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise BadAddress("names a port that does not exist") from None
    host = _host(host)
    netloc = f"{host}:{port}" if port is not None else host
    return _checked_length(f"{parts.scheme}://{netloc}{_rest(parts, more)}")


def _stated(field: str, value: Any) -> str:
    if not isinstance(value, str | int):
        raise BadAddress("is no text")
    words = str(value).strip()
    parts = _split(_checked_length(words))
    if parts.scheme in {"http", "https"}:
        return checked_address(words)
    if parts.scheme or words.startswith("//"):
        raise BadAddress("does not begin with https://, http:// or a single /")
    if _PATTERN.search(words) or (field == "permalink" and words.lower() in _STYLES):
        raise BadAddress("is a pattern and no address")
    if not parts.path.strip("/") and not parts.query:
        raise BadAddress("names no page")
    if any(part in {".", ".."} for part in unquote(parts.path).split("/")):
        raise BadAddress("leads to another folder by dots")
    if field == "slug" and not words.startswith("/"):
        return _checked_length(_escaped(words.strip("/"), "/%"))
    return _checked_length(_rest(parts._replace(path=f"/{parts.path.lstrip('/')}"), ""))


def _parts(source: str, name: str) -> list[str] | None:
    """The path's parts, escaped, without an extension or an index at its end; None for one that cannot
    stand in an address."""
    if _is_whole(source):
        source = unquote(_split_or_nothing(source).path)
    parts = [part for part in source.split("/") if part]
    last = PurePosixPath(parts[-1] if parts else "")
    is_index = last.stem.lower() in _INDEXES and (is_supported(last) or not last.suffix)
    if name or is_index:
        parts = parts[:-1]
    elif is_supported(last):
        parts[-1] = parts[-1].removesuffix(last.suffix)
    if any(part in {".", ".."} for part in parts):
        return None
    try:
        return [quote(part, safe="") for part in parts] + [one for one in name.split("/") if one]
    except UnicodeEncodeError:  # half of a surrogate pair
        return None


def _may_be_told(address: str, trust: int, template: str) -> bool:
    if template and _origin(address) == _origin(template):
        return True
    return trust > Trust.LOW and _is_reachable(urlsplit(address).hostname or "")


def _is_reachable(host: str) -> bool:
    """Whether a host's name or number is one that anybody may reach."""
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return "." in host and host.rpartition(".")[2] not in _INSIDE


def _origin(address: str) -> str:
    """Scheme, host and port; "" of nothing."""
    if not address:
        return ""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _is_whole(address: str) -> bool:
    return address.startswith(("https://", "http://"))


def _address_or_nothing(source: str) -> str:
    """The address that an article is named by, where it is named by one."""
    if not _is_whole(source):
        return ""
    try:
        return checked_address(source)
    except BadAddress:
        return ""


def _split_or_nothing(address: str) -> SplitResult:
    try:
        return _split(address)
    except BadAddress:
        return SplitResult("", "", "", "", "")


def _split(address: str) -> SplitResult:
    # urlsplit drops line breaks and browsers take a backslash for a slash: neither may decide
    if any(one == "\\" or unicodedata.category(one) in {"Cc", "Cs"} for one in address):
        raise BadAddress("holds characters that no address has")
    try:
        return urlsplit(address)
    except ValueError:
        raise BadAddress("is no address") from None


def _host(host: str) -> str:
    """In ASCII, by IDNA 2008."""
    if ":" in host:
        try:
            return f"[{ipaddress.IPv6Address(host).compressed}]"
        except ValueError:
            raise BadAddress("names no host") from None
    if _HOST.fullmatch(host) and ".." not in host:
        return host
    try:
        if host.isascii():
            raise BadAddress("names no host")
        return idna.encode(host, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise BadAddress("names a host with characters that no host has") from None


def _rest(parts: SplitResult, more: str) -> str:
    """Path, query and fragment, escaped."""
    return urlunsplit(
        (
            "",
            "",
            _escaped(parts.path, _IN_PATH + more),
            _escaped(parts.query, f"{_IN_PATH}?{more}"),
            _escaped(parts.fragment, f"{_IN_PATH}?{more}"),
        )
    )


def _escaped(words: str, safe: str) -> str:
    return quote(_STRAY_PERCENT.sub("%25", words), safe=safe)


def _bounded(address: str) -> str:
    return address if len(address) <= LONGEST else ""


def _checked_length(address: str) -> str:
    if len(address) > LONGEST:
        raise BadAddress(f"has {len(address):,} characters; {LONGEST} are allowed")
    return address
