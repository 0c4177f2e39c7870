"""Replies that did not get through, all on one page: sent again on one word, or looked at one by one."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from assistant import outbox
from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from assistant.models import OutboundReply
from review.views.frame import person


@requires(Capability.REVIEW)
@require_GET
def stuck(request: HttpRequest) -> HttpResponse:
    """The list, the oldest first, 200 a page."""
    rows = OutboundReply.objects.filter(outbox.STUCK).select_related("ticket__contact")
    page = Paginator(rows.order_by("created_at", "pk"), 200).get_page(request.GET.get("page"))
    return render(request, "review/stuck.html", {"replies": page})


@requires(Capability.REVIEW)
@require_POST
def send_again(request: HttpRequest) -> HttpResponse:
    """Try the ticked ones again. One that may have left already is decided on its ticket's page."""
    ticked = [int(pk) for pk in request.POST.getlist("reply") if pk.isascii() and pk.isdigit()]
    chosen = [pk for pk in ticked if pk < 2**63]
    replies = OutboundReply.objects.filter(outbox.STUCK, pk__in=chosen[:1000])
    done = outbox.send_again(replies, actor=actor_of(person(request)), now=timezone.now())
    if done:
        words = "1 reply is" if done == 1 else f"{done} replies are"
        messages.success(request, f"{words} sent again.")
    else:
        messages.warning(request, "Nothing was sent: tick the replies that shall be tried again.")
    return redirect("review:stuck")
