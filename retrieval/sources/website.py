"""A web site by its sitemap (sitemaps.org 0.9), as its robots.txt allows (RFC 9309)."""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Iterator
from email.message import Message
from typing import Any
from urllib.parse import urldefrag, urljoin, urlsplit
from urllib.robotparser import RobotFileParser

from bs4.dammit import UnicodeDammit
from defusedxml.ElementTree import fromstring
from django.conf import settings

from retrieval.loaders import MAX_BYTES
from retrieval.pages import asks_not_to_be_indexed
from retrieval.sources.fetching import ROBOT, Answer, Fetcher, FetchError, plain_host
from retrieval.sources.interface import (
    Adapter,
    Entry,
    Fetched,
    ItemError,
    ItemUnpublished,
    Listing,
    SourceError,
    Stop,
)

MAX_SITEMAPS = 200
MAX_SITEMAP_BYTES = 50 * 1024 * 1024  # the protocol's own bound
MAX_PAGE_BYTES = 8 * 1024 * 1024
MAX_ROBOTS_BYTES = 512 * 1024
MAX_PAUSE = 10.0  # seconds between pages that a site may ask for
MAX_SECONDS = 4 * 3600  # of one run
FEW_FAILURES = 20  # answers missed in a row, after which the site is left alone
KINDS = {
    "text/html": ".html",
    "application/xhtml+xml": ".html",
    "text/plain": ".txt",
    "text/markdown": ".md",
    "application/pdf": ".pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
}


