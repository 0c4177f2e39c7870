"""Celery's doors to drafting: each task is one call."""

from __future__ import annotations

from typing import Any

from celery.signals import worker_ready
from django.utils import timezone

from assistant.celery import app
from generation import queue


@app.task(name=queue.TASK)
def draft_waiting() -> None:
    from generation import worker

    worker.draft_waiting()


@app.task(name="generation.tasks.sweep")
def sweep() -> None:
    """Find what a crash left behind: silent workers' drafts, and wake-ups that never came."""
    queue.give_back_expired(now=timezone.now())
    if queue.waiting(now=timezone.now()).exists():
        queue.announce()


@app.task(name="generation.tasks.rescreen", ignore_result=False)
def rescreen(sealed_text: int, draft: int | None) -> dict[str, Any]:
    from generation import rescreen as screens

    return screens.screen_text(sealed_text=sealed_text, draft=draft)


@worker_ready.connect(weak=False)
def warm_up(sender: Any = None, **_: Any) -> None:
    """Load models before the first ticket or edited reply waits for them; catch up on what waits."""
    queues = sender.app.amqp.queues.consume_from if sender is not None else {}
    if "search" in queues:
        from generation import rescreen as screens

        screens.warm_up()
    if "gpu" in queues:
        from generation import registry

        registry.warm_up()
        queue.announce()
