"""Find the main part of an HTML page and write it as Markdown. Pure: imports no Django.

Content is never told by an id: "share-a-recipe" may be a section's own name. What a page folds away
(accordions, tabs) is content; what it lays over itself (cookie banners, dialogs) is not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bs4 import BeautifulSoup, Comment, Tag

from retrieval.html_markdown import PageError
from retrieval.html_markdown import to_markdown as write_markdown

MAX_DEPTH = 400  # elements within elements; browsers stop at about 500
MAX_TAGS = 100_000
MUCH = 0.3  # of a main part's words: when so many are left out, a person should look

_NEVER = [
    "script", "style", "noscript", "template", "nav", "svg", "iframe", "dialog", "select", "object",
    "embed", "input", "textarea", "datalist",
]  # fmt: skip
_HEADINGS = ["h1", "h2", "h3", "h4", "h5", "h6"]
_ROLES = {
    "navigation",
    "search",
    "banner",
    "contentinfo",
    "dialog",
    "alertdialog",
    "tablist",
    "menu",
}
_NOTE = re.compile(r"note|warning|tip|caution|danger|admonition|callout|alert|info|important|hint")
# whole names of a class: what surrounds an article on pages that mark nothing else
_SURROUNDINGS = re.compile(
    r"(?:\w+__|(?:site|page|post|article|main|js|c|o|m|wp|block|widget|mod)[-_])?"
    r"(?:breadcrumbs?|cookies?|skip-?(?:link|nav)s?|share|social|sharing|"
    r"related(?:-?(?:articles?|posts?|links?|content))?|recommended|newsletter|pagination|pager|"
    r"sidebar|site-?(?:header|footer|nav)|(?:article-)?votes?|was-?this-?helpful|comments?|toc|"
    r"table-?of-?contents|headerlink|hash-link|header-anchor|anchorjs-link)"
    r"(?:[-_](?:nav|list|links?|container|wrapper|box|block|buttons?|bar|menu|widget|section|area|inner"
    r"|icons?|media|form|signup|items?))*",
    re.IGNORECASE,
)
_CONSENT = re.compile(
    r"[\w-]*(?:cookie|consent|gdpr)[-_]?(?:banner|consent|notice|bar|popup|dialog|modal|overlay|law"
    r"|message|box)[\w-]*|onetrust[\w-]*",
    re.IGNORECASE,
)
_OVERLAY = re.compile(
    r"(?:[\w-]*[-_])?(?:modal|popup|pop-up|toast|tooltip|lightbox|dropdown-menu)", re.I
)
_COPY = re.compile(r"copy|clipboard|share|print|feedback|vote", re.IGNORECASE)
_ROBOTS = re.compile(r"<meta\s[^>]{0,200}?name\s*=\s*[\"']?robots\b[^>]{0,200}>", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """`text` is Markdown; title and language are empty where the page has none. `warnings` say what
    a person should look at."""

    title: str
    text: str
    language: str = ""
    warnings: tuple[str, ...] = ()


def main_part(html: str) -> Page:
    """The page without what surrounds its content. Raises `PageError`, and RecursionError for a page
    that is nested without end."""
    page = _parsed(html)
    root = page.find("html")
    language = str(root.get("lang") or "") if isinstance(root, Tag) else ""
    heading = page.find("h1")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    title = _without_site(title, heading.get_text(" ", strip=True) if heading else "")
    _unwrap_whole_forms(page)
    _name_tab_panels(page)
    for unwanted in page([*_NEVER, "form"]):
        unwanted.decompose()
    for button in page("button"):
        _read_button(button)
    main = _main(page)
    before = _words(main)
    for element in list(main.find_all(True)):
        if (
            not element.decomposed
            and element is not main
            and _is_surrounding(element, main, before)
        ):
            element.decompose()
    left = _words(main)
    warnings: tuple[str, ...] = ()
    if main.name == "main" and before - left > max(50, MUCH * before):
        warnings = (f"{before - left} of the {before} words of its main part were left out",)
    return Page(
        title=title,
        text=write_markdown(main, language=language),
        language=language.split("-")[0].lower()[:10],
        warnings=warnings,
    )


def asks_not_to_be_indexed(html: str) -> bool:
    """Whether the page tells robots so in its head."""
    return any("noindex" in tag.lower() for tag in _ROBOTS.findall(html))


def to_markdown(html: str) -> str:
    """A fragment of HTML as Markdown: headings, lists and tables stay, pictures go. Raises
    `PageError`, RecursionError."""
    part = _parsed(html)
    for unwanted in part(["script", "style", "template", "noscript", "svg"]):
        unwanted.decompose()
    for button in part("button"):
        _read_button(button)
    return write_markdown(part)


def _parsed(html: str) -> BeautifulSoup:
    if html.count("<") > MAX_TAGS:
        raise PageError(f"holds {html.count('<'):,} tags; {MAX_TAGS:,} are allowed")
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
    if isinstance(main, Tag) and _words(main):
        return main
    whole = page.body or page
    articles = [one for one in page.find_all("article") if not one.find_parent("article")]
    headed = [one for one in articles if one.find("h1")]
    chosen = headed if len(headed) == 1 else articles
    # a teaser in a card is an <article> too
    if len(chosen) == 1 and (
        headed or (not page.find("h1") and _words(chosen[0]) * 2 >= _words(whole))
    ):
        return chosen[0]
    return whole


def _words(element: Tag) -> int:
    return sum(
        len(words.split()) for words in element.find_all(string=True) if type(words) is not Comment
    )


def _unwrap_whole_forms(page: BeautifulSoup) -> None:
    """A form around the whole page (ASP.NET) is no form to fill in."""
    whole = _words(page.body or page)
    for form in page("form"):
        if form.find(["h1", "main", "article"]) or _words(form) * 2 >= max(1, whole):
            form.unwrap()


def _name_tab_panels(page: BeautifulSoup) -> None:
    """A tab's name goes in front of its panel, which may be folded away."""
    tabs = {str(tab.get("id")): tab for tab in page.select("[role=tab][id]")}
    named = {str(tab.get("aria-controls")): tab for tab in page.select("[role=tab][aria-controls]")}
    for panel in page.select("[role=tabpanel]"):
        tab = tabs.get(str(panel.get("aria-labelledby"))) or named.get(str(panel.get("id")))
        if tab is not None and (words := tab.get_text(" ", strip=True)):
            panel.insert(0, _bold_paragraph(page, words))


