"""Forgetting: a ticket's key and texts are destroyed, for ever; the log stays whole and says so.

What goes: the ticket's key, every ciphertext and salt, the subject, the words it was found by, an
agent's working copy, mails that were written as files, and with a customer's last ticket their name and
address. What stays: numbers, times, categories and salted digests that nobody can guess at any more.
What may be left is told: files in which a name, an address or a subject still stands, and articles that
were begun with the customer's question. What was sent, backups and exports are elsewhere:
`docs/audit.md` says what to do about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from assistant import ticket_search, traces
from assistant.addresses import BadAddress, canonical
from assistant.audit.log import record
from assistant.models import Contact, Message, OutboundReply, SealedText, Ticket, TicketKey
from generation.models import Draft
from generation.queue import retire_open_draft
from review import working_copies
from review.models import Claim, GapTicket

UNDER_WAY = (OutboundReply.State.HELD, OutboundReply.State.SENDING, OutboundReply.State.UNCERTAIN)


class NotForgotten(RuntimeError):
    """Nothing was forgotten; the message says why, and what to do first."""


REASONS = {
    "asked": "The customer asked for it",
    "retention": "Kept longer than our rules allow",
    "mistake": "It should never have come in",
}


@dataclass(frozen=True)
class Erased:
    """The tickets that were forgotten, how many texts went, and of how many customers the address.

    `mails` are the files that were deleted. What may be left: `files` of the data folder in which a
    name, an address or a subject stands, `articles` (documents' numbers) that were begun with a
    question of theirs, and, where `squeezed` is False, the database's log of writes.
    """

    tickets: list[int]
    texts: int
    contacts: int
    mails: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    articles: list[int] = field(default_factory=list)
    squeezed: bool = True


def tickets_of(*, email: str) -> list[Ticket]:
    """A customer's tickets. Raises NotForgotten where nobody has this address."""
    try:
        address = canonical(email)
    except BadAddress:  # one that came in before addresses had one form
        address = email.strip()
    found = list(Ticket.objects.filter(contact__email__iexact=address).order_by("pk"))
    if not found:
        raise NotForgotten(f"No ticket is of {email.strip()}: is the address spelt as in the list?")
    return found


def forget(
    *,
    tickets: Sequence[Ticket],
    retire_drafts: bool,
    actor: str,
    now: datetime,
    reason: str = "",
) -> Erased:
    """Destroy the keys and texts of these tickets: all of them, or none. `reason` is one of REASONS.

    A ticket that was forgotten before is passed over. With `retire_drafts` open drafts are retired
    first. Raises NotForgotten where a draft is open or a reply is on its way.
    """
    with transaction.atomic():
        wanted = [ticket.pk for ticket in tickets]
        locked = list(
            Ticket.objects.select_for_update(of=("self",)).filter(pk__in=wanted).order_by("pk")
        )
        if retire_drafts:
            for ticket in locked:
                retire_open_draft(
                    ticket=ticket, reason="the ticket is forgotten", now=now, actor=actor
                )
        _check(wanted)
        said = _readable_words(wanted)
        counts = {ticket.pk: _destroy(ticket, now) for ticket in locked if not _is_gone(ticket)}
        contacts = _without_tickets_left([ticket.contact_id for ticket in locked])
        Contact.objects.filter(pk__in=contacts).update(name="", email=None)
        for ticket in locked:
            if ticket.pk in counts:
                record(
                    "ticket.forgotten",
                    actor=actor,
                    ticket=ticket.pk,
                    data={
                        "texts": counts[ticket.pk],
                        "contact": ticket.contact_id in contacts,
                        "reason": reason,
                    },
                    now=now,
                )
    mails = [name for ticket in wanted for name in traces.erase_mail(ticket)]
    squeezed = traces.squeeze_database()
    return Erased(
        sorted(counts),
        sum(counts.values()),
        len(contacts),
        mails=mails,
        files=traces.files_with(said - _of_others_too(said)),
        articles=_articles_begun_with(wanted),
        squeezed=squeezed,
    )


def _readable_words(tickets: Sequence[int]) -> set[str]:
    """Subjects, names and addresses of these tickets, as they stand in the database."""
    columns = ("subject", "sender_name", "messages__sender_name", "contact__name", "contact__email")
    rows = Ticket.objects.filter(pk__in=tickets).values_list(*columns)
    return {text for row in rows for text in row if text}


def _of_others_too(words: set[str]) -> set[str]:
    """Those of the words that other tickets have still, and that no file need be searched for."""
    subjects = Ticket.objects.filter(subject__in=words).values_list("subject", flat=True)
    senders = Ticket.objects.filter(sender_name__in=words).values_list("sender_name", flat=True)
    contacts = Contact.objects.filter(Q(name__in=words) | Q(email__in=words))
    known = contacts.values_list("name", "email")
    return {*subjects, *senders, *(text for row in known for text in row if text)}


def _articles_begun_with(tickets: Sequence[int]) -> list[int]:
    """Documents that were started from a gap with questions of these tickets (redacted by patterns)."""
    documents = GapTicket.objects.filter(ticket_id__in=tickets, gap__document__isnull=False)
    return sorted(set(documents.values_list("gap__document_id", flat=True)))


def _check(tickets: Sequence[int]) -> None:
    drafts = Draft.objects.filter(ticket_id__in=tickets, state__in=Draft.OPEN)
    replies = OutboundReply.objects.filter(ticket_id__in=tickets, state__in=UNDER_WAY)
    for rows, words in (
        (drafts, "has an open draft: decide on it, or retire it with --retire-drafts"),
        (replies, "has a reply on its way: wait until it is sent, undo it, or settle it"),
    ):
        numbers = sorted(set(rows.values_list("ticket_id", flat=True)))
        if numbers:
            named = ", ".join(f"#{number}" for number in numbers[:10])
            raise NotForgotten(f"{named} {words}. Nothing was forgotten.")


def _is_gone(ticket: Ticket) -> bool:
    return TicketKey.objects.filter(ticket=ticket, destroyed_at__isnull=False).exists()


def _destroy(ticket: Ticket, now: datetime) -> int:
    """How many texts went."""
    working_copies.discard(ticket=ticket)
    Claim.objects.filter(ticket_id=ticket.pk).delete()
    ticket_search.forget(ticket)
    # also where no text was ever sealed: none shall be from now on
    TicketKey.objects.update_or_create(
        ticket=ticket, defaults={"wrapped": None, "destroyed_at": now}
    )
    # `external_id` stays, so that a repeated import doesn't bring the ticket back
    Ticket.objects.filter(pk=ticket.pk).update(subject="", sender_name="")
    Message.objects.filter(ticket=ticket).update(sender_name="", mail_id="")
    texts = SealedText.objects.filter(ticket=ticket, ciphertext__isnull=False)
    return texts.update(ciphertext=None, salt=None)


def _without_tickets_left(contacts: Sequence[int]) -> set[int]:
    """Those of the contacts who have no ticket that can still be read."""
    readable = Ticket.objects.filter(
        Q(key__isnull=True) | Q(key__destroyed_at__isnull=True), contact_id__in=contacts
    )
    return set(contacts) - set(readable.values_list("contact_id", flat=True))
