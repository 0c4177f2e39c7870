"""Kombu's filesystem transport, without the two moments in which it kills a worker.

It opens a message's file before it writes it, so that a reader can find it empty; and it expects its
folders to be there. Here a message appears whole or not at all, and a wake-up that can't be read is
dropped: a sweep repeats it. And a wake-up that waits already is not written again: whoever takes it looks
at the database then, after the commit that this one would have told of.
"""

from __future__ import annotations

import hashlib
import logging
import os
import uuid
from contextlib import suppress
from pathlib import Path
from queue import Empty
from time import monotonic, time
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)


FRESH_SECONDS = 20  # of a wake-up; an old one may expire (`WAKE_EXPIRES`) before anybody takes it


def _mark_of(message: Any) -> str:
    """The same for each wake-up of one task; empty for a message that says more than “look”."""
    headers = message.get("headers") or {}
    says_more = headers.get("eta") or headers.get("argsrepr") != "()"
    if says_more or headers.get("kwargsrepr") != "{}" or "task" not in headers:
        return ""
    return hashlib.sha256(headers["task"].encode()).hexdigest()[:12]


def _waits(folder: Path, pattern: str) -> bool:
    since = time() - FRESH_SECONDS
    for found in folder.glob(pattern):
        with suppress(FileNotFoundError):  # it was taken just now
            if found.stat().st_mtime >= since:
                return True
    return False


class Channel(filesystem.Channel):
    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        mark = _mark_of(message)
        if mark and _waits(folder, f"*_{mark}.{queue}.msg"):
            return
        name = "_".join(
            [str(round(monotonic() * 1000)), str(uuid.uuid4()), *([mark] if mark else [])]
        )
        whole = folder / f"{name}.{queue}.msg"
        part = whole.with_suffix(".part")  # a name that no reader looks for
        try:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_text(dumps(message))
            os.replace(part, whole)
        except OSError as error:
            raise ChannelError(f"Cannot add {whole.name} to the queue: {error.strerror}") from error

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        try:
            return super()._get(queue)
        except (FileNotFoundError, ChannelError):
            Path(self.data_folder_in).mkdir(parents=True, exist_ok=True)
        except ValueError:
            logger.warning("an unreadable wake-up for %s was dropped", queue)
        raise Empty


class Transport(filesystem.Transport):
    Channel = Channel
