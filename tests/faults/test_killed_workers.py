"""Promise 1: no ticket is lost and no draft is doubled, whatever is killed and whenever."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.conftest import add_tickets
from tests.installation import Installation, wait_until

pytestmark = pytest.mark.processes

FINISHED = ("in_review", "withheld")
QUICK = {
    "LEASE_SECONDS": 15,  # on a loaded machine a thread can be late by 5, which is a silence too
    "BATCH_SIZE": 20,
    "MAX_ATTEMPTS": 30,
    "SAMPLES": 1,
    "MAX_NEW_TOKENS": 40,
}


def kill_in_mid_batch(installed: Installation, *, kills: int, total: int) -> int:
    """Kill the drafting worker while it holds leases, `kills` times, then let it finish.

    Returns how many drafts were given up: a draft over which the worker falls silent again, while it is
    tried alone, is taken to be the cause.
    """
    installed.start("worker-default")
    installed.start("beat")
    seen: set[str] = set()
    for kill in range(kills):
        installed.start("worker-gpu-1")
        seen |= wait_until(
            lambda seen=frozenset(seen): leases(installed) - seen,
            seconds=120,
            what="a batch is leased",
        )
        time.sleep(0.1 * (kill % 4))  # at another moment of the batch, but before it is done
        installed.kill("worker-gpu-1")
    installed.start("worker-gpu-1")
    wait_until(
        lambda: installed.drafts(*FINISHED, "failed") == total,
        seconds=240,
        what=f"{total} drafts made or given up",
    )
    given_up = installed.drafts("failed")
    assert given_up < max(kills, 1)  # the first kill alone gives up none
    by_rule = "select count(*) from generation_draft where state = 'failed' and silenced >= 2"
    assert installed.count(by_rule) == given_up
    return given_up


def leases(installed: Installation) -> set[str]:
    rows = installed.query(
        "select distinct lease_token from generation_draft where state = 'working'"
    )
    return {str(row[0]) for row in rows}


def assert_nothing_lost_nothing_doubled(
    installed: Installation, total: int, *, given_up: int = 0
) -> None:
    assert installed.count("select count(*) from assistant_ticket") == total
    assert installed.count("select count(*) from generation_draft") == total
    assert (
        installed.count("select count(*) from assistant_auditevent where action = 'draft.made'")
        == total - given_up
    )
    doubled = "select draft_id, kind from generation_draftcandidate group by draft_id, kind having count(*) > 1"
    assert installed.query(doubled) == []
    assert (
        installed.count("select count(distinct draft_id) from generation_draftcandidate")
        == total - given_up
    )
    proof = installed.verify()
    assert proof["ok"], proof


@pytest.mark.parametrize(
    ("tickets", "kills"), [(6, 1), pytest.param(20, 10, marks=pytest.mark.soak)]
)
def test_kills_in_a_batch_lose_and_double_nothing(
    installation: Callable[..., Installation], tickets: int, kills: int
) -> None:
    installed = installation(tickets=tickets, **QUICK)
    given_up = kill_in_mid_batch(installed, kills=kills, total=tickets)
    assert_nothing_lost_nothing_doubled(installed, tickets, given_up=given_up)


@pytest.mark.soak
def test_a_process_killed_between_commit_and_wake_up_loses_nothing(
    installation: Callable[..., Installation],
) -> None:
    installed = installation(**QUICK)
    installed.start("worker-default")
    installed.start("worker-gpu-1")
    wait_until(
        lambda: installed.count("select count(*) from assistant_heartbeat where queue = 'gpu'"),
        seconds=60,
        what="the worker is up",
    )
    died = installed.python(
        "import os, signal\n"
        "from django.db import transaction\nfrom django.utils import timezone\n"
        "from assistant.intake import receive_message\n"
        "with transaction.atomic():\n"
        "    transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))\n"
        "    receive_message(channel='email', body='How do I return a parcel?', source='test', actor='system:test', now=timezone.now())\n"
    )
    assert died.returncode == -9
    assert installed.count("select count(*) from assistant_ticket") == 1
    assert installed.drafts("queued") == 1
    installed.start("beat")  # the sweep's clock finds what was never announced
    wait_until(
        lambda: installed.drafts(*FINISHED) == 1, seconds=60, what="the unannounced draft is made"
    )


@pytest.mark.soak
def test_the_brokers_folder_deleted_while_tickets_wait_loses_nothing(
    installation: Callable[..., Installation],
) -> None:
    installed = installation(**QUICK, BROKER_URL="filesystem://")
    installed.start("worker-default")
    installed.start("beat")
    installed.start("worker-gpu-1")
    wait_until(
        lambda: installed.count("select count(*) from assistant_heartbeat where queue = 'gpu'"),
        seconds=60,
        what="the worker is up",
    )
    add_tickets(installed, 6)
    shutil.rmtree(Path(installed.folder) / "broker")
    restart_what_died(installed)
    add_tickets(installed, 3, first=7)
    wait_until(
        lambda: restart_what_died(installed) or installed.drafts(*FINISHED) == 9,
        seconds=120,
        what="9 drafts made",
    )
    assert_nothing_lost_nothing_doubled(installed, 9)


def restart_what_died(installed: Installation) -> None:
    """What the supervisor does."""
    for name, process in list(installed.processes.items()):
        if process.poll() is not None:
            installed.start(name)
