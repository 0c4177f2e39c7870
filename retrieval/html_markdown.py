"""Write HTML as Markdown that says the same: spanned cells repeated, superscripts told from digits,
struck words gone. Pure."""

from __future__ import annotations

import re
from copy import copy

from bs4 import Comment, NavigableString, Tag
from markdownify import markdownify

MAX_CELLS = 50_000  # of one table, spanned ones counted as often as they show
_BLOCKS = ["p", "li", "td", "th", "div", "dd", "dt", "blockquote", "section", "aside"]
_STRUCK = re.compile(r"text-decoration[\w-]*\s*:[^;]*line-through", re.IGNORECASE)
_STRUCK_CLASSES = {
    "line-through",
    "strikethrough",
    "strike",
    "struck",
    "text-decoration-line-through",
}
_SCRIPTED = re.compile(r"^[\s\x00-\x20]*(?:javascript|vbscript|data):", re.IGNORECASE)
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|ère|e|è|ème|o|a|º|ª|te|ten|ter)\.?", re.IGNORECASE)
_SIGN = re.compile(r"(?:TM|SM|MC|MD|R|®|™|℠|©|[*†‡§¶]+)", re.IGNORECASE)
_LABEL = re.compile(r"\[?\(?(\d{1,3}|[a-z]|[ivx]{1,5}|[*†‡§]+)\)?\]?", re.IGNORECASE)
_MONEY = "$€£¥₹₽₩"
_PRICE = re.compile(rf"[{_MONEY}]\s?\d[\d,. ]*$|\b(?:EUR|USD|GBP|CHF|Rs\.?)\s?\d[\d,. ]*$")
_TAG_LIKE = re.compile(
    r"<(?=[!?/]|(?:a|abbr|article|aside|b|base|big|blockquote|body|br|button|center|cite|code|col|"
    r"dd|del|details|dfn|div|dl|dt|em|font|footer|form|h[1-6]|head|header|hr|html|i|iframe|img|input|"
    r"ins|kbd|label|li|link|main|mark|meta|nav|noscript|object|ol|option|p|pre|q|s|samp|script|section|"
    r"select|small|span|strike|strong|style|sub|summary|sup|svg|table|tbody|td|template|textarea|tfoot|"
    r"th|thead|title|tr|tt|u|ul|var|video|wbr)\b)",
    re.IGNORECASE,
)


class PageError(ValueError):
    """A page that is not read, in words that fit after its name."""


def to_markdown(part: Tag, *, language: str = "") -> str:
    """Headings, lists, tables and links stay, pictures go; `part` is used up. Raises `PageError`."""
    for comment in part.find_all(string=lambda words: isinstance(words, Comment)):
        comment.extract()
    _drop_struck(part)
    _drop_scripted_links(part)
    _read_superscripts(part, language)
    for table in part.find_all("table"):
        _spread(table)
    for words in list(part.find_all(string=True)):
        _escape(words)
    markdown = markdownify(
        str(part), heading_style="ATX", bullets="-", strip=["img"], table_infer_header=True
    )
    markdown = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in markdown.split("\n")))
    return markdown.strip("\n")


def _escape(words: NavigableString) -> None:
    """What would be read as markup: a bar ends a cell, `<b>` in the words themselves is no tag."""
    changed = _INVISIBLE.sub("", words)
    if "|" in changed and words.find_parent(["td", "th"]):
        changed = changed.replace("|", "\\|")
    if "<" in changed and not words.find_parent(["pre", "code", "kbd", "samp"]):
        changed = _TAG_LIKE.sub("&lt;", changed)
    if changed != words:
        words.replace_with(type(words)(changed))


def _drop_struck(part: Tag) -> None:
    """What was struck out is not said any more."""
    for element in part.find_all(["s", "del", "strike"]):
        element.decompose()
    for element in part.find_all(True):
        if element.decomposed:
            continue
        classes: str | list[str] = element.get("class") or []
        names = set(classes.split() if isinstance(classes, str) else classes)
        if _STRUCK.search(str(element.get("style") or "")) or names & _STRUCK_CLASSES:
            element.decompose()


def _drop_scripted_links(part: Tag) -> None:
    for link in part.find_all("a", href=True):
        if _SCRIPTED.match(str(link["href"])):
            link.unwrap()


# --- superscripts -------------------------------------------------------------------------------


