"""Collections: who is told from them, and by which channels."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from assistant.models import Channel
from retrieval import collections as domain
from retrieval.models import Collection, Document
from retrieval.public_links import LONGEST, BadAddress, address_of, checked_template
from retrieval.publishing import BadArticle
from review.views.frame import int_of, person
from review.views.knowledge.forms import words

SAMPLE = "https://help.example.com/articles/{path}"


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def collections(request: HttpRequest) -> HttpResponse:
    """Every collection, with what is in it and who is told from it."""
    published = Count("documents", filter=Q(documents__state=Document.State.PUBLISHED))
    rows = Collection.objects.annotate(published=published).order_by("name")
    context = {"collections": rows.prefetch_related("channels")}
    return render(request, "knowledge/collections.html", context)


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def new_collection(request: HttpRequest) -> HttpResponse:
    """Make a collection."""
    problem: dict[str, str] = {}
    if request.method == "POST":
        try:
            made = domain.create(
                name=request.POST.get("name", ""),
                title=words(request.POST.get("title", ""), 300),
                visibility=request.POST.get("visibility", ""),
                channels=_channels(request),
                public_address=words(request.POST.get("public_address", ""), LONGEST + 1),
                actor=actor_of(person(request)),
                now=timezone.now(),
            )
            messages.success(request, f"The collection “{made}” is there; it is empty.")
            return redirect("knowledge:collections")
        except BadArticle as bad:
            problem = {bad.field: bad.reason.capitalize() + "."}
        except domain.CollectionExists as exists:
            problem = {"name": str(exists)}
    return _form(request, None, problem)


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def collection(request: HttpRequest, name: str) -> HttpResponse:
    """Change what a collection is called and who is told from it."""
    found = get_object_or_404(Collection, name=name)
    problem: dict[str, str] = {}
    if request.method == "POST":
        try:
            changed = domain.change(
                found,
                title=words(request.POST.get("title", ""), 300),
                visibility=request.POST.get("visibility", ""),
                channels=_channels(request),
                public_address=words(request.POST.get("public_address", ""), LONGEST + 1),
                actor=actor_of(person(request)),
                now=timezone.now(),
            )
            told = "is changed; searches that begin now follow it" if changed else "was so already"
            messages.success(request, f"The collection “{found}” {told}.")
            return redirect("knowledge:collections")
        except BadArticle as bad:
            problem = {bad.field: bad.reason.capitalize() + "."}
    return _form(request, found, problem)


def _channels(request: HttpRequest) -> list[Channel]:
    if request.POST.get("told") != "some":
        return []
    keys = [pk for pk in map(int_of, request.POST.getlist("channel")) if pk]
    return list(Channel.objects.filter(pk__in=keys))


def _form(request: HttpRequest, found: Collection | None, problem: dict[str, str]) -> HttpResponse:
    posted = request.POST
    chosen = set(found.channels.values_list("pk", flat=True)) if found else set()
    if posted:
        chosen = {channel.pk for channel in _channels(request)}
    values: dict[str, Any] = {
        "name": posted.get("name", found.name if found else ""),
        "title": posted.get("title", str(found) if found else ""),
        "public_address": posted.get("public_address", found.public_address if found else ""),
        "visibility": posted.get(
            "visibility", found.visibility if found else Collection.Visibility.PUBLIC
        ),
    }
    context = {
        "collection": found,
        "example": _example(found, values["public_address"] or SAMPLE),
        "sample": SAMPLE,
        "longest": LONGEST,
        "values": values,
        "problem": problem,
        "channels": Channel.objects.order_by("name"),
        "chosen": chosen,
    }
    return render(request, "knowledge/collection.html", context, status=422 if problem else 200)


def _example(found: Collection | None, template: str) -> dict[str, Any] | None:
    """An article of the collection, and its link with this public address."""
    article = found.documents.filter(state=Document.State.PUBLISHED).first() if found else None
    if article is None:
        return None
    try:
        address = checked_template(template)
    except BadAddress:
        return None
    article.collection = Collection(public_address=address)
    return {"article": article, "url": address_of(article)}
