"""Intake: validate a message, deduplicate, save, record, announce.

Every door (REST, files, the console's form) comes through `receive_message` or `add_message`.
"""

from __future__ import annotations

import base64
import quopri
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from assistant import automatic
from assistant.addresses import LONGEST, BadAddress, canonical
from assistant.audit.log import record
from assistant.channels import headers as mail_headers
from assistant.models import Channel, Contact, Message, Ticket
from assistant.privacy import originals
from assistant.privacy.cards import mask_card_data, mask_cards
from assistant.privacy.encryption import Forgotten, seal
from assistant.readable import readable
from assistant.signals import message_received
from assistant.ticket_search import index_message

_LANGUAGE = re.compile(r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")
_SURROGATE = re.compile("[\ud800-\udfff]")
# Embeddings, overrides and isolates of text direction: they reorder what stands around a name, on every
# page and in every mail. Marks (LRM, RLM) and right-to-left letters stay.
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_ENCODED_WORD = re.compile(r"=\?([^\s?]*)\?([bq])\?([^?]*)\?=", re.I)  # RFC 2047, read generously
_FIRST_YEAR = 1970
_FAST_CLOCK = timedelta(days=1)  # a sender's clock or time zone may be wrong by that much


class BadMessage(ValueError):
    """A message that cannot be taken in; `field` and `reason` say which part and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


@dataclass(frozen=True)
class Received:
    """What became of a message; `created` is False when it was here already."""

    ticket: Ticket
    message: Message
    created: bool


def clean_text(field: str, value: object, *, longest: int, required: bool = False) -> str:
    """The stripped text of a field. Raises BadMessage for anything a database would choke on."""
    if value is None:
        value = ""
    if not isinstance(value, str):
        raise BadMessage(field, f"must be text, not {type(value).__name__}")
    if "\x00" in value:
        raise BadMessage(field, "contains a NUL character")
    if _SURROGATE.search(value):
        raise BadMessage(field, "contains a lone surrogate, which is not valid Unicode text")
    if len(value) > longest:
        raise BadMessage(field, f"has {len(value):,} characters; {longest:,} at most")
    value = value.strip()
    if required and not value:
        raise BadMessage(field, "is missing or empty")
    return value


def one_line(field: str, value: object, *, longest: int) -> str:
    """A text that stands in headers and lists: line breaks and control characters become one blank,
    overrides of text direction go, and nothing in it decodes to a line break any more."""
    text = clean_text(field, value, longest=longest)
    text = mail_headers.one_line(_BIDI.sub("", text))
    return _ENCODED_WORD.sub(_disarmed, text)[:longest]


def _disarmed(word: re.Match[str]) -> str:
    """The encoded word as it is written, unless it hides control characters: then a blank breaks it, so
    that no program on its way takes it for an encoded word."""
    charset, kind, packed = word[1].partition("*")[0], word[2].lower(), word[3]
    raw = packed.encode("ascii", "replace")
    try:
        hidden = base64.b64decode(raw + b"==") if kind == "b" else quopri.decodestring(raw)
        shown = hidden.decode(charset, "replace")
    except (LookupError, ValueError):
        shown = ""
    return word[0].replace("=?", "= ?", 1) if mail_headers.CONTROL.search(shown) else word[0]


def clean_mail_id(value: object) -> str:
    """A Message-ID in its angle brackets, or nothing. Raises BadMessage."""
    text = clean_text("message_id", value, longest=252)
    if not text:
        return ""
    text = text if text.startswith("<") else f"<{text}>"
    if not mail_headers.is_mail_id(text):
        raise BadMessage(
            "message_id", "is not a Message-ID: printable ASCII without blanks, such as <id@host>"
        )
    return text


def _moment(value: datetime | None, now: datetime) -> datetime:
    """When a message was written, never later than it came. Raises BadMessage for what no customer's
    clock says."""
    if value is None:
        return now
    if value.year < _FIRST_YEAR:  # also keeps the time zone's arithmetic inside datetime's range
        raise BadMessage("created_at", f"is before {_FIRST_YEAR}")
    if value.year > now.year + 1 or value > now + _FAST_CLOCK:
        raise BadMessage("created_at", "is in the future")
    return min(value, now)


def _clean_address(value: object) -> str:
    email = clean_text("email", value, longest=LONGEST)
    try:
        return canonical(email) if email else ""
    except BadAddress as error:
        raise BadMessage("email", str(error)) from None


def _channel(name: object) -> Channel:
    name = clean_text("channel", name, longest=50, required=True)
    channel = Channel.objects.filter(name=name).first()
    if channel is None:
        known = ", ".join(Channel.objects.order_by("name").values_list("name", flat=True))
        raise BadMessage("channel", f"“{name}” is unknown; known channels: {known}")
    return channel


def _contact(*, name: str, email: str) -> Contact:
    if not email:
        return Contact.objects.create(name=name, email=None)
    contact, made = Contact.objects.get_or_create(email=email, defaults={"name": name})
    if not made and name and not contact.name:
        contact.name = name
        contact.save(update_fields=["name"])
    return contact


def _append_inbound(
    *, ticket: Ticket, body: str, name: str, mail_id: str, kind: str, created_at: datetime
) -> Message:
    masked, count = mask_cards(body)
    message = Message.objects.create(
        ticket=ticket,
        position=ticket.messages.count() + 1,
        direction=Message.Direction.INBOUND,
        body=seal(ticket=ticket, text=masked),
        sender_name=name,
        automatic=kind,
        masked=count,
        mail_id=mail_id,
        channel=ticket.channel if mail_id else None,
        originals=originals.keep(ticket=ticket, body=body),
        created_at=created_at,
    )
    index_message(message, masked)
    return message


def _announce(message: Message, *, actor: str, source: str, now: datetime) -> None:
    record(
        "message.received",
        actor=actor,
        ticket=message.ticket_id,
        data={
            "message": message.pk,
            "position": message.position,
            "channel": message.ticket.channel.name,
            "source": source,
            "digest": message.body.digest,
            "masked": message.masked,
            **({"automatic": message.automatic} if message.automatic else {}),
        },
        now=now,
    )
    message_received.send(sender=Message, message=message, source=source, now=now)


def receive_message(
    *,
    channel: object,
    body: object,
    subject: object = "",
    name: object = "",
    email: object = "",
    external_id: object = None,
    message_id: object = "",
    language: object = "",
    headers: Mapping[str, str] | None = None,
    created_at: datetime | None = None,
    source: str,
    actor: str,
    now: datetime,
) -> Received:
    """Open a ticket with its first message, or find the one that came before with this `external_id`,
    or with this `message_id` (the mail's own Message-ID), on the channel. `headers` are fields of the
    mail that tell whether a program wrote it; they are not stored.

    `source` says which door it came through (api, import, console). Raises BadMessage.
    """
    text = clean_text("body", body, longest=settings.MESSAGE_MAX_CHARACTERS, required=True)
    title = one_line("subject", subject, longest=500)
    person = mask_card_data(one_line("name", name, longest=200))
    written_at = _moment(created_at, now)
    address = _clean_address(email)
    reference = clean_text("external_id", external_id, longest=200) or None
    mail_id = clean_mail_id(message_id)
    tongue = clean_text("language", language, longest=10)
    if tongue and not _LANGUAGE.match(tongue):
        raise BadMessage("language", f"“{tongue}” is not a language code such as en or pt-BR")
    way_in = _channel(channel)

    known = _known(way_in, reference, mail_id)
    if known is not None:
        return known
    kind = ""
    if source != "console":  # there a person took down what a person said
        kind = automatic.kind_of(
            sender=address, subject=title, body=readable(text), headers=headers
        )
    done = bool(kind) and automatic.is_declared(sender=address, headers=headers)
    try:
        with transaction.atomic():
            ticket = Ticket.objects.create(
                channel=way_in,
                external_id=reference,
                contact=_contact(name=person, email=address),
                sender_name=person,
                subject=mask_card_data(title),
                status=Ticket.Status.SOLVED if done else Ticket.Status.OPEN,
                language=tongue.lower(),
                created_at=written_at,
                received_at=now,
                last_message_at=now,
            )
            message = _append_inbound(
                ticket=ticket,
                body=text,
                name=person,
                mail_id=mail_id,
                kind=kind,
                created_at=written_at,
            )
            _announce(message, actor=actor, source=source, now=now)
    except IntegrityError:
        known = _known(way_in, reference, mail_id)  # a twin was faster
        if known is None:
            raise
        return known
    return Received(ticket, message, created=True)


def _known(channel: Channel, external_id: str | None, mail_id: str) -> Received | None:
    """The message that came before under one of its names."""
    messages = Message.objects.select_related("body", "ticket__channel", "ticket__contact")
    found = None
    if external_id is not None:
        found = messages.filter(
            ticket__channel=channel, ticket__external_id=external_id, position=1
        ).first()
    if found is None and mail_id:
        found = messages.filter(ticket__channel=channel, mail_id=mail_id).first()
    return Received(found.ticket, found, created=False) if found else None


def add_message(
    *,
    ticket: Ticket,
    body: object,
    name: object = "",
    email: object = "",
    subject: object = "",
    message_id: object = "",
    headers: Mapping[str, str] | None = None,
    created_at: datetime | None = None,
    source: str,
    actor: str,
    now: datetime,
) -> Received:
    """Append a customer's follow-up to a thread, or find the message that came before with this
    `message_id` on the channel. Without a `name` it is the thread's customer who wrote. `email`,
    `subject` and `headers` are those of the follow-up's own mail: they tell whether a program wrote it,
    and are not stored. An automatic mail overtakes no draft, and opens nothing where the mail declares it.

    Raises BadMessage, also for a forgotten ticket.
    """
    text = clean_text("body", body, longest=settings.MESSAGE_MAX_CHARACTERS, required=True)
    person = mask_card_data(one_line("name", name, longest=200))
    mail_id = clean_mail_id(message_id)
    written_at = _moment(created_at, now)
    known = _known(ticket.channel, None, mail_id)
    if known is not None:
        return known
    sender = clean_text("email", email, longest=LONGEST)
    kind = automatic.kind_of(
        sender=sender,
        subject=one_line("subject", subject, longest=500),
        body=readable(text),
        headers=headers,
    )
    done = bool(kind) and automatic.is_declared(sender=sender, headers=headers)
    try:
        with transaction.atomic():
            ours = Ticket.objects.select_for_update(of=("self",))  # the channel is everybody's
            locked = ours.select_related("channel").get(pk=ticket.pk)
            if not kind:
                locked.sender_name = person or locked.sender_name
            message = _append_inbound(
                ticket=locked,
                body=text,
                name=person or locked.sender_name,
                mail_id=mail_id,
                kind=kind,
                created_at=written_at,
            )
            _into_view(locked, reopens=not done, now=now)
            _announce(message, actor=actor, source=source, now=now)
    except Forgotten:
        why = f"#{ticket.pk} was forgotten and takes no more messages: open a new ticket"
        raise BadMessage("ticket", why) from None
    except IntegrityError:
        known = _known(ticket.channel, None, mail_id)  # a twin was faster
        if known is None:
            raise
        return known
    return Received(locked, message, created=True)


def _into_view(ticket: Ticket, *, reopens: bool, now: datetime) -> None:
    """A new message stands on top of the lists, and opens the ticket again where a person may have
    written it (what only looks automatic stands in the queue under "Automatic")."""
    if reopens:
        ticket.status = _AGAIN.get(Ticket.Status(ticket.status), ticket.status)
    ticket.last_message_at = now
    ticket.save(update_fields=["sender_name", "status", "last_message_at"])


_AGAIN = {
    Ticket.Status.ANSWERED: Ticket.Status.REOPENED,
    Ticket.Status.SOLVED: Ticket.Status.REOPENED,
    Ticket.Status.WAITING: Ticket.Status.OPEN,
}


def take_as_question(message: Message, *, actor: str, now: datetime) -> bool:
    """A person's word that an automatic mail is a question after all: it is answered like one. False
    where it counts as one already."""
    with transaction.atomic():
        ticket = Ticket.objects.select_for_update().get(pk=message.ticket_id)
        won = Message.objects.filter(pk=message.pk).exclude(automatic="").update(automatic="")
        if not won:
            return False
        ours = ticket.messages.filter(direction=Message.Direction.OUTBOUND).exists()
        ticket.status = Ticket.Status.REOPENED if ours else Ticket.Status.OPEN
        ticket.save(update_fields=["status"])
        record(
            "message.taken_as_question",
            actor=actor,
            ticket=ticket.pk,
            data={"message": message.pk, "position": message.position},
            now=now,
        )
        newest = ticket.questions().select_related("ticket__channel", "body").last()
        message_received.send(sender=Message, message=newest, source="console", now=now)
    return True
