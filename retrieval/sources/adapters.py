"""Which adapter reads which kind of source."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retrieval.source_models import Source, SourceRun
from retrieval.sources import git
from retrieval.sources.fetching import host_of, public_address
from retrieval.sources.folder import FolderAdapter, allowed_folder
from retrieval.sources.help_centre import HelpCentreAdapter
from retrieval.sources.interface import Adapter, SourceError, Stop
from retrieval.sources.upload import UploadAdapter, folder_of
from retrieval.sources.website import WebsiteAdapter

Kind = Source.Kind


def adapter_of(run: SourceRun, work: Path, stop: Stop) -> Adapter:
    """The adapter that this run reads by, until `stop`; `work` is an empty folder of its own. Raises
    `SourceError` for a source that may not be read any more."""
    source, options = run.source, run.source.options
    match source.kind:
        case Kind.UPLOAD:
            return UploadAdapter(run.upload, work)
        case Kind.FOLDER:
            return FolderAdapter(allowed_folder(source.location))
        case Kind.GIT:
            return git.GitAdapter(source.location, work, stop=stop, **options)
        case Kind.WEBSITE:
            return WebsiteAdapter(source.location, stop=stop, **options)
        case Kind.HELP_CENTRE:
            files = folder_of(run.upload) if run.upload else None
            return HelpCentreAdapter(source.location, files=files, stop=stop, **options)
    raise SourceError(f"No adapter reads sources of the kind {source.kind}.")


def check_location(kind: str, location: str, options: Mapping[str, Any]) -> None:
    """Raise `SourceError` for a place that sources of this kind may not read; the hosts of web
    addresses are looked up."""
    if kind == Kind.FOLDER and not allowed_folder(location).is_dir():
        raise SourceError(f"{location}: there is no such folder.")
    if kind == Kind.GIT:
        git.check_address(location)
    if kind == Kind.WEBSITE or (kind == Kind.HELP_CENTRE and location):
        _, host, port = host_of(location)
        public_address(host, port)
