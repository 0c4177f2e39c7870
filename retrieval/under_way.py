"""How far the index is behind the knowledge base, for pages. Loads no model."""

from __future__ import annotations

from dataclasses import dataclass

from retrieval.models import Document, IndexSnapshot
from retrieval.snapshots import is_of_another_embedder

State = IndexSnapshot.State


@dataclass(frozen=True)
class UnderWay:
    """A build that goes on: so many of the published articles are in it as they stand now. While it
    is `aside`, searches are answered from the index of the embedder before."""

    indexed: int
    articles: int
    aside: bool


def build_under_way() -> UnderWay | None:
    """How far the build is that goes on in slices; None where nothing remains."""
    newest = IndexSnapshot.objects.filter(state__in=[State.ACTIVE, State.READY]).order_by("-pk")
    row = newest.first()
    if row is None or not row.remaining:
        return None
    published = Document.objects.filter(state=Document.State.PUBLISHED, current__isnull=False)
    articles = published.count()
    since = published.filter(current__created_at__gt=row.created_at).count()
    return UnderWay(
        indexed=max(0, articles - row.remaining - since),
        articles=articles,
        aside=is_of_another_embedder(row),
    )
