"""Read AsciiDoc as Markdown: plainly, with Asciidoctor's names. Pure.

Headings, lists, code, tables, notes, links and the macros of keys, menus and buttons are read;
comments, conditions' marks, includes and pictures are dropped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

_ATTRIBUTE = re.compile(r":(!?[\w][\w-]*!?):(?:[ \t]+(.*))?$")
_HEADING = re.compile(r"(={1,6}|#{1,6})[ \t]+(\S.*?)(?:[ \t]+=+)?[ \t]*$")
_BLOCK_ATTRIBUTES = re.compile(
    r"\[([^\[\]\n]*(?:\[[^\]\n]*\])?[^\[\]\n]*)\][ \t]*$|\[\[[^\]\n]+\]\][ \t]*$"
)
_TITLE = re.compile(r"\.([^\s.].*)$")
_FENCE = re.compile(r"(-{4,}|\.{4,}|`{3,}\w*|\+{4,})[ \t]*$")
_DELIMITER = re.compile(r"(={4,}|\*{4,}|_{4,}|--)[ \t]*$")
_TABLE = re.compile(r"([|,:!]={3,})[ \t]*$")
_LIST = re.compile(
    r"[ \t]*(?:(?P<stars>\*{1,5}|-)|(?P<dots>\.{1,5}|\d+\.)|<(?:\d+|\.)>)[ \t]+(?P<words>\S.*)$"
)
_TERM = re.compile(r"[ \t]*(?P<term>\S.*?)(?:::+|;;)(?:[ \t]+(?P<words>\S.*))?$")
_NOTE = re.compile(r"(NOTE|TIP|IMPORTANT|WARNING|CAUTION):[ \t]+(.*)$")
_MACRO_LINE = re.compile(
    r"(?:image|video|audio|toc|include|ifdef|ifndef|ifeval|endif)::[^\[\n]*\[.*\][ \t]*$"
)
_KINDS = {"NOTE", "TIP", "IMPORTANT", "WARNING", "CAUTION"}
_INLINE = [
    (re.compile(r"(?:link|mailto):(?P<t>[^\s\[]{1,500})\[(?P<w>[^\]\n]*)\]"), "link"),
    (re.compile(r"(?P<t>https?://[^\s\[\]<>]{1,500})\[(?P<w>[^\]\n]*)\]"), "link"),
    (re.compile(r"xref:(?P<t>[^\s\[]{1,500})\[(?P<w>[^\]\n]*)\]"), "words"),
    (re.compile(r"<<(?P<t>[^,>\n]{1,300})(?:,[ \t]*(?P<w>[^>\n]{0,300}))?>>"), "words"),
    (re.compile(r"(?:kbd|btn):\[(?P<w>[^\]\n]*)\]"), "bold"),
    (re.compile(r"menu:(?P<t>[^\[\n]{1,100})\[(?P<w>[^\]\n]*)\]"), "menu"),
    (re.compile(r"footnote:\w*\[(?P<w>[^\]\n]*)\]"), "brackets"),
    (re.compile(r"(?:image|icon|indexterm2?|anchor|pass|stem):{1,2}[^\s\[]{0,300}\[[^\]\n]*\]"), "gone"),
    (re.compile(r"\(\(\([^)\n]*\)\)\)|\[\[[^\]\n]+\]\]|\[#[\w.-]+\]"), "gone"),
]  # fmt: skip
_CODE = re.compile(r"`\+?([^`\n]+?)\+?`")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])|\*\*([^*\n]+?)\*\*")
_ITALIC = re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])|__([^_\n]+?)__")
_SUPER = re.compile(r"(?<=[\w)])\^(\S{1,10}?)\^")
_REFERENCE = re.compile(r"\{([\w][\w-]*)\}")
_ROLE = re.compile(r"\[\.?(?P<role>[\w.-]+)\]#(?P<w>[^#\n]+)#")


@dataclass(frozen=True)
class Read:
    """A document's title, its text as Markdown, and its header's attributes (`:draft: true`)."""

    title: str
    text: str
    fields: Mapping[str, Any] = field(default_factory=dict)


def read_asciidoc(source: str) -> Read:
    """The document. What is not known stays as it is."""
    reader = _Reader(source.split("\n"))
    lines = reader.block(0)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return Read(reader.title, text, reader.attributes)


class _Reader:
    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.place = 0
        self.attributes: dict[str, str] = {}
        self.title = ""
        self.numbers: dict[int, int] = {}  # of the lists that are open, by their depth

    def block(self, depth: int, until: str = "") -> list[str]:
        """The lines as Markdown up to the delimiter `until`, or the end."""
        out: list[str] = []
        label, language = "", ""
        while self.place < len(self.lines):
            line = self.lines[self.place].rstrip()
            self.place += 1
            if until and line == until:
                break
            if line.startswith("////") and not line.strip("/"):
                self._skip_to(line)
            elif line.startswith("//"):
                continue
            elif found := _ATTRIBUTE.match(line):
                self.attributes[found[1].lower()] = self._substituted(found[2] or "")
            elif _MACRO_LINE.match(line):
                continue
            elif fence := _FENCE.match(line):
                out += self._code(fence[1], language)
                language = ""
            elif (delimiter := _DELIMITER.match(line)) and depth < 20:
                inner = self.block(depth + 1, delimiter[1])
                out += ["", *_labelled(label, inner), ""]
                label = ""
            elif table := _TABLE.match(line):
                out += ["", *self._table(table[1]), ""]
            elif attributes := _BLOCK_ATTRIBUTES.match(line):
                label, language = _attributes(attributes[1] or "", label, language)
            elif found := _HEADING.match(line):
                out += ["", *self._heading(found), ""]
            elif (found := _TITLE.match(line)) and not line.startswith(".."):
                out += ["", f"**{self._inline(found[1])}**", ""]
            else:
                if out[-1:] == [""] and line and not _LIST.match(line):
                    self.numbers = {}  # a paragraph ends the list
                out += _labelled(label, [self._line(line)]) if line else [""]
                label = "" if line else label
        return out

    def _skip_to(self, delimiter: str) -> None:
        while self.place < len(self.lines):
            self.place += 1
            if self.lines[self.place - 1].rstrip() == delimiter:
                return

    def _code(self, fence: str, language: str) -> list[str]:
        end = "```" if fence.startswith("```") else fence
        language = fence[3:] if fence.startswith("```") else language
        if fence.startswith("+"):
            self._skip_to(end)  # passed through: raw HTML
            return []
        body = []
        while self.place < len(self.lines):
            line = self.lines[self.place].rstrip()
            self.place += 1
            if line == end:
                break
            body.append(re.sub(r"[ \t]*<(?:\d+|\.)>$", "", line))
        return ["", f"```{language}", *body, "```", ""]

    def _heading(self, found: re.Match[str]) -> list[str]:
        words = self._inline(found[2])
        self.numbers = {}
        level = len(found[1])
        if level == 1 and not self.title:
            self.title = words
            while self.place < len(self.lines) and (
                re.match(r"[^:\s/\[].*<\S+@\S+>$|v\d[\w.,: -]*$", self.lines[self.place])
            ):
                self.place += 1  # author and revision lines
        return [f"{'#' * level} {words}"]

    def _line(self, line: str) -> str:
        if line == "+":
            return ""
        if found := _NOTE.match(line):
            return f"**{found[1].capitalize()}:** {self._inline(found[2])}"
        if found := _LIST.match(line):
            stars, dots = found["stars"], found["dots"]
            marker = "-" if stars else "1."
            deep = len(stars or dots or ".") - 1 if not (dots or "").endswith(("0.", "1.")) else 0
            words = re.sub(r"^\[[ *x]\][ \t]+", "", found["words"])
            self.numbers = {at: number for at, number in self.numbers.items() if at <= deep}
            if not stars:
                self.numbers[deep] = self.numbers.get(deep, 0) + 1
                marker = f"{self.numbers[deep]}."
            return f"{'   ' * max(0, deep)}{marker} {self._inline(words)}"
        if (found := _TERM.match(line)) and "://" not in found["term"][-8:]:
            words = self._inline(found["words"] or "")
            return f"**{self._inline(found['term'])}:** {words}".rstrip()
        return self._inline(line[:-2] + "  " if line.endswith(" +") else line)

    def _table(self, delimiter: str) -> list[str]:
        rows: list[list[str]] = []
        width = 0
        started = False
        while self.place < len(self.lines):
            line = self.lines[self.place].rstrip()
            self.place += 1
            if line == delimiter:
                break
            if not line:
                continue
            if delimiter.startswith(","):
                cells = line.split(",")
            else:
                cells = re.split(
                    r"[ \t]*(?:\d*(?:\.\d+)?[+*])?[<^>.]{0,3}[adehlmsv]?(?<!\\)\|", line
                )
                head, cells = cells[0], cells[1:]
                if head.strip() and rows and rows[-1]:
                    rows[-1][-1] += f" {head.strip()}"
            if not cells:
                continue
            if not started or (width > 1 and len(cells) == width):
                rows.append(cells)
                width = max(width, len(cells))
                started = True
            elif width and len(rows[-1]) + len(cells) <= width:
                rows[-1] += cells
            else:
                rows.append(cells)
        if not rows:
            return []
        written = [[self._inline(cell.strip()).replace("|", "\\|") for cell in row] for row in rows]
        width = max(len(row) for row in written)
        padded = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in written]
        return [padded[0], f"|{' --- |' * width}", *padded[1:]]

    def _inline(self, words: str) -> str:
        """One line's marks; code is left as it is typed."""
        pieces: list[str] = []
        place = 0
        for code in _CODE.finditer(words):
            pieces += [self._marks(words[place : code.start()]), f"`{code[1]}`"]
            place = code.end()
        return "".join([*pieces, self._marks(words[place:])])

    def _marks(self, words: str) -> str:
        words = self._substituted(words)
        for pattern, kind in _INLINE:
            words = pattern.sub(partial(_macro, kind=kind), words)
        words = _ROLE.sub(
            lambda found: "" if "line-through" in found["role"] else found["w"], words
        )
        words = _ITALIC.sub(lambda found: f"*{found[1] or found[2]}*", _BOLD.sub(_bold, words))
        words = words.replace("\x00", "**")
        return _SUPER.sub(r"^\1", words)

    def _substituted(self, words: str) -> str:
        return _REFERENCE.sub(
            lambda found: {
                "nbsp": " ",
                "zwsp": "",
                "empty": "",
                "sp": " ",
                "plus": "+",
                "vbar": "|",
            }.get(found[1], self.attributes.get(found[1].lower(), found[0])),
            words,
        )[:20_000]


