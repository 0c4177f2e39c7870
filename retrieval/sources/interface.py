"""What an adapter is: it lists what a source holds, then fetches one thing at a time."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LOOK_SECONDS = 1.0


class SourceError(Exception):
    """A source that could not be read, in words that say what to do."""


class Stopped(Exception):
    """Somebody cancelled the run, or its lease went to another worker."""


class Stop(threading.Event):
    """Set when the run is to stop; whoever waits for something long looks every `LOOK_SECONDS`."""

    def check(self) -> None:
        """Raise `Stopped` where the run is to stop."""
        if self.is_set():
            raise Stopped


class ItemError(Exception):
    """One thing in a source that becomes no article, and why."""

    def __init__(self, reason: str, *, fingerprint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.fingerprint = fingerprint


class ItemUnpublished(ItemError):
    """One thing that its author keeps from readers: an article made of it before is retired."""


@dataclass(frozen=True)
class Entry:
    """One thing that may become an article; `path` names it for ever within its source."""

    path: str


@dataclass(frozen=True)
class Listing:
    """What a source holds now. `skipped` and `unpublished` (what its author keeps from readers) are
    (path, reason); `ignored` counts by kind what is no article at all; not `complete` means that
    something may be missing, so that nothing is retired."""

    entries: list[Entry]
    skipped: list[tuple[str, str]] = field(default_factory=list)
    unpublished: list[tuple[str, str]] = field(default_factory=list)
    ignored: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    note: str = ""


@dataclass(frozen=True)
class Fetched:
    """An entry's content: a file's bytes with the name that tells its kind. `stated` are fields of
    the article that the source itself states, whatever the file says.

    `fingerprint` (at most 500 characters) changes whenever the content does.
    """

    fingerprint: str
    content: bytes
    name: str
    stated: Mapping[str, Any] = field(default_factory=dict)


class Adapter(ABC):
    """Reads one source. Made cheaply; `listing` is called first, once. What waits long raises
    `Stopped` soon after the run is to stop."""

    @abstractmethod
    def listing(self) -> Listing:
        """Everything there, in a steady order. Raises `SourceError`."""

    @abstractmethod
    def fetch(self, entry: Entry, known: str) -> Fetched | None:
        """The entry's content; None where its fingerprint is still `known`.

        Raises `ItemError` for this entry, `SourceError` where nothing more can be had.
        """

    def close(self) -> None:
        """Let go of connections; temporary files lie in the run's own folder."""
        return None
