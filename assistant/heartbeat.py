"""Workers' signs of life: a thread in each worker process writes its row every few seconds."""

from __future__ import annotations

import logging
import os
import socket
import threading
from datetime import datetime, timedelta
from typing import Any

from celery.signals import worker_process_shutdown, worker_ready, worker_shutdown
from django.conf import settings
from django.db import connection
from django.utils import timezone

from assistant.celery import ensure_broker_folders
from assistant.models import Heartbeat

logger = logging.getLogger(__name__)

BEAT_SECONDS = 5
ALIVE_FOR = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(hours=1)

_stop = threading.Event()
_details: dict[str, Any] = {}


def tell(**details: Any) -> None:
    """Add to what this process's row says (models loaded, their digests)."""
    _details.update(details)


def alive(queue: str, *, now: datetime) -> bool:
    """Whether any worker of this queue gave a sign of life lately."""
    return Heartbeat.objects.filter(queue=queue, beat_at__gte=now - ALIVE_FOR).exists()


def lived_through(since: datetime, *, now: datetime) -> bool:
    """Whether any worker that was there at `since` is there still: not everything was stopped or lost."""
    workers = Heartbeat.objects.filter(name__contains="@")  # beat's own rows have no process
    return workers.filter(started_at__lte=since, beat_at__gte=now - ALIVE_FOR).exists()


def beat(*, name: str, queue: str, now: datetime) -> None:
    Heartbeat.objects.update_or_create(
        name=name,
        defaults={"queue": queue, "beat_at": now, "details": dict(_details)},
        create_defaults={
            "queue": queue,
            "beat_at": now,
            "started_at": now,
            "details": dict(_details),
        },
    )


def clock(name: str, *, now: datetime) -> None:
    """A task of beat's ran: beat, the broker and worker-default live. A row every few seconds."""
    fresh = Heartbeat.objects.filter(name=name, beat_at__gt=now - timedelta(seconds=BEAT_SECONDS))
    if not fresh.exists():
        values = {"queue": name, "beat_at": now}
        Heartbeat.objects.update_or_create(
            name=name, defaults=values, create_defaults=values | {"started_at": now}
        )


def swept(*, now: datetime) -> bool:
    """Whether lost work was looked for lately: up to three sweeps may be late or missed."""
    since = now - ALIVE_FOR - 3 * timedelta(seconds=settings.SWEEP_SECONDS)
    return Heartbeat.objects.filter(name="sweeps", beat_at__gte=since).exists()


def forget_dead(*, now: datetime) -> int:
    """Delete rows of processes that are long gone."""
    return Heartbeat.objects.filter(beat_at__lt=now - FORGOTTEN_AFTER).delete()[0]


def _run(name: str, queue: str) -> None:
    is_first = True
    while True:
        try:
            ensure_broker_folders()
            if is_first:  # a killed process may have left its row, and its number
                Heartbeat.objects.filter(name=name).delete()
                is_first = False
            beat(name=name, queue=queue, now=timezone.now())
        except Exception as error:
            logger.warning("no heartbeat written: %s", type(error).__name__)
        finally:
            connection.close()
        if _stop.wait(BEAT_SECONDS):
            Heartbeat.objects.filter(name=name).delete()
            connection.close()
            return


@worker_ready.connect(weak=False)
def _start(sender: Any = None, **_: Any) -> None:
    queues = sorted(sender.app.amqp.queues.consume_from) if sender is not None else []
    queue = queues[0] if queues else "default"
    name = f"{queue}@{socket.gethostname()}:{os.getpid()}"
    _stop.clear()
    threading.Thread(target=_run, args=(name, queue), name="heartbeat", daemon=True).start()


@worker_shutdown.connect(weak=False)
@worker_process_shutdown.connect(weak=False)
def _end(**_: Any) -> None:
    _stop.set()
