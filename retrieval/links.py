"""Links between articles: which of an article's own lead nowhere. No network: links that leave the
knowledge base are not followed."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote, urlsplit

from django.db.models import Q
from django.utils.text import slugify
from markdown_it import MarkdownIt

from retrieval.models import Document

_SUFFIXES = ("", ".md", ".markdown", ".html", ".htm", "/index.md", "/README.md")
_ARTICLE = re.compile(r"\.(?:md|markdown|html?|txt|pdf|docx)$|(?:^|/)[^./]+/?$", re.I)
_HEADING_MARKS = re.compile(r"[*_`~]|\[([^\]]{0,500})\]\([^)]{0,1000}\)")
_LONGEST_SLUG = 500  # characters of a heading: Unicode normalisation is slow on endless accents
_ID = re.compile(r"""\{#([\w-]+)\}|<[^<>]*?\b(?:id|name)\s*=\s*["']([^"']+)["']""", re.I)


@dataclass(frozen=True)
class Link:
    """A link as it is written, the words that carry it, and the line (1-based)."""

    target: str
    words: str
    line: int


@dataclass(frozen=True)
class DeadLink:
    """A link that leads nowhere: `why` is "article", "retired" or "heading"."""

    link: Link
    why: str


def links_of(text: str) -> Iterator[Link]:
    """The Markdown links of a text, pictures left out."""
    for block in _parser().parse(text):
        if block.type != "inline":
            continue
        line = (block.map or [0])[0] + 1
        children = block.children or []
        for place, token in enumerate(children):
            if token.type == "softbreak":
                line += 1
            if token.type != "link_open":
                continue
            words = []
            for inner in children[place + 1 :]:
                if inner.type == "link_close":
                    break
                words.append(inner.content)
            yield Link(str(token.attrs.get("href", "")), "".join(words)[:200], line)


def dead_links(document: Document) -> list[DeadLink]:
    """The published text's links to articles and headings that are not there."""
    assert document.current is not None
    text = document.current.text
    found = []
    for link in dict.fromkeys(links_of(text)):
        why = _why_dead(link, document, text)
        if why:
            found.append(DeadLink(link, why))
    return found


def _why_dead(link: Link, document: Document, text: str) -> str:
    try:
        parts = urlsplit(link.target)
    except ValueError:
        return "article"
    origin = _origin(document.source)
    if (parts.scheme or parts.netloc) and f"{parts.scheme}://{parts.netloc}" != origin:
        return ""  # leads outside
    path = unquote(parts.path)
    if not path:
        return "heading" if parts.fragment and not _has(text, parts.fragment) else ""
    if not _ARTICLE.search(path):
        return ""  # a picture, a download
    if path.startswith("/") and not origin:
        return ""  # a path of the web site that the files came from, which is not known
    target = _named(document, path, origin)
    if target is None:
        return "article"
    if target.state != Document.State.PUBLISHED or target.current is None:
        return "retired"
    fragment = parts.fragment
    return "heading" if fragment and not _has(target.current.text, fragment) else ""


def _origin(source: str) -> str:
    parts = urlsplit(source)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else ""


def _named(document: Document, path: str, origin: str) -> Document | None:
    """The article of the same collection that a path names, seen from this one."""
    here = unquote(urlsplit(document.source).path) if origin else document.source
    whole = path if path.startswith("/") else posixpath.join(posixpath.dirname(here), path)
    whole = posixpath.normpath(whole)
    names = {origin + whole + suffix for suffix in _SUFFIXES}
    if origin:
        names |= {f"{origin}{whole.rstrip('/')}/"}
    names |= {origin + re.sub(r"\.html?$", ".md", whole)}
    articles = Document.objects.filter(collection=document.collection_id).select_related("current")
    found = articles.filter(source__in=names).order_by("state").first()
    if found is None:  # many a web server takes capitals for small letters
        alike = Q(*(Q(source__iexact=name) for name in sorted(names)), _connector=Q.OR)
        found = articles.filter(alike).order_by("state").first()
    return found


def _has(text: str, fragment: str) -> bool:
    fragment = unquote(fragment).casefold()
    # "#tab/name" chooses a tab of a page: no heading
    return fragment.startswith("tab/") or fragment in anchors_of(text)


@lru_cache(maxsize=64)
def anchors_of(text: str) -> frozenset[str]:
    """What `#…` may name in a text: its headings' slugs (as GitHub and Sphinx make them) and ids."""
    found: set[str] = {"top", ""}
    seen: dict[str, int] = {}
    tokens = _parser().parse(text)
    for place, token in enumerate(tokens):
        if token.type != "heading_open":
            continue
        words = _HEADING_MARKS.sub(r"\1", tokens[place + 1].content)
        words = re.sub(r"(?<!\s)\s*\{#[\w-]+\}\s*$", "", words)
        github = re.sub(r"[^\w\- ]", "", words.casefold()).replace(" ", "-")
        again = seen.get(github, 0)
        seen[github] = again + 1
        github = f"{github}-{again}" if again else github
        found |= {github, github.strip("-"), slugify(words[:_LONGEST_SLUG])}
    found |= {(one or other).casefold() for one, other in _ID.findall(text)}
    return frozenset(found)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