class WebsiteAdapter(Adapter):
    """Pages of one host that its sitemap lists; each is asked for with the validators of last time."""

    def __init__(
        self,
        location: str,
        *,
        path_prefix: str = "",
        max_pages: int = 2_000,
        stop: Stop | None = None,
    ) -> None:
        self._location = location
        self._stop = stop or Stop()
        self._prefix = path_prefix
        self._max_pages = min(max_pages, settings.SOURCE_MAX_ARTICLES)
        self._fetcher = Fetcher(
            location, budget=settings.SOURCE_MAX_MB * 1024 * 1024, stop=self._stop
        )
        self._robots = RobotFileParser()
        self._pause = 0.0
        self._missed = 0
        self._until = time.monotonic() + MAX_SECONDS
        self._failed_maps: list[str] = []

    def close(self) -> None:
        self._fetcher.close()

    def listing(self) -> Listing:
        self._read_robots()
        pages: dict[str, None] = {}
        elsewhere = forbidden = 0
        complete = True
        for url in self._pages():
            parts = urlsplit(url)
            if not self._is_here(url):
                elsewhere += 1
            elif self._prefix and not parts.path.startswith(self._prefix):
                continue
            elif not self._robots.can_fetch(ROBOT, url):
                forbidden += 1
            elif len(pages) >= self._max_pages and url not in pages:
                complete = False
                break
            else:
                pages[url] = None
        notes = []
        if not complete:
            notes.append(f"Only the first {self._max_pages:,} pages of the map are read.")
        if elsewhere:
            notes.append(f"Left out as they are on other hosts: {elsewhere}.")
        if forbidden:
            notes.append(f"Left out as robots.txt forbids them: {forbidden}.")
        if self._failed_maps:
            complete = False
            notes.append(f"Maps that could not be read: {'; '.join(self._failed_maps[:5])}.")
        if not pages:
            raise SourceError(" ".join(["The site's map lists no page to read.", *notes]))
        return Listing([Entry(url) for url in pages], complete=complete, note=" ".join(notes))

    def fetch(self, entry: Entry, known: str) -> Fetched | None:
        if time.monotonic() > self._until:
            raise SourceError(
                f"Reading took more than {MAX_SECONDS // 3600} hours. What was read stays; the next "
                "run goes on."
            )
        self._stop.wait(self._pause)
        validators = _validators(known)
        asked = {}
        if validators.get("etag"):
            asked["If-None-Match"] = validators["etag"]
        if validators.get("modified"):
            asked["If-Modified-Since"] = validators["modified"]
        try:
            answer = self._fetcher.get(entry.path, headers=asked, max_bytes=MAX_PAGE_BYTES)
        except FetchError as error:
            self._missed = self._missed + 1 if error.status in {0, 429, 503} else 0
            if self._missed >= FEW_FAILURES:
                raise SourceError(
                    f"The site gave no answer {self._missed} times in a row ({error.reason}). What "
                    "was read stays; the next run goes on."
                ) from error
            raise ItemError(error.reason) from error
        self._missed = 0
        if answer.status == 304:
            return None
        digest = hashlib.sha256(answer.body).hexdigest()
        fingerprint = _fingerprint(answer, digest)
        if digest == validators.get("digest"):
            return None
        return _fetched(answer, fingerprint)

    def _read_robots(self) -> None:
        """No file, no rules; a site that cannot say is not read."""
        url = urljoin(self._location, "/robots.txt")
        try:
            answer = self._fetcher.get(url, max_bytes=MAX_ROBOTS_BYTES)
            self._robots.parse(answer.body.decode("utf-8", "replace").splitlines())
        except FetchError as error:
            if not 400 <= error.status < 500 or error.status == 429:
                raise SourceError(
                    f"{url} {error.reason}, so nobody knows what may be read."
                ) from error
            self._robots.parse([])
        pause = self._robots.crawl_delay(ROBOT)
        self._pause = min(float(pause or 0), MAX_PAUSE)

    def _pages(self) -> Iterator[str]:
        """Addresses of pages in all maps; a map is read once, however often it is named."""
        waiting = self._maps()
        seen: set[str] = set()
        while waiting:
            url = waiting.pop(0)
            if url in seen or not self._is_here(url):
                continue
            seen.add(url)
            if len(seen) > MAX_SITEMAPS:
                self._failed_maps.append(f"more than {MAX_SITEMAPS}")
                return
            try:
                kind, found = self._map(url)
            except FetchError as error:
                if len(seen) == 1 and not waiting:
                    raise SourceError(f"The map {url} {error.reason}.") from error
                self._failed_maps.append(f"{url} {error.reason}")
                continue
            if kind == "sitemapindex":
                waiting += found
            else:
                yield from found

    def _maps(self) -> list[str]:
        path = urlsplit(self._location).path
        if path.endswith((".xml", ".xml.gz")):
            return [self._location]
        named = [urljoin(self._location, one) for one in self._robots.site_maps() or []]
        return [one for one in named if self._is_here(one)] or [
            urljoin(self._location, "/sitemap.xml")
        ]

    def _map(self, url: str) -> tuple[str, list[str]]:
        """What kind of map it is, and the addresses in it."""
        raw = self._fetcher.get(url, max_bytes=MAX_SITEMAP_BYTES).body
        if raw[:2] == b"\x1f\x8b":
            unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
            try:
                raw = unpacker.decompress(raw, MAX_SITEMAP_BYTES)
            except zlib.error as error:
                raise FetchError("is a broken archive") from error
            if unpacker.unconsumed_tail:
                raise FetchError(f"unpacks to more than {MAX_SITEMAP_BYTES:,} bytes")
        try:
            root = fromstring(raw, forbid_dtd=True)
        except Exception as error:  # the parser's own errors, and those against hostile XML
            raise FetchError(f"is no map ({type(error).__name__})") from error
        kind = _name(root.tag)
        if kind not in {"urlset", "sitemapindex"}:
            raise FetchError("is no map")
        found = []
        for child in root:
            location = next((one for one in child if _name(one.tag) == "loc"), None)
            if location is not None and location.text:
                found.append(urldefrag(urljoin(url, location.text.strip())).url)
        return kind, found

    def _is_here(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            return (
                parts.scheme in {"http", "https"}
                and plain_host(parts.hostname or "", url) == self._fetcher.origin[1]
            )
        except (ValueError, SourceError):
            return False


def _name(tag: Any) -> str:
    return str(tag).rsplit("}", 1)[-1].lower()


def _validators(known: str) -> dict[str, str]:
    try:
        found = json.loads(known) if known else {}
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _fingerprint(answer: Answer, digest: str) -> str:
    validators = {"digest": digest}
    if (etag := answer.headers.get("etag", "")) and len(etag) <= 200:
        validators["etag"] = etag
    if (modified := answer.headers.get("last-modified", "")) and len(modified) <= 50:
        validators["modified"] = modified
    return json.dumps(validators)


def _fetched(answer: Answer, fingerprint: str) -> Fetched:
    kind = Message()
    kind["Content-Type"] = answer.headers.get("content-type", "text/html")
    suffix = KINDS.get(kind.get_content_type())
    if suffix is None:
        raise ItemError(f"is {kind.get_content_type()}, which is not read", fingerprint=fingerprint)
    body = answer.body
    if suffix in {".html", ".txt", ".md"}:
        declared = kind.get_content_charset()
        decoded = UnicodeDammit(
            body, known_definite_encodings=[declared] if declared else [], is_html=suffix == ".html"
        ).unicode_markup
        if decoded is None:
            raise ItemError("is in an unknown encoding", fingerprint=fingerprint)
        body = decoded.encode("utf-8", "replace")
        if suffix == ".html" and asks_not_to_be_indexed(decoded):
            raise ItemUnpublished("asks not to be indexed", fingerprint=fingerprint)
    if len(body) > MAX_BYTES:
        raise ItemError(f"has more than {MAX_BYTES:,} bytes", fingerprint=fingerprint)
    name = urlsplit(answer.url).path.rstrip("/").rsplit("/", 1)[-1] or "index"
    return Fetched(fingerprint, body, name=f"{name.rsplit('.', 1)[0] or name}{suffix}")
