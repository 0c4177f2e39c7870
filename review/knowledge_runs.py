"""Looks over the knowledge base that go on in slices: for gaps, and for its health.

A run is a row with a cursor; each slice is one task of a second or two on worker-search, which then
wakes itself, so that searches are answered in between and a killed worker costs one slice. The
sweep finds a run whose wake-up was lost.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from assistant.audit.log import actor_of, record, system
from assistant.celery import wake
from retrieval.models import IndexSnapshot
from retrieval.snapshots import SEARCH_QUEUE
from review.models import KnowledgeRun

logger = logging.getLogger(__name__)

TASK = "review.tasks.work_on_knowledge"
LEASE = timedelta(minutes=5)
KEPT = 30  # finished runs of a kind
Kind = KnowledgeRun.Kind
State = KnowledgeRun.State


class AlreadyRunning(RuntimeError):
    """A run of this kind goes on."""


class CannotRun(RuntimeError):
    """The run cannot go on: why, and what to do, in words for its page."""


def start(kind: str, *, by: Any = None, now: datetime) -> KnowledgeRun:
    """Begin a run; it is worked on by worker-search. Raises AlreadyRunning."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                run = KnowledgeRun.objects.create(kind=kind, started_by=by, started_at=now)
        except IntegrityError:
            raise AlreadyRunning("A run goes on already; its figures show up here.") from None
        wake(TASK, queue=SEARCH_QUEUE)
        record(
            "knowledge.run_started",
            actor=actor_of(by) if by is not None else system("knowledge"),
            data={"run": run.pk, "kind": str(kind)},
            now=now,
        )
    return run


def start_daily(*, now: datetime) -> None:
    """Begin each kind of run whose last one is a day old, once there is something to look at."""
    if not IndexSnapshot.objects.filter(state=IndexSnapshot.State.ACTIVE, chunks__gt=0).exists():
        return
    for kind in Kind:
        last = latest(kind)
        if last is None or (
            last.state != State.RUNNING and last.started_at < now - timedelta(hours=23)
        ):
            try:
                start(kind, now=now)
            except AlreadyRunning:
                continue


def latest(kind: str) -> KnowledgeRun | None:
    """The newest run of this kind."""
    return KnowledgeRun.objects.filter(kind=kind).select_related("started_by").first()


def last_done(kind: str) -> KnowledgeRun | None:
    """The newest run of this kind that came to its end."""
    return KnowledgeRun.objects.filter(kind=kind, state=State.DONE).first()


def work(*, now: datetime) -> None:
    """One slice of each run that goes on; wakes itself while any is left."""
    for run in KnowledgeRun.objects.filter(state=State.RUNNING):
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        leased = KnowledgeRun.objects.filter(free, pk=run.pk, state=State.RUNNING)
        if not leased.update(leased_until=now + LEASE):
            continue
        try:
            finished = _slice(run, now)
        except CannotRun as problem:
            _end(run, State.FAILED, now, error=str(problem))
        except Exception as error:
            logger.exception("%s could not go on", run)
            words = f"{type(error).__name__}. The log of worker-search says more; start it again."
            _end(run, State.FAILED, now, error=words)
        else:
            if finished:
                _end(run, State.DONE, now)
            else:
                _save(run)
    if KnowledgeRun.objects.filter(state=State.RUNNING, leased_until=None).exists():
        wake(TASK, queue=SEARCH_QUEUE)


def _slice(run: KnowledgeRun, now: datetime) -> bool:
    """Work on it a moment; whether it is done. Changes the run's figures, which are saved then."""
    from review import gap_run, health_run  # they load numeric libraries, which tests and web spare

    return gap_run.work(run, now=now) if run.kind == Kind.GAPS else health_run.work(run, now=now)


def _save(run: KnowledgeRun) -> None:
    run.leased_until = None
    run.save(update_fields=["done", "total", "cursor", "notes", "leased_until"])


def _end(run: KnowledgeRun, state: str, now: datetime, *, error: str = "") -> None:
    run.state, run.error, run.finished_at = state, error[:500], timezone.now()
    run.leased_until = None
    with transaction.atomic():
        run.save()
        record(
            "knowledge.run_ended",
            actor=system("knowledge"),
            data={"run": run.pk, "kind": str(run.kind), "state": str(run.state)},
            now=now,
        )


def work_to_the_end(run: KnowledgeRun) -> KnowledgeRun:
    """Slice after slice in this process, for commands and tests."""
    while run.state == State.RUNNING:
        work(now=timezone.now())
        run.refresh_from_db()
    return run
