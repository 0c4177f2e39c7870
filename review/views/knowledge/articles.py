"""Pages that search and show articles. Nothing here loads a model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from assistant.access import Capability, can, requires
from retrieval import article_drafts, reading
from retrieval.models import Collection, Document, Revision
from retrieval.public_links import address_of
from retrieval.relevance import judged
from retrieval.remote import SearchUnavailable, ask_search
from review.usage import NEVER, usage_of
from review.views.frame import person
from review.views.knowledge.forms import words

RESULTS = 10
QUERY_LENGTH = 1000


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def search(request: HttpRequest) -> HttpResponse:
    """What drafting would find for these words, by worker-search; weak matches with `all` only."""
    query = words(request.GET.get("q", ""), QUERY_LENGTH)
    context: dict[str, Any] = {"query": query, "max_length": QUERY_LENGTH}
    status = 200
    if query:
        try:
            found = ask_search(query, k=RESULTS)
            judgement = judged(query, found.hits)
            every = bool(request.GET.get("all"))
            shown = [(hit, True) for hit in judgement.good]
            if every:
                shown += [(hit, False) for hit in judgement.weak]
            context |= {"results": found, "judgement": judgement, "every": every}
            context["hits"] = [
                (replace(hit, text=reading.plain(hit.in_context)), good) for hit, good in shown
            ]
            context["internal"] = _internal({hit.document_id for hit in found.hits})
        except SearchUnavailable as reason:
            context["unavailable"] = str(reason)
            status = 503
    return render(request, "knowledge/search.html", context, status=status)


def _internal(keys: set[int]) -> set[int]:
    """Those of the documents that no customer may be told from."""
    internal = Collection.Visibility.INTERNAL
    rows = Document.objects.filter(pk__in=keys, collection__visibility=internal)
    return set(rows.values_list("pk", flat=True))


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def article(request: HttpRequest, document_id: int) -> HttpResponse:
    """An article as it stands; one that was never published opens in the editor."""
    document = get_object_or_404(
        Document.objects.select_related("collection", "current__author"), pk=document_id
    )
    if document.current is None:
        if can(request.user, Capability.EDIT_KNOWLEDGE):
            return redirect("knowledge:edit", document.pk)
        raise Http404("This article is not published yet.")
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
        "url": address_of(document),
        "revision": shown,
        "is_current": document.current_id == shown.pk,
        "is_retired": document.state == Document.State.RETIRED,
        "revision_count": document.revisions.count(),
        "use": usage_of([document.pk]).get(document.pk, NEVER),
        "overdue": document.review_by is not None and document.review_by < timezone.localdate(),
        "let_through": shown.let_through.select_related("by").order_by("-pk").first(),
    }
    if can(request.user, Capability.EDIT_KNOWLEDGE):
        user, now = person(request), timezone.now()
        context["draft"] = article_drafts.of(document=document, user=user)
        context["others"] = article_drafts.others(document=document, user=user, now=now)
    if "start" in request.GET or "end" in request.GET:
        try:
            start, end = int(request.GET.get("start", "")), int(request.GET.get("end", ""))
            context["cited"] = reading.render_cited(shown.text, start, end, title=shown.title)
        except ValueError:  # no numbers, or `NoSuchSpan`
            context["no_such_span"] = True
    if "cited" not in context:
        context["html"] = reading.render(shown.text, title=shown.title)
    return render(request, "knowledge/article.html", context)
