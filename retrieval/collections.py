"""Collections: made and changed. What a channel may use follows from them at once."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from assistant.audit.log import record
from assistant.celery import wake
from assistant.models import Channel
from retrieval import snapshots
from retrieval.models import Collection
from retrieval.publishing import BadArticle, check_length
from retrieval.signals import collection_changed

Visibility = Collection.Visibility


class CollectionExists(ValueError):
    """There is a collection of this name."""


def create(
    *,
    name: str,
    title: str,
    visibility: str = Visibility.PUBLIC,
    channels: Iterable[Channel] = (),
    actor: str,
    now: datetime,
) -> Collection:
    """A new, empty collection. Raises `BadArticle` naming the field, and `CollectionExists`."""
    title = _checked(title, visibility)
    name = name.strip() or slugify(title)[:50]
    if not name or slugify(name) != name or len(name) > 50:
        raise BadArticle("name", "is made of at most 50 lower-case letters, digits and hyphens")
    with transaction.atomic():
        try:
            with transaction.atomic():
                made = Collection.objects.create(name=name, title=title, visibility=visibility)
        except IntegrityError:
            raise CollectionExists(f"There is a collection named {name} already.") from None
        allowed = list(channels)
        made.channels.set(allowed)
        record(
            "collection.created",
            actor=actor,
            data={
                "collection": made.pk,
                "name": name,
                "visibility": str(visibility),
                "channels": [channel.pk for channel in allowed],
            },
            now=now,
        )
    return made


def change(
    collection: Collection,
    *,
    title: str,
    visibility: str,
    channels: Iterable[Channel],
    actor: str,
    now: datetime,
) -> bool:
    """Change what a collection is called and who is told from it; searches that begin after the
    commit follow. False where nothing changed. Raises `BadArticle`."""
    title = _checked(title, visibility)
    with transaction.atomic():
        locked = Collection.objects.select_for_update(of=("self",)).get(pk=collection.pk)
        before = set(locked.channels.values_list("pk", flat=True))
        allowed = list(channels)
        after = {channel.pk for channel in allowed}
        told_others = locked.visibility != visibility or before != after
        if not told_others and locked.title == title:
            return False
        was = locked.visibility
        locked.title, locked.visibility = title, visibility
        locked.save(update_fields=["title", "visibility"])
        locked.channels.set(allowed)
        if told_others:
            snapshots.bump_version()
            collection_changed.send(sender=Collection, collection=locked, now=now)
            wake(snapshots.REFRESH_TASK, queue=snapshots.SEARCH_QUEUE)
        record(
            "collection.changed",
            actor=actor,
            data={
                "collection": locked.pk,
                "visibility_before": str(was),
                "visibility": str(visibility),
                "channels_before": sorted(before),
                "channels": sorted(after),
            },
            now=now,
        )
    collection.refresh_from_db()
    return True


def _checked(title: str, visibility: str) -> str:
    title = " ".join(title.split())
    if not title:
        raise BadArticle("title", "is empty")
    check_length("title", title, maximum=200)
    if visibility not in Visibility.values:
        raise BadArticle("visibility", f"is public or internal, not {visibility!r}")
    return title
