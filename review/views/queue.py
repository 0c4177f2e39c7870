"""Being written."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from assistant.access import Capability, requires


@requires(Capability.REVIEW)
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    return render(request, "review/keys.html")
