"""Read an article from a file: Markdown, HTML, plain text, PDF and DOCX, all as Markdown."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

MAX_BYTES = 64 * 1024 * 1024
MAX_FRONT_MATTER = 64 * 1024

_FRONT_MATTER = re.compile(
    r"\A---[ \t]*\n(.*?)(?:^---|^\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE
)
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_UNDERLINED = re.compile(r"\A\s*([^\n]+)\n {0,3}=+[ \t]*$", re.MULTILINE)


class LoadError(Exception):
    """A file that cannot become an article: which one, and why in words."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


@dataclass(frozen=True)
class LoadedArticle:
    """An article as its file states it; `category` is empty where the file names none."""

    title: str
    text: str
    category: str = ""
    language: str = "en"
    front_matter: Mapping[str, Any] = field(default_factory=dict)


def load(path: Path) -> LoadedArticle:
    """Read one file. Raises `LoadError` for one that is unreadable, empty, broken, too large or of
    a kind that is not supported."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise LoadError(
            path, f"files of the kind {path.suffix or 'without an ending'} are not read"
        )
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise LoadError(path, f"has {size:,} bytes; {MAX_BYTES:,} are allowed")
        raw = path.read_bytes()
    except OSError as error:
        raise LoadError(path, f"cannot be read: {error.strerror or error}") from error
    if not raw.strip():
        raise LoadError(path, "is empty")
    article = reader(path, raw)
    if not article.text.strip():
        raise LoadError(path, "holds no text")
    return article


def is_supported(path: Path) -> bool:
    """Whether `load` reads this kind of file."""
    return path.suffix.lower() in _READERS


def category_of(article: LoadedArticle, source: str) -> str:
    """The front matter's category, else the first folder of `source` (a path with `/`)."""
    folder, slash, _ = source.partition("/")
    return article.category or (folder if slash else "")


def _decode(path: Path, raw: bytes) -> str:
    utf_16 = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    encoding, name = ("utf-16", "UTF-16") if utf_16 else ("utf-8-sig", "UTF-8")
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        raise LoadError(path, f"is not valid {name} at byte {error.start}") from error
    if "\x00" in text:
        raise LoadError(path, f"holds a NUL character at position {text.index(chr(0))}")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _markdown(path: Path, raw: bytes) -> LoadedArticle:
    return _article(path, _decode(path, raw))


def _article(path: Path, markdown: str, title: str = "", language: str = "") -> LoadedArticle:
    """Take the front matter off; title and language given here are what the file says otherwise."""
    front, text = _split(path, markdown)
    text = text.strip("\n").rstrip()
    return LoadedArticle(
        title=_line(front.get("title")) or title or _first_heading(text) or _name(path),
        text=text,
        category=_line(front.get("category")),
        language=(_line(front.get("language") or front.get("lang")) or language or "en")[:10],
        front_matter=front,
    )


def _split(path: Path, markdown: str) -> tuple[dict[str, Any], str]:
    found = _FRONT_MATTER.match(markdown)
    if not found:
        return {}, markdown
    raw = found[1]
    if len(raw) > MAX_FRONT_MATTER:
        raise LoadError(path, "has a front matter of more than 64 kB")
    try:
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(raw)):
            raise LoadError(path, "has a front matter with YAML aliases, which are not read")
        front = yaml.safe_load(raw)
        if front is None:
            front = {}
        if not isinstance(front, dict):
            # a text between two rules, not a front matter
            return {}, markdown
        text = json.dumps(front, default=_jsonable, ensure_ascii=False)
        text.encode()
    except (yaml.YAMLError, ValueError, TypeError) as error:
        where = getattr(error, "problem_mark", None)
        line = f" at line {where.line + 2}" if where else ""
        problem = getattr(error, "problem", None) or type(error).__name__
        raise LoadError(
            path, f"has a front matter that is not valid YAML{line}: {problem}"
        ) from error
    if "\\u0000" in text:
        raise LoadError(path, "has a front matter with a NUL character")
    return json.loads(text), markdown[found.end() :]


def _jsonable(value: object) -> str:
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value)


def _html(path: Path, raw: bytes) -> LoadedArticle:
    """The page's main part as Markdown, without navigation, scripts and styles."""
    from bs4 import BeautifulSoup
    from markdownify import markdownify

    page = BeautifulSoup(_decode(path, raw), "html.parser")
    root = page.find("html")
    language = str(root.get("lang") or "") if root else ""
    heading = page.find("h1")
    title = page.title.get_text(" ", strip=True) if page.title else ""
    title = title or (heading.get_text(" ", strip=True) if heading else "")
    for unwanted in page(
        ["script", "style", "noscript", "template", "nav", "svg", "iframe", "form"]
    ):
        unwanted.decompose()
    main = page.find("main") or page.find("article") or page.body or page
    for unwanted in main(["header", "footer", "aside"]) if main is page.body else []:
        if not unwanted.find("h1"):
            unwanted.decompose()
    markdown = markdownify(str(main), heading_style="ATX", bullets="-", strip=["img"])
    markdown = re.sub(r"\n{3,}", "\n\n", markdown).strip("\n")
    return LoadedArticle(
        title=" ".join(title.split()) or _first_heading(markdown) or _name(path),
        text="\n".join(line.rstrip() for line in markdown.split("\n")).strip("\n"),
        language=language.split("-")[0].lower()[:10] or "en",
    )


def _text(path: Path, raw: bytes) -> LoadedArticle:
    text = _decode(path, raw).strip("\n").rstrip()
    return LoadedArticle(title=_name(path), text=text)


def _document(path: Path, raw: bytes) -> LoadedArticle:
    """PDF and DOCX by markitdown."""
    from markitdown import StreamInfo
    from markitdown.converters import DocxConverter, PdfConverter

    # Its own dispatcher reads a broken document as plain text; the converters themselves refuse it.
    converter = PdfConverter() if path.suffix.lower() == ".pdf" else DocxConverter()
    try:
        result = converter.convert(io.BytesIO(raw), StreamInfo(extension=path.suffix.lower()))
    except Exception as error:  # markitdown lets its parsers' own errors through
        first = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise LoadError(
            path, f"is broken or no {path.suffix[1:].upper()}: {first[:200]}"
        ) from error
    markdown = (result.markdown or "").replace("\r\n", "\n").replace("\r", "\n")
    markdown = markdown.replace("\x00", "").replace("\f", "\n\n")
    markdown = markdown.encode("utf-8", "replace").decode()
    if not markdown.strip():
        raise LoadError(path, "holds no text; a scanned document needs text recognition first")
    text = re.sub(r"\n{3,}", "\n\n", markdown).strip("\n").rstrip()
    title = " ".join((result.title or "").split())
    return LoadedArticle(title=title or _first_heading(text) or _name(path), text=text)


def _first_heading(markdown: str) -> str:
    found = _UNDERLINED.search(markdown) or _HEADING.search(markdown)
    return re.sub(r"[*_`]+", "", found[1]).strip() if found else ""


def _name(path: Path) -> str:
    return " ".join(re.sub(r"[-_]+", " ", path.stem).split()) or path.name


def _line(value: object) -> str:
    return " ".join(str(value).split()) if value is not None else ""


_READERS: dict[str, Callable[[Path, bytes], LoadedArticle]] = {
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _html,
    ".htm": _html,
    ".txt": _text,
    ".pdf": _document,
    ".docx": _document,
}
