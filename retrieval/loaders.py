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
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+([^\s#].*)$", re.MULTILINE)
_UNDERLINED = re.compile(r"\A\s*(\S[^\n]*)\n {0,3}=+[ \t]*$", re.MULTILINE)


OnPage = Callable[[int, int], None]


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
    _reader(path)
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise LoadError(path, f"has {size:,} bytes; {MAX_BYTES:,} are allowed")
        raw = path.read_bytes()
    except OSError as error:
        raise LoadError(path, f"cannot be read: {error.strerror or error}") from error
    return load_bytes(path, raw)


def load_bytes(path: Path, raw: bytes, *, on_page: OnPage | None = None) -> LoadedArticle:
    """Read a file's bytes; `path` tells its kind. `on_page(done, pages)` follows a PDF. Raises
    `LoadError`."""
    reader = _reader(path)
    if len(raw) > MAX_BYTES:
        raise LoadError(path, f"has {len(raw):,} bytes; {MAX_BYTES:,} are allowed")
    if not raw.strip():
        raise LoadError(path, "is empty")
    article = _pdf(path, raw, on_page) if path.suffix.lower() == ".pdf" else reader(path, raw)
    if not article.text.strip():
        raise LoadError(path, "holds no text")
    return article


def _reader(path: Path) -> Callable[[Path, bytes], LoadedArticle]:
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise LoadError(
            path, f"files of the kind {path.suffix or 'without an ending'} are not read"
        )
    return reader


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
    """The page's main part as Markdown (`retrieval.pages`)."""
    from retrieval.pages import main_part

    try:
        page = main_part(_decode(path, raw))
    except RecursionError:
        raise LoadError(path, "is too deeply nested to read") from None
    return LoadedArticle(
        title=page.title or _first_heading(page.text) or _name(path),
        text=page.text,
        language=page.language or "en",
    )


def _text(path: Path, raw: bytes) -> LoadedArticle:
    text = _decode(path, raw).strip("\n").rstrip()
    return LoadedArticle(title=_name(path), text=text)


def _docx(path: Path, raw: bytes) -> LoadedArticle:
    """A DOCX by mammoth: styles become headings, lists and tables."""
    import mammoth

    from retrieval.pages import to_markdown

    try:
        text = to_markdown(mammoth.convert_to_html(io.BytesIO(raw)).value)
    except RecursionError:
        raise LoadError(path, "is too deeply nested to read") from None
    except Exception as error:  # mammoth lets its parsers' own errors through
        raise LoadError(path, f"is broken or no DOCX: {_first_line(error)}") from error
    return _converted(path, text, "")


def _pdf(path: Path, raw: bytes, on_page: OnPage | None = None) -> LoadedArticle:
    from retrieval.pdf import PdfError, read_pdf

    try:
        found = read_pdf(raw, on_page=on_page)
    except PdfError as error:
        raise LoadError(path, str(error)) from error
    return _converted(path, found.text, found.title)


def _converted(path: Path, markdown: str, title: str) -> LoadedArticle:
    markdown = markdown.replace("\r\n", "\n").replace("\r", "\n")
    markdown = markdown.replace("\x00", "").replace("\f", "\n\n")
    markdown = markdown.encode("utf-8", "replace").decode()
    text = re.sub(r"\n{3,}", "\n\n", markdown).strip("\n").rstrip()
    title = " ".join(title.replace("\x00", "").split())
    return LoadedArticle(title=title or _first_heading(text) or _name(path), text=text)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _first_heading(markdown: str) -> str:
    found = _UNDERLINED.search(markdown) or _HEADING.search(markdown)
    return re.sub(r"[*_`]+", "", found[1].rstrip(" \t#")).strip() if found else ""


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
    ".pdf": _pdf,
    ".docx": _docx,
}