def _read_superscripts(part: Tag, language: str) -> None:
    raised = [one for one in part.find_all("sup") if not one.find_parent(["pre", "sup"])]
    notes = {label for one in raised if _begins_block(one) and (label := _label(one))}
    for element in raised:
        element.replace_with(_raised(element, notes, language))
    for element in part.find_all("sub"):
        words = element.get_text("", strip=True)
        if words[:1].isdigit() and _before(element)[-1:].isdigit():
            element.replace_with(f"_{words}")


def _raised(element: Tag, notes: set[str], language: str) -> str:
    """A superscript in line: a note's number in brackets, an exponent after `^`, cents after a dot."""
    words = " ".join(element.get_text("", strip=True).split())
    before = _before(element)
    if not words:
        return ""
    if _begins_block(element) and (label := _label(element)):
        return f"[{label}] "
    if before[-1:].isdigit() and _ORDINAL.fullmatch(words):
        return words
    is_price = _PRICE.search(before) or re.match(rf"\s?[{_MONEY}]", _after(element))
    if re.fullmatch(r"\d\d", words) and before[-1:].isdigit() and is_price:
        return f"{'.' if language[:2].lower() in {'', 'en'} else ','}{words}"
    label = _label(element)
    linked = element.find("a") is not None or (
        isinstance(element.parent, Tag) and element.parent.name == "a"
    )
    if label and (label in notes or linked):
        return f" [{label}]" if before[-1:].strip() else f"[{label}]"
    if _SIGN.fullmatch(words):
        return words
    return f"^{words}" if re.fullmatch(r"[+\-−]?\w+", words) else f"^({words.strip('()')})"


def _label(element: Tag) -> str:
    found = _LABEL.fullmatch(" ".join(element.get_text("", strip=True).split()))
    return found[1] if found else ""


def _begins_block(element: Tag) -> bool:
    """Whether nothing stands before it in its paragraph, and something after it."""
    block = element.find_parent(_BLOCKS)
    if block is None:
        return False
    for words in block.descendants:
        if words is element:
            following = element.next_sibling
            return following is not None or element.parent is not block
        if isinstance(words, NavigableString) and words.strip():
            return False
    return False


def _before(element: Tag) -> str:
    """The words just before it in its block, some thirty characters."""
    found = ""
    block = element.find_parent(_BLOCKS)
    for words in element.find_all_previous(string=True, limit=4):
        if block is not None and not any(parent is block for parent in words.parents):
            break
        found = words + found
        if len(found) > 30:
            break
    return found[-30:]


def _after(element: Tag) -> str:
    following = element.find_next_sibling(string=True)
    return str(following)[:5] if following is not None else ""


# --- tables -------------------------------------------------------------------------------------


def _spread(table: Tag) -> None:
    """Repeat a spanned cell in each row and column that it stands for."""
    rows = [row for row in table.find_all("tr") if row.find_parent("table") is table]
    if not any(row.find(["td", "th"], attrs={"rowspan": True}) for row in rows) and not any(
        row.find(["td", "th"], attrs={"colspan": True}) for row in rows
    ):
        return
    waiting: dict[int, tuple[Tag, int]] = {}  # column: the cell that reaches down, rows left
    count = 0

    def counted(cell: Tag) -> Tag:
        nonlocal count
        count += 1
        if count > MAX_CELLS:
            raise PageError(f"holds a table of more than {MAX_CELLS:,} cells")
        return cell

    for number, row in enumerate(rows):
        cells = list(row.find_all(["td", "th"], recursive=False))
        written: list[Tag] = []
        column = 0
        for cell in [*cells, None]:
            while column in waiting:
                reaching, left = waiting.pop(column)
                written.append(counted(copy(reaching)))
                if left > 1:
                    waiting[column] = reaching, left - 1
                column += 1
            if cell is None:
                break
            across = _span(cell, "colspan", 1_000)
            down = min(_span(cell, "rowspan", 65_534) or len(rows), len(rows) - number)
            for place in range(max(1, across)):
                written.append(counted(copy(cell) if place else cell))
                if down > 1:
                    waiting[column] = cell, down - 1
                column += 1
        for cell in written:
            cell.extract()
            for name in ("rowspan", "colspan"):
                cell.attrs.pop(name, None)
        row.clear()
        row.extend(written)


def _span(cell: Tag, name: str, most: int) -> int:
    found = re.match(r"\s*(\d{1,6})", str(cell.get(name) or "1"))
    return min(int(found[1]), most) if found else 1
