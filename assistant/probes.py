"""Health, readiness and metrics answer before anything is asked about host, scheme or session.

A probe asks the process itself, by its address and over plain HTTP: with `COUNTERSIGN_PRODUCTION` a
check of the host would refuse it (400) and the redirect to HTTPS send it away (301).
"""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase

from assistant import views

Answer = Callable[[HttpRequest], HttpResponseBase]
PROBES: dict[str, Answer] = {
    "/healthz": views.healthz,
    "/readyz": views.readyz,
    "/metrics": views.metrics,
}


def answer_probes(get_response: Answer) -> Answer:
    """The outermost middleware."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        return PROBES.get(request.path_info, get_response)(request)

    return answer
