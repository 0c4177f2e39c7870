"""The API's collections of the knowledge base: who may be told from each."""

# no postponed annotations: ninja would look their names up where the operations are wrapped
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Status

from assistant.api import REFUSED, ApiError, KeyAuth, Scope, actor_of_key, once
from assistant.models import Channel
from retrieval import collections
from retrieval.models import Collection
from review.api_refusals import in_words
from review.knowledge_contracts import (
    CollectionChange,
    CollectionIn,
    CollectionOut,
    CollectionsOut,
)

router = Router(tags=["knowledge"])


@router.get(
    "/knowledge/collections",
    response={200: CollectionsOut} | REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def list_collections(request: HttpRequest) -> Any:
    """Every collection, with who may be told from it."""
    rows = Collection.objects.order_by("name").prefetch_related("channels")
    return {"collections": [_collection_out(row) for row in rows]}


@router.post(
    "/knowledge/collections",
    response={201: CollectionOut} | REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
@in_words
def create_collection(request: HttpRequest, collection: CollectionIn) -> Any:
    """A new, empty collection."""

    def work() -> tuple[int, dict[str, Any]]:
        made = collections.create(
            name=collection.name,
            title=collection.title,
            visibility=collection.visibility,
            channels=_channels(collection.channels),
            public_address=collection.public_address,
            actor=actor_of_key(request),
            now=timezone.now(),
        )
        return 201, _collection_out(made)

    return Status(*once(request, work))


@router.patch(
    "/knowledge/collections/{slug:name}",
    response={200: CollectionOut} | REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
@in_words
def change_collection(request: HttpRequest, name: str, change: CollectionChange) -> Any:
    """Change title, visibility, channels or public address; searches that begin afterwards follow."""
    found = collection_named(name, 404)
    before = list(found.channels.all())
    collections.change(
        found,
        title=str(found) if change.title is None else change.title,
        visibility=change.visibility or found.visibility,
        channels=before if change.channels is None else _channels(change.channels),
        public_address=change.public_address,
        actor=actor_of_key(request),
        now=timezone.now(),
    )
    return _collection_out(found)


def collection_named(name: str, status: int = 422) -> Collection:
    """The collection of this name; an `ApiError` of this status where there is none."""
    known = name.isascii() and "\x00" not in name and Collection.objects.filter(name=name).first()
    if not known:
        raise ApiError(status, "collection", "there is no collection of this name")
    return known


def _channels(names: list[str]) -> list[Channel]:
    known = {channel.name: channel for channel in Channel.objects.all()}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ApiError(422, "channels", "there is no channel of this name")
    return [known[name] for name in names]


def _collection_out(row: Collection) -> dict[str, Any]:
    return {
        "name": row.name,
        "title": row.title,
        "visibility": row.visibility,
        "channels": sorted(channel.name for channel in row.channels.all()),
        "public_address": row.public_address,
    }
