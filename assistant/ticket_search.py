"""Finding tickets by number, names, addresses, subject, and the words of their messages.

What is readable anyway (subject, name, address, reference) is kept folded in `Ticket.findable` and
found by any part of a word. Messages are sealed, so their words are kept as keyed digests
(`encryption.blind_word`), and found by whole words: see docs/privacy.md for what that reveals.
"""

from __future__ import annotations

from itertools import islice

from django.db import transaction
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from assistant import folding
from assistant.models import Message, SearchWord, Ticket
from assistant.privacy.encryption import Forgotten, blind_word, unseal

MOST_WORDS = 5_000  # different ones of a message; a longer one is found by its first
MOST_ASKED = 8
_AT_ONCE = 200


def index_message(message: Message, text: str) -> None:
    """Have a ticket found by the words of this message; in the transaction that makes the message."""
    said = dict.fromkeys(folding.words(f"{text} {message.sender_name}"))
    rows = [
        SearchWord(ticket_id=message.ticket_id, word=blind_word(word))
        for word in islice(said, MOST_WORDS)
    ]
    SearchWord.objects.bulk_create(rows, batch_size=400, ignore_conflicts=True)
    Message.objects.filter(pk=message.pk).update(indexed=True)
    refresh(message.ticket)


def refresh(ticket: Ticket) -> None:
    """Have a ticket found by its subject, reference, name and address as they are now."""
    address = ticket.contact.email or ""
    readable = (ticket.subject, ticket.sender_name, address, ticket.external_id or "")
    Ticket.objects.filter(pk=ticket.pk).update(
        findable=" ".join(folding.chunks(" ".join(readable)))
    )


def forget(ticket: Ticket) -> None:
    """No word of a forgotten ticket is found any more."""
    SearchWord.objects.filter(ticket=ticket).delete()
    Ticket.objects.filter(pk=ticket.pk).update(findable="")
    Message.objects.filter(ticket=ticket).update(indexed=True)


def catch_up() -> int:
    """Index what came in before there was an index; some at a time. How many messages were done."""
    waiting = Message.objects.filter(indexed=False).select_related("body", "ticket__contact")
    done = list(waiting.order_by("-pk")[:_AT_ONCE])
    for message in done:
        with transaction.atomic():
            try:
                index_message(message, unseal(message.body))
            except Forgotten:
                Message.objects.filter(pk=message.pk).update(indexed=True)
    return len(done)


def find(tickets: QuerySet[Ticket], query: str) -> QuerySet[Ticket]:
    """Those of the tickets that fit all words of the query; the one with this number first."""
    digits = folding.fold(query).strip().lstrip("#")
    number = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 19 else None
    if number is not None and query.strip().startswith("#"):
        exact = tickets.filter(pk=number)
        if exact.exists():
            return exact
    fits = Q()
    forms = (folding.chunks(query), folding.spaced(query), folding.wanted(query))
    asked = list(zip(*forms, strict=True))
    for chunk, spaced, ways in asked[:MOST_ASKED]:
        fits_chunk = Q(findable__contains=chunk) | Q(findable__contains=spaced)
        for way in ways:
            fits_chunk |= _said(way)
        fits &= fits_chunk
    if not asked:
        return tickets.none()
    if number is None:
        return tickets.filter(fits)
    first = Case(When(pk=number, then=Value(0)), default=Value(1), output_field=IntegerField())
    return tickets.filter(fits | Q(pk=number)).order_by(first, "-last_message_at", "-pk")


def _said(words: list[str]) -> Q:
    """Tickets in whose messages all these words stand."""
    said = Q()
    for word in words:
        said &= Q(pk__in=SearchWord.objects.filter(word=blind_word(word)).values("ticket"))
    return said
