"""What a question's row says is right: articles by their path, sections by their heading, key facts. Pure.

A row's `gold` holds `{"path", "sections": [heading, ...], "need": 1}` (any of them is right; where a
question has several needs, each is answered by its own), or sources as `evaluate retrieval` reads them.
The heading "" is the text before the first one, and so is the article's own title.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, Literal

Row = dict[str, Any]
Kind = Literal["md", "rst", "adoc"]

_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n.*?\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_MARKED = {
    "md": re.compile(r" {0,3}(#{1,6})[ \t]+(.*)$"),
    "adoc": re.compile(r"(={1,6})[ \t]+(.*)$"),
}
_UNDERLINE = {
    "md": re.compile(r"([=-])\1{2,}[ \t]*$"),
    "rst": re.compile(r"""([=\-~^"'`#*+.:_<>])\1{2,}[ \t]*$"""),
}
_NO_WORDS = re.compile(
    r":[a-z][\w:.+-]*:(?=`)"  # a role of reStructuredText
    r"|\]\([^)]*\)|<[^<>]*>|\{\{.*?\}\}|\{[^{}]*\}|[ \t]+#+[ \t]*$",
    re.IGNORECASE,
)


class BadGold(ValueError):
    """A row whose `gold` can't be read: which one and why."""


@dataclass(frozen=True)
class Gold:
    """An article that answers, and the headings of the sections that do; none where any does."""

    path: str
    sections: tuple[str, ...] = ()
    need: int = 1

    def is_section(self, source: str, title: str, heading_path: Sequence[str]) -> bool:
        """Whether a passage under these headings of this article belongs to one of the sections, or
        stands under a heading below one. The title's own section is what stands under no other."""
        if source != self.path:
            return False
        top = {"", heading_key(title)}
        path = [key for key in map(heading_key, heading_path) if key not in top]
        wanted = {heading_key(one) for one in self.sections}
        if not wanted:
            return True
        return bool(wanted & set(path)) or (not path and bool(wanted & top))


def gold_of(row: Row) -> list[Gold]:
    """The row's right answers. Raises BadGold."""
    found = []
    for one in row.get("gold") or []:
        if isinstance(one, str):
            found.append(Gold(one))
        elif isinstance(one, dict) and isinstance(one.get("path"), str):
            sections = tuple(str(name) for name in one.get("sections") or [])
            found.append(Gold(one["path"], sections, int(one.get("need") or 1)))
        else:
            raise BadGold(f"{row.get('id')}, field gold: a path with its sections is needed")
    return found


def facts_of_row(row: Row) -> list[str]:
    """What a good reply must state."""
    return [str(fact) for fact in row.get("key_facts") or row.get("facts") or []]


def heading_key(heading: str) -> str:
    """A heading's words alone, by which two spellings of it are the same: no marks, roles, anchors,
    addresses or case."""
    words = _NO_WORDS.sub(" ", heading).replace("_", "").casefold()
    return " ".join(re.findall(r"\w+", words))


def kind_of(path: str) -> Kind | None:
    """How an article's raw text marks its headings; None where only the program's reader can tell."""
    suffix = PurePosixPath(path).suffix.lower()
    kinds: dict[str, Kind] = {
        ".md": "md", ".mdx": "md", ".markdown": "md", ".txt": "md", ".rst": "rst", ".adoc": "adoc",
        ".asciidoc": "adoc",
    }  # fmt: skip
    return kinds.get(suffix)


def section_text(text: str, heading: str, *, kind: Kind = "md") -> str | None:
    """The article's text under a heading, up to the next one of its level or above; under the first
    heading of all, or "", up to the next one. Each time where the heading stands more than once. None
    where no such heading stands in it."""
    text = _FRONT_MATTER.sub("", text.replace("\r\n", "\n"))
    places = list(_headings(text, kind))
    wanted = heading_key(heading)
    if not wanted:
        return text[: places[0].start if places else len(text)].strip()
    found = []
    for at, place in enumerate(places):
        if heading_key(place.words) == wanted:
            is_title = at == 0 and all(other.level > place.level for other in places[1:])
            ends = [one.start for one in places[at + 1 :] if is_title or one.level <= place.level]
            found.append(text[place.start : ends[0] if ends else len(text)].strip())
    return "\n\n".join(found) if found else None


@dataclass(frozen=True)
class _Heading:
    start: int
    level: int
    words: str


def _headings(text: str, kind: Kind) -> Iterator[_Heading]:
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    styles: list[tuple[str, bool]] = []
    fence = ""
    for at, (line, below) in enumerate(pairwise([*lines, ""])):
        mark = _FENCE.match(line) if kind == "md" else None
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
            continue
        if mark:
            fence = mark[1]
            continue
        if kind in _MARKED and (found := _MARKED[kind].match(line)):
            yield _Heading(starts[at], len(found[1]), found[2])
        elif kind in _UNDERLINE and (under := _UNDERLINE[kind].match(below)):
            words = line.strip()
            if not words or _UNDERLINE[kind].match(line) or len(below.strip()) < min(4, len(words)):
                continue
            over = kind == "rst" and at > 0 and lines[at - 1].strip() == below.strip()
            if kind == "md":
                if line[0].isspace() or (at and lines[at - 1].strip()):
                    continue  # a list or a paragraph over a rule
                yield _Heading(starts[at], 1 if under[1] == "=" else 2, words)
            elif over or not line[0].isspace():
                style = (under[1], over)
                if style not in styles:
                    styles.append(style)
                yield _Heading(starts[at - over], styles.index(style) + 1, words)
