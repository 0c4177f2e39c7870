"""Celery's doors to what the review floor does by itself: each task is one call."""

from __future__ import annotations

from django.utils import timezone

from assistant.celery import app
from review import knowledge_runs, redrafting


@app.task(name=redrafting.TASK)
def redraft_stale() -> None:
    redrafting.redraft_stale(now=timezone.now())


@app.task(name=knowledge_runs.TASK)
def work_on_knowledge() -> None:
    """A slice of the runs that go on, on worker-search, which has the embedder and the index."""
    knowledge_runs.work(now=timezone.now())


@app.task(name="review.tasks.start_daily_runs")
def start_daily_runs() -> None:
    knowledge_runs.start_daily(now=timezone.now())
