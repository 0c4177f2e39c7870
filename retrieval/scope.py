"""Which articles a search may use: by collection, channel, visibility, language and trust.

A scope is resolved to documents from the database, not from what an index remembers, so that a
collection which was made internal a moment ago is out of every search that begins now.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from django.db.models import Q, QuerySet
from numpy.typing import NDArray

from assistant.models import Channel
from retrieval import snapshots
from retrieval.models import Collection, Document
from retrieval.trust import Trust


@dataclass(frozen=True)
class Scope:
    """What a search may use. Nothing named means no bound; `channel` is a primary key."""

    channel: int | None = None
    collections: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    internal: bool = False  # whether internal collections are in it
    min_trust: int = Trust.LOW

    @classmethod
    def of_channel(cls, channel: Channel) -> Scope:
        """What a customer's draft on this channel may rest on."""
        return cls(channel=channel.pk)


PUBLIC = Scope()  # what a customer on any channel may be told
EVERYTHING = Scope(internal=True)  # for those who keep the knowledge base


def document_ids(scope: Scope) -> NDArray[np.int64] | None:
    """Published documents in the scope, `int64 [n]` in order; None where it bounds nothing."""
    if scope == EVERYTHING:
        return None
    return _document_ids(scope, snapshots.version())


@lru_cache(maxsize=64)
def _document_ids(scope: Scope, version: int) -> NDArray[np.int64]:
    documents = Document.objects.filter(state=Document.State.PUBLISHED, trust__gte=scope.min_trust)
    if not scope.internal:
        documents = documents.filter(collection__visibility=Collection.Visibility.PUBLIC)
    if scope.channel is not None:
        documents = documents.filter(
            Q(collection__channels=scope.channel) | Q(collection__channels=None)
        )
    if scope.collections:
        documents = documents.filter(collection__name__in=scope.collections)
    if scope.languages:
        documents = documents.filter(language__in=scope.languages)
    found = np.fromiter(documents.order_by("pk").values_list("pk", flat=True), dtype=np.int64)
    found.flags.writeable = False
    return found


def documents_in(language: str) -> NDArray[np.int64] | None:
    """Published documents in a language (ISO 639-1), `int64 [n]`; None where none or all are."""
    return _documents_in(language, snapshots.version())


@lru_cache(maxsize=64)
def _documents_in(language: str, version: int) -> NDArray[np.int64] | None:
    published = Document.objects.filter(state=Document.State.PUBLISHED)
    if not published.exclude(language=language).exists():
        return None
    found = np.fromiter(
        published.filter(language=language).values_list("pk", flat=True), dtype=np.int64
    )
    return found if len(found) else None


def closed_to(channel: Channel, documents: QuerySet[Document]) -> QuerySet[Document]:
    """Those of the documents, published or not, that a customer on the channel may not be told
    from: of internal collections, and of collections for other channels."""
    open_ones = Collection.objects.filter(
        Q(channels=channel) | Q(channels=None), visibility=Collection.Visibility.PUBLIC
    )
    return documents.exclude(collection__in=open_ones).select_related("collection")
