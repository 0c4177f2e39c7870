"""Intake: validate a message, deduplicate, save, record, announce.

Every door (REST, files, the console's form) comes through `receive_message` or `add_message`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from assistant.audit.log import record
from assistant.models import Channel, Contact, Message, Ticket
from assistant.privacy.cards import mask_cards
from assistant.privacy.encryption import Forgotten, seal
from assistant.signals import message_received

_LANGUAGE = re.compile(r"^[a-zA-Z]{2,3}(-[a-zA-Z0-9]{2,8})*$")
_SURROGATE = re.compile("[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
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
    """What became of a message; `created` is False when the ticket was here already."""

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


def _one_line(field: str, value: object, *, longest: int) -> str:
    """A text that stands in mail headers: line breaks and control characters become one space."""
    text = clean_text(field, value, longest=longest)
    return " ".join(_CONTROL.sub(" ", text).split())


def _moment(value: datetime | None, now: datetime) -> datetime:
    """When a message was written. Raises BadMessage for what no customer's clock says."""
    if value is None:
        return now
    if value.year < _FIRST_YEAR:  # also keeps the time zone's arithmetic inside datetime's range
        raise BadMessage("created_at", f"is before {_FIRST_YEAR}")
    if value.year > now.year + 1 or value > now + _FAST_CLOCK:
        raise BadMessage("created_at", "is in the future")
    return value


def _clean_address(value: object) -> str:
    email = clean_text("email", value, longest=254).lower()
    if email:
        try:
            validate_email(email)
        except ValidationError:
            raise BadMessage("email", "is not an e-mail address") from None
    return email


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


def _append_inbound(*, ticket: Ticket, body: str, created_at: datetime) -> Message:
    masked, count = mask_cards(body)
    position = ticket.messages.count() + 1
    return Message.objects.create(
        ticket=ticket,
        position=position,
        direction=Message.Direction.INBOUND,
        body=seal(ticket=ticket, text=masked),
        masked=count,
        mail_id=f"<ticket-{ticket.pk}-message-{position}@countersign>",
        created_at=created_at,
    )


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
        },
        now=now,
    )
    message_received.send(sender=Message, message=message, now=now)


def receive_message(
    *,
    channel: object,
    body: object,
    subject: object = "",
    name: object = "",
    email: object = "",
    external_id: object = None,
    language: object = "",
    created_at: datetime | None = None,
    source: str,
    actor: str,
    now: datetime,
) -> Received:
    """Open a ticket with its first message, or find the one this `external_id` made before.

    `source` says which door it came through (api, import, console). Raises BadMessage.
    """
    text = clean_text("body", body, longest=settings.MESSAGE_MAX_CHARACTERS, required=True)
    title = _one_line("subject", subject, longest=500)
    person = _one_line("name", name, longest=200)
    written_at = _moment(created_at, now)
    address = _clean_address(email)
    reference = clean_text("external_id", external_id, longest=200) or None
    tongue = clean_text("language", language, longest=10)
    if tongue and not _LANGUAGE.match(tongue):
        raise BadMessage("language", f"“{tongue}” is not a language code such as en or pt-BR")
    way_in = _channel(channel)

    known = _known(way_in, reference)
    if known is not None:
        return known
    try:
        with transaction.atomic():
            ticket = Ticket.objects.create(
                channel=way_in,
                external_id=reference,
                contact=_contact(name=person, email=address),
                subject=mask_cards(title)[0],
                language=tongue.lower(),
                created_at=written_at,
                received_at=now,
                last_message_at=written_at,
            )
            message = _append_inbound(ticket=ticket, body=text, created_at=written_at)
            _announce(message, actor=actor, source=source, now=now)
    except IntegrityError:
        known = _known(way_in, reference)  # a twin was faster
        if known is None:
            raise
        return known
    return Received(ticket, message, created=True)


def _known(channel: Channel, external_id: str | None) -> Received | None:
    if external_id is None:
        return None
    ticket = Ticket.objects.filter(channel=channel, external_id=external_id).first()
    if ticket is None:
        return None
    first = ticket.messages.select_related("body").get(position=1)
    return Received(ticket, first, created=False)


def add_message(
    *,
    ticket: Ticket,
    body: object,
    created_at: datetime | None = None,
    source: str,
    actor: str,
    now: datetime,
) -> Message:
    """Append a customer's follow-up to a thread. Raises BadMessage, also for a forgotten ticket."""
    text = clean_text("body", body, longest=settings.MESSAGE_MAX_CHARACTERS, required=True)
    written_at = _moment(created_at, now)
    with transaction.atomic():
        locked = Ticket.objects.select_for_update().select_related("channel").get(pk=ticket.pk)
        try:
            message = _append_inbound(ticket=locked, body=text, created_at=written_at)
        except Forgotten:
            why = f"#{locked.pk} was forgotten and takes no more messages: open a new ticket"
            raise BadMessage("ticket", why) from None
        if locked.status in {Ticket.Status.ANSWERED, Ticket.Status.SOLVED}:
            locked.status = Ticket.Status.REOPENED
        elif locked.status == Ticket.Status.WAITING:
            locked.status = Ticket.Status.OPEN
        locked.last_message_at = written_at
        locked.save(update_fields=["status", "last_message_at"])
        _announce(message, actor=actor, source=source, now=now)
    return message
