"""Which adapter reads which kind of source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retrieval.source_models import Source, SourceRun
from retrieval.sources.folder import FolderAdapter, allowed_folder
from retrieval.sources.interface import Adapter, SourceError
from retrieval.sources.upload import UploadAdapter


def adapter_of(run: SourceRun, work: Path) -> Adapter:
    """The adapter that this run reads by; `work` is an empty folder of its own. Raises
    `SourceError` for a source that may not be read any more."""
    source = run.source
    match source.kind:
        case Source.Kind.UPLOAD:
            return UploadAdapter(run.upload, work)
        case Source.Kind.FOLDER:
            return FolderAdapter(allowed_folder(source.location))
        case _:
            raise ValueError(f"no adapter reads sources of the kind {source.kind}")


def check_location(kind: str, location: str, options: Mapping[str, Any]) -> None:
    """Raise `SourceError` for a place that sources of this kind may not read."""
    if kind == Source.Kind.FOLDER and not allowed_folder(location).is_dir():
        raise SourceError(f"{location}: there is no such folder.")
