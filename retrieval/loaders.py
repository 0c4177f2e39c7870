"""Read an article from a file: Markdown, HTML, reStructuredText, AsciiDoc, plain text, PDF and DOCX,
all as Markdown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from retrieval import titles
from retrieval.decoding import Undecodable, decode
from retrieval.front_matter import FrontMatter, FrontMatterError, split
from retrieval.readable import ends_unclosed, readable
from retrieval.site_markup import plain_markdown
from retrieval.unpublished import why_by_fields, why_by_name

MAX_BYTES = 64 * 1024 * 1024
MAX_CHARACTERS = 5_000_000  # of an article's text: some 3,000 pages

OnPage = Callable[[int, int], None]


class LoadError(Exception):
    """A file that cannot become an article: which one, and why in words."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Unpublished(LoadError):
    """A file that its author keeps from readers: a draft, a hidden page, one dated later than today."""


@dataclass(frozen=True)
class LoadedArticle:
    """An article as its file states it; `category` is empty where the file names none. `warnings`
    say in words what a person should look at."""

    title: str
    text: str
    category: str = ""
    language: str = "en"
    front_matter: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def load(path: Path) -> LoadedArticle:
    """Read one file of our own, a draft too. Raises `LoadError` for one that is unreadable, empty,
    broken, too large or of a kind that is not supported."""
    _reader(path)
    return load_bytes(path, read_file(path))


def read_file(path: Path) -> bytes:
    """A file's bytes. Raises `LoadError` for one that is unreadable or too large."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise LoadError(path, f"has {size:,} bytes; {MAX_BYTES:,} are allowed")
        return path.read_bytes()
    except OSError as error:
        raise LoadError(path, f"cannot be read: {error.strerror or error}") from error


def load_bytes(
    path: Path, raw: bytes, *, now: datetime | None = None, on_page: OnPage | None = None
) -> LoadedArticle:
    """Read a file's bytes; `path`, below its source, tells its kind. `on_page(done, pages)` follows a
    PDF. With `now`, a file that its author keeps from readers raises `Unpublished`; else `LoadError`.
    """
    reader = _reader(path)
    if now is not None and (reason := why_by_name(path.as_posix(), now=now)):
        raise Unpublished(path, reason)
    if len(raw) > MAX_BYTES:
        raise LoadError(path, f"has {len(raw):,} bytes; {MAX_BYTES:,} are allowed")
    if not raw.strip():
        raise LoadError(path, "is empty")
    article = reader(Opened(path, raw, now, on_page))
    if not article.text.strip():
        raise LoadError(path, "holds no text")
    if len(article.text) > MAX_CHARACTERS:
        raise LoadError(
            path, f"has {len(article.text):,} characters of text; {MAX_CHARACTERS:,} are allowed"
        )
    return replace(article, text=article.text.replace("\xad", ""))


def is_supported(path: Path | PurePosixPath) -> bool:
    """Whether `load` reads this kind of file."""
    return path.suffix.lower() in _READERS


def endings() -> str:
    """The endings that are read, for a sentence."""
    names = [name for name in _READERS if name not in _SECOND_NAMES]
    return f"{', '.join(names[:-1])} and {names[-1]}"


def category_of(article: LoadedArticle, source: str) -> str:
    """The front matter's category, else the first folder of `source` (a path with `/`)."""
    folder, slash, _ = source.partition("/")
    return article.category or (folder if slash else "")


@dataclass(frozen=True)
class Opened:
    """A file's bytes, and what reading them needs."""

    path: Path
    raw: bytes
    now: datetime | None = None
    on_page: OnPage | None = None

    def text(self, *, is_html: bool = False) -> str:
        """The characters, `\\n` at line ends. Raises `LoadError`."""
        try:
            return decode(self.raw, is_html=is_html)
        except Undecodable as error:
            raise LoadError(self.path, str(error)) from error

    def split(self, document: str) -> FrontMatter:
        """The front matter and the text. Raises `LoadError`, `Unpublished`."""
        try:
            front = split(document)
        except FrontMatterError as error:
            raise LoadError(self.path, str(error)) from error
        self.check(front.values)
        return front

    def check(self, fields: Mapping[str, Any]) -> None:
        """Raise `Unpublished` where these fields keep the file from readers."""
        if self.now is not None and (reason := why_by_fields(fields, now=self.now)):
            raise Unpublished(self.path, reason)


def _reader(path: Path) -> Callable[[Opened], LoadedArticle]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise LoadError(
            path, f"files of the kind {path.suffix or 'without an ending'} are not read"
        )
    return reader


