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
from retrieval.public_links import BadAddress, checked_template
from retrieval.publishing import BadArticle, check_characters, check_length
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
    public_address: str = "",
    actor: str,
    now: datetime,
) -> Collection:
    """A new, empty collection. Raises `BadArticle` naming the field, and `CollectionExists`."""
    title = _checked(title, visibility)
    address = _checked_address(public_address)
    name = name.strip() or slugify(title)[:50]
    if not name or slugify(name) != name or len(name) > 50:
        raise BadArticle("name", "is made of at most 50 lower-case letters, digits and hyphens")
    with transaction.atomic():
        try:
            with transaction.atomic():
                made = Collection.objects.create(
                    name=name, title=title, visibility=visibility, public_address=address
                )
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
                "public_address": address,
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
    public_address: str | None = None,
    actor: str,
    now: datetime,
) -> bool:
    """Change what a collection is called and who is told from it; searches that begin after the
    commit follow. A `public_address` of None leaves it as it is. False where nothing changed. Raises
    `BadArticle`."""
    title = _checked(title, visibility)
    address = None if public_address is None else _checked_address(public_address)
    with transaction.atomic():
        locked = Collection.objects.select_for_update(of=("self",)).get(pk=collection.pk)
        before = set(locked.channels.values_list("pk", flat=True))
        allowed = list(channels)
        after = {channel.pk for channel in allowed}
        told_others = locked.visibility != visibility or before != after
        was, led_to = locked.visibility, locked.public_address
        address = led_to if address is None else address
        if not told_others and (locked.title, led_to) == (title, address):
            return False
        locked.title, locked.visibility, locked.public_address = title, visibility, address
        locked.save(update_fields=["title", "visibility", "public_address"])
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
                "public_address_before": led_to,
                "public_address": address,
            },
            now=now,
        )
    collection.refresh_from_db()
    return True


def _checked_address(words: str) -> str:
    check_characters("public_address", words)
    try:
        return checked_template(words)
    except BadAddress as bad:
        raise BadArticle("public_address", str(bad)) from None


def _checked(title: str, visibility: str) -> str:
    title = " ".join(title.split())
    if not title:
        raise BadArticle("title", "is empty")
    check_length("title", title, maximum=200)
    if visibility not in Visibility.values:
        raise BadArticle("visibility", f"is public or internal, not {visibility!r}")
    return title
