"""The questions that the team keeps: adding, dropping, and reading them for an evaluation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from assistant.audit.log import actor_of, record
from assistant.models import Message, User
from assistant.privacy.encryption import CannotOpen, Forgotten, unseal
from retrieval.evaluation import Question
from retrieval.kept_models import KeptQuestion
from retrieval.models import Document
from retrieval.query import ThreadTurn

Origin = KeptQuestion.Origin
LONGEST = 2_000  # characters of a written question


class CannotKeep(ValueError):
    """This question cannot be kept: why, in words for the form."""


def keep_question(
    *, text: str, documents: Sequence[Document], by: User, now: datetime
) -> KeptQuestion:
    """Keep a question that a person wrote, with the articles that answer it. Raises `CannotKeep`."""
    text = text.strip()
    if not text:
        raise CannotKeep("Write the question as a customer would.")
    if len(text) > LONGEST:
        raise CannotKeep(f"A question has at most {LONGEST:,} characters.")
    if not documents:
        raise CannotKeep("Choose at least one article that answers it.")
    with transaction.atomic():
        kept = KeptQuestion.objects.create(
            origin=Origin.WRITTEN, text=text, added_by=by, added_at=now
        )
        kept.documents.set(documents)
        record(
            "question.kept",
            actor=actor_of(by),
            data={"question": kept.pk, "documents": [document.pk for document in documents][:50]},
            now=now,
        )
    return kept


def keep_messages(
    answered: Iterable[tuple[Message, Sequence[int]]], *, by: User, now: datetime
) -> int:
    """Keep messages with the articles (primary keys) that agents answered them from; one that is kept
    already keeps its articles. Returns how many are new."""
    added = 0
    with transaction.atomic():
        for message, documents in answered:
            kept, is_new = KeptQuestion.objects.get_or_create(
                message=message,
                defaults={"origin": Origin.CITED, "added_by": by, "added_at": now},
            )
            if is_new:
                kept.documents.set(documents)
                added += 1
        if added:
            record("question.cited", actor=actor_of(by), data={"added": added}, now=now)
    return added


def drop_question(question: KeptQuestion, *, by: User, now: datetime) -> None:
    """Keep it no longer. Comparisons that were made with it stay as they are."""
    with transaction.atomic():
        number = question.pk
        question.delete()
        record("question.dropped", actor=actor_of(by), data={"question": number}, now=now)


def read_question(kept: KeptQuestion) -> Question | None:
    """The question as evaluations ask it, its right pages the articles' primary keys; None where no
    published article answers it any more, or its text cannot be read.

    One whose text was forgotten is dropped for good.
    """
    published = kept.documents.filter(state=Document.State.PUBLISHED)
    gold = tuple(str(pk) for pk in published.order_by("pk").values_list("pk", flat=True))
    if not gold:
        return None
    if kept.message is None:
        return Question(id=str(kept.pk), query=kept.text, gold=gold)
    ticket = kept.message.ticket
    try:
        thread = tuple(
            ThreadTurn(
                "customer" if message.direction == Message.Direction.INBOUND else "agent",
                unseal(message.body),
            )
            for message in ticket.messages.filter(position__lte=kept.message.position)
            .exclude(direction=Message.Direction.NOTE)
            .select_related("body__ticket")
        )
    except Forgotten:
        kept.delete()
        return None
    except CannotOpen:
        return None
    return Question(
        id=str(kept.pk),
        query=thread[-1].text if thread else "",
        gold=gold,
        group=f"ticket {ticket.pk}",
        thread=thread,
        subject=ticket.subject,
    )
