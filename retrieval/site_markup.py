"""What generators of help sites write between the lines of Markdown, by their own rules. Pure.

Jekyll and GitBook (Liquid tags, kramdown attributes), Hugo (shortcodes), Docusaurus, VitePress and
Mintlify (MDX, `:::`), MkDocs (`!!!`, tabs), Microsoft's docs (`[!NOTE]`, `:::image`), Obsidian (wiki
links). Notes become "**Note:** …", labels of tabs and cards stay as a line in bold, the rest is
dropped, as a reader of the site sees none of it. Code stays as it is.
"""

from __future__ import annotations

import re
from functools import partial

from retrieval.readable import outside_code

_LABELS = {
    "note": "Note", "info": "Info", "tip": "Tip", "hint": "Tip", "check": "Tip", "success": "Tip",
    "important": "Important", "attention": "Attention", "warning": "Warning", "warn": "Warning",
    "caution": "Caution", "danger": "Danger", "error": "Error", "bug": "Known issue",
    "example": "Example", "question": "Question", "abstract": "Summary", "summary": "Summary",
    "tldr": "Summary", "quote": "Quote", "seealso": "See also", "failure": "Error", "faq": "Question",
}  # fmt: skip
_FENCE = re.compile(r"[ \t>]*(`{3,}|~{3,})")
_MKDOCS = re.compile(
    r"(?P<indent>[ ]*)(?P<mark>!!!|\?\?\?\+?|===[!+]?)[ \t]+(?P<kind>[\w-]*)[\w \t-]*"
    r"(?:\"(?P<title>[^\"\n]*)\")?[ \t]*$"
)
_CONTAINER = re.compile(
    r"[ \t]*:{3,}[ \t]*(?P<kind>[A-Za-z][\w-]*)?(?:\[(?P<label>[^\]\n]*)\])?[ \t]*(?:\{[^}\n]*\})?"
    r"(?P<title>[^\n:{]*)(?:\{[^}\n]*\})?[ \t]*$"
)
_ONE_LINE_CONTAINER = re.compile(r"[ \t]*:{3,}[^:\s][^\n]*:{3,}[ \t]*$|[ \t]*:{3,}[ \t]*$")
_ALERT = re.compile(
    r"(?P<quote>[ \t]*(?:>[ \t]*)+)\[!(?P<kind>[\w-]+)[^\]\n]*\][+-]?(?P<title>.*)$"
)
_TABLE_OF_CONTENTS = re.compile(
    r"[ \t]*(?:\[TOC\]|\[\[_?TOC_?\]\]|\$\{toc\}|\[\[toc\]\]|<!--\s*toc\s*-->)[ \t]*$",
    re.IGNORECASE,
)
_KRAMDOWN_CONTENTS = re.compile(
    r"^(?:[*+-]|1\.) [^\n]*\n\{:[ \t]*toc\b[^}\n]*\}[ \t]*$", re.MULTILINE
)
_LIQUID_CODE = re.compile(
    r"[ \t]*\{%-?\s*(?P<end>end)?highlight\b\s*(?P<language>\w*)[^%\n]*%\}[ \t]*$"
)
_IMPORT = re.compile(
    r"(?:import\s+(?:[\w*{}\s,$]+\s+from\s+)?['\"][^'\"\n]+['\"];?[ \t]*|"
    r"export\s+(?:(?:default|const|let|function|class|async)\b|\{).*)$"
)
_PLAIN_START = re.compile(r"[^\s#>|`~*+:!<{\[-]|\*\*|\[(?!!)|`[^`]")
_TITLES = re.compile(r"\b(?:title|label|header|summary|name)\s*=\s*(?:\{\s*)?(\"[^\"]*\"|'[^']*')")
_QUOTED = re.compile(r"\"([^\"]*)\"|'([^']*)'")
_TABBED = {
    "tab",
    "tabitem",
    "expand",
    "details",
    "accordion",
    "step",
    "card",
    "collapse",
    "expandable",
}
_LIQUID_TAG = re.compile(
    r"(?P<before>(?<![ \t])[ \t]{0,20})?\{%-?\s{0,20}(?P<tag>[^\s%{}]{1,60})"
    r"(?P<words>(?:[^%{]|\{(?!%)|%(?!\})){0,300})%\}(?P<after>[ \t]{0,20})"
)
_LIQUID_TARGET = re.compile(r"\{%-?\s*(?:link|post_url)\s+([^%\s]+)\s*-?%\}")
_SHORTCODE = re.compile(
    r"(?P<before>(?<![ \t])[ \t]{0,20})?\{\{(?P<mark>[<%])\s{0,20}(?P<tag>/?\s{0,5}[\w./-]{1,60})"
    r"(?P<words>[^{}]{0,500}?)[>%]\}\}(?P<after>[ \t]{0,20})"
)
_SHORTCODE_TARGET = re.compile(r"\{\{[<%]\s*(?:rel)?ref\s+\"?([^\"\s{}]+)\"?[^{}]{0,100}[>%]\}\}")
_OUTPUT = re.compile(r"\{\{-?\s*(?:site|page|layout|jekyll|book)\.[^{}\n]{0,200}\}\}")
_OUTPUT_ADDRESS = re.compile(
    r"\{\{-?\s*[\"']([^\"'{}\n]{0,300})[\"']\s*\|\s*(?:relative|absolute)_url[^{}\n]{0,50}\}\}"
)
_RAW = re.compile(r"\{%-?\s*raw\s*-?%\}(.*?)\{%-?\s*endraw\s*-?%\}", re.DOTALL)
_ATTRIBUTES = re.compile(
    r"(?<![\w{$])[ \t]?\{:?[ \t]*(?:(?:[#.][\w-]+|[\w-]+=(?:\"[^\"\n{}]*\"|'[^'\n{}]*'|[^\s{}\"']+))"
    r"(?:[ \t]+|(?=\})))+\}"
    r"|\{:[^{}\n]{0,200}\}"
)
_INCLUDE = re.compile(
    r"\[!(?:INCLUDE|VIDEO|IMAGE|CODE)[ \t]{0,9}(?:\[[^\]\[\n]{0,300}\]\([^)\n]{0,500}\)|[^\]\[\n]{0,300})\]",
    re.I,
)
_NAMED_WORD = re.compile(r"\[!(?:UICONTROL|DNL|BADGE)[ \t]{1,9}([^\]\[\n]{1,300})\]")
_EMBED = re.compile(r"!\[\[[^\]\n]{1,300}\]\]")
_WIKI_LINK = re.compile(r"\[\[([^\]|\n]{1,300})(?:\\?\|([^\]\n]{1,300}))?\]\](?!\()")
_JSX = re.compile(
    r"(?P<before>(?<![ \t])[ \t]{0,20})?<(?P<close>/)?(?P<tag>[A-Z][\w.]*)(?P<words>"
    r"(?:\s{1,20}(?:[\w:-]{1,60}(?:=(?:\"[^\"]{0,500}\"|'[^']{0,500}'|"
    r"\{[^{}]{0,500}(?:\{[^{}]{0,500}\}[^{}]{0,500}){0,5}\}))?"
    r"|\{[^{}]{0,200}\})){0,30})"
    r"\s{0,20}(?P<own>/)?>(?P<after>[ \t]{0,20})|</?>"
)
_JSX_SPACE = re.compile(r"\{[ \t]*(?:\"[ \t]*\"|'[ \t]*')[ \t]*\}")
_MAX_NESTING = 10


