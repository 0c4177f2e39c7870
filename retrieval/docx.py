"""Read a DOCX as Markdown by mammoth, with what mammoth leaves aside: numbers of lists that go on,
hidden words, Word's Title. Pure."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from dataclasses import dataclass
from typing import Any

MAX_PARTS = 5_000
MAX_UNPACKED = 256 * 1024 * 1024
MAX_XML = 48 * 1024 * 1024
MAX_RATIO = 200  # text shrinks to a tenth or so; a bomb to a thousandth
MAX_ELEMENTS = 400_000
_MAIN = "word/document.xml"
_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_START, _END = "\ue000", "\ue001"  # private use: a list item's number, until the HTML is read
_STYLES = "p[style-name='Title'] => h1:fresh\np[style-name='Subtitle'] => p:fresh"
_NUMBER = re.compile(f"{_START}(\\d+){_END}")


class DocxError(ValueError):
    """A DOCX that gives no text, in words that fit after its name."""


@dataclass(frozen=True)
class Docx:
    """`title` is what the file's properties say; often a template's."""

    title: str
    text: str


def read_docx(raw: bytes) -> Docx:
    """The document's text. Raises `DocxError`, and RecursionError for one nested without end."""
    import mammoth

    from retrieval.pages import to_markdown

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            _check(archive)
            title = _title(archive)
            prepared = _prepared(archive)
        html = mammoth.convert_to_html(prepared, style_map=_STYLES).value
        return Docx(title, to_markdown(_numbered(html)))
    except (RecursionError, MemoryError, DocxError):
        raise
    except Exception as error:  # mammoth lets its parsers' own errors through
        words = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DocxError(f"is broken or no DOCX: {words[:200]}") from error


def _check(archive: zipfile.ZipFile) -> None:
    """Sizes before anything is unpacked: a reader takes no more than what the archive states."""
    parts = archive.infolist()
    if len(parts) > MAX_PARTS:
        raise DocxError(f"holds {len(parts):,} parts; {MAX_PARTS:,} are allowed")
    if sum(part.file_size for part in parts) > MAX_UNPACKED:
        raise DocxError(f"unpacks to more than {MAX_UNPACKED // 1024**2} MB")
    for part in parts:
        if not part.filename.endswith((".xml", ".rels")):
            continue
        bomb = part.file_size > MAX_RATIO * max(1, part.compress_size)
        if part.file_size > MAX_XML or (bomb and part.file_size > 1024**2):
            raise DocxError(f"unpacks to far more than its size ({part.filename})")


def _title(archive: zipfile.ZipFile) -> str:
    from defusedxml.ElementTree import fromstring

    try:
        root = fromstring(archive.read("docProps/core.xml"))
    except Exception:  # a title is worth no error
        return ""
    found = root.find("{http://purl.org/dc/elements/1.1/}title")
    return (found.text or "") if found is not None else ""


def _prepared(archive: zipfile.ZipFile) -> io.BytesIO:
    """The same document without hidden words, each numbered paragraph with its number in front."""
    from xml.etree.ElementTree import tostring

    from defusedxml.ElementTree import fromstring

    raw = archive.read(_MAIN)
    if raw.count(b"<") > 2 * MAX_ELEMENTS:
        raise DocxError(f"holds more than {MAX_ELEMENTS:,} elements")
    root = fromstring(raw)
    for parent in list(root.iter(f"{_W}p")):
        for run in [one for one in parent.iter(f"{_W}r") if _is_hidden(one)]:
            for child in list(run):
                run.remove(child)
    _number(root, _numbered_styles(archive))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as copy:
        for part in archive.infolist():
            content = tostring(root) if part.filename == _MAIN else archive.read(part)
            copy.writestr(part.filename, content)
    out.seek(0)
    return out


def _is_hidden(run: Any) -> bool:
    vanish = run.find(f"{_W}rPr/{_W}vanish")
    return vanish is not None and vanish.get(f"{_W}val") not in {"0", "false", "off"}


def _numbered_styles(archive: zipfile.ZipFile) -> dict[str, Any]:
    """Styles that number their paragraphs: the `numPr` of each, its own or of the style under it."""
    from defusedxml.ElementTree import fromstring

    if "word/styles.xml" not in archive.namelist():
        return {}
    styles = {
        str(style.get(f"{_W}styleId")): style
        for style in fromstring(archive.read("word/styles.xml")).iter(f"{_W}style")
    }
    found = {}
    for name, style in styles.items():
        for _ in range(10):
            numbering = style.find(f"{_W}pPr/{_W}numPr")
            if numbering is not None:
                found[name] = numbering
                break
            under = style.find(f"{_W}basedOn")
            style = styles.get(str(under.get(f"{_W}val"))) if under is not None else None
            if style is None:
                break
    return found


def _number(root: Any, styles: dict[str, Any]) -> None:
    """Write each numbered paragraph's place in its list: a list that a note interrupts goes on."""
    from xml.etree.ElementTree import Element, SubElement

    counts: Counter[tuple[str, int]] = Counter()
    for paragraph in root.iter(f"{_W}p"):
        numbering = paragraph.find(f"{_W}pPr/{_W}numPr")
        if numbering is None:
            style = paragraph.find(f"{_W}pPr/{_W}pStyle")
            numbering = styles.get(str(style.get(f"{_W}val"))) if style is not None else None
        number = numbering.find(f"{_W}numId") if numbering is not None else None
        if number is None:
            continue
        level = numbering.find(f"{_W}ilvl")
        name = str(number.get(f"{_W}val"))
        depth = str(level.get(f"{_W}val")) if level is not None else "0"
        deep = int(depth) if depth.isdigit() else 0
        counts[name, deep] += 1
        for key in [key for key in counts if key[0] == name and key[1] > deep]:
            del counts[key]
        run = Element(f"{_W}r")
        SubElement(run, f"{_W}t").text = f"{_START}{counts[name, deep]}{_END}"
        paragraph.insert(1, run)


def _numbered(html: str) -> str:
    """`<ol start="3">` where a list's first item has the number 3."""
    html = re.sub(
        rf"<ol>(\s*<li>(?:<[^>]+>)*){_NUMBER.pattern}",
        lambda found: f'<ol start="{found[2]}">{found[1]}',
        html,
    )
    return _NUMBER.sub("", html)
