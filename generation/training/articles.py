"""Help articles as training passages: Markdown cleaned of what a reply must never repeat.

The study behind the bundled model found that dirt in the articles comes back in the drafts: "Learn
more in ...", stray bullets, lists cut in the middle. So a section is blocks (paragraphs and whole
lists), code and tables end a passage, and a list goes in whole or not at all.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from generation.prompts import plain_text, sentences

MAX_PASSAGE_WORDS = 170
MIN_PASSAGE_WORDS = 18

# Product names behind include files of the cleared articles; a sentence with another include goes.
_INCLUDES = {
    "prod_short": "Business Central",
    "prod_long": "Business Central",
    "open-search": "Use the search box",
    "winvista": "Windows Vista",
    "winsrv2008": "Windows Server 2008",
    "winsrv2008r2": "Windows Server 2008 R2",
    "winsrv2012": "Windows Server 2012",
    "winsrv2012r2": "Windows Server 2012 R2",
    "winsrv2016": "Windows Server 2016",
    "win7": "Windows 7",
    "win8": "Windows 8",
    "win10": "Windows 10",
    "iis70": "IIS 7.0",
    "iis75": "IIS 7.5",
    "iis80": "IIS 8.0",
    "iis85": "IIS 8.5",
    "iis100": "IIS 10.0",
    "iisver": "IIS",
}
_INCLUDE = re.compile(r"\[!INCLUDE ?\[([^\]]*)\] ?\([^)]*\)\]", re.I)
_MEDIA = re.compile(r":::.*?:::|\[!VIDEO[^\]]*\]", re.S)
_ADMONITION = re.compile(r"^\s*>\s*\[!\w+!?\]\s*", re.M)
_ITEM = re.compile(r"^\s*(?:\d+[.)]|[-*+])\s+")
_NUMBERED = re.compile(r"^\d+[.)]\s")
_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*#*\s*$")
_POINTER = re.compile(
    r"\b(?:learn more|see also|for more information|for more details|more information about|"
    r"for details, see|for an example, see|this (?:article|topic|section|page|document|tutorial)|"
    r"the following (?:table|figure|image|screenshot|illustration|example|code|diagram|video)|"
    r"(?:following|preceding) (?:table|code)|screenshot|click to expand|go to \[|refer to the)\b",
    re.I,
)
_HEADINGS_WITHOUT_ANSWER = re.compile(
    r"^(?:see also|related|next steps?|syntax|parameters?|return values?|remarks|examples?|"
    r"requirements|sample code|c#|vb|javascript|appcmd|inheritance|properties|methods|attributes|"
    r"child elements|subclasses|concepts|other resources|reference|configuration|in this|"
    r"\[?!include|table of|contents)",
    re.I,
)
_NO_TOPIC = re.compile(
    r"^(?:(?:step|part|task|option|method|phase) ?\d*|resolution|cause|overview|summary|notes?|"
    r"introduction|prerequisites|setup|details|more information|workaround|symptoms?|tips?|"
    r"before you (?:begin|start)|important|description|how to|what's next)\W*$",
    re.I,
)


@dataclass(frozen=True)
class Block:
    """A paragraph (one line) or a whole list (one line an item)."""

    kind: str  # "paragraph", "steps" or "bullets"
    text: str

    @property
    def words(self) -> int:
        return len(self.text.split())


@dataclass(frozen=True)
class Section:
    """One section of an article, cleaned: ``document`` groups sections for the split."""

    document: str
    title: str
    headings: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def topic(self) -> str:
        names = (self.title, *(h for h in self.headings if not _NO_TOPIC.match(h)))
        return names[-1]

    @property
    def text(self) -> str:
        return "\n".join(block.text for block in self.blocks)


def read_articles(folder: Path) -> Iterator[Section]:
    """Sections of all Markdown files under ``folder``, in path order; unreadable files raise."""
    for path in sorted(folder.rglob("*.md")):
        if path.name.lower() in {"readme.md", "toc.md", "license.md", "template.md"}:
            continue
        name = path.relative_to(folder).as_posix()
        yield from article_sections(path.read_text(encoding="utf-8", errors="replace"), name)


def article_sections(markdown: str, document: str) -> Iterator[Section]:
    """Usable sections of one article."""
    title, body = _front_matter(markdown.lstrip("\ufeff"))
    stack: list[tuple[int, str]] = []
    lines: list[str] = []
    for line in [*body.split("\n"), "# "]:
        heading = _HEADING.match(line) or (line == "# " and re.match(r"(#)( )", line))
        if not heading:
            lines.append(line)
            continue
        blocks = _blocks("\n".join(lines))
        names = tuple(name for _, name in stack)
        if title and usable(blocks) and not (names and _HEADINGS_WITHOUT_ANSWER.match(names[-1])):
            yield Section(document, title, names, tuple(blocks))
        lines = []
        level, name = len(heading[1]), clean_line(heading[2])
        if level == 1:
            title, stack = title or name, []
        else:
            stack = [entry for entry in stack if entry[0] < level] + [(level, name)]


def usable(blocks: list[Block]) -> bool:
    words = sum(block.words for block in blocks)
    return bool(blocks) and words >= MIN_PASSAGE_WORDS


def clean_line(text: str) -> str:
    """A title or heading in plain words."""
    text = _INCLUDE.sub(lambda m: _INCLUDES.get(m[1].lower(), ""), html.unescape(text))
    return " ".join(re.sub(r"[<>{}#|]", "", plain_text(text)).split())


def _front_matter(markdown: str) -> tuple[str, str]:
    match = re.match(r"---\s*\n(.*?)\n---\s*\n", markdown, re.S)
    if not match:
        return "", markdown
    title = re.search(r"^title:\s*(.+?)\s*$", match[1], re.M)
    name = title[1].strip("\"'") if title else ""
    name = re.split(r"\s+\|\s+", name)[0]
    return clean_line(name), markdown[match.end() :]


def _blocks(markdown: str) -> list[Block]:
    text = html.unescape(_MEDIA.sub("", re.sub(r"<!--.*?(?:-->|$)", "", markdown, flags=re.S)))
    text = _INCLUDE.sub(lambda m: _INCLUDES.get(m[1].lower(), "\ufffd"), text)
    text = _ADMONITION.sub("> ", text)
    blocks: list[Block] = []
    size = 0
    for raw in _raw_blocks(text):
        if raw is None:  # code or a table: what follows can't be read without it
            if blocks and blocks[-1].text.endswith(":"):
                blocks.pop()
            break
        block = _clean_block(raw)
        if block is None:
            continue
        if size + block.words > MAX_PASSAGE_WORDS:
            break
        blocks.append(block)
        size += block.words
    if blocks and blocks[-1].text.endswith(":"):
        blocks.pop()
    return blocks


def _raw_blocks(text: str) -> Iterator[list[str] | None]:
    """Lists of lines: a paragraph, or the items of a list; None for code and tables."""
    current: list[str] = []
    is_list = blank = False
    for line in text.split("\n"):
        bare = re.sub(r"^\s*(?:>\s?)+", "", line)
        if bare.lstrip().startswith(("```", "~~~", "|", "<table", "<pre")) or (
            line.startswith("    ") and not is_list and line.strip()
        ):
            if current:
                yield current
            yield None
            return
        if not bare.strip():
            blank = True
            if current and not is_list:
                yield current
                current = []
            continue
        item = bool(_ITEM.match(bare))
        if item and is_list:
            current.append(bare)
        elif item:
            if current:
                yield current
            current, is_list = [bare], True
        elif is_list and (not blank or line.startswith(("  ", "\t"))):
            current[-1] += " " + bare.strip()
        elif is_list:
            yield current
            current, is_list = [bare], False
        else:
            current.append(bare)
        blank = False
    if current:
        yield current


def _clean_block(lines: list[str]) -> Block | None:
    if _ITEM.match(lines[0]):
        items = []
        for line in lines:
            text = " ".join(plain_text(line).split())
            if "\ufffd" in text or "](" in text:
                return None
            marker = "" if _NUMBERED.match(text) else "- "
            body = re.sub(r"^(?:\d+[.)]|-)\s*", "", text)
            kept = [s for s in sentences(body) if not _POINTER.search(s)]
            if not kept:
                if marker:
                    continue
                return None  # a step can't be left out: the rest would be half the way
            number = re.match(r"^(\d+)[.)]", text)
            items.append((f"{number[1]}. " if number else marker) + " ".join(kept))
        numbered = bool(items) and all(_NUMBERED.match(item) for item in items)
        if not items or (not numbered and any(_NUMBERED.match(item) for item in items)):
            return None
        if numbered and len(items) > 1:
            items = [f"{n}. {_NUMBERED.sub('', item)}" for n, item in enumerate(items, start=1)]
        return Block("steps" if numbered else "bullets", "\n".join(items))
    text = " ".join(plain_text("\n".join(lines)).split())
    kept = [
        s
        for s in sentences(text)
        if not _POINTER.search(s) and "\ufffd" not in s and "](" not in s and s[-1] in ".!?:)\""
    ]
    return Block("paragraph", " ".join(kept)) if kept else None