def plain_markdown(markdown: str, *, mdx: bool = False) -> str:
    """The text with the generators' markup read or dropped; `mdx` takes JSX for markup too."""
    markdown = _KRAMDOWN_CONTENTS.sub("", markdown)
    lines, imports = _by_line(markdown.split("\n"))
    text = "\n".join(lines)
    text = outside_code(text, partial(_inline, jsx=mdx or imports))
    if text != markdown:
        text = outside_code(text, lambda piece: re.sub(r"\n(?:[ \t]*\n){2,}", "\n\n", piece))
    return text


# --- what takes whole lines ---------------------------------------------------------------------


def _by_line(lines: list[str], depth: int = 0) -> tuple[list[str], bool]:
    """The lines without notes' and containers' marks, and whether modules were imported."""
    found: list[str] = []
    fence, imports, label = "", False, ""
    place = 0
    while place < len(lines):
        line = lines[place]
        place += 1
        if fence or _FENCE.match(line):
            found += [label, "", line] if label else [line]
            label = ""
            fence = _fence_after(line, fence)
            continue
        liquid = _LIQUID_CODE.match(line)
        if liquid:
            found.append("```" if liquid["end"] else f"```{liquid['language']}")
        elif _TABLE_OF_CONTENTS.match(line) or _ONE_LINE_CONTAINER.match(line):
            pass
        elif (mkdocs := _MKDOCS.match(line)) and depth < _MAX_NESTING:
            body, place = _indented(lines, place, len(mkdocs["indent"]))
            inner, more = _by_line(body, depth + 1)
            imports = imports or more
            title = mkdocs["title"] or ""
            name = title if title or mkdocs["mark"].startswith("===") else _label(mkdocs["kind"])
            found += ["", *_with_label(f"**{name}:**" if name else "", inner), ""]
        elif (container := _CONTAINER.match(line)) and line.lstrip().startswith(":::"):
            name = (container["label"] or container["title"] or "").strip()
            kind = (container["kind"] or "").lower()
            if kind in _LABELS or container["label"] or kind == "details":
                name = name or _label(kind)
                label = f"**{name}:**" if name else ""
            found.append("")
        elif alert := _ALERT.match(line):
            found += _alert(alert, lines, place)
            place += _takes_next(alert, lines, place)
        elif _IMPORT.match(line) and (found[-1:] in ([], [""]) or imports):
            imports = imports or line.startswith("import")
            while line.startswith("export") and place < len(lines) and lines[place].strip():
                place += 1
        elif label and line.strip():
            found += _with_label(label, [line])
            label = ""
        else:
            found.append(line)
    return ([*found, label] if label else found), imports


