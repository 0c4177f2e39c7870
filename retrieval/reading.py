"""Show an article's text to a reader: Markdown made safe, and a cited span marked exactly."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

TAGS = {
    "a", "b", "blockquote", "br", "code", "del", "details", "em", "h2", "h3", "h4", "h5", "h6", "hr",
    "i", "kbd", "li", "mark", "ol", "p", "pre", "s", "span", "strong", "sub", "summary", "sup", "table",
    "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
# only HTML's own names are markup: <API_KEY> and <Enter> are words
_HTML_NAMES = TAGS | {
    "abbr", "address", "article", "aside", "audio", "base", "big", "body", "button", "canvas", "caption",
    "center", "cite", "col", "colgroup", "dd", "dfn", "div", "dl", "dt", "embed", "fieldset", "figcaption",
    "figure", "font", "footer", "form", "frame", "h1", "head", "header", "html", "iframe", "img", "input",
    "ins", "label", "legend", "link", "main", "map", "math", "meta", "nav", "noscript", "object", "option",
    "param", "picture", "q", "samp", "script", "section", "select", "small", "source", "strike", "style",
    "svg", "template", "textarea", "tfoot", "title", "tt", "var", "video", "wbr",
}  # fmt: skip
_TAG = re.compile(r"<(?=/?([a-zA-Z][\w.:-]{0,60}))")
_MARKS = re.compile(r"\*\*|`|^#{1,6} ", re.M)
ATTRIBUTES = {"a": {"href", "title"}, "ol": {"start"}, "span": {"class"}}


class NoSuchSpan(ValueError):
    """The cited characters are not in this text."""


@dataclass(frozen=True)
class Cited:
    """A text around a cited span: HTML before, the blocks that hold the span as they are written
    (`lead + quote + tail`), HTML after."""

    before: SafeString
    lead: str
    quote: str
    tail: str
    after: SafeString


def plain(text: str) -> str:
    """A passage without the marks of Markdown that only disturb the reading: bold, code, headings."""
    return _MARKS.sub("", text)


def render(text: str, *, title: str = "") -> SafeString:
    """The Markdown text as safe HTML; a first heading that repeats `title` is left out."""
    environment, tokens = _parse(text, title)
    return _html(tokens, environment)


def render_cited(text: str, start: int, end: int, *, title: str = "") -> Cited:
    """The text with `text[start:end]` apart. Raises `NoSuchSpan`."""
    if not 0 <= start < end <= len(text):
        raise NoSuchSpan(f"characters {start} to {end} of {len(text)}")
    environment, tokens = _parse(text, title)
    line_starts = [0]
    for line in text.split("\n"):
        line_starts.append(min(line_starts[-1] + len(line) + 1, len(text)))
    before: list[Token] = []
    after: list[Token] = []
    first, last = start, end
    for block in _blocks(tokens):
        lines = block[0].map or [0, 0]
        block_start = line_starts[min(lines[0], len(line_starts) - 1)]
        block_end = line_starts[min(lines[1], len(line_starts) - 1)]
        if block_end <= start:
            before += block
        elif block_start >= end:
            after += block
        else:
            first, last = min(first, block_start), max(last, block_end)
    return Cited(
        before=_html(before, environment),
        lead=text[first:start],
        quote=text[start:end],
        tail=text[end:last].rstrip("\n"),
        after=_html(after, environment),
    )


def _parse(text: str, title: str) -> tuple[dict[str, Any], list[Token]]:
    environment: dict[str, Any] = {}
    tokens = _without_title(_parser().parse(text, environment), title)
    levels = [int(token.tag[1]) for token in tokens if token.type == "heading_open"]
    environment["shift"] = 2 - min(levels, default=1)
    return environment, tokens


def _blocks(tokens: Sequence[Token]) -> list[list[Token]]:
    """Top-level blocks, each with all its tokens."""
    found: list[list[Token]] = []
    depth = 0
    for token in tokens:
        if depth == 0:
            found.append([])
        found[-1].append(token)
        depth += token.nesting
    return found


def _without_title(tokens: list[Token], title: str) -> list[Token]:
    block = next(iter(_blocks(tokens)), [])
    heading = block[1].content if len(block) > 1 and block[0].type == "heading_open" else ""
    repeats = " ".join(heading.split()).casefold() == title.casefold()
    return tokens[len(block) :] if heading and repeats else tokens


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    # linkify stays off: a bare address in an article is not ours to make clickable
    # HTML goes through, and what is dangerous of it is cut by `_html`
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.add_render_rule("html_inline", _raw_html)
    parser.add_render_rule("html_block", _raw_html)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("heading_open", _heading)
    parser.add_render_rule("heading_close", _heading)
    return parser


def _html(tokens: Sequence[Token], environment: dict[str, Any]) -> SafeString:
    parser = _parser()
    raw = parser.renderer.render(tokens, parser.options, environment)
    clean = nh3.clean(
        raw,
        tags=TAGS,
        attributes=ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308  (nh3 has just cleaned it)


def _attribute(tag: str, name: str, value: str) -> str | None:
    """Links lead outside or nowhere: a path between files means nothing in the console."""
    if name == "href" and not value.lower().startswith(("https://", "http://", "mailto:")):
        return None
    if name == "class" and value != "image":
        return None
    return value


def _image(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: Any
) -> str:
    words = self.renderInlineAsText(tokens[index].children or [], options, environment)
    return f'<span class="image">[image{": " + str(escape(words)) if words else ""}]</span>'


def _raw_html(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: Any
) -> str:
    return _TAG.sub(
        lambda found: "<" if found[1].lower() in _HTML_NAMES else "&lt;", tokens[index].content
    )


def _heading(
    self: RendererHTML, tokens: Sequence[Token], index: int, options: Any, environment: Any
) -> str:
    """The page's own heading is the article's title, so the text's highest ones come next."""
    token = tokens[index]
    level = min(int(token.tag[1]) + environment.get("shift", 1), 6)
    return f"<{'/' if token.nesting < 0 else ''}h{level}>" + ("\n" if token.nesting < 0 else "")
