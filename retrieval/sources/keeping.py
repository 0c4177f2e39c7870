"""Create, change and pause sources."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from assistant.audit.log import actor_of, record
from assistant.models import User
from retrieval import snapshots
from retrieval.models import Collection
from retrieval.source_models import Source
from retrieval.sources.adapters import check_location
from retrieval.sources.interface import SourceError


class BadSource(ValueError):
    """A source that cannot be kept: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def save(
    source: Source | None,
    *,
    kind: str,
    name: str,
    collection: str,
    location: str = "",
    options: Mapping[str, Any] | None = None,
    trust: int,
    schedule: str = Source.Schedule.NEVER,
    prune: bool = False,
    by: User,
    now: datetime,
) -> Source:
    """Create a source, or change one (its kind and collection stay). Raises `BadSource`.

    A collection that does not exist is made. A schedule begins one interval from now.
    """
    name, location = " ".join(name.split()), location.strip()
    if not name:
        raise BadSource("name", "is empty")
    others = Source.objects.exclude(pk=source.pk) if source else Source.objects.all()
    if others.filter(name=name).exists():
        raise BadSource("name", "another source has this name")
    if source is None and (not collection or slugify(collection) != collection):
        raise BadSource("collection", "write lower-case letters, digits and hyphens")
    try:
        check_location(kind, location, options or {})
    except SourceError as error:
        raise BadSource("location", str(error)) from error
    try:
        with transaction.atomic():
            if source is None:
                kept_in, _ = Collection.objects.get_or_create(name=collection)
                source = Source(kind=kind, collection=kept_in, created_by=by, created_at=now)
                action = "source.created"
            else:
                action = "source.changed"
            moved = source.location != location or source.options != dict(options or {})
            if source.pk and moved:
                # what was read elsewhere says nothing about what is here
                source.items.all().delete()
            if source.schedule != schedule or source.next_run_at is None:
                source.schedule = schedule
                interval = source.interval()
                source.next_run_at = now + interval if interval else None
            source.name, source.location, source.options = name, location, dict(options or {})
            source.trust, source.prune = trust, prune
            source.save()
            if source.documents.exclude(trust=trust).update(trust=trust):
                snapshots.bump_version()  # searches by trust look again
            record(
                action,
                actor=actor_of(by),
                data={
                    "source": source.pk,
                    "kind": str(source.kind),
                    "collection": source.collection_id,
                    "trust": int(trust),
                    "schedule": str(schedule),
                    "prune": prune,
                },
                now=now,
            )
    except IntegrityError:
        raise BadSource("name", "another source has this name") from None
    return source


def pause(source: Source, *, paused: bool, by: User, now: datetime) -> None:
    """Stop or go on with scheduled runs; what was missed is not made up for."""
    with transaction.atomic():
        interval = source.interval()
        changed = Source.objects.filter(pk=source.pk, paused=not paused).update(
            paused=paused, next_run_at=now + interval if interval else None
        )
        if changed:
            record(
                "source.paused" if paused else "source.resumed",
                actor=actor_of(by),
                data={"source": source.pk},
                now=now,
            )
