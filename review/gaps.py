"""Gaps of the knowledge base: what may be shown of one, dismissing it, an article from it.

What each role sees is the least that its work needs: whoever may read the knowledge base sees
counts and typical words; whoever may edit it also the redacted questions, without ticket or
customer; whoever may review also which tickets they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from assistant.audit.log import actor_of, record
from assistant.privacy.encryption import CannotOpen, Forgotten, unseal
from assistant.reasons import written_reason
from retrieval import editing
from retrieval.article_drafts import Fields
from retrieval.models import Collection, Document
from review import redrafting
from review.models import Gap, GapTicket

QUESTIONS = 5
REPLIES = 3
TITLE_LENGTH = 300


class GapRefused(RuntimeError):
    """Nothing was changed: why, for the person."""


@dataclass(frozen=True)
class Sample:
    """A question of a gap with personal data replaced, and the reply that an agent approved."""

    row: GapTicket
    question: str
    reply: str


def samples_of(gap: Gap, *, reader: Any, now: datetime) -> list[Sample]:
    """The newest questions of the gap, opened on the record: one event `gap.read`."""
    rows = gap.tickets.filter(question__isnull=False).select_related(
        "ticket", "question__ticket", "reply__ticket"
    )
    found = []
    for row in rows.order_by("-asked_at", "-pk")[:QUESTIONS]:
        try:
            question = unseal(row.question)  # type: ignore[arg-type]
            reply = unseal(row.reply) if row.reply is not None else ""
        except (Forgotten, CannotOpen):
            continue
        found.append(Sample(row, question, reply))
    if found:
        with transaction.atomic():
            record(
                "gap.read",
                actor=actor_of(reader),
                data={"gap": gap.pk, "tickets": [one.row.ticket_id for one in found]},
                now=now,
            )
    return found


def dismiss(*, gap: Gap, reason: str, by: Any, now: datetime) -> None:
    """Put a gap aside; its questions need no article. Raises GapRefused."""
    ask = "Write why no article is needed: colleagues will ask."
    reason = written_reason(reason, refusal=GapRefused, ask=ask)
    _move(gap, Gap.State.OPEN, Gap.State.DISMISSED, reason=reason, by=by, now=now)


def reopen(*, gap: Gap, by: Any, now: datetime) -> None:
    """Bring a dismissed gap back. Raises GapRefused."""
    _move(gap, Gap.State.DISMISSED, Gap.State.OPEN, reason="", by=by, now=now)


def _move(gap: Gap, old: str, new: str, *, reason: str, by: Any, now: datetime) -> None:
    with transaction.atomic():
        won = Gap.objects.filter(pk=gap.pk, state=old).update(
            state=new, reason=reason, changed_by=by
        )
        if not won:
            raise GapRefused("Somebody has changed this gap meanwhile; look at it again.")
        record(
            "gap.dismissed" if new == Gap.State.DISMISSED else "gap.reopened",
            actor=actor_of(by),
            data={"gap": gap.pk, "reason_length": len(reason)},
            now=now,
        )
    gap.refresh_from_db()


def start_article(*, gap: Gap, collection: Collection, by: Any, now: datetime) -> Document:
    """An article that `by` goes on writing, with the customers' questions and the agents' replies in
    it, both redacted.

    Returns its document, not published yet; publishing it closes the gap.
    Raises GapRefused where an article was started before.
    """
    samples = samples_of(gap, reader=by, now=now)
    with transaction.atomic():
        locked = Gap.objects.select_for_update().get(pk=gap.pk)
        if locked.document_id is not None or locked.state != Gap.State.OPEN:
            raise GapRefused("An article was started from this gap already, or it is not open.")
        fields = Fields(
            title=title_of(gap), text=article_text(gap, samples), category=_category(gap)
        )
        document = editing.start(collection=collection, fields=fields, author=by, now=now)
        Gap.objects.filter(pk=gap.pk).update(document=document, changed_by=by)
        record(
            "gap.article_started",
            actor=actor_of(by),
            data={"gap": gap.pk, "document": document.pk, "questions": len(samples)},
            now=now,
        )
    gap.refresh_from_db()
    return document


def title_of(gap: Gap) -> str:
    """A working title of the gap's typical words; the author changes it."""
    words = " ".join(gap.words[:4])
    return (words[:1].upper() + words[1:])[:TITLE_LENGTH] or "An unanswered question"


def article_text(gap: Gap, samples: list[Sample]) -> str:
    """Markdown to begin from. What customers and agents wrote stands in quotes, so that nothing of
    it is taken for the article's own words, headings or instructions."""
    parts = ["Write the answer here, and delete what is quoted below before you publish.", ""]
    replies = list(dict.fromkeys(one.reply for one in samples if one.reply))[:REPLIES]
    if replies:
        parts += ["## What colleagues answered", ""]
        for reply in replies:
            parts += [_quoted(reply), ""]
    if samples:
        parts += ["## What customers asked", ""]
        for question in dict.fromkeys(one.question for one in samples):
            parts += [_quoted(question), ""]
    return "\n".join(parts).rstrip() + "\n"


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.strip().splitlines())


def _category(gap: Gap) -> str:
    """The commonest category of its tickets; empty where they have none."""
    named = gap.tickets.exclude(ticket__category__in=["", "uncategorised"])
    categories = list(named.values_list("ticket__category", flat=True))
    return max(sorted(set(categories)), key=categories.count)[:100] if categories else ""


def article_published(*, document: Document, now: datetime) -> None:
    """Close the gap that this article was started from, and have its tickets' drafts made anew."""
    if document.state != Document.State.PUBLISHED:
        return
    for gap in Gap.objects.filter(document=document).exclude(state=Gap.State.CLOSED):
        won = (
            Gap.objects.filter(pk=gap.pk)
            .exclude(state=Gap.State.CLOSED)
            .update(state=Gap.State.CLOSED, closed_at=now)
        )
        if won:
            redrafting.article_changed(document=document, old_revision=None, gap=gap.pk, now=now)
