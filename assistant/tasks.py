"""Celery's doors to the ground floor: each task is one call."""

from __future__ import annotations

from django.utils import timezone

from assistant import heartbeat, outbox, ticket_search
from assistant.audit import checkpoint
from assistant.celery import app
from assistant.privacy import originals


@app.task(name="assistant.tasks.deliver_replies")
def deliver_replies() -> None:
    heartbeat.clock("beat", now=timezone.now())
    outbox.deliver_due(now=timezone.now())


@app.task(name="assistant.tasks.housekeeping")
def housekeeping() -> None:
    heartbeat.forget_dead(now=timezone.now())
    checkpoint.catch_up()
    originals.forget_old(now=timezone.now())
    while ticket_search.catch_up():
        pass
