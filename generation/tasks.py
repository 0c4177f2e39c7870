"""Celery's doors to drafting: each task is one call."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_ready
from django.utils import timezone

from assistant.celery import app
from generation import queue
from generation.chosen import workers_behind


@app.task(name=queue.TASK)
def draft_waiting() -> None:
    from generation import worker

    worker.draft_waiting()


@app.task(name="generation.tasks.sweep")
def sweep() -> None:
    """Find what a crash left behind: silent workers' drafts, and wake-ups that never came, also
    that another model was chosen."""
    now = timezone.now()
    queue.give_back_expired(now=now)
    if queue.waiting(now=now).exists() or workers_behind(now=now):
        queue.announce()


@app.task(name="generation.tasks.rescreen", ignore_result=False)
def rescreen(sealed_text: int, draft: int | None) -> dict[str, Any]:
    from generation import rescreen as screens

    return screens.screen_text(sealed_text=sealed_text, draft=draft)


@worker_ready.connect(weak=False)
def warm_up(sender: Any = None, **_: Any) -> None:
    """A drafting worker loads its models before the first ticket, and catches up on what waits."""
    if sender is None or "gpu" not in sender.app.amqp.queues.consume_from:
        return
    from generation import registry

    registry.warm_up()
    queue.announce()