def _labelled(label: str, body: list[str]) -> list[str]:
    while label and body and not body[0].strip():
        body = body[1:]
    if not label or not body:
        return body
    if re.match(r"[^\s|`#>*-]|\*\*", body[0]):
        return [f"**{label}:** {body[0]}", *body[1:]]
    return [f"**{label}:**", "", *body]


def _attributes(words: str, label: str, language: str) -> tuple[str, str]:
    parts = [part.strip().strip('"') for part in words.split(",")]
    if parts[0].upper() in _KINDS:
        return parts[0].capitalize(), language
    if parts[0].startswith("source") or parts[0] == "":
        return label, re.sub(r"\W", "", parts[1]) if len(parts) > 1 and "=" not in parts[1] else ""
    return label, language


def _bold(found: re.Match[str]) -> str:
    return f"\x00{found[1] or found[2]}\x00"


def _macro(found: re.Match[str], kind: str) -> str:
    groups = found.groupdict()
    words, target = (groups.get("w") or "").strip(), groups.get("t") or ""
    if kind == "link":
        words = re.sub(r",?\s*(?:window|role|opts)=.*$|\^$", "", words).strip('"^ ')
        target = f"mailto:{target}" if found[0].startswith("mailto:") else target
        return f"[{words}]({target})" if words else target.removeprefix("mailto:")
    if kind == "words":
        return words or re.sub(r"[_#-]+|\.adoc\b", " ", target).strip()
    if kind == "bold":
        return f"**{words}**"
    if kind == "menu":
        return " › ".join(part.strip() for part in [target, *words.split(">")] if part.strip())
    return f" ({words})" if kind == "brackets" else ""
