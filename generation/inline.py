"""A paragraph, heading or cell of Markdown as a reader sees it, with where each character came from. Pure.

No visible word goes and none comes in: only what is surely markup is left out. `<Enter>` and
`<your-domain>` are words, since HTML has no such names.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from retrieval.code_spans import code_spans

_BREAKING = (
    "address|article|aside|blockquote|br|caption|center|dd|details|dialog|dir|div|dl|dt|fieldset"
    "|figcaption|figure|footer|form|h[1-6]|header|hr|legend|li|main|menu|nav|ol|optgroup|option|p"
    "|pre|search|section|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)
_FLOWING = (
    "a|abbr|acronym|area|audio|b|base|basefont|bdi|bdo|big|body|button|canvas|cite|code|col|colgroup"
    "|data|datalist|del|dfn|em|embed|font|frame|frameset|head|html|i|iframe|img|input|ins|kbd|label"
    "|link|map|mark|marquee|math|meta|meter|nobr|noscript|object|output|param|path|picture|progress"
    "|q|rp|rt|ruby|s|samp|script|select|slot|small|source|span|strike|strong|style|sub|sup|svg"
    "|template|textarea|time|title|track|tt|u|use|var|video|wbr"
)
_VALUE = r"""\s{0,9}=\s{0,9}(?:"[^"<]{0,2000}"|'[^'<]{0,2000}'|[^\s"'=<>`]{1,2000})"""
_SWITCH = (
    "allowfullscreen|async|autofocus|autoplay|checked|controls|default|defer|disabled|download|hidden"
    "|inert|ismap|itemscope|loop|multiple|muted|nomodule|noshade|novalidate|nowrap|open|playsinline"
    "|readonly|required|reversed|selected"
)
_ATTRIBUTES = (
    rf"(?:\s{{1,99}}(?:[a-zA-Z_:@][\w:@.-]{{0,60}}{_VALUE}|(?:{_SWITCH})(?=[\s/>]))){{0,40}}"
)
TAG = (
    rf"</?(?P<tag>(?:{_BREAKING}|{_FLOWING})(?=[\s/>])){_ATTRIBUTES}\s{{0,99}}/?>"
    r"|<!doctype[^<>]{0,200}>|<\?xml[^<>]{0,200}\?>"
)
_TAGS = re.compile(TAG, re.IGNORECASE)
_BREAK = re.compile(_BREAKING, re.IGNORECASE)
# a component of MDX: what has an attribute, closes, or is closed elsewhere
_COMPONENT = (
    rf"</(?P<closing>[A-Z][\w.]{{0,60}})\s{{0,9}}>"
    rf"|<(?P<component>[A-Z][\w.]{{0,60}})"
    rf"(?P<attributes>(?:\s{{1,99}}[\w:-]{{1,60}}(?:{_VALUE}|=\{{[^{{}}<>]{{0,500}}\}})){{0,40}})\s{{0,99}}(?P<selfclosing>/?)>"
)
_LABEL = r"(?:[^\[\]]|\[[^\[\]]{0,400}\]){1,600}?"
_TARGET = r"<[^<>\n]{0,2000}>|(?:[^()\s]|\([^()\s]{0,400}\)){0,2000}"
_TITLE = r"""(?:\s{1,9}(?:"[^"]{0,400}"|'[^']{0,400}'|\([^()]{0,400}\)))?"""
_CONSTRUCT = re.compile(
    rf"!?\[!\[[^\[\]]{{0,400}}\]\((?:{_TARGET}){_TITLE}\)\]\((?:{_TARGET}){_TITLE}\)"
    rf"|!\[[^\[\]]{{0,400}}\](?:\((?:{_TARGET})\s{{0,9}}{_TITLE}\)|\[[^\[\]]{{0,200}}\])"
    r"|!\[\[[^\[\]]{0,400}\]\]"
    r"|\[!\w{1,40}(?:\s?\[[^\[\]]{0,400}\]\([^()\s]{0,2000}\))?\](?:[+-](?=\s|$))?"
    r"|\[\[(?P<page>[^\[\]|]{1,400})(?:\|(?P<shown>[^\[\]]{1,400}))?\]\](?!\()"
    rf"|\[(?P<label>{_LABEL})\]\(\s{{0,9}}(?P<target>{_TARGET})\s{{0,9}}{_TITLE}\s{{0,9}}\)"
    r"|\[\^[\w-]{1,60}\]:?"
    r"|\[(?P<named>[^\[\]]{1,400})\](?:\s?\[(?P<name>[^\[\]]{0,200})\])?"
    r"|<(?P<auto>[a-zA-Z][a-zA-Z0-9+.-]{1,31}:[^<>\s]{1,2000}|[\w.!#$%&'*+/=?^`{|}~-]{1,99}@[\w.-]{1,250})>"
    rf"|{TAG}|{_COMPONENT}"
    r"|\{%[^{}]{0,400}%\}|\{\{[<%][^{}]{0,400}[%>]\}\}"
    r"""|\{\{-?\s{0,9}(?:(?:site|page|layout|include)\.[\w.\[\]"'-]{1,200}|["'][^{}]{0,400})[^{}]{0,400}\}\}"""
    r"|\{:[^{}\n]{0,200}\}|[ \t]?\{\s?[#.][\w-][^{}\n]{0,200}\}"
    r"|&(?P<entity>#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});",
    re.IGNORECASE,
)
_LIQUID = re.compile(r"\{\{?[%{][^{}]{0,400}[%}]\}")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])|\\(?=\n)")
_HREF = re.compile(r"""\shref\s*=\s*["']?(?P<target>[^\s"'<>]+)""", re.I)
_ABSOLUTE = re.compile(r"(?:https?:)?//|mailto:", re.I)
_INVISIBLE = frozenset("\u00ad\u200b\u2060\ufeff")
_CODE, _MARKED = "\ue000", "\ue001"  # stand for code and for markup while emphasis is read

