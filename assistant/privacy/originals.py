"""The way back from a mask: numbers that were masked though nothing called them a card.

An order's or an article's number may look like a card's. Such numbers are sealed apart with the
ticket's key for a while; who may see them says why, and the log keeps that. What words call a card,
and every security code, is nowhere kept.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from assistant.audit.log import record
from assistant.models import Message, SealedText, Ticket
from assistant.privacy.cards import card_spans
from assistant.privacy.encryption import seal, unseal

REASONS = {
    "other_number": "It is an order, article or tracking number",
    "customer_asked": "The customer asked which number they wrote",
}


class NothingKept(LookupError):
    """No masked number of this message is kept, or not any more."""


def keep(*, ticket: Ticket, body: str) -> SealedText | None:
    """Seal the numbers of a message that may be no cards; None where there are none."""
    unsure = [body[s.start : s.end] for s in card_spans(body) if s.kind == "card" and not s.sure]
    return seal(ticket=ticket, text=json.dumps(unsure)) if unsure else None


def show(*, message: Message, reason: str, actor: str, now: datetime) -> list[str]:
    """The numbers as they were written, on the record. Raises NothingKept, Forgotten, ValueError."""
    if reason not in REASONS:
        raise ValueError("choose one of the reasons")
    if message.originals is None:
        raise NothingKept("no masked number of this message is kept")
    with transaction.atomic():
        numbers: list[str] = json.loads(unseal(message.originals))
        record(
            "number.unmasked",
            actor=actor,
            ticket=message.ticket_id,
            data={"message": message.pk, "numbers": len(numbers), "reason": reason},
            now=now,
        )
    return numbers


def forget_old(*, now: datetime) -> int:
    """Destroy what was kept for longer than COUNTERSIGN_MASKED_DAYS. How many messages' numbers went."""
    since = now - timedelta(days=settings.MASKED_DAYS)
    old = Message.objects.filter(originals__isnull=False, ticket__received_at__lt=since)
    old = old.filter(created_at__lt=since)
    with transaction.atomic():
        texts = list(old.values_list("originals_id", flat=True))
        old.update(originals=None)
        SealedText.objects.filter(pk__in=texts).delete()
    return len(texts)