def _fence_after(line: str, fence: str) -> str:
    mark = _FENCE.match(line)
    if not fence:
        return mark[1] if mark else ""
    closes = mark and mark[1].startswith(fence) and not line.strip(" \t>").strip(fence[0])
    return "" if closes else fence


def _with_label(label: str, body: list[str]) -> list[str]:
    """The label before the body's first words, or on a line of its own before a list or a table."""
    while body and not body[0].strip():
        body = body[1:]
    if not label:
        return body
    words = body[0].lstrip() if body else ""
    indent = body[0][: len(body[0]) - len(words)] if body else ""
    if _PLAIN_START.match(words):
        return [f"{indent}{label} {words}", *body[1:]]
    return [f"{indent}{label}", "", *body]


def _indented(lines: list[str], place: int, indent: int) -> tuple[list[str], int]:
    """The lines from `place` on that belong to a block's mark, without their indentation."""
    body: list[str] = []
    while place < len(lines):
        line = lines[place]
        if line.strip() and len(line) - len(line.lstrip(" ")) < indent + 4:
            break
        body.append(line[indent + 4 :])
        place += 1
    while body and not body[-1].strip():
        body.pop()
        place -= 1
    return body, place


def _label(kind: str) -> str:
    return _LABELS.get(kind.lower(), "")


def _alert(alert: re.Match[str], lines: list[str], place: int) -> list[str]:
    quote, name = alert["quote"], _label(alert["kind"])
    title = alert["title"].strip()
    if title:
        return [f"{quote}**{title}**", quote.rstrip()] if name else [f"{quote}{title}"]
    if not name:
        return []  # [!div …], [!VIDEO …]
    following = lines[place].lstrip(" \t>") if place < len(lines) else ""
    if _takes_next(alert, lines, place):
        return [f"{quote}**{name}:** {following}"]
    return [f"{quote}**{name}:**", quote.rstrip()]


def _takes_next(alert: re.Match[str], lines: list[str], place: int) -> int:
    """1 where the note's first words stand on the next line, and can follow its label."""
    if alert["title"].strip() or not _label(alert["kind"]) or place >= len(lines):
        return 0
    line = lines[place]
    words = line.lstrip(" \t>")
    return int(line.lstrip().startswith(">") and bool(_PLAIN_START.match(words)))


# --- what stands within a line ------------------------------------------------------------------


def _inline(text: str, *, jsx: bool) -> str:
    if "{" in text:
        text = _without_liquid(text)
        text = _ATTRIBUTES.sub("", text)
    if "[!" in text:
        text = _NAMED_WORD.sub(r"\1", _INCLUDE.sub("", text))
    if "[[" in text:
        text = _WIKI_LINK.sub(_wiki_words, _EMBED.sub("", text))
    if jsx and ("<" in text or "{" in text):
        text = _JSX.sub(_component, _JSX_SPACE.sub(" ", text))
    return text


def _without_liquid(text: str) -> str:
    pieces: list[str] = []
    place = 0
    for raw in _RAW.finditer(text) if "endraw" in text else ():
        pieces += [_tags(text[place : raw.start()]), raw[1]]
        place = raw.end()
    return "".join([*pieces, _tags(text[place:])])


def _tags(text: str) -> str:
    if "{%" in text:
        text = _LIQUID_TAG.sub(_tag, _LIQUID_TARGET.sub(r"\1", text))
    if "{{" in text:
        text = _SHORTCODE.sub(_tag, _SHORTCODE_TARGET.sub(r"\1", text))
        text = _OUTPUT.sub("", _OUTPUT_ADDRESS.sub(r"\1", text))
    return text


def _tag(found: re.Match[str]) -> str:
    """Nothing, or the name of a tab or a card as a paragraph of its own."""
    return _instead(found, found["tag"].lower(), found["words"])


def _component(found: re.Match[str]) -> str:
    if not found["tag"] or found["close"]:
        return ""
    tag = found["tag"].lower()
    if tag in _LABELS and not found["own"]:
        return f"{found['before'] or ''}**{_label(tag)}:** "
    return _instead(found, tag, found["words"])


def _instead(found: re.Match[str], tag: str, words: str) -> str:
    title = _TITLES.search(words)
    name = title[1].strip("\"'") if title else ""
    if not name and tag.replace("-", "") in _TABBED:
        quoted = _QUOTED.search(words)
        name = (quoted[1] or quoted[2] or "") if quoted else ""
    if name and not tag.startswith(("include", "img", "image", "figure", "icon", "assign")):
        return f"\n\n**{name}**\n\n"
    before = found["before"] or ""
    if before and found["after"]:
        return " "
    return "" if _ends_line(found) else before


def _ends_line(found: re.Match[str]) -> bool:
    return found.string[found.end() : found.end() + 1] in {"", "\n"}


def _wiki_words(found: re.Match[str]) -> str:
    if found[2]:
        return found[2].strip()
    page, _, heading = found[1].partition("#")
    return " › ".join(part.strip() for part in (page, heading.lstrip("^")) if part.strip())
