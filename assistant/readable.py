"""What a message says, where a program sent it as HTML: the words, without markup, styles and pixels.

The message itself is kept as it came. `readable` is for what people and models read; plain text comes back
unchanged. The HTML is read by nh3 (ammonia), whose output has only the few tags that are named here, so
that what is left can be read line by line.
"""

from __future__ import annotations

import html
import re

import nh3

_BLOCKS = {"p", "div", "li", "ul", "ol", "tr", "table", "h1", "h2", "h3", "h4", "h5", "h6", "pre"}
_TAGS = _BLOCKS | {"br", "td", "th", "blockquote", "a", "hr", "span"}
_EMPTY = {"br", "hr"}
_DROPPED = {"script", "style", "title", "template", "noscript", "iframe", "object", "svg", "math"}
_NAMES = (
    "a|abbr|b|blockquote|body|br|center|code|div|em|font|h[1-6]|head|hr|html|i|img|li|link|meta|o:p|ol|p|pre|"
    "small|span|strike|strong|style|sub|sup|table|tbody|td|tfoot|th|thead|title|tr|u|ul"
)
_TAG = re.compile(rf"</?(?:{_NAMES})(?:\s[^<>]{{0,2000}})?/?>|<!doctype html|<!--", re.I)
_BEGINS = re.compile(rf"\s*(?:<\?xml|<!doctype html|<(?:html|head|body|{_NAMES})[\s>/])", re.I)
_GLUED = re.compile(r"(?:\S<br ?/?>|<br ?/?>\S)", re.I)
_CLOSES = re.compile(
    rf"\w[^\w<>\s]{{0,3}}</(?:{_NAMES})>", re.I
)  # behind words: markup, not a mention
_LAID_OUT = re.compile(
    r"<(?:html|body|p|div|table|td|ul|ol|h[1-6])[\s>]", re.I
)  # line ends mean nothing
_MOST_TAGS = 5_000
_MARKS = re.compile(r"[\x01\x02]")  # used below, so that no text may hold one
_TOKEN = re.compile(r"<(/?)([a-z0-9]+)((?:[^>\"]|\"[^\"]*\")*)>")
# what no mail program shows: preview lines of newsletters, words for machines only
_HIDDEN = re.compile(
    r"\shidden(?:[\s=]|$)|\sstyle=\"[^\"]*?(?:display\s*:\s*none|visibility\s*:\s*hidden"
    r"|font-size\s*:\s*0(?:px|pt|em|%)?\s*(?:[;!\"])|mso-hide\s*:\s*all)",
    re.I,
)
_HREF = re.compile(r'href="([^"]*)"')


def readable(text: str) -> str:
    """The text of a message for reading: of HTML its words, links with their address beside them."""
    if "<" not in text or not _is_html(text):
        return text
    if len(_TAG.findall(text)) > _MOST_TAGS:  # nested so deep it is no mail of anybody's
        return _tidy(_TAG.sub("\n", text))
    clean = nh3.clean(
        re.sub(r"\s+", " ", text if _LAID_OUT.search(text) else text.replace("\n", "<br>")),
        tags=_TAGS,
        clean_content_tags=_DROPPED,
        attributes={"a": {"href"}, "*": {"style", "hidden"}},
        url_schemes={"http", "https", "mailto", "tel"},
        link_rel=None,
        strip_comments=True,
    )
    clean = _MARKS.sub("", clean)
    return _tidy(_lines(clean)) or _tidy(_lines(clean, hidden_too=True))


def _is_html(text: str) -> bool:
    """Whether somebody's mail program wrote the tags: not a person who asks about one."""
    if "`" in text and not _BEGINS.match(text):
        return False
    tags = len(_TAG.findall(text[:20_000]))
    return bool(
        (_BEGINS.match(text) and tags)
        or (tags >= 2 and (_CLOSES.search(text) or _GLUED.search(text)))
        or (tags == 1 and _GLUED.search(text) and not re.search(r"[\"'(]<br", text, re.I))
        or re.search(r"<(?:img|style|script|iframe)\s[^<>]{0,2000}>|<style>|<script>", text, re.I)
    )


def _lines(clean: str, *, hidden_too: bool = False) -> str:
    made: list[str] = []
    links: list[str] = []
    quoted = 0
    at = 0
    unseen = 0  # how many open elements lie in one that is not shown, itself counted
    for token in _TOKEN.finditer(clean):
        if not unseen:
            made.append(html.unescape(clean[at : token.start()]))
        at = token.end()
        closing, name = bool(token[1]), token[2]
        if unseen or (not closing and not hidden_too and _HIDDEN.search(token[3])):
            if name not in _EMPTY:
                unseen += -1 if closing else 1
            continue
        if name == "a":
            if not closing:
                found = _HREF.search(token[3])
                links.append(html.unescape(found[1]) if found else "")
                made.append("\x02")
            elif links:
                made.append(_address(made, links.pop()))
        elif name == "blockquote":
            quoted = max(0, quoted - 1 if closing else quoted + 1)
            made.append(f"\n\x01{min(quoted, 9)}\n")
        elif name == "li":
            made.append("\n" if closing else "\n- ")
        elif name == "span":
            continue
        elif name in {"td", "th"}:
            made.append(" ")
        elif name in {"p", "h1", "h2", "h3", "h4", "h5", "h6", "table"}:
            made.append("\n\n")
        else:
            made.append("\n")
    made.append(html.unescape(clean[at:]))
    return "".join(made)


def _address(made: list[str], href: str) -> str:
    """The link's address, unless its words are the address; marks where the words began."""
    begin = len(made) - 1 - made[::-1].index("\x02")
    words = "".join(made[begin + 1 :]).strip()
    made[begin] = ""
    shown = href.removeprefix("mailto:").removeprefix("tel:")
    plain = re.sub(r"^https?://|/$", "", shown)
    return "" if not shown or plain in words or not words else f" ({shown})"


def _tidy(text: str) -> str:
    """Lines without stray blanks, at most one empty line in a row, quoted ones marked with `>`."""
    kept: list[str] = []
    depth = 0
    for line in text.replace("\x02", "").split("\n"):
        if line.startswith("\x01"):
            depth = int(line[1])
            continue
        line = " ".join(line.replace("\u00a0", " ").split())
        if line or (kept and kept[-1].strip("> ")):
            kept.append(f"{'>' * depth} {line}".rstrip() if depth else line)
    return "\n".join(kept).strip()