Links = Mapping[str, str]


def visible(raw: str, links: Links | None = None) -> tuple[str, list[int]]:
    """The text that a reader sees, and for each character its place in ``raw``. White space comes as
    single blanks. ``links`` are the addresses of reference links by their names in lower case."""
    return _Paragraph(raw, links or {}).read()


def without_tags(text: str) -> str:
    """The text without HTML's tags; what breaks a line comes as a blank."""
    return _TAGS.sub(lambda tag: " " if _BREAK.fullmatch(tag["tag"] or "") else "", text)


@dataclass
class _Paragraph:
    raw: str
    links: Links
    mask: list[str] = field(init=False)
    put: dict[int, str] = field(default_factory=dict)  # what is shown before a place
    anchors: list[tuple[int, str]] = field(default_factory=list)  # open ones: place and target

    def read(self) -> tuple[str, list[int]]:
        self.mask = list(self.raw)
        self.gone = bytearray(len(self.raw))
        self._code()
        self._escapes()
        masked = "".join(self.mask)
        self.closed = {match[1] for match in re.finditer(r"</([A-Z][\w.]{0,60})\s{0,9}>", masked)}
        self._constructs(masked, 0, len(masked))
        for place in _emphasis("".join(self.mask)):
            self.gone[place] = 1
        return self._shown()

    def _drop(self, start: int, end: int) -> None:
        self.gone[start:end] = b"\x01" * (end - start)
        self.mask[start:end] = _MARKED * (end - start)

    def _code(self) -> None:
        for span in code_spans(self.raw):
            inner = self.raw[span.inner_start : span.inner_end]
            pad = len(inner) > 2 and inner[0] == inner[-1] == " " and bool(inner.strip())
            self._drop(span.start, span.inner_start + pad)
            self._drop(span.inner_end - pad, span.end)
            self.mask[span.inner_start : span.inner_end] = _CODE * len(inner)

    def _escapes(self) -> None:
        for match in _ESCAPED.finditer("".join(self.mask)):
            self._drop(match.start(), match.start() + 1)
            if match[1]:
                self.mask[match.start(1)] = _CODE

    def _constructs(self, masked: str, start: int, end: int) -> None:
        position = start
        while match := _CONSTRUCT.search(masked, position, end):
            position = self._construct(masked, match)

    def _construct(self, masked: str, match: re.Match[str]) -> int:
        """Take one construct out; where to read on."""
        start, end = match.span()
        if match["label"] is not None:
            self._drop(start, start + 1)
            self._drop(match.end("label"), end)
            self._constructs(masked, *match.span("label"))
            target = match["target"].removeprefix("<").removesuffix(">")
            self._address(match["label"], target, match.start("target"))
        elif match["named"] is not None:
            return self._named(masked, match)
        elif match["page"] is not None and match["page"].isdigit() and match["shown"] is None:
            self._drop(start, end)  # the mark of a footnote
        elif match["page"] is not None:
            shown = "shown" if match["shown"] is not None else "page"
            self._drop(start, match.start(shown))
            self._drop(match.end(shown), end)
        elif match["auto"] is not None:
            self._drop(start, match.start("auto") + 7 * match["auto"].lower().startswith("mailto:"))
            self._drop(match.end("auto"), end)
            self.mask[match.start("auto") : match.end("auto")] = _CODE * len(match["auto"])
        elif match["entity"] is not None:
            decoded = html.unescape(match.group())
            if decoded == match.group():
                return start + 1
            self._drop(start, end)
            self.put[start] = decoded
        elif match["tag"] is not None:
            self._tag(match)
        elif (name := match["component"]) is not None:
            if not name[0].isupper() or not (
                match["attributes"] or match["selfclosing"] or name in self.closed
            ):
                return start + 1
            self._drop(start, end)
            self.put[start] = " "
        elif match["closing"] is not None and not match["closing"][0].isupper():
            return start + 1
        else:  # images, notes, Liquid, attributes
            self._drop(start, end)
            if match.group().startswith(("{%", "</", "<", "[!")):
                self.put[start] = " "
        return end

    def _named(self, masked: str, match: re.Match[str]) -> int:
        """A reference link where its definition is known; `[1]` as a footnote's mark; else words."""
        start, end = match.span()
        name = match["name"]
        key = " ".join((name or match["named"]).lower().split())
        if name is None and key not in self.links:
            if match["named"].isdigit() and not match["named"].startswith("0"):
                self._drop(start, end)
                return end
            return start + 1
        if name is not None and key not in self.links and not name.isdigit():
            return start + 1
        self._drop(start, start + 1)
        self._drop(match.end("named"), end)
        self._constructs(masked, *match.span("named"))
        self._address(match["named"], self.links.get(key, ""), match.end("named"))
        return end

    def _tag(self, match: re.Match[str]) -> None:
        start, end = match.span()
        name = match["tag"].lower()
        self._drop(start, end)
        closing = match.group().startswith("</")
        if _BREAK.fullmatch(name):
            self.put[start] = " "
        elif name == "a" and not closing:
            href = _HREF.search(match.group())
            self.anchors.append((end, html.unescape(href["target"]) if href else ""))
        elif name == "a" and self.anchors:
            opened, target = self.anchors.pop()
            self._address(self.raw[opened:start], target, start)
        elif name == "sup" and not closing and start and self.raw[start - 1].isalnum():
            self.put[start] = "^"  # 10<sup>3</sup> is no 103

    def _address(self, label: str, target: str, place: int) -> None:
        """Say where a link goes, unless its label does."""
        known = _ABSOLUTE.match(target) and not _LIQUID.search(target)
        if known and _bare(label) != _bare(target):
            self.put[place] = f" ({target.removeprefix('mailto:')})"

    def _shown(self) -> tuple[str, list[int]]:
        characters: list[str] = []
        places: list[int] = []

        def show(piece: str, place: int) -> None:
            for character in piece:
                if character in _INVISIBLE:
                    continue
                character = " " if character.isspace() else character
                if character == " " and (not characters or characters[-1] == " "):
                    continue
                characters.append(character)
                places.append(place)

        for place, character in enumerate(self.raw):
            if place in self.put:
                show(self.put[place], place)
            if not self.gone[place]:
                show(character, place)
        while characters and characters[-1] == " ":
            characters.pop()
            places.pop()
        return "".join(characters), places


