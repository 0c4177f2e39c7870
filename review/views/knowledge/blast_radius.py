"""What hangs on an article, as a page and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from assistant.access import Capability, requires
from retrieval.models import Document
from review import exports
from review.blast_radius import BlastRadius, blast_radius

EXPORTED = 10_000
COLUMNS = ("use", "ticket", "subject", "draft", "revision", "state", "at")


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def uses(request: HttpRequest, document_id: int) -> HttpResponse:
    """Drafts and replies that rest on the article; who may not review sees the counts."""
    document = get_object_or_404(
        Document.objects.select_related("collection", "current"), pk=document_id
    )
    context = {"document": document, "blast": blast_radius(document)}
    return render(request, "knowledge/uses.html", context)


@require_GET
@requires(Capability.REVIEW)
def uses_file(request: HttpRequest, document_id: int) -> StreamingHttpResponse:
    """The same as a CSV file, with every ticket."""
    document = get_object_or_404(Document, pk=document_id)
    found = blast_radius(document, listed=EXPORTED)
    answer = StreamingHttpResponse(
        exports.lines(_rows(found), columns=COLUMNS, form="csv"),
        content_type=exports.CONTENT_TYPES["csv"],
    )
    answer["Content-Disposition"] = f'attachment; filename="article-{document.pk}-uses.csv"'
    return answer


def _rows(found: BlastRadius) -> Iterator[dict[str, Any]]:
    for use, rows in (("waiting", found.waiting), ("reply", found.replies)):
        for row in rows:
            yield {
                "use": use,
                "ticket": row.ticket,
                "subject": row.subject,
                "draft": row.draft,
                "revision": row.revision,
                "state": row.state,
                "at": row.at.isoformat(),
            }
    for one in found.redrafts:
        revision = one.change.old_revision
        yield {
            "use": "redraft",
            "ticket": one.draft.ticket_id,
            "subject": one.draft.ticket.subject,
            "draft": one.draft.number,
            "revision": revision.number if revision else None,
            "state": one.get_outcome_display(),
            "at": one.at.isoformat(),
        }
