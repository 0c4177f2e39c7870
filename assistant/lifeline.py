"""A process that ends with the one that started it, also when that one was killed.

`python -m assistant.lifeline PID MODULE [ARGUMENT …]` runs `python -m MODULE` under a lifeline to the
process PID. Else a supervisor that is killed leaves its processes behind, without anybody to restart
them or to stop them, and the port stays taken.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import threading
import time

_LOOK_SECONDS = 0.5
_SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>


def command(parent: int, module: str, *arguments: str) -> list[str]:
    """The command line that runs `python -m module` for as long as the process `parent` lives."""
    return [sys.executable, "-m", "assistant.lifeline", str(parent), module, *arguments]


def end_with(parent: int) -> None:
    """Have this process killed when its parent, the process `parent`, is gone.

    On Linux the kernel does it (prctl(2)): the parent's thread that started this process must live as
    long as the parent does. Elsewhere a thread looks for another parent twice a second.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_SET_DEATH_SIGNAL, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)
        return
    threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOK_SECONDS)
    os._exit(1)


def main() -> None:
    parent, module = int(sys.argv[1]), sys.argv[2]
    sys.argv = sys.argv[2:]
    end_with(parent)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
