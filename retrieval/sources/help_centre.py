"""A help centre's export: Zendesk's JSON of articles, sections and categories, as a file or over HTTP.

The form is that of the Help Center API (`/api/v2/help_center/articles.json?include=sections,categories`).
"""

from __future__ import annotations

import codecs
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from django.conf import settings
from django.utils import timezone

from retrieval.sources.fetching import Fetcher, FetchError
from retrieval.sources.folder import check_totals
from retrieval.sources.interface import (
    Adapter,
    Entry,
    Fetched,
    Listing,
    SourceError,
    Stop,
)
from retrieval.unpublished import why_by_fields

MAX_PAGES = 1_000
MAX_PAGE_BYTES = 64 * 1024 * 1024
MAX_BODY = 2_000_000  # characters of one article's HTML


class HelpCentreAdapter(Adapter):
    """Articles of an export, each named by its address there, else by its number."""

    def __init__(
        self,
        location: str,
        *,
        files: Path | None = None,
        locale: str = "",
        stop: Stop | None = None,
        now: datetime | None = None,
    ) -> None:
        self._location = location
        self._stop = stop or Stop()
        self._now = now or timezone.now()
        self._files = files
        self._locale = locale.lower()
        self._articles: dict[str, dict[str, Any]] = {}
        self._names: dict[str, dict[Any, dict[str, Any]]] = {"sections": {}, "categories": {}}

    def listing(self) -> Listing:
        pages = self._uploaded() if not self._location else self._fetched()
        skipped: list[tuple[str, str]] = []
        unpublished: list[tuple[str, str]] = []
        ignored: Counter[str] = Counter()
        for page in pages:
            articles = page.get("articles")
            if not isinstance(articles, list):
                raise SourceError("It is no help centre's export: it holds no list of articles.")
            for kind, known in self._names.items():
                rows = page.get(kind)
                known |= {
                    row["id"]: row
                    for row in (rows if isinstance(rows, list) else [])
                    if isinstance(row, dict) and isinstance(row.get("id"), int | str)
                }
            for article in articles:
                if not isinstance(article, dict):
                    ignored["that are no articles"] += 1
                    continue
                path = _path(article)
                if reason := _kept_back(article, self._now):
                    unpublished.append((path, reason))
                elif reason := _unusable(article):
                    skipped.append((path, reason))
                elif self._locale and str(article.get("locale", "")).lower() != self._locale:
                    ignored["in other languages"] += 1
                else:
                    self._articles[path] = article
        check_totals(len(self._articles), 0)
        return Listing(
            [Entry(path) for path in self._articles],
            skipped=skipped,
            unpublished=unpublished,
            ignored=ignored,
        )

    def fetch(self, entry: Entry, known: str) -> Fetched | None:
        article = self._articles[entry.path]
        category = self._category(article)
        plain = json.dumps([article, category], sort_keys=True, ensure_ascii=False)
        fingerprint = hashlib.sha256(plain.encode("utf-8", "replace")).hexdigest()
        if fingerprint == known:
            return None
        front = {
            name: article[name]
            for name in ("updated_at", "label_names", "html_url")
            if article.get(name)
        }
        stated = {
            "title": str(article.get("title") or "").strip() or f"Article {article['id']}",
            "category": category,
            "language": str(article.get("locale") or "en").split("-")[0].lower()[:10],
            "front_matter": front,
        }
        # a byte order mark, since a body may declare anything
        body = codecs.BOM_UTF8 + article["body"].encode("utf-8", "replace")
        return Fetched(fingerprint, body, name="article.html", stated=stated)

    def _category(self, article: dict[str, Any]) -> str:
        """The name of the article's category, else of its section."""
        section = self._names["sections"].get(article.get("section_id"), {})
        category = self._names["categories"].get(section.get("category_id"), {})
        return str(category.get("name") or section.get("name") or "")

    def _uploaded(self) -> Iterator[dict[str, Any]]:
        files = sorted(self._files.glob("*.json")) if self._files and self._files.is_dir() else []
        if not files:
            raise SourceError("There is no JSON file: upload the export.")
        for file in files:
            yield _parsed(file.read_bytes(), file.name)

    def _fetched(self) -> Iterator[dict[str, Any]]:
        fetcher = Fetcher(
            self._location, budget=settings.SOURCE_MAX_MB * 1024 * 1024, stop=self._stop
        )
        url, seen = self._location, set()
        try:
            while url and url not in seen:
                seen.add(url)
                if len(seen) > MAX_PAGES:
                    raise SourceError(f"The export has more than {MAX_PAGES:,} pages.")
                try:
                    answer = fetcher.get(url, max_bytes=MAX_PAGE_BYTES)
                except FetchError as error:
                    raise SourceError(f"{url} {error.reason}.") from error
                page = _parsed(answer.body, url)
                yield page
                following = page.get("next_page")
                url = urljoin(url, following) if isinstance(following, str) else ""
        finally:
            fetcher.close()


def _parsed(raw: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        raise SourceError(f"{name} holds no valid JSON.") from None
    if not isinstance(found, dict):
        raise SourceError(f"{name} is no help centre's export: it holds no object with articles.")
    return found


def _path(article: dict[str, Any]) -> str:
    url = article.get("html_url")
    if isinstance(url, str) and urlsplit(url).scheme in {"http", "https"} and len(url) <= 500:
        return url
    return f"articles/{str(article.get('id') or '')[:100]}"


def _kept_back(article: dict[str, Any], now: datetime) -> str:
    """Why its readers don't see it there: a draft, or one for a group of people only."""
    if article.get("draft"):
        return "is a draft there"
    if article.get("user_segment_id") or article.get("user_segment_ids"):
        return "is shown to a group of people only there (user_segment_id)"
    states = ("state", "status", "visibility", "published", "hidden", "private", "internal")
    return why_by_fields({name: article[name] for name in states if name in article}, now=now)


def _unusable(article: dict[str, Any]) -> str:
    if not isinstance(article.get("id"), int | str) or not article["id"]:
        return "has no id"
    if not isinstance(article.get("body"), str) or not article["body"].strip():
        return "holds no text"
    if len(article["body"]) > MAX_BODY:
        return f"has {len(article['body']):,} characters; {MAX_BODY:,} are allowed"
    return ""
