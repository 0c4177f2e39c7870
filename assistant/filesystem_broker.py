"""Kombu's filesystem transport, without the two moments in which it kills a worker.

It opens a message's file before it writes it, so that a reader can find it empty; and it expects its
folders to be there. Here a message appears whole or not at all, and a wake-up that can't be read is
dropped: a sweep repeats it.
"""

from __future__ import annotations

import logging
import os
import uuid
from pathlib import Path
from queue import Empty
from time import monotonic
from typing import Any

from kombu.exceptions import ChannelError
from kombu.transport import filesystem
from kombu.utils.json import dumps

logger = logging.getLogger(__name__)


class Channel(filesystem.Channel):
    def _put(self, queue: str, message: Any, **kwargs: Any) -> None:  # type: ignore[override]
        folder = Path(self.data_folder_out)
        whole = folder / f"{round(monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
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