def _bare(address: str) -> str:
    """An address as people write it."""
    plain = re.sub(r"^(?:mailto:|(?:https?:)?//)(?:www\.)?|^www\.", "", address.strip().lower())
    return plain.rstrip("/")


_DELIMITERS = re.compile(r"\*+|_+")


def _emphasis(text: str) -> Iterator[int]:
    """The places of the marks of emphasis: pairs only, by CommonMark's flanking (6.2), so that the
    stars of `*.example` and `2 * 3` stay."""
    open_runs: dict[str, list[list[int]]] = {"*": [], "_": []}  # [first free place, how many]
    for match in _DELIMITERS.finditer(text):
        sign, start, end = text[match.start()], match.start(), match.end()
        before = text[start - 1] if start else " "
        after = text[end] if end < len(text) else " "
        left = not after.isspace() and (_is_word(after) or not _is_word(before))
        right = not before.isspace() and (_is_word(before) or not _is_word(after))
        opens, closes = left, right
        if sign == "*" and end - start == 1 and before.isalnum() and after.isalnum():
            continue  # 5*3
        if sign == "_":
            opens = left and (not right or not _is_word(before))
            closes = right and (not left or not _is_word(after))
        stack = open_runs[sign]
        while closes and start < end and stack:
            run = stack[-1]
            taken = 2 if run[1] >= 2 and end - start >= 2 else 1
            yield from range(start, start + taken)
            yield from range(run[0] + run[1] - taken, run[0] + run[1])
            start += taken
            run[1] -= taken
            if not run[1]:
                stack.pop()
        if opens and start < end:
            stack.append([start, end - start])


def _is_word(character: str) -> bool:
    return character.isalnum() or character in (_CODE, _MARKED)
