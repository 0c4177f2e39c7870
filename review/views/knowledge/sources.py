"""Pages of the sources that knowledge comes from: list, describe, upload, run."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Count, OuterRef, Q, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assistant import heartbeat
from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from retrieval.models import Collection, Document
from retrieval.source_models import HeldArticle, Source, SourceRun
from retrieval.sources import keeping, runs, upload
from review.source_forms import FORMS, SourceForm
from review.views.frame import person

RUNS_SHOWN = 10


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def sources(request: HttpRequest) -> HttpResponse:
    """Every source with its last result and its next run."""
    newest = SourceRun.objects.filter(source=OuterRef("pk"), preview=False).order_by("-pk")
    rows = list(
        Source.objects.select_related("collection")
        .annotate(
            articles=Count(
                "documents", filter=Q(documents__state=Document.State.PUBLISHED), distinct=True
            ),
            last_run_id=Subquery(newest.values("pk")[:1]),
        )
        .order_by("name")
    )
    last = SourceRun.objects.in_bulk([row.last_run_id for row in rows if row.last_run_id])
    context = {
        "rows": [(row, last.get(row.last_run_id)) for row in rows],
        "kinds": [(kind, kind.label, FORMS[kind].intro) for kind in Source.Kind],
        "waiting": HeldArticle.objects.filter(state=HeldArticle.State.WAITING).count(),
    }
    return render(request, "knowledge/sources.html", context)


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def new_source(request: HttpRequest, kind: str) -> HttpResponse:
    """Describe a source of this kind, then keep it."""
    if kind not in FORMS:
        raise Http404("There are no sources of this kind.")
    form = FORMS[kind](request.POST or None, initial={"collection": request.GET.get("in", "")})
    return _described(request, form, kind, None)


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def edit_source(request: HttpRequest, source_id: int) -> HttpResponse:
    """Change how a source is read."""
    source = source_or_404(source_id)
    form = FORMS[source.kind](request.POST or None, source=source)
    return _described(request, form, source.kind, source)


def _described(
    request: HttpRequest, form: SourceForm, kind: str, source: Source | None
) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        try:
            kept = keeping.save(
                source, kind=kind, by=person(request), now=timezone.now(), **form.settings()
            )
        except keeping.BadSource as bad:
            field = bad.field if bad.field in form.fields else None
            form.add_error(field, bad.reason[:1].upper() + bad.reason[1:].rstrip(".") + ".")
        else:
            messages.success(request, f"{kept.name} is {'changed' if source else 'set up'}.")
            return redirect("knowledge:source", kept.pk)
    context = {
        "form": form,
        "kind": Source.Kind(kind),
        "source": source,
        "collections": Collection.objects.order_by("name"),
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "knowledge/source_form.html", context, status=status)


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def source(request: HttpRequest, source_id: int) -> HttpResponse:
    """One source: what it is, its runs, what of it waits; and the files it takes."""
    return render(request, "knowledge/source.html", _source_context(source_or_404(source_id)))


def _source_context(found: Source) -> dict[str, Any]:
    newest = list(found.runs.select_related("asked_by").order_by("-pk")[:RUNS_SHOWN])
    return {
        "source": found,
        "runs": newest,
        "open_run": next((run for run in newest if run.is_open), None),
        "articles": found.documents.filter(state=Document.State.PUBLISHED).count(),
        "waiting": found.held.filter(state=HeldArticle.State.WAITING).count(),
        "options": [(name.replace("_", " "), value) for name, value in found.options.items()],
        "max_bytes": settings.SOURCE_MAX_MB * 1024 * 1024,
        "max_mb": settings.SOURCE_MAX_MB,
        "worker_away": not heartbeat.alive("default", now=timezone.now()),
    }


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def run_source(request: HttpRequest, source_id: int) -> HttpResponse:
    """Ask for a run or, with `preview`, for what it would change; uploads come with their files."""
    found = source_or_404(source_id)
    batch = ""
    try:
        if found.takes_files:
            batch = upload.keep(request.FILES.getlist("files"), kinds=found.file_kinds)
        run = runs.ask(
            found,
            preview="preview" in request.POST,
            by=person(request),
            actor=actor_of(request.user),
            batch=batch,
            now=timezone.now(),
        )
    except (upload.BadUpload, runs.RunRefused) as reason:
        upload.discard(batch)
        context = _source_context(found) | {"refused": str(reason)}
        return render(request, "knowledge/source.html", context, status=409)
    return redirect("knowledge:source_run", run.pk)


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def pause_source(request: HttpRequest, source_id: int) -> HttpResponse:
    """Stop the scheduled runs, or go on with them."""
    found = source_or_404(source_id)
    paused = request.POST.get("paused") == "1"
    keeping.pause(found, paused=paused, by=person(request), now=timezone.now())
    words = "is paused: it is read only when somebody asks." if paused else "is read on schedule."
    messages.success(request, f"{found.name} {words}")
    return redirect("knowledge:source", found.pk)


def source_or_404(source_id: int) -> Source:
    found = (
        Source.objects.select_related("collection", "created_by").filter(pk=source_id).first()
        if source_id < 2**63
        else None
    )
    if found is None:
        raise Http404("There is no such source.")
    return found