def _markdown(file: Opened) -> LoadedArticle:
    front = file.split(file.text())
    warnings: tuple[str, ...] = ()
    if ends_unclosed(front.text):
        warnings = ("a comment that nobody ends hides the rest of its text",)
    text = plain_markdown(readable(front.text), mdx=file.path.suffix.lower() == ".mdx")
    return _article(file, text, front, warnings=warnings)


def _article(
    file: Opened,
    text: str,
    front: FrontMatter,
    *,
    title: str = "",
    language: str = "",
    warnings: tuple[str, ...] = (),
) -> LoadedArticle:
    """Title and language given here are what the file says beside its front matter."""
    text = text.strip("\n").rstrip()
    named = titles.plain(front.first("title"))
    return LoadedArticle(
        title=named
        or titles.plain(title)
        or titles.first_heading(text)
        or titles.from_file(file.path),
        text=text,
        category=front.first("category", "categories"),
        language=(front.first("language", "lang", "locale") or language or "en")[:10],
        front_matter=front.values,
        warnings=warnings,
    )


def _html(file: Opened) -> LoadedArticle:
    """The page's main part as Markdown (`retrieval.pages`)."""
    from retrieval.pages import PageError, asks_not_to_be_indexed, main_part

    front = file.split(file.text(is_html=True))  # Jekyll's pages have one
    if file.now is not None and asks_not_to_be_indexed(front.text):
        raise Unpublished(file.path, "asks not to be indexed")
    try:
        page = main_part(front.text)
    except (RecursionError, PageError) as error:
        raise LoadError(file.path, _too_deep(error)) from None
    return _article(
        file, page.text, front, title=page.title, language=page.language, warnings=page.warnings
    )


def _text(file: Opened) -> LoadedArticle:
    text = file.text().strip("\n").rstrip()
    return LoadedArticle(title=titles.from_file(file.path), text=text)


def _rst(file: Opened) -> LoadedArticle:
    from retrieval.restructured import read_rst

    read = read_rst(file.text())
    file.check(read.fields)
    front = FrontMatter(read.text, read.fields)
    return _article(file, read.text, front, title=read.title)


def _asciidoc(file: Opened) -> LoadedArticle:
    from retrieval.asciidoc import read_asciidoc

    front = file.split(file.text())  # Jekyll's and Hugo's have one
    read = read_asciidoc(front.text)
    file.check(read.fields)
    both = FrontMatter(read.text, {**read.fields, **front.values}, front.words)
    return _article(file, read.text, both, title=read.title)


def _docx(file: Opened) -> LoadedArticle:
    from retrieval.docx import DocxError, read_docx

    try:
        read = read_docx(file.raw)
    except (RecursionError, DocxError) as error:
        raise LoadError(file.path, _too_deep(error)) from None
    return _converted(file, read.text, titles.first_heading(read.text) or titles.sane(read.title))


def _pdf(file: Opened) -> LoadedArticle:
    from retrieval.pdf import PdfError, read_pdf

    try:
        found = read_pdf(file.raw, on_page=file.on_page)
    except PdfError as error:
        raise LoadError(file.path, str(error)) from error
    return _converted(file, found.text, found.title)


def _too_deep(error: Exception) -> str:
    return "is too deeply nested to read" if isinstance(error, RecursionError) else str(error)


def _converted(
    file: Opened, markdown: str, title: str, warnings: tuple[str, ...] = ()
) -> LoadedArticle:
    markdown = markdown.replace("\r\n", "\n").replace("\r", "\n")
    markdown = markdown.replace("\x00", "").replace("\f", "\n\n")
    markdown = markdown.encode("utf-8", "replace").decode()
    text = re.sub(r"\n{3,}", "\n\n", markdown)
    title = " ".join(title.replace("\x00", "").split())
    return _article(file, text, FrontMatter(text), title=title, warnings=warnings)


_READERS: dict[str, Callable[[Opened], LoadedArticle]] = {
    ".md": _markdown,
    ".mdx": _markdown,
    ".html": _html,
    ".txt": _text,
    ".rst": _rst,
    ".adoc": _asciidoc,
    ".pdf": _pdf,
    ".docx": _docx,
    ".markdown": _markdown,
    ".mkd": _markdown,
    ".mdown": _markdown,
    ".htm": _html,
    ".xhtml": _html,
    ".rest": _rst,
    ".asciidoc": _asciidoc,
}
_SECOND_NAMES = {".markdown", ".mkd", ".mdown", ".htm", ".xhtml", ".rest", ".asciidoc"}
