"""The text of gold sections, from a folder of articles as their authors wrote them, or from what is
indexed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from generation.gold import Gold, Kind, kind_of, section_text
from generation.judges import SectionText
from retrieval.decoding import decode
from retrieval.loaders import LoadError, load
from retrieval.models import Document
from retrieval.publishing import normal_source

Text = tuple[str, Kind]


def from_folder(folder: Path) -> SectionText:
    """From the files below a folder, raw where their headings are marked by lines. Raises
    OSError where there is no such folder."""
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: there is no such folder of articles")

    def read(path: str) -> Text | None:
        file = folder / path
        if not file.is_file():
            return None
        kind = kind_of(path)
        if kind is None:
            try:
                return load(file).text, "md"
            except LoadError:
                return None
        return decode(file.read_bytes()), kind

    return _sections(read)


def from_index() -> SectionText:
    """From the published articles, as they were read."""

    def read(path: str) -> Text | None:
        found = Document.objects.filter(
            source=normal_source(path), state=Document.State.PUBLISHED
        ).select_related("current")
        document = found.first()
        if document is None or document.current is None:
            return None
        return f"# {document.title}\n\n{document.current.text}", "md"

    return _sections(read)


def _sections(read: Callable[[str], Text | None]) -> SectionText:
    known = cache(read)

    def find(gold: Gold, heading: str) -> str | None:
        article = known(gold.path)
        if article is None:
            return None
        text, kind = article
        return section_text(text, heading, kind=kind)

    return find
