"""Uploaded files: kept below the data folder from the upload until a run has brought them in."""

from __future__ import annotations

import secrets
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from assistant.whole_files import folder_made_whole
from retrieval.loaders import endings, is_supported
from retrieval.sources.archive import unpack
from retrieval.sources.folder import FolderAdapter
from retrieval.sources.interface import Adapter, Entry, Fetched, Listing, SourceError


class BadUpload(ValueError):
    """Files that were not taken, in words."""


def keep(files: Iterable[UploadedFile], *, kinds: tuple[str, ...] = ()) -> str:
    """Store uploaded files; returns the folder's name for `SourceRun.upload`. Raises `BadUpload`.

    `kinds` are endings taken besides those of articles and ZIPs.
    """
    chosen = list(files)
    if not chosen:
        raise BadUpload("Choose at least one file.")
    taken: dict[str, UploadedFile] = {}
    for file in chosen:
        name = Path((file.name or "").replace("\x00", "")).name
        if not is_supported(Path(name)) and Path(name).suffix.lower() not in {".zip", *kinds}:
            raise BadUpload(
                f"{name[:100]}: files of this kind are not read. Choose "
                f"{endings()} files, or a ZIP of them."
            )
        if name in taken:
            raise BadUpload(f"{name[:100]} was chosen twice; put them into a ZIP with folders.")
        taken[name] = file
    batch = secrets.token_hex(12)
    try:
        with folder_made_whole(folder_of(batch)) as folder:
            for name, file in taken.items():
                with (folder / name).open("xb") as target:
                    for piece in file.chunks():
                        target.write(piece)
    except OSError as error:
        raise BadUpload(
            "The server's disk is full or cannot be written, so nothing was kept. Tell whoever runs "
            "this installation, then upload the files again."
        ) from error
    return batch


def folder_of(batch: str) -> Path:
    """Where an upload's files lie."""
    return Path(settings.UPLOAD_DIR) / batch


def discard(batch: str) -> None:
    """Delete an upload that nobody needs any more."""
    if batch:
        shutil.rmtree(folder_of(batch), ignore_errors=True)


class UploadAdapter(Adapter):
    """The files of one upload, ZIPs unpacked into `work`."""

    def __init__(self, batch: str, work: Path) -> None:
        self._batch = folder_of(batch) if batch else None
        self._folder = FolderAdapter(work)

    def listing(self) -> Listing:
        if self._batch is None or not self._batch.is_dir():
            raise SourceError("The uploaded files are not there any more: upload them again.")
        skipped: list[tuple[str, str]] = []
        ignored: Counter[str] = Counter()
        for file in sorted(self._batch.iterdir()):
            if file.suffix.lower() == ".zip":
                left_out, others = unpack(file, self._folder.root)
                skipped += left_out
                ignored += others
            else:
                shutil.copyfile(file, self._folder.root / file.name)
        found = self._folder.listing()
        return Listing(
            found.entries,
            skipped=[*skipped, *found.skipped],
            ignored=ignored + Counter(found.ignored),
        )

    def fetch(self, entry: Entry, known: str) -> Fetched | None:
        return self._folder.fetch(entry, known)
