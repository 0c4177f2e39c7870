"""One process's death stops nothing else, and the supervisor brings it back."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import urllib.request
from collections.abc import Callable

import psutil
import pytest

from tests.faults.conftest import add_tickets
from tests.installation import Installation, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.soak]


def readiness(installed: Installation) -> dict:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{installed.port}/readyz", timeout=5
        ) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != 503:
            raise AssertionError(f"/readyz: {error.code}\n{installed.logs()}") from error
        return json.load(error)
    except OSError:
        return {}


def children(installed: Installation) -> dict[str, int]:
    """Process id of each supervised process, by what its command line says it is."""
    names = {
        "granian": "web",
        "search@": "worker-search",
        "default@": "worker-default",
        "gpu1@": "worker-gpu-1",
        " beat ": "beat",
    }
    found = {}
    for child in psutil.Process(installed.processes["supervisor"].pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):
            line = " ".join(child.cmdline()) + " "
            for mark, name in names.items():
                if mark in line:
                    found[name] = child.pid
    return found


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def test_every_process_killed_once_while_the_rest_goes_on(
    installation: Callable[..., Installation],
) -> None:
    installed = installation(
        tickets=4, LEASE_SECONDS=20, SAMPLES=1, MAX_NEW_TOKENS=40, MAX_ATTEMPTS=30
    )
    installed.start_everything()
    wait_until(lambda: readiness(installed).get("ready"), seconds=240, what="everything is ready")
    total = 4
    for name in ("web", "worker-search", "worker-default", "worker-gpu-1", "beat"):
        before = children(installed)
        family = psutil.Process(before[name]).children(recursive=True)
        os.kill(before[name], signal.SIGKILL)
        wait_until(
            lambda family=family: not any(is_alive(p) for p in family),
            seconds=10,
            what=f"what {name} had started is gone with it",
        )
        add_tickets(installed, 2, first=total + 1)
        total += 2
        after = wait_until(
            lambda before=before, name=name: (
                (now := children(installed)).get(name) not in {None, before[name]} and now
            ),
            seconds=60,
            what=f"{name} is back",
        )
        assert {k: v for k, v in after.items() if k != name} == {
            k: v for k, v in before.items() if k != name
        }
    wait_until(
        lambda: installed.drafts("in_review", "withheld") == total,
        seconds=180,
        what=f"{total} drafts",
    )
    wait_until(
        lambda: readiness(installed).get("ready"), seconds=120, what="everything is ready again"
    )
    assert installed.verify()["ok"]


def test_ctrl_c_stops_everything(installation: Callable[..., Installation]) -> None:
    installed = installation()
    installed.start_everything()
    wait_until(
        lambda: readiness(installed).get("database"), seconds=120, what="the web process answers"
    )
    supervisor = psutil.Process(installed.processes["supervisor"].pid)
    family = supervisor.children(recursive=True)
    assert len(family) >= 5
    supervisor.send_signal(signal.SIGINT)
    supervisor.wait(timeout=40)
    assert [p for p in family if is_alive(p)] == []


def every_process(installed: Installation) -> list[psutil.Process]:
    """The supervisor's whole family, without itself."""
    return psutil.Process(installed.processes["supervisor"].pid).children(recursive=True)


def answers(installed: Installation) -> bool:
    with contextlib.suppress(OSError):
        address = f"http://127.0.0.1:{installed.port}/healthz"
        return urllib.request.urlopen(address, timeout=30).status == 200
    return False


def test_a_killed_supervisor_takes_its_processes_along_and_the_next_start_works(
    installation: Callable[..., Installation],
) -> None:
    installed = installation()
    installed.start_everything()
    wait_until(lambda: readiness(installed).get("ready"), seconds=240, what="everything is ready")
    family = every_process(installed)
    supervisor = installed.processes.pop("supervisor")
    os.kill(supervisor.pid, signal.SIGKILL)  # it alone, as `kill -9` does
    supervisor.wait(timeout=10)
    wait_until(
        lambda: not any(is_alive(p) for p in family), seconds=10, what="nothing is left behind"
    )
    assert not answers(installed)
    installed.start_everything()
    wait_until(
        lambda: readiness(installed).get("ready"), seconds=240, what="everything is ready again"
    )
    assert installed.verify()["ok"]


def test_a_killed_web_worker_is_replaced_while_the_other_answers(
    installation: Callable[..., Installation],
) -> None:
    installed = installation()
    installed.start_everything()
    wait_until(lambda: answers(installed), seconds=120, what="the web process answers")
    server = psutil.Process(children(installed)["web"])

    def workers() -> set[int]:
        return {p.pid for p in server.children() if is_alive(p)}

    before = wait_until(
        lambda: len(now := workers()) >= 2 and now, seconds=30, what="two web workers"
    )
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    # Each worker listens for itself: what had reached the dying one is cut with it, at once. After that
    # the other gets all, and none waits for the replacement.
    # Its sockets close with its last thread, and only then can it be reaped.
    wait_until(lambda: not psutil.pid_exists(killed), seconds=10, what="the killed worker is gone")
    assert all(answers(installed) for _ in range(10))
    after = wait_until(
        lambda: killed not in (now := workers()) and len(now) >= 2 and now,
        seconds=60,
        what="two web workers again",
    )
    assert before - after == {killed}
    assert server.is_running()
    assert answers(installed)