def _bold_paragraph(page: BeautifulSoup, words: str) -> Tag:
    paragraph, bold = page.new_tag("p"), page.new_tag("strong")
    bold.string = words
    paragraph.append(bold)
    return paragraph


def _read_button(button: Tag) -> None:
    """A button's words stay where they are read: in a heading, in a sentence, over folded text."""
    if button.decomposed:
        return
    named = f"{' '.join(_classes(button))} {button.get('aria-label') or ''}"
    words = button.get_text(" ", strip=True)
    sentence = button.find_parent(
        [*_HEADINGS, "p", "li", "td", "th", "dd", "dt", "summary", "label"]
    )
    if not words or _COPY.search(named):
        button.decompose()
    elif sentence is not None:
        button.unwrap()
    elif button.has_attr("aria-expanded") or button.has_attr("aria-controls"):
        if button.get("role") == "tab":
            button.decompose()  # its words stand before its panel
        else:
            button.name = "p"
            button.attrs = {}
    else:
        button.decompose()


def _is_surrounding(element: Tag, main: Tag, words: int) -> bool:
    """Whether it is no part of the content; `words` is how many the main part has."""
    role = str(element.get("role") or "").lower()
    classes = _classes(element)
    if element.name in {"body", "main", "article", *_HEADINGS} or element.find("h1"):
        return False  # content, or an article's own head
    if any(_CONSENT.fullmatch(name) for name in classes) and _words(element) * 2 < words:
        return True
    if role in _ROLES:
        return True
    if _is_folded(element) and (
        role in {"tooltip", "status"} or any(_OVERLAY.fullmatch(name) for name in classes)
    ):
        return True
    if element.name == "footer":
        return True
    if element.name == "header":
        return main.name == "body" and element.find_parent(["article", "section"]) is None
    if element.name == "aside" or role == "complementary":
        return main.name == "body" and _is_navigation(element, classes)
    return (
        any(_SURROUNDINGS.fullmatch(name) for name in classes)
        and not element.find(_HEADINGS)
        and _words(element) * 2 < words
    )


def _is_folded(element: Tag) -> bool:
    return element.has_attr("hidden") or bool(_HIDDEN.search(str(element.get("style") or "")))


def _is_navigation(element: Tag, classes: list[str]) -> bool:
    """Whether an aside leads elsewhere, rather than to say something by the side."""
    if element.get("role") == "note" or any(_NOTE.search(name.lower()) for name in classes):
        return False
    linked = sum(_words(link) for link in element.find_all("a"))
    surrounding = any(_SURROUNDINGS.fullmatch(name) for name in classes)
    return surrounding or linked > 0.4 * max(1, _words(element))


def _classes(element: Tag) -> list[str]:
    found: str | list[str] = element.get("class") or []
    return found.split() if isinstance(found, str) else list(found)


def _without_site(title: str, heading: str) -> str:
    """The first heading where the page's title is it with the site's name around."""
    title, heading = " ".join(title.split()), " ".join(heading.split())
    if heading and (not title or heading.casefold() in title.casefold()):
        return heading
    return title
