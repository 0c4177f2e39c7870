"""All tickets with their search, and the form for agents who take a call."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assistant import ticket_search
from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from assistant.intake import BadMessage, receive_message, take_as_question
from assistant.models import Channel, Message, OutboundReply, Ticket
from assistant.outbox import STUCK
from review.views.frame import person

FIELDS = ("channel", "name", "email", "subject", "body", "language")
LABELS = {"email": "The e-mail address", "body": "What they want"}  # as the form calls them


def found(q: str, status: str) -> QuerySet[Ticket, Any]:
    """Tickets by number, or by words in them (`assistant.ticket_search`); the newest message first."""
    tickets = Ticket.objects.select_related("contact", "channel").order_by(
        "-last_message_at", "-pk"
    )
    if status in Ticket.Status.values:
        tickets = tickets.filter(status=status)
    return ticket_search.find(tickets, q) if q else tickets


def _with_automatic(page: Page[Ticket]) -> Page[Ticket]:
    """Each ticket's `automatic` says in words whether a program wrote its newest inbound message."""
    newest = Message.objects.filter(ticket=OuterRef("pk"), direction=Message.Direction.INBOUND)
    kinds = dict(
        Ticket.objects.filter(pk__in=[ticket.pk for ticket in page])
        .annotate(kind=Subquery(newest.order_by("-position").values("automatic")[:1]))
        .values_list("pk", "kind")
    )
    words = dict(Message.Automatic.choices)
    for ticket in page:
        ticket.automatic = words.get(kinds[ticket.pk] or "", "").lower()  # type: ignore[attr-defined]
    return page


@requires(Capability.REVIEW)
@require_GET
def tickets(request: HttpRequest) -> HttpResponse:
    """The list; a number that is typed whole opens its ticket."""
    q = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    status = request.GET.get("status", "")
    rows = found(q, status)
    if q.lstrip("#").isdigit():
        only = list(rows[:2])
        if len(only) == 1:
            return redirect("review:ticket", number=only[0].pk)
    paginator = Paginator(rows, 50)
    context = {
        "q": q,
        "status": status,
        "statuses": Ticket.Status.choices,
        "stuck": OutboundReply.objects.filter(STUCK).count(),
        "tickets": _with_automatic(paginator.get_page(request.GET.get("page"))),
        "any": bool(q or status) or paginator.count > 0,
    }
    return render(request, "review/tickets.html", context)


@requires(Capability.REVIEW)
@require_http_methods(["GET", "POST"])
def new_ticket(request: HttpRequest) -> HttpResponse:
    """Take down what a caller wants; the ticket goes the same way as any other."""
    given = {field: request.POST.get(field, "") for field in FIELDS}
    if request.method == "GET":
        given["channel"] = "phone"  # a call, unless the agent says otherwise
    context: dict[str, Any] = {
        "channels": Channel.objects.order_by("name"),
        "given": given,
        "errors": {},
    }
    if request.method == "POST":
        try:
            received = receive_message(
                channel=given["channel"],
                name=given["name"],
                email=given["email"],
                subject=given["subject"],
                body=given["body"],
                language=given["language"],
                source="console",
                actor=actor_of(person(request)),
                now=timezone.now(),
            )
        except BadMessage as error:
            label = LABELS.get(error.field, error.field.capitalize())
            context["errors"] = {error.field: f"{label} {error.reason}."}
            return render(request, "review/new_ticket.html", context, status=400)
        messages.success(request, f"Ticket #{received.ticket.pk} is open; a draft is on its way.")
        return redirect("review:ticket", number=received.ticket.pk)
    return render(request, "review/new_ticket.html", context)


@requires(Capability.REVIEW)
@require_POST
def question(request: HttpRequest, pk: int) -> HttpResponse:
    """An automatic mail that is a question after all: it is opened and drafted like one."""
    message = Message.objects.filter(pk=pk).first()
    if message is None:
        raise Http404("There is no such message.")
    if take_as_question(message, actor=actor_of(person(request)), now=timezone.now()):
        messages.success(request, "It counts as a question now; a draft is on its way.")
    else:
        messages.warning(request, "It counts as a question already; nothing was changed.")
    return redirect("review:ticket", number=message.ticket_id)
