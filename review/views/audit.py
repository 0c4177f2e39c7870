"""The auditors' pages (being written)."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from assistant.access import Capability, requires


@requires(Capability.READ_AUDIT)
def search(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@requires(Capability.READ_AUDIT)
def event(request: HttpRequest, index: int) -> HttpResponse:
    return HttpResponse()


@requires(Capability.READ_AUDIT)
def verify_now(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


@requires(Capability.READ_AUDIT)
def export(request: HttpRequest) -> HttpResponse:
    return HttpResponse()
