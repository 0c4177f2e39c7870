"""The queue's page and its live list."""

from __future__ import annotations

import hashlib

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from assistant.access import Capability, requires
from review import queue as waiting
from review.views.frame import frame, int_of, person, show_of


@requires(Capability.REVIEW)
@require_GET
@never_cache
def queue(request: HttpRequest) -> HttpResponse:
    """Everything that waits for a reply. `part=list` gives the list alone, or 204 if it is the same."""
    now = timezone.now()
    page = waiting.page(
        user=person(request),
        show=show_of(request),
        number=max(int_of(request.GET.get("page")) or 1, 1),
        now=now,
    )
    context = {"page": page, **frame(request), "current": int_of(request.GET.get("current"))}
    seen = hashlib.sha256(repr((page, context["worker_away"])).encode()).hexdigest()[:16]
    context["seen"] = seen
    if request.GET.get("part") != "list":
        context["first_free"] = waiting.next_after(number=None, user=person(request), now=now)
        return render(request, "review/queue.html", context)
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return HttpResponse(render_to_string("review/_queue_list.html", context, request))
