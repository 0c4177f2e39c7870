"""Starting a look for gaps or over the articles' health, and how far it is."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from assistant.access import Capability, requires
from retrieval.under_way import build_under_way
from review import knowledge_runs
from review.models import KnowledgeRun
from review.views.frame import person

_PAGES = {KnowledgeRun.Kind.GAPS: "knowledge:gaps", KnowledgeRun.Kind.HEALTH: "knowledge:health"}


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def start(request: HttpRequest, kind: str) -> HttpResponse:
    """Begin a run now instead of tonight."""
    if kind not in KnowledgeRun.Kind.values:
        raise Http404("There is no such run.")
    try:
        knowledge_runs.start(kind, by=person(request), now=timezone.now())
    except knowledge_runs.AlreadyRunning as why:
        messages.info(request, str(why))
    return redirect(_PAGES[KnowledgeRun.Kind(kind)])


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def progress(request: HttpRequest, kind: str) -> HttpResponse:
    """How far the newest run is; a page that watched it to its end is told to load again."""
    if kind not in KnowledgeRun.Kind.values:
        raise Http404("There is no such run.")
    run = knowledge_runs.latest(kind)
    answer = render(request, "knowledge/_run.html", {"run": run, "kind": kind})
    if run is not None and run.state != KnowledgeRun.State.RUNNING:
        answer["HX-Refresh"] = "true"
    return answer


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def under_way(request: HttpRequest) -> HttpResponse:
    """How many articles are searchable while many are being indexed; empty once all are."""
    return render(request, "knowledge/_under_way.html", {"under_way": build_under_way()})
