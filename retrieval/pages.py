"""Find the main part of an HTML page and write it as Markdown. Pure: imports no Django."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bs4 import BeautifulSoup, Tag
from markdownify import markdownify

_NEVER = [
    "script", "style", "noscript", "template", "nav", "svg", "iframe", "form", "dialog", "button",
    "select", "object", "embed",
]  # fmt: skip
_ROLES = {"navigation", "search", "banner", "contentinfo", "complementary", "dialog", "alertdialog"}
# whole words of a class or id: what surrounds an article on pages that mark nothing else
_SURROUNDINGS = re.compile(
    r"(?:^|[\s_-])(?:breadcrumbs?|cookies?|cookie-?(?:banner|consent|notice)|skip-?(?:link|nav)s?|"
    r"share|social|sharing|related(?:-?(?:articles|posts|links))?|recommended|newsletter|"
    r"pagination|pager|sidebar|site-?(?:header|footer|nav)|article-votes?|was-?this-?helpful|"
    r"comments?|toc|table-?of-?contents)(?:$|[\s_-])",
    re.IGNORECASE,
)
_ROBOTS = re.compile(r"<meta\s[^>]{0,200}?name\s*=\s*[\"']?robots\b[^>]{0,200}>", re.IGNORECASE)
MAX_DEPTH = 400  # elements within elements; browsers stop at about 500
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """`text` is Markdown; title and language are empty where the page has none."""

    title: str
    text: str
    language: str = ""


def main_part(html: str) -> Page:
    """The page without navigation, header, footer, forms, scripts, and what a browser hides.

    Raises RecursionError for a page that is nested without end.
    """
    page = _parsed(html)
    root = page.find("html")
    language = str(root.get("lang") or "") if isinstance(root, Tag) else ""
    heading = page.find("h1")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    title = _without_site(title, heading.get_text(" ", strip=True) if heading else "")
    for unwanted in page(_NEVER):
        unwanted.decompose()
    main = _main(page)
    for element in list(main.find_all(True)):
        if not element.decomposed and element is not main and _is_surrounding(element, main):
            element.decompose()
    return Page(
        title=title,
        text=to_markdown(main),
        language=language.split("-")[0].lower()[:10],
    )


def asks_not_to_be_indexed(html: str) -> bool:
    """Whether the page tells robots so in its head."""
    return any("noindex" in tag.lower() for tag in _ROBOTS.findall(html))


def to_markdown(part: Tag | str) -> str:
    """HTML as Markdown: headings, lists and tables stay, pictures go. Raises RecursionError."""
    part = _parsed(part) if isinstance(part, str) else part
    for words in part.find_all(string=re.compile(r"\|")):
        if words.find_parent(["td", "th"]):
            words.replace_with(words.replace("|", "\\|"))  # a bar would end the cell
    markdown = markdownify(
        str(part), heading_style="ATX", bullets="-", strip=["img"], table_infer_header=True
    )
    markdown = re.sub(r"\n{3,}", "\n\n", "\n".join(line.rstrip() for line in markdown.split("\n")))
    return markdown.strip("\n")


def _parsed(html: str) -> BeautifulSoup:
    page = BeautifulSoup(html, "html.parser")
    waiting: list[tuple[Tag, int]] = [(page, 0)]
    while waiting:
        element, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise RecursionError("elements are nested without end")
        waiting += [(child, depth + 1) for child in element.children if isinstance(child, Tag)]
    return page


def _main(page: BeautifulSoup) -> Tag:
    main = page.find("main") or page.select_one("[role=main]")
    if isinstance(main, Tag):
        return main
    articles = page.find_all("article")
    if len(articles) == 1:
        return articles[0]
    return page.body or page


def _is_surrounding(element: Tag, main: Tag) -> bool:
    if element.has_attr("hidden") or _HIDDEN.search(str(element.get("style") or "")):
        return True
    if element.find("h1"):
        return False  # an article's own head
    if element.name in {"footer", "aside"}:
        # an aside within a named main part is a note of the article's
        return element.name == "footer" or main.name == "body"
    if element.name == "header":
        return main.name == "body"
    if str(element.get("role") or "").lower() in _ROLES:
        return True
    classes: str | list[str] = element.get("class") or []
    names = (
        f"{' '.join(classes) if isinstance(classes, list) else classes} {element.get('id') or ''}"
    )
    return bool(_SURROUNDINGS.search(names)) and element.name not in {"body", "main", "article"}


def _without_site(title: str, heading: str) -> str:
    """The first heading where the page's title is it with the site's name around."""
    title, heading = " ".join(title.split()), " ".join(heading.split())
    if heading and (not title or heading.casefold() in title.casefold()):
        return heading
    return title
