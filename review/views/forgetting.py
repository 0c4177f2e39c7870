"""For administrators: a customer is forgotten, with a reason; a certificate says what went and is left."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from assistant.models import Ticket
from review.forgetting import REASONS, NotForgotten, forget, tickets_of
from review.views.frame import int_of, person


def _tickets(whom: str) -> list[Ticket]:
    """Those that are meant by a ticket's number or a customer's address. Raises NotForgotten."""
    if "@" in whom:
        return tickets_of(email=whom)
    number = int_of(whom.removeprefix("#"))
    found = Ticket.objects.filter(pk=number).first() if number is not None else None
    if found is None:
        raise NotForgotten(
            "No ticket has this number: write its number, or the customer's address."
        )
    return [found]


@requires(Capability.ADMINISTER)
@require_http_methods(["GET", "POST"])
def forget_customer(request: HttpRequest) -> HttpResponse:
    """The form; then what would go, to be confirmed; then the certificate."""
    whom = request.POST.get("whom", "").replace("\x00", "").strip()[:254]
    reason = request.POST.get("reason", "")
    context: dict[str, Any] = {"whom": whom, "reason": reason, "reasons": REASONS}
    if request.method == "GET":
        return render(request, "review/forget.html", context)
    try:
        tickets = _tickets(whom)
        if reason not in REASONS:
            raise NotForgotten("Choose a reason: it is written into the audit log.")
        if request.POST.get("confirmed") != "yes":
            return render(request, "review/forget.html", context | {"tickets": tickets})
        made = forget(
            tickets=tickets,
            retire_drafts=True,
            actor=actor_of(person(request)),
            now=timezone.now(),
            reason=reason,
        )
    except NotForgotten as error:
        return render(request, "review/forget.html", context | {"error": str(error)}, status=400)
    return render(request, "review/forgotten.html", {"made": made, "now": timezone.now()})
