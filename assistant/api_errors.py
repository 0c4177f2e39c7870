"""Every refusal under /api/ is JSON in the API's form, also what Django answers by itself."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase, JsonResponse

PREFIX = "/api/"
_KEPT = ("Allow", "Retry-After")
_REASONS = {
    404: "there is nothing at this path; /api/v1/docs lists what there is",
    405: "this path does not take {method}; it takes {allow}",
    503: "the database is busy just now and nothing was done; send it again after Retry-After seconds",
    500: "something broke on the server; its log says what",
}


def json_errors(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: an unknown path, a wrong method and a crash answer a program in JSON, not HTML."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        kind = response.headers.get("Content-Type", "")
        if (
            response.status_code < 400
            or not request.path.startswith(PREFIX)
            or kind.startswith("application/json")
        ):
            return response
        kept = {name: response.headers[name] for name in _KEPT if name in response.headers}
        reason = _REASONS.get(response.status_code, response.reason_phrase.lower()).format(
            method=request.method, allow=kept.get("Allow", "")
        )
        field = {405: "method", 503: "database"}.get(response.status_code, "path")
        return JsonResponse(
            {"errors": [{"field": field, "reason": reason}]},
            status=response.status_code,
            headers=kept,
        )

    return answer
