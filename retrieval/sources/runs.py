"""The runs' queue is the database: ask, lease, renew, cancel, give back, finish.

Runs work one after the other, so that bringing knowledge in never takes every thread of
worker-default from the outbox.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, connection, transaction

from assistant.audit.log import record, system
from assistant.celery import wake
from assistant.models import User
from retrieval.source_models import Source, SourceChange, SourceRun
from retrieval.sources import upload

TASK = "retrieval.tasks.run_sources"
ACTOR = system("sources")
KEPT_RUNS = 20  # of each source, with what they changed
UPLOAD_KEPT = timedelta(days=7)
State = SourceRun.State


class RunRefused(Exception):
    """A run that cannot be asked for now, in words."""


def ask(
    source: Source,
    *,
    preview: bool,
    by: User | None = None,
    actor: str,
    batch: str = "",
    now: datetime,
) -> SourceRun:
    """Queue a run (or a preview) and wake a worker. Raises `RunRefused` where one stands already."""
    try:
        with transaction.atomic():
            run = SourceRun.objects.create(
                source=source,
                preview=preview,
                upload=batch,
                asked_by=by,
                actor=actor,
                queued_at=now,
            )
            wake(TASK)
            record(
                "source.run_asked",
                actor=actor,
                data={"source": source.pk, "run": run.pk, "preview": preview},
                now=now,
            )
    except IntegrityError:
        raise RunRefused(
            f"{source.name} is being read already: wait for that run, or cancel it."
        ) from None
    return run


def ask_due(*, now: datetime) -> int:
    """Queue runs of sources whose time has come. Returns how many."""
    count = 0
    for source in Source.objects.filter(paused=False, next_run_at__lte=now):
        interval = source.interval()
        # of two sweeps one moves the clock on
        moved = Source.objects.filter(pk=source.pk, next_run_at=source.next_run_at).update(
            next_run_at=now + interval if interval else None
        )
        if not moved or not interval:
            continue
        try:
            ask(source, preview=False, actor=ACTOR, now=now)
            count += 1
        except RunRefused:
            continue  # still at the one before; the next turn comes
    return count


def lease_next(*, now: datetime) -> SourceRun | None:
    """Lease the oldest queued run; None where none waits or another is at work."""
    token = uuid.uuid4()
    with transaction.atomic():
        if SourceRun.objects.filter(state=State.WORKING, leased_until__gte=now).exists():
            return None
        run = (
            SourceRun.objects.select_for_update(
                skip_locked=connection.features.has_select_for_update_skip_locked
            )
            .filter(state=State.QUEUED)
            .order_by("queued_at", "pk")
            .first()
        )
        if run is None:
            return None
        won = SourceRun.objects.filter(pk=run.pk, state=State.QUEUED).update(
            state=State.WORKING,
            lease_token=token,
            leased_until=_until(now),
            started_at=run.started_at or now,
            attempts=run.attempts + 1,
        )
    return (
        SourceRun.objects.select_related("source__collection", "asked_by").get(pk=run.pk)
        if won
        else None
    )


def renew(run: SourceRun, *, now: datetime, **progress: Any) -> bool:
    """Keep the lease alive and show progress. False where the run is to stop."""
    return bool(_mine(run).filter(cancel_asked=False).update(leased_until=_until(now), **progress))


def is_over(run: SourceRun) -> bool:
    """Whether somebody cancelled the run, or another worker has it; changes nothing."""
    mine = _mine(run).filter(cancel_asked=False)
    return SourceRun.objects.filter(pk=run.pk).exclude(pk__in=mine.values("pk")).exists()


def cancel(run: SourceRun, *, actor: str, now: datetime) -> bool:
    """Ask a run to stop; what it published stays. False where it had ended already."""
    with transaction.atomic():
        waiting = SourceRun.objects.filter(pk=run.pk, state=State.QUEUED).update(
            state=State.CANCELLED, finished_at=now, message="Cancelled before it began."
        )
        working = SourceRun.objects.filter(pk=run.pk, state=State.WORKING).update(cancel_asked=True)
        if waiting or working:
            record(
                "source.run_cancelled",
                actor=actor,
                data={"source": run.source_id, "run": run.pk},
                now=now,
            )
    if waiting:
        upload.discard(run.upload)
    return bool(waiting or working)


def finish(
    run: SourceRun, state: str, *, message: str = "", counts: Mapping[str, int], now: datetime
) -> bool:
    """End a run that this lease still holds. False where it was taken over."""
    with transaction.atomic():
        won = _mine(run).update(
            state=state,
            message=message,
            counts=dict(counts),
            current="",
            finished_at=now,
            lease_token=None,
            leased_until=None,
        )
        if won:
            record(
                f"source.run_{state}",
                actor=ACTOR,
                data={
                    "source": run.source_id,
                    "run": run.pk,
                    "preview": run.preview,
                    "counts": dict(counts),
                },
                now=now,
            )
    if won:
        _tidy(run, state, now=now)
    return bool(won)


def give_back_expired(*, now: datetime) -> int:
    """Queue runs again whose worker fell silent: they go on where it stopped. After too many tries
    a run fails. Returns how many."""
    count = 0
    for run in SourceRun.objects.filter(state=State.WORKING, leased_until__lt=now):
        if run.cancel_asked:
            finish(run, State.CANCELLED, counts=run.counts, now=now)
        elif run.attempts >= settings.MAX_ATTEMPTS:
            words = f"Its worker fell silent {run.attempts} times; the log says more."
            finish(run, State.FAILED, message=words, counts=run.counts, now=now)
        else:
            _mine(run).update(state=State.QUEUED, lease_token=None, leased_until=None)
        count += 1
    return count


def sweep(*, now: datetime) -> None:
    """What a crash or the clock left to do: silent workers' runs, scheduled ones, old uploads."""
    give_back_expired(now=now)
    ask_due(now=now)
    if SourceRun.objects.filter(state=State.QUEUED).exists():
        wake(TASK)
    for run in SourceRun.objects.exclude(upload="").filter(finished_at__lt=now - UPLOAD_KEPT):
        discard_upload(run)


def discard_upload(run: SourceRun) -> None:
    """Delete the run's files unless another run of the same upload needs them."""
    same = SourceRun.objects.filter(upload=run.upload)
    if not same.filter(state__in=SourceRun.OPEN).exists():
        upload.discard(run.upload)
        same.update(upload="")


def _tidy(run: SourceRun, state: str, *, now: datetime) -> None:
    """Uploaded files go when they were brought in; old runs lose their rows."""
    if run.upload and not run.preview and state == State.DONE:
        discard_upload(run)
    kept = run.source.runs.order_by("-pk").values_list("pk", flat=True)[:KEPT_RUNS]
    old = run.source.runs.exclude(pk__in=list(kept))
    SourceChange.objects.filter(run__in=old).delete()


def _mine(run: SourceRun) -> Any:
    return SourceRun.objects.filter(pk=run.pk, state=State.WORKING, lease_token=run.lease_token)


def _until(now: datetime) -> datetime:
    return now + timedelta(seconds=settings.LEASE_SECONDS)
