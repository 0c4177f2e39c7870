"""News from the floors below: an article, or a whole collection, changed.

Only rows are written, in the sender's transaction; workers are woken on commit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from retrieval.models import Collection, Document, Revision
from retrieval.signals import collection_changed, knowledge_changed
from review import gaps, redrafting


@receiver(knowledge_changed)
def look_at_drafts(
    *, document: Document, old_revision: Revision | None, now: datetime, **_: Any
) -> None:
    """Drafts on the old text are looked at; a gap that the article was written for is closed."""
    if old_revision is not None:
        redrafting.article_changed(document=document, old_revision=old_revision, now=now)
    gaps.article_published(document=document, now=now)


@receiver(collection_changed)
def look_at_a_collections_drafts(*, collection: Collection, now: datetime, **_: Any) -> None:
    """Who may be told from its articles has changed: the drafts on them are looked at."""
    redrafting.collection_changed(collection=collection, now=now)
