"""A process under a lifeline ends with the one that started it, however that one ended."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from assistant import lifeline
from tests.installation import wait_until

SLEEPER = "import time, sys\nprint(sys.argv[1:], flush=True)\ntime.sleep(600)\n"


@pytest.fixture
def sleeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module that says its arguments and sleeps."""
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    root = Path(lifeline.__file__).resolve().parent.parent
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{root}")
    return "sleeper"


@pytest.mark.parametrize("platform", [sys.platform, "other"])  # the kernel's way, and the thread's
def test_it_ends_when_its_parent_is_killed(sleeper: str, platform: str) -> None:
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os, subprocess, sys, time\n"
            "code = 'import sys\\nsys.platform = ' + repr(sys.argv[2]) + '\\n'\n"
            "code += 'from assistant import lifeline\\nlifeline.main()'\n"
            "subprocess.Popen([sys.executable, '-c', code, str(os.getpid()), sys.argv[1], 'a', 'b'])\n"
            "time.sleep(600)",
            sleeper,
            platform,
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    try:
        assert parent.stdout.readline() == b"['a', 'b']\n"  # it runs, with its own arguments
        (child,) = psutil.Process(parent.pid).children()
        parent.kill()
        parent.wait(timeout=10)
        wait_until(lambda: not child.is_running(), seconds=10, what="the child is gone")
    finally:
        parent.kill()


def test_it_does_not_begin_when_its_parent_is_gone_already(sleeper: str) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(timeout=30)
    done = subprocess.run(lifeline.command(gone.pid, sleeper), capture_output=True, timeout=30)
    assert (done.returncode, done.stdout) == (1, b"")
