"""The REST API: tickets in, drafts out, and the knowledge base. Contracts are pydantic; the OpenAPI
page is /api/v1/docs.

Higher floors add their routers (`review/api.py`, `review/api_knowledge.py`); this module knows
tickets and messages only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import IntegrityError, transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from ninja import NinjaAPI, Router, Schema, Status
from ninja.errors import HttpError, ValidationError
from ninja.security import HttpBearer
from pydantic import AwareDatetime, ConfigDict, Field, StrictStr

from assistant.api_keys import find_api_key
from assistant.intake import BadMessage, add_message, receive_message
from assistant.models import ApiKey, IdempotentAnswer, Ticket
from assistant.privacy.encryption import Forgotten, unseal

Scope = ApiKey.Scope


class ApiError(Exception):
    """An answer in the API's error form: a list of fields and reasons; `more` stands beside it."""

    def __init__(self, status: int, field: str, reason: str, **more: Any) -> None:
        super().__init__(reason)
        self.more = more
        self.status = status
        self.field = field
        self.reason = reason


class KeyAuth(HttpBearer):
    """`Authorization: Bearer KEY`, of a key with the scope; any other key gets 403 before its request
    is read. Each operation states its own (a test enumerates them)."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> ApiKey | None:
        key = find_api_key(token, now=timezone.now())
        if key is not None and self.scope not in key.scopes:
            raise ApiError(403, "Authorization", f"this key does not have the scope {self.scope}")
        return key


class Strict(Schema):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


HEADERS = (
    "fields of the mail that tell automatic ones, such as Auto-Submitted, Content-Type, Return-Path; "
    "they are not stored"
)


class NewTicket(Strict):
    body: StrictStr
    subject: StrictStr = ""
    name: StrictStr = ""
    email: StrictStr = ""
    external_id: StrictStr | None = None
    message_id: StrictStr = Field("", description="the mail's Message-ID; our reply answers it")
    channel: StrictStr = "api"
    language: StrictStr = ""
    headers: dict[StrictStr, StrictStr] = Field({}, description=HEADERS)
    created_at: AwareDatetime | None = None


class NewMessage(Strict):
    body: StrictStr
    name: StrictStr = Field("", description="who wrote, where it is not the ticket's customer")
    email: StrictStr = Field(
        "", description="the mail's sender, to tell automatic ones; not stored"
    )
    subject: StrictStr = Field("", description="the mail's own, to tell automatic ones; not stored")
    headers: dict[StrictStr, StrictStr] = Field({}, description=HEADERS)
    message_id: StrictStr = Field("", description="the mail's Message-ID; our reply answers it")
    created_at: AwareDatetime | None = None


class FieldError(Schema):
    field: str
    reason: str


class Errors(Schema):
    errors: list[FieldError]


class Links(Schema):
    self: str
    messages: str
    drafts: str


class TicketCreated(Schema):
    number: int
    created: bool = Field(description="false when this external_id or message_id was here already")
    links: Links


class MessageCreated(Schema):
    number: int
    position: int
    created: bool = Field(description="false when this message_id was here already")
    links: Links


class MessageOut(Schema):
    position: int
    direction: str
    automatic: str = Field(description="bounce, auto_reply or receipt; empty for what people write")
    created_at: datetime
    text: str | None = Field(description="null once the customer was forgotten")


class TicketOut(Schema):
    number: int
    external_id: str | None
    channel: str
    subject: str
    status: str
    category: str
    language: str
    name: str
    email: str
    created_at: datetime
    messages: list[MessageOut]
    links: Links


def links_of(number: int) -> dict[str, str]:
    base = f"/api/v1/tickets/{number}"
    return {"self": base, "messages": f"{base}/messages", "drafts": f"{base}/drafts"}


def ticket_or_404(number: int) -> Ticket:
    if number > 2**63 - 1:
        raise ApiError(404, "number", f"there is no ticket {number}")
    ticket = Ticket.objects.select_related("channel", "contact").filter(pk=number).first()
    if ticket is None:
        raise ApiError(404, "number", f"there is no ticket {number}")
    return ticket


router = Router(tags=["tickets"])
Idempotent = Callable[[], tuple[int, dict[str, Any]]]


def once(request: HttpRequest, work: Idempotent) -> tuple[int, dict[str, Any]]:
    """Do `work`, or repeat the answer that the same Idempotency-Key got before (409 if misused)."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        return work()
    if len(key) > 200 or not key.isprintable():
        raise ApiError(400, "Idempotency-Key", "must be 1 to 200 printable characters")
    api_key: ApiKey = request.auth  # type: ignore[attr-defined]
    digest = hashlib.sha256(
        f"{request.method} {request.path}\n".encode() + request.body
    ).hexdigest()
    rows = IdempotentAnswer.objects.filter(api_key=api_key, key=key)
    try:
        if not rows.exists():
            with transaction.atomic():
                # first, so that a twin waits here (or fails) until this request has its answer
                row = IdempotentAnswer.objects.create(
                    api_key=api_key, key=key, request_digest=digest, status=0, answer={},
                    created_at=timezone.now(),
                )  # fmt: skip
                row.status, row.answer = work()
                row.save(update_fields=["status", "answer"])
            return row.status, row.answer
    except IntegrityError:
        if not rows.exists():
            raise
    known = rows.get()
    if known.request_digest != digest:
        raise ApiError(
            409,
            "Idempotency-Key",
            "was used for another request; choose a new key for a new request",
        )
    return known.status, known.answer


