"""Keeping a lease, or an eye on something, while the work that it is about goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection

logger = logging.getLogger(__name__)


@contextmanager
def kept(turn: Callable[[], object], *, every_seconds: float, name: str) -> Iterator[None]:
    """A thread of this name calls `turn` (renew the lease, look) every so many seconds until the block ends.

    A turn that fails is logged and tried again at the next one: what saves under the lease finds
    out whether it was lost.
    """
    ended = threading.Event()

    def keep() -> None:
        while not ended.wait(every_seconds):
            try:
                turn()
            except Exception as error:
                logger.warning("%s: a turn failed: %s", name, type(error).__name__)
            finally:
                connection.close()

    thread = threading.Thread(target=keep, name=name, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
