"""What an article is called: by its own first heading, else by its file. Pure."""

from __future__ import annotations

import html
import re
from pathlib import Path

_LONGEST = 2_000  # characters of a line that may be a title
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_HEADING = re.compile(r" {0,3}#[ \t]+(.+?)[ \t]*#*[ \t]*$")
_ANY_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$")
_UNDERLINE = re.compile(r" {0,3}=+[ \t]*$")
# lines that show no words: pictures, badges, HTML around them
_NO_WORDS = re.compile(
    r"(?:\[?!\[[^\]\n]*\]\([^)\n]*\)(?:\]\([^)\n]*\))?|<[^<>\n]*>|\{:?[^{}\n]*\}|[-*_ \t]|&nbsp;)*$"
)
_PICTURE = re.compile(r"!\[[^\]]*\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]*)\](?:\([^)]*\)|\[[^\]]*\])")
_ANCHOR = re.compile(r"[ \t]*\{[#:.][^{}]*\}[ \t]*$")
_TAG = re.compile(
    r"</?(?:a|b|i|em|strong|code|span|br|img|sup|sub|small|kbd|mark|u|font)\b[^<>]*>", re.I
)
_MARKS = re.compile(r"[*`]+|(?<!\w)_+|_+(?!\w)")
_MADE_UP = re.compile(
    r"\(?(?:anonymous|untitled|unspecified|no title|title|none|unknown)\)?[\s-]*\d*"
    r"|(?:microsoft|powerpoint|openoffice|libreoffice)\b.*|(?:document|presentation|book|slide)\s?\d*"
    r"|.*\.(?:docx?|odt|rtf|pages|indd|tex|dvi|pptx?|xlsx?|pdf|qxd|pub|tmp|html?|md|txt)"
    r"|[\W\d_]+|[0-9a-f-]{16,}",
    re.IGNORECASE,
)
_GENERIC = {"index", "_index", "readme", "_readme", "home", "default"}
_DATE = re.compile(r"\A\d{4}-\d{1,2}-\d{1,2}-(?=\S)")
_ORDER = re.compile(r"\A0\d{1,2}[-_. ]+(?=\S)")


def first_heading(markdown: str) -> str:
    """The heading of the first level that stands before any other words; "" where none does."""
    before = ""
    for line in markdown.split("\n"):
        if before:
            return plain(before) if _UNDERLINE.match(line) and line.strip() else ""
        line = line[:_LONGEST]
        if not line.strip() or _NO_WORDS.match(line):
            continue
        if found := _HEADING.match(line):
            return plain(found[1])
        if _FENCE.match(line) or _ANY_HEADING.match(line) or line.startswith(("    ", "\t")):
            return ""
        before = line
    return ""


def plain(words: str) -> str:
    """A heading's words on one line, without marks, anchors and pictures."""
    words = words[:_LONGEST]
    words = _LINK.sub(r"\1", _PICTURE.sub("", _ANCHOR.sub("", words)))
    words = html.unescape(_MARKS.sub("", _TAG.sub("", words)))
    words = re.sub(r"\\([\\`*_{}\[\]()#+.!|>~-])", r"\1", words)
    return " ".join(words.replace("\xad", "").split())


def sane(metadata: str) -> str:
    """A title from a file's properties, unless a program made it up."""
    words = plain(metadata.replace("\x00", ""))
    return "" if _MADE_UP.fullmatch(words) or len(words) < 2 else words


def from_file(path: Path) -> str:
    """The file's name as words; for an index page its folder's."""
    stem = path.stem
    if stem.lower() in _GENERIC and path.parent.name not in {"", ".", ".."}:
        stem = path.parent.name
    stem = _ORDER.sub("", _DATE.sub("", stem, count=1), count=1)
    return " ".join(re.sub(r"[-_]+", " ", stem).split()) or path.name
