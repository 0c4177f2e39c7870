"""What an address or a form of the knowledge pages names."""

from __future__ import annotations

from django.http import Http404, HttpRequest

from retrieval.models import Document
from review.views.frame import int_of


def document_or_404(document_id: int) -> Document:
    found = Document.objects.select_related("collection", "current__author").filter(pk=document_id)
    if (document := found.first()) is None:
        raise Http404(
            "There is no such article; it may have been discarded before it was published."
        )
    return document


def base_of(request: HttpRequest, document: Document) -> int | None:
    """The revision that the editor says it began from, if it is one of this article's."""
    base = int_of(request.POST.get("base"))
    return base if base and document.revisions.filter(pk=base).exists() else None
