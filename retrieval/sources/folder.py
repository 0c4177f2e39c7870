"""A folder on the server, below one of the roots that the operator named; also unpacked uploads."""

from __future__ import annotations

import hashlib
import os
import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from retrieval.left_out import kind_of
from retrieval.loaders import MAX_BYTES, is_supported
from retrieval.sources.interface import Adapter, Entry, Fetched, ItemError, Listing, SourceError


def allowed_folder(location: str) -> Path:
    """The folder that a source names, resolved. Raises `SourceError` outside the allowed roots."""
    roots = [Path(root).resolve() for root in settings.SOURCE_FOLDERS]
    if not roots:
        raise SourceError(
            "No folder on the server may be read: an operator names them in COUNTERSIGN_SOURCE_FOLDERS."
        )
    folder = Path(location).resolve()
    if not Path(location).is_absolute() or not any(folder.is_relative_to(root) for root in roots):
        allowed = ", ".join(map(str, roots))
        raise SourceError(f"{location} is not below a folder that may be read ({allowed}).")
    return folder


class FolderAdapter(Adapter):
    """Files below `root`. Links are never followed, hidden files are left alone."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def listing(self) -> Listing:
        if not self.root.is_dir():
            raise SourceError(f"{self.root}: there is no such folder.")
        entries: list[Entry] = []
        skipped: list[tuple[str, str]] = []
        ignored: Counter[str] = Counter()
        size = 0
        for path, file in self._walk(self.root):
            if not is_supported(file):
                ignored[kind_of(file.name)] += 1
            elif file.is_symlink():
                skipped.append((path, "is a link, and links are not followed"))
            else:
                entries.append(Entry(path))
                size += file.lstat().st_size
        check_totals(len(entries), size)
        return Listing(entries, skipped=skipped, ignored=ignored)

    def fetch(self, entry: Entry, known: str) -> Fetched | None:
        raw = self._read(self.root / entry.path)
        fingerprint = hashlib.sha256(raw).hexdigest()
        if fingerprint == known:
            return None
        return Fetched(fingerprint, raw, name=entry.path)

    def _walk(self, folder: Path) -> Iterator[tuple[str, Path]]:
        try:
            inside = sorted(folder.iterdir())
        except OSError as error:
            raise SourceError(f"{folder} cannot be read: {error.strerror}.") from error
        for file in inside:
            if file.name.startswith((".", "__MACOSX")):
                continue
            if file.is_dir() and not file.is_symlink():
                yield from self._walk(file)
            elif file.is_symlink() or file.is_file():
                yield file.relative_to(self.root).as_posix(), file

    def _read(self, file: Path) -> bytes:
        """The file's bytes; never through a link, also one that was put there since the listing."""
        try:
            if not file.parent.resolve().is_relative_to(self.root.resolve()):
                raise ItemError("lies behind a link, and links are not followed")
            descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            with os.fdopen(descriptor, "rb") as opened:
                found = os.fstat(opened.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise ItemError("is no file")
                if found.st_size > MAX_BYTES:
                    raise ItemError(f"has {found.st_size:,} bytes; {MAX_BYTES:,} are allowed")
                return opened.read(MAX_BYTES)
        except OSError as error:
            raise ItemError(f"cannot be read: {error.strerror or error}") from error


def check_totals(articles: int, size: int) -> None:
    """Raise `SourceError` where a source holds more than one run may bring in."""
    if articles > settings.SOURCE_MAX_ARTICLES:
        raise SourceError(
            f"It holds {articles:,} articles; {settings.SOURCE_MAX_ARTICLES:,} are allowed "
            "(COUNTERSIGN_SOURCE_MAX_ARTICLES)."
        )
    if size > settings.SOURCE_MAX_MB * 1024 * 1024:
        raise SourceError(
            f"It holds {size // 1024**2:,} MB; {settings.SOURCE_MAX_MB:,} are allowed "
            "(COUNTERSIGN_SOURCE_MAX_MB)."
        )
