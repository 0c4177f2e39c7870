"""Writing an article: start, autosave, presence, preview, discard."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from assistant.access import Capability, requires
from retrieval import article_drafts, editing, reading
from retrieval.article_drafts import Fields, StaleVersion
from retrieval.models import Collection, Document
from retrieval.publishing import BadArticle
from review.views.frame import int_of, person
from review.views.knowledge.forms import fields_of, words
from review.views.knowledge.lookup import base_of, document_or_404
from review.views.knowledge.two_texts import conflict


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def new(request: HttpRequest) -> HttpResponse:
    """Name a new article, then write it in the editor."""
    collections = Collection.objects.order_by("name")
    fields = fields_of(request.POST)
    chosen = words(request.POST.get("collection") or request.GET.get("collection", ""), 50)
    problem: dict[str, str] = {}
    if request.method == "POST":
        collection = collections.filter(name=chosen).first()
        if collection is None:
            problem = {"collection": "Choose a collection, or make one first."}
        else:
            try:
                document = editing.start(
                    collection=collection, fields=fields, author=person(request), now=timezone.now()
                )
                return redirect("knowledge:edit", document.pk)
            except BadArticle as bad:
                problem = {bad.field: bad.reason.capitalize() + "."}
    context = {
        "collections": collections,
        "fields": fields,
        "chosen": chosen,
        "problem": problem,
        "categories": categories(),
    }
    return render(request, "knowledge/new.html", context, status=422 if problem else 200)


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def edit(request: HttpRequest, document_id: int) -> HttpResponse:
    """The editor; a POST saves and stays, or goes on to publishing."""
    document = document_or_404(document_id)
    user = person(request)
    if request.method == "POST":
        try:
            saved = _save(request, document)
        except StaleVersion:
            return conflict(request, document_id)
        except BadArticle as bad:
            return _editor(request, document, fields_of(request.POST), bad=bad)
        if request.POST.get("do") == "publish":
            return redirect("knowledge:publish", document.pk)
        messages.success(request, f"Saved as your draft, version {saved.version}.")
        return redirect("knowledge:edit", document.pk)
    draft = article_drafts.of(document=document, user=user)
    fields = article_drafts.fields_of(draft) if draft else article_drafts.begin(document)
    return _editor(request, document, fields)


def _editor(
    request: HttpRequest, document: Document, fields: Fields, *, bad: BadArticle | None = None
) -> HttpResponse:
    user, now = person(request), timezone.now()
    draft = article_drafts.of(document=document, user=user)
    posted = request.POST if bad else None
    base = (int_of(posted.get("base")) if posted else None) or (
        draft.base_id if draft else document.current_id
    )
    context: dict[str, Any] = {
        "document": document,
        "draft": draft,
        "fields": fields,
        "version": (int_of(posted.get("version")) or 0)
        if posted
        else draft.version
        if draft
        else 0,
        "base": base,
        "bad": bad,
        "html": reading.render(fields.text, title=fields.title),
        "categories": categories(),
        "others": article_drafts.others(document=document, user=user, now=now),
        "overtaken": base != document.current_id,
    }
    return render(request, "knowledge/edit.html", context, status=422 if bad else 200)


def _save(request: HttpRequest, document: Document) -> Any:
    return article_drafts.save(
        document=document,
        user=person(request),
        fields=fields_of(request.POST),
        base=base_of(request, document),
        version=int_of(request.POST.get("version")) or 0,
        now=timezone.now(),
    )


def categories() -> Any:
    """Every category that is in use, for the field's suggestions."""
    named = Document.objects.exclude(category="").order_by("category")
    return named.values_list("category", flat=True).distinct()


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def save(request: HttpRequest, document_id: int) -> HttpResponse:
    """Autosave. JSON: `{"version"}`; 409 `{"conflict"}`; 400 `{"error"}`."""
    document = document_or_404(document_id)
    try:
        saved = _save(request, document)
    except StaleVersion as stale:
        return JsonResponse({"conflict": str(stale)}, status=409)
    except BadArticle as bad:
        return JsonResponse({"error": f"Not saved: the {bad.field} {bad.reason}."}, status=400)
    return JsonResponse({"version": saved.version})


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def presence(request: HttpRequest, document_id: int) -> HttpResponse:
    """The editor's pulse: who else is here, as the page's fragment; `leaving=1` says goodbye."""
    document = document_or_404(document_id)
    user, now = person(request), timezone.now()
    if request.POST.get("leaving"):
        article_drafts.leave(document=document, user=user)
        return HttpResponse(status=204)
    article_drafts.beat(document=document, user=user, now=now)
    context = {
        "document": document,
        "others": article_drafts.others(document=document, user=user, now=now),
        "overtaken": int_of(request.POST.get("base")) != document.current_id,
    }
    return render(request, "knowledge/_presence.html", context)


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def preview(request: HttpRequest) -> HttpResponse:
    """The posted text as a reader would see it, as a fragment."""
    fields = fields_of(request.POST)
    return HttpResponse(reading.render(fields.text, title=fields.title))


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def discard(request: HttpRequest, document_id: int) -> HttpResponse:
    """Ask, then forget this person's draft."""
    document = document_or_404(document_id)
    user = person(request)
    draft = article_drafts.of(document=document, user=user)
    if request.method == "POST":
        article_drafts.discard(document=document, user=user)
        messages.success(request, f"Your draft of “{document.title}” is gone.")
        still = Document.objects.filter(pk=document_id, current__isnull=False).exists()
        return redirect(
            reverse("knowledge:article", args=[document_id])
            if still
            else reverse("knowledge:articles")
        )
    if draft is None:
        return redirect("knowledge:edit", document.pk)
    return render(request, "knowledge/discard.html", {"document": document, "draft": draft})
