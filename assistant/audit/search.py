"""Finding events: by time, ticket, draft, person, model and action. Every filter is indexed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from assistant.audit.content import instant
from assistant.audit.log import actor_of
from assistant.models.access import User
from assistant.models.audit import AuditEvent

# What the log speaks of; the page offers them, any other action can be typed.
ACTIONS = (
    "message.received",
    "draft.queued",
    "draft.made",
    "draft.failed",
    "draft.retired",
    "draft.given_back",
    "draft.brought_back",
    "draft.lease_expired",
    "claim.taken",
    "claim.taken_over",
    "decision.made",
    "decision.undone",
    "reply.held",
    "reply.cancelled",
    "reply.sent",
    "reply.failed",
    "reply.uncertain",
    "reply.settled",
    "text.read",
    "number.unmasked",
    "ticket.forgotten",
    "log.searched",
    "log.exported",
    "log.export_written",
    "log.verified",
    "document.published",
    "document.retired",
    "document.address_changed",
    "snapshot.activated",
    "sentence.judged",
    "policy.changed",
    "model.registered",
    "model.evaluated",
    "model.frozen_set_named",
    "model.canary",
    "model.promoted",
    "model.rolled_back",
    "model.retired",
    "person.created",
    "person.changed",
    "person.password_set",
    "channel.created",
    "channel.changed",
    "api_key.created",
    "api_key.revoked",
    "user.signed_in",
    "user.signed_out",
    "user.sign_in_failed",
    "sign_in.unlocked",
    "log.checkpoint_healed",
)
FIELDS = ("since", "until", "ticket", "draft", "person", "model", "action")
LONGEST = 200
_LARGEST = 2**53 - 1


@dataclass(frozen=True)
class Filters:
    """What is looked for; empty means everything. Both times are included."""

    since: datetime | None = None
    until: datetime | None = None
    ticket: int | None = None
    draft: int | None = None
    person: str = ""
    model: str = ""
    action: str = ""

    def __bool__(self) -> bool:
        return self != Filters()

    def as_data(self) -> dict[str, str | int]:
        """The filters that are set, as an event's data."""
        made: dict[str, str | int] = {}
        for name in FIELDS:
            value = getattr(self, name)
            if value not in (None, ""):
                made[name] = instant(value) if isinstance(value, datetime) else value
        return made


class BadFilter(ValueError):
    """A filter that cannot be understood: which field, and what to write instead."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


def _moment(field: str, text: str) -> datetime:
    try:
        day = parse_date(text)
        found = None if day else parse_datetime(text)
    except ValueError:
        found = day = None
    if day is not None:
        found = datetime.combine(day, time.max if field == "until" else time.min)
    if found is None:
        raise BadFilter(field, "write a date and time, such as 2026-01-31T09:05")
    try:
        aware = found if timezone.is_aware(found) else timezone.make_aware(found)
        instant(aware)
    except (ValueError, OverflowError):
        raise BadFilter(field, "this time does not exist") from None
    return aware


def _number(field: str, text: str) -> int:
    digits = text.lstrip("#")
    if not (digits.isascii() and digits.isdigit() and int(digits) <= _LARGEST):
        raise BadFilter(field, f"write the {field}'s number")
    return int(digits)


def parse(data: Mapping[str, Any]) -> tuple[Filters, dict[str, str]]:
    """The filters of a query, and what is wrong by field. A wrong field filters nothing."""
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for field in FIELDS:
        text = str(data.get(field) or "").strip()
        if not text:
            continue
        try:
            if len(text) > LONGEST or not text.isprintable():
                raise BadFilter(field, f"write at most {LONGEST} printable characters")
            if field in {"since", "until"}:
                values[field] = _moment(field, text)
            elif field in {"ticket", "draft"}:
                values[field] = _number(field, text)
            else:
                values[field] = text
        except BadFilter as error:
            errors[field] = error.reason
    return Filters(**values), errors


def _by_person(person: str) -> Q:
    """A username, an API key's name, an account of the machine, a process, or an actor as the log has it.

    What was done at the command line in a person's name is found by that name too, and told apart.
    """
    actors = {person, f"api:{person}", f"cli:{person}", f"system:{person}"}
    user = User.objects.filter(username=person).first()
    if user is not None:
        actors.add(actor_of(user))
    found = Q(actor__in=actors) | Q(actor__startswith="cli:", actor__endswith=f" as {person}")
    if user is None and ":" not in person:  # perhaps somebody who is gone, or was renamed
        found |= Q(actor__startswith="user:", actor__endswith=f":{person}")
    return found


def events(filters: Filters) -> QuerySet[AuditEvent]:
    """The matching events, newest first."""
    query = AuditEvent.objects.order_by("-index")
    if filters.since:
        query = query.filter(at__gte=filters.since)
    if filters.until:
        query = query.filter(at__lte=filters.until)
    if filters.ticket is not None:
        query = query.filter(ticket_number=filters.ticket)
    if filters.draft is not None:
        query = query.filter(draft_id=filters.draft)
    if filters.person:
        query = query.filter(_by_person(filters.person))
    if filters.model:
        query = query.filter(model__startswith=filters.model)
    if filters.action:  # "draft" finds every draft.…
        noun = Q(action=filters.action)
        if "." not in filters.action.rstrip("."):
            noun = Q(action__startswith=filters.action.rstrip(".") + ".")
        query = query.filter(noun)
    return query
