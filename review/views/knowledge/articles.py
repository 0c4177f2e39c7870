"""Pages that list, search and show articles. Nothing here loads a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from assistant.access import Capability, requires
from retrieval import reading
from retrieval.models import Collection, Document, IndexSnapshot, Revision
from retrieval.remote import SearchUnavailable, ask_search

PAGE_SIZE = 50
RESULTS = 10
QUERY_LENGTH = 1000
FILTER_LENGTH = 200


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def articles(request: HttpRequest) -> HttpResponse:
    """All articles, filtered by collection, category, state and words in title or text."""
    chosen = {
        name: _words(request.GET.get(name, ""), FILTER_LENGTH)
        for name in ("q", "collection", "category", "state")
    }
    documents = Document.objects.select_related("collection", "current").order_by("title", "pk")
    if chosen["state"] not in Document.State.values:
        chosen["state"] = ""
    if chosen["state"]:
        documents = documents.filter(state=chosen["state"])
    if chosen["collection"]:
        documents = documents.filter(collection__name=chosen["collection"])
    if chosen["category"]:
        documents = documents.filter(category=chosen["category"])
    for word in chosen["q"].split()[:8]:
        documents = documents.filter(Q(title__icontains=word) | Q(current__text__icontains=word))
    categories = Document.objects.exclude(category="").order_by("category")
    kept = request.GET.copy()
    kept.pop("page", None)
    context = {
        "page": Paginator(documents, PAGE_SIZE).get_page(request.GET.get("page")),
        "chosen": chosen,
        "filtered": any(chosen.values()),
        "collections": Collection.objects.order_by("name"),
        "categories": categories.values_list("category", flat=True).distinct(),
        "states": Document.State.choices,
        "snapshot": IndexSnapshot.objects.filter(state=IndexSnapshot.State.ACTIVE).first(),
        "kept": kept.urlencode(),
    }
    return render(request, "knowledge/articles.html", context)


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def search(request: HttpRequest) -> HttpResponse:
    """What drafting would find for these words, by worker-search."""
    query = _words(request.GET.get("q", ""), QUERY_LENGTH)
    context: dict[str, Any] = {"query": query, "max_length": QUERY_LENGTH}
    status = 200
    if query:
        try:
            found = ask_search(query, k=RESULTS)
            context["results"] = found
            context["hits"] = [replace(hit, text=reading.plain(hit.text)) for hit in found.hits]
        except SearchUnavailable as reason:
            context["unavailable"] = str(reason)
            status = 503
    return render(request, "knowledge/search.html", context, status=status)


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def article(request: HttpRequest, document_id: int) -> HttpResponse:
    """An article as it stands."""
    document = get_object_or_404(
        Document.objects.select_related("collection", "current"),
        pk=document_id,
        current__isnull=False,
    )
    assert document.current is not None
    return _reading_page(request, document, document.current)


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def revision(request: HttpRequest, revision_id: int) -> HttpResponse:
    """A revision for ever; with `start` and `end`, a citation's span marked (`#cited`)."""
    found = get_object_or_404(
        Revision.objects.select_related("document__collection", "document__current", "author"),
        pk=revision_id,
    )
    return _reading_page(request, found.document, found)


def _reading_page(request: HttpRequest, document: Document, shown: Revision) -> HttpResponse:
    context: dict[str, Any] = {
        "document": document,
        "revision": shown,
        "is_current": document.current_id == shown.pk,
        "is_retired": document.state == Document.State.RETIRED,
        "revisions": document.revisions.select_related("author").order_by("-number"),
    }
    if "start" in request.GET or "end" in request.GET:
        try:
            start, end = int(request.GET.get("start", "")), int(request.GET.get("end", ""))
            context["cited"] = reading.render_cited(shown.text, start, end, title=shown.title)
        except ValueError:  # no numbers, or `NoSuchSpan`
            context["no_such_span"] = True
    if "cited" not in context:
        context["html"] = reading.render(shown.text, title=shown.title)
    return render(request, "knowledge/article.html", context)


def _words(value: str, length: int) -> str:
    """A query parameter as a database can take it."""
    return value.replace("\x00", "").encode("utf-8", "ignore").decode().strip()[:length]
