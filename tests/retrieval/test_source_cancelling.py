"""A run that waits for somebody else's server hears at once that it is cancelled."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil
import pytest
from django.db import connection
from django.utils import timezone

from retrieval.source_models import Source, SourceRun
from retrieval.sources import importing, runs
from tests.retrieval.test_source_runs import folder, make_source  # noqa: F401

State = SourceRun.State


@contextmanager
def silent_server() -> Iterator[tuple[int, threading.Event]]:
    """A port that takes connections and never says a word; set once somebody has connected."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        reached = threading.Event()
        kept: list[socket.socket] = []

        def take() -> None:
            with suppress(OSError):
                while True:
                    kept.append(server.accept()[0])
                    reached.set()

        threading.Thread(target=take, daemon=True).start()
        yield server.getsockname()[1], reached
        for one in kept:
            one.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "address"),
    [("git", "https://127.0.0.1:{}/kb.git"), ("website", "http://127.0.0.1:{}/")],
)
def test_a_run_that_waits_for_the_network_is_cancelled_at_once(
    make_source: Callable[..., Source], settings: Any, kind: str, address: str
) -> None:
    settings.SOURCE_PRIVATE_HOSTS = ["127.0.0.1"]
    with silent_server() as (port, reached):
        source = make_source(kind=kind, location=address.format(port))
        asked = runs.ask(source, preview=False, actor=runs.ACTOR, now=timezone.now())

        def cancel() -> None:
            assert reached.wait(120)
            runs.cancel(asked, actor=runs.ACTOR, now=timezone.now())
            connection.close()

        canceller = threading.Thread(target=cancel)
        canceller.start()
        importing.work_waiting()  # without a look at the cancellation it fails: no answer came
        canceller.join()
    asked.refresh_from_db()
    assert (asked.state, asked.message) == (
        State.CANCELLED,
        "Cancelled. What it had published stays.",
    )
    running = psutil.Process().children(recursive=True)
    assert not [one for one in running if one.name().startswith("git")]
