"""The way back from a mask, for who may take it, on the record (`assistant.privacy.originals`)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from assistant.models import Message
from assistant.privacy import originals
from assistant.privacy.encryption import Forgotten
from review.views.frame import person


@requires(Capability.SEE_MASKED)
@require_http_methods(["GET", "POST"])
def masked_numbers(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks for a reason, then shows the masked numbers of a message that may be no cards."""
    messages = Message.objects.select_related("ticket", "originals__ticket")
    message = get_object_or_404(messages, pk=pk)
    context = {"message": message, "reasons": originals.REASONS}
    if request.method == "POST":
        try:
            context["numbers"] = originals.show(
                message=message,
                reason=request.POST.get("reason", ""),
                actor=actor_of(person(request)),
                now=timezone.now(),
            )
        except (originals.NothingKept, Forgotten, ValueError) as error:
            context["error"] = str(error)
            return render(request, "review/masked.html", context, status=400)
    return render(request, "review/masked.html", context)
