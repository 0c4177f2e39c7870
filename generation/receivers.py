"""News from the floors below: a message to answer, an article that changed.

Receivers only write rows (inside the sender's transaction); workers are woken on commit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from assistant.models import Message
from assistant.signals import message_received
from generation import closed_sources
from generation.models import Draft
from generation.queue import queue_draft, retire_open_draft
from retrieval.models import Collection, Document, Revision
from retrieval.signals import collection_changed, knowledge_changed


@receiver(message_received)
def draft_anew(*, message: Message, now: datetime, **_: Any) -> None:
    """Queue a draft for the message; one that waits on the ticket is overtaken by it."""
    retire_open_draft(ticket=message.ticket, reason="a new message came in", now=now)
    queue_draft(ticket=message.ticket, message=message, now=now)


@receiver(knowledge_changed)
def mark_stale(
    *, document: Document, old_revision: Revision | None, now: datetime, **_: Any
) -> None:
    """Tell the waiting drafts that cite the old revision that its article has changed."""
    if old_revision is None:
        return
    waiting = Draft.objects.filter(
        state__in=Draft.WAITING, sources__chunk__revision=old_revision
    ).distinct()
    text = f"“{document.title}” has changed since this draft was made; redo it to use the new text."
    for draft in waiting:
        others = [row for row in draft.reasons if row.get("code") != "article_changed"]
        draft.reasons = [{"code": "article_changed", "text": text}, *others]
        draft.save(update_fields=["reasons"])


@receiver(collection_changed)
def mark_closed(*, collection: Collection, **_: Any) -> None:
    """Tell the waiting drafts that rest on articles which their customer may not be told from."""
    closed_sources.mark(collection)
