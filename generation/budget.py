"""A limit of processor time for a piece of work on text: a pattern that backtracks for ever holds
Python's lock, and then no lease is renewed and no other ticket drafted."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_LOOKS_EVERY_SECONDS = 0.5


class OverBudget(RuntimeError):
    """The work took more than its processor time. It would again on the same text."""

    permanent = True


@contextmanager
def within(seconds: float, what: str) -> Iterator[None]:
    """Raise OverBudget out of the block once this thread has worked on it for `seconds`.

    Python's patterns look for signals while they match, so even they are ended. Signals reach the
    main thread alone, where a worker of the solo pool drafts: in another thread nothing is limited.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ends = time.thread_time() + seconds

    def look(number: int, frame: FrameType | None) -> None:
        if time.thread_time() > ends:
            raise OverBudget(f"{what} took more than {seconds:.0f} s of processor time")

    before = signal.signal(signal.SIGALRM, look)
    every = min(_LOOKS_EVERY_SECONDS, seconds)
    signal.setitimer(signal.ITIMER_REAL, every, every)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