def actor_of_key(request: HttpRequest) -> str:
    """The audit log's name for the program whose key this is."""
    return f"api:{request.auth.name}"  # type: ignore[attr-defined]


CREATED = {201: TicketCreated, 200: TicketCreated}
REFUSED = {frozenset({400, 401, 403, 404, 409, 413, 422}): Errors}


@router.post(
    "/tickets",
    response=CREATED | REFUSED,
    summary="Create a ticket",
    auth=KeyAuth(Scope.TICKETS_WRITE),
)
def create_ticket(request: HttpRequest, ticket: NewTicket) -> Any:
    """201 with the ticket's number; 200 when this `external_id` or `message_id` came on the channel
    before."""

    def work() -> tuple[int, dict[str, Any]]:
        received = receive_message(
            **ticket.dict(), source="api", actor=actor_of_key(request), now=timezone.now()
        )
        number = received.ticket.pk
        answer = {"number": number, "created": received.created, "links": links_of(number)}
        return (201 if received.created else 200), answer

    return Status(*once(request, work))


@router.get(
    "/tickets/{int:number}",
    response={200: TicketOut} | REFUSED,
    summary="Read a ticket",
    auth=KeyAuth(Scope.TICKETS_READ),
)
def read_ticket(request: HttpRequest, number: int) -> Any:
    ticket = ticket_or_404(number)
    messages = []
    for message in ticket.messages.exclude(direction="note").select_related("body"):
        try:
            text: str | None = unseal(message.body)
        except Forgotten:
            text = None
        messages.append(
            {
                "position": message.position,
                "direction": message.direction,
                "automatic": message.automatic,
                "created_at": message.created_at,
                "text": text,
            }
        )
    return {
        "number": ticket.pk,
        "external_id": ticket.external_id,
        "channel": ticket.channel.name,
        "subject": ticket.subject,
        "status": ticket.status,
        "category": ticket.category,
        "language": ticket.language,
        "name": ticket.sender_name,
        "email": ticket.contact.email or "",
        "created_at": ticket.created_at,
        "messages": messages,
        "links": links_of(ticket.pk),
    }


@router.post(
    "/tickets/{int:number}/messages",
    response={201: MessageCreated, 200: MessageCreated} | REFUSED,
    summary="Add a customer's follow-up",
    auth=KeyAuth(Scope.TICKETS_WRITE),
)
def create_message(request: HttpRequest, number: int, message: NewMessage) -> Any:
    """A draft that waits on the ticket is retired, and a new one answers the whole thread. 200, and
    where the message stands, when this `message_id` came on the channel before."""
    ticket = ticket_or_404(number)

    def work() -> tuple[int, dict[str, Any]]:
        received = add_message(
            ticket=ticket,
            **message.dict(),
            source="api",
            actor=actor_of_key(request),
            now=timezone.now(),
        )
        at = received.ticket.pk
        answer = {
            "number": at,
            "position": received.message.position,
            "created": received.created,
            "links": links_of(at),
        }
        return (201 if received.created else 200), answer

    return Status(*once(request, work))


def errors(status: int, *rows: tuple[str, str], **more: Any) -> JsonResponse:
    body = {"errors": [{"field": field, "reason": reason} for field, reason in rows], **more}
    return JsonResponse(body, status=status)


def _field_of(place: Sequence[object]) -> str:
    """The field's name as a caller wrote it: `created_at` of a body, `changed_since` of a query."""
    inner = place[2:] or (() if place[0] == "body" else place[1:])
    return ".".join(str(part) for part in inner) or "body"


def build(*routers: Router) -> NinjaAPI:
    """The API with these further routers."""
    api = NinjaAPI(
        title="Countersign",
        version="1",
        urls_namespace="api",
        description="Tickets in, drafts out, and the knowledge base. Every error names the field and "
        "the reason.",
        auth=KeyAuth("none"),  # an operation that states no scope is open to nobody
    )

    @api.exception_handler(ApiError)
    def api_error(request: HttpRequest, error: ApiError) -> JsonResponse:
        return errors(error.status, (error.field, error.reason), **error.more)

    @api.exception_handler(BadMessage)
    def bad_message(request: HttpRequest, error: BadMessage) -> JsonResponse:
        return errors(422, (error.field, error.reason))

    @api.exception_handler(ValidationError)
    def invalid(request: HttpRequest, error: ValidationError) -> JsonResponse:
        return errors(422, *((_field_of(row["loc"]), str(row["msg"])) for row in error.errors))

    @api.exception_handler(HttpError)
    def http_error(request: HttpRequest, error: HttpError) -> JsonResponse:
        field = "Authorization" if error.status_code in {401, 403} else "body"
        return errors(error.status_code, (field, str(error)))

    @api.exception_handler(RequestDataTooBig)
    def too_big(request: HttpRequest, error: RequestDataTooBig) -> JsonResponse:
        return errors(413, ("body", "is larger than 4 MB"))

    for extra in (router, *routers):
        api.add_router("", extra)
    return api
