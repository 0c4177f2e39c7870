"""The application as a worker of the web server serves it (`assistant.processes`)."""

from __future__ import annotations

import ctypes
import signal
import sys

from assistant.busy import wait_little
from assistant.logs import guard_process
from assistant.web_errors import kept_from_the_server
from assistant.wsgi import application as django_application

__all__ = ["application"]

application = kept_from_the_server(django_application)


def die_with_parent() -> None:
    """Have the kernel kill this process when the server that started it dies (Linux's prctl(2)).

    Else a worker outlives a server that was killed, keeps the port, and answers beside the new one
    with an error, as nobody reads its log any more.
    """
    if sys.platform == "linux":
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)


die_with_parent()
guard_process()
wait_little()
