"""An article's Markdown without what no reader sees: comments, scripts, styles. Pure.

Every text goes through `readable` before it becomes a revision (`retrieval.publishing.normal_text`),
so that a comment of its author never reaches the index, the evidence or a reply, by whatever door it
came. What stands in code, fenced, indented or between backticks, stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from markdown_it import MarkdownIt

Span = tuple[int, int]

# One alternative a kind; the group's name is the kind. Code spans are passed over.
_OPENINGS = re.compile(
    r"(?P<ticks>`+)"
    r"|(?P<html><!--)"
    r"|(?P<declared><!\[(?:if|endif|CDATA\[)[^>\n]{0,200}>|<!DOCTYPE\b[^>\n]{0,200}>)"
    r"|(?P<instruction><\?(?=[a-zA-Z]))"
    r"|(?P<element><(?P<name>script|style|template)(?=[\s/>]))"
    r"|(?P<mdx>\{/\*)"
    r"|(?P<liquid>\{%-?\s*comment\b[^%\n]{0,200}%\})"
    r"|(?P<go>\{\{-?\s*/\*)"
    r"|(?P<handlebars>\{\{!--)"
    r"|(?P<jinja>\{#(?=\s))"
    r"|(?P<hugo>\{\{[<%]\s*comment\s*[>%]\}\})"
    r"|(?P<kramdown>\{::comment[^}\n]{0,200}\})"
    r"|(?P<obsidian>(?<![\w%])%%(?!%))"
    r"|(?P<link>^ {0,3}\[(?://|_|-|\^_\^|\.|comment|note-to-self)\]:[ \t]*(?:\#|<>|//|)[ \t]*(?=[\"'(]))",
    re.IGNORECASE | re.MULTILINE,
)
_ENDS: dict[str, re.Pattern[str]] = {
    "html": re.compile(r"--!?>"),
    "instruction": re.compile(r"\?>"),
    "mdx": re.compile(r"\*/\s{0,100}\}"),
    "liquid": re.compile(r"\{%-?\s{0,100}endcomment\s{0,100}-?%\}", re.IGNORECASE),
    "go": re.compile(r"\*/\s{0,100}-?\}\}"),
    "handlebars": re.compile(r"--\}\}"),
    "jinja": re.compile(r"#\}"),
    "hugo": re.compile(r"\{\{[<%]\s{0,100}/\s{0,100}comment\s{0,100}[>%]\}\}", re.IGNORECASE),
    "kramdown": re.compile(r"\{:/(?:comment)?\}", re.IGNORECASE),
    "obsidian": re.compile(r"%%(?!\w)"),
    "script": re.compile(r"</script\s{0,100}>", re.IGNORECASE),
    "style": re.compile(r"</style\s{0,100}>", re.IGNORECASE),
    "template": re.compile(r"</template\s{0,100}>", re.IGNORECASE),
}
_LINK_END = {
    '"': re.compile(r'"[ \t]*$', re.M),
    "'": re.compile(r"'[ \t]*$", re.M),
    "(": re.compile(r"\)[ \t]*$", re.M),
}
# comments that hide everything after them where nobody ends them
_TO_THE_END = {"html", "liquid", "hugo", "kramdown"}
_PARAGRAPH_END = re.compile(r"\n[ \t]*(?:\n|\Z)|\Z")
_LONGEST_LINK_COMMENT = 2_000
_REST_OF_LINE = re.compile(r"[ \t]*(?:\n|\Z)")
_PASSES = 4  # what is taken out may leave new openings


def readable(markdown: str) -> str:
    """The text as its readers see it. Nothing is changed where there is nothing to take out."""
    for _ in range(_PASSES):
        cleaned = _once(markdown)
        if cleaned == markdown:
            break
        markdown = cleaned
    return markdown


def hidden_spans(markdown: str) -> list[Span]:
    """The spans that no reader sees, in order."""
    return [(start, end) for start, end, _ in _hidden(markdown)]


def ends_unclosed(markdown: str) -> bool:
    """Whether a comment that nobody ends hides the rest of the text."""
    return any(end == len(markdown) and not closed for _, end, closed in _hidden(markdown))


def outside_code(markdown: str, change: Callable[[str], str]) -> str:
    """`markdown` with `change` made to each stretch between its blocks and spans of code."""
    pieces: list[str] = []
    place = 0
    for start, end in code_of(markdown):
        pieces += [change(markdown[place:start]), markdown[start:end]]
        place = end
    return "".join([*pieces, change(markdown[place:])])


def code_of(markdown: str) -> list[Span]:
    """Spans of code in order: fenced and indented blocks, and what stands between backticks."""
    blocks = _code_blocks(markdown)
    found: list[Span] = []
    place = 0
    for start, end in [*blocks, (len(markdown), len(markdown))]:
        position = place
        while tick := _TICKS.search(markdown, position, start):
            closed = _closing_ticks(markdown, tick, start)
            if closed > tick.end():
                found.append((tick.start(), closed))
            position = closed
        if end > start:
            found.append((start, end))
        place = end
    return found


_TICKS = re.compile(r"`+")
_TICKS_OR_BREAK = re.compile(r"`+|\n[ \t]*\n")


def _closing_ticks(markdown: str, opened: re.Match[str], bound: int) -> int:
    """Where the code span ends; where the backticks end that open none."""
    for tick in _TICKS_OR_BREAK.finditer(markdown, opened.end(), bound):
        if tick[0][0] == "\n":
            break
        if len(tick[0]) == len(opened[0]):
            return tick.end()
    return opened.end()


def _code_blocks(markdown: str) -> list[Span]:
    if not re.search(r"```|~~~|^(?: {4}|\t)", markdown, re.MULTILINE):
        return []
    starts = [0]
    for line in markdown.split("\n"):
        starts.append(min(starts[-1] + len(line) + 1, len(markdown)))
    found = []
    for token in _parser().parse(markdown):
        if token.type in {"fence", "code_block"} and token.map:
            first, last = (min(one, len(starts) - 1) for one in token.map)
            found.append((starts[first], starts[last]))
    return found


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    """Blocks only: where code stands needs no look into the lines."""
    parser = MarkdownIt("commonmark")
    parser.disable(["inline", "reference"])
    return parser


def _once(markdown: str) -> str:
    pieces: list[str] = []
    place = 0
    nothing_yet = True  # only white space was kept so far
    for start, end, _ in _hidden(markdown):
        before = start
        while before > place and markdown[before - 1] in " \t":
            before -= 1
        begins_line = before == 0 or (before > place and markdown[before - 1] == "\n")
        begins_line = begins_line or (before == place and place > 0 and markdown[place - 1] == "\n")
        ends_line = _REST_OF_LINE.match(markdown, end)
        if ends_line:
            start = before
            # a line of its own goes with its line end, and leaves one blank line, not two
            if begins_line:
                end = ends_line.end()
                while markdown[end : end + 1] == "\n" and (
                    markdown[before - 2 : before] == "\n\n" or before == 0
                ):
                    end += 1
        kept = markdown[place:start]
        nothing_yet = nothing_yet and not kept.strip()
        pieces.append("" if nothing_yet else kept)
        place = max(place, end)
    return "".join([*pieces, markdown[place:]]) if pieces else markdown


def _hidden(markdown: str) -> list[tuple[int, int, bool]]:
    """(start, end, whether it was ended) of what no reader sees, in order."""
    if not _OPENINGS.search(markdown):
        return []
    blocks = iter([*_code_blocks(markdown), (len(markdown), len(markdown))])
    block = next(blocks)
    never_ended: set[str] = set()
    found: list[tuple[int, int, bool]] = []
    place = 0
    while opened := _OPENINGS.search(markdown, place):
        start = opened.start()
        while block[1] <= start and block[0] < len(markdown):
            block = next(blocks)
        if block[0] <= start < block[1]:
            place = block[1]
            continue
        kind = opened["name"].lower() if opened["name"] else str(opened.lastgroup)
        if kind == "ticks":
            place = _closing_ticks(markdown, opened, len(markdown))
            continue
        end, closed = _end(markdown, opened, kind, never_ended)
        if end is None:
            place = opened.end()
            continue
        found.append((start, end, closed))
        place = end
    return found


def _end(
    markdown: str, opened: re.Match[str], kind: str, never_ended: set[str]
) -> tuple[int | None, bool]:
    """Where it ends and whether somebody ended it; None where it is text after all."""
    if kind == "declared":
        return opened.end(), True
    if kind == "link":
        stop = _PARAGRAPH_END.search(markdown, opened.end(), opened.end() + _LONGEST_LINK_COMMENT)
        limit = stop.start() if stop else opened.end()
        ended = _LINK_END[markdown[opened.end()]].search(markdown, opened.end() + 1, limit)
        return (ended.end(), True) if ended else (None, False)
    if kind not in never_ended:
        if kind == "html" and (short := re.compile(r"-?>").match(markdown, opened.end())):
            return short.end(), True  # <!--> and <!---> are whole comments
        ended = _ENDS[kind].search(markdown, opened.end())
        if ended:
            return ended.end(), True
        never_ended.add(kind)
    if kind in _TO_THE_END:
        return len(markdown), False
    if kind in {"script", "style", "template"} and _begins_line(markdown, opened.start()):
        stop = _PARAGRAPH_END.search(markdown, opened.end())
        return (stop.start() if stop else len(markdown)), True
    return None, False


def _begins_line(markdown: str, place: int) -> bool:
    while place > 0 and markdown[place - 1] in " \t":
        place -= 1
    return place == 0 or markdown[place - 1] == "\n"
