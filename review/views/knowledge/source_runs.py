"""A run of a source while it works and afterwards; what it changed, word by word."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from assistant import heartbeat
from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from retrieval.models import Document
from retrieval.source_models import HeldArticle, SourceChange, SourceRun
from retrieval.sources import runs
from retrieval.under_way import build_under_way
from review.diff import word_diff
from review.views.frame import person

PAGE_SIZE = 50
UNCHANGED = "unchanged"
DIFF_CHARACTERS = 200_000  # of each text; past it the page shows the new text alone


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def source_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Progress and results; the same view gives the fragment that the page polls."""
    run = run_or_404(run_id)
    shown = request.GET.get("show", "")
    outcomes = [
        (outcome.value, outcome.label, run.count(outcome)) for outcome in SourceChange.Outcome
    ]
    if shown not in SourceChange.Outcome.values:
        shown = next((value for value, _, count in outcomes if count), "")
    changes = run.changes.filter(outcome=shown).select_related("before").order_by("reason", "path")
    page = Paginator(changes, PAGE_SIZE).get_page(request.GET.get("page"))
    paths = [change.path for change in page.object_list]
    here = Document.objects.filter(collection=run.source.collection_id, source__in=paths)
    documents = dict(here.values_list("source", "pk"))
    held = HeldArticle.objects.filter(
        collection=run.source.collection_id, path__in=paths, state=HeldArticle.State.WAITING
    )
    waiting = dict(held.values_list("path", "pk"))
    newest = run.source.runs.order_by("-pk").first()
    context = {
        "run": run,
        "source": run.source,
        "outcomes": outcomes,
        "unchanged": run.count(UNCHANGED),
        "ignored": run.count("ignored"),
        "shown": shown,
        "page": page,
        "rows": [
            (change, documents.get(change.path), waiting.get(change.path))
            for change in page.object_list
        ],
        "under_way": build_under_way(),
        "worker_away": run.is_open and not heartbeat.alive("default", now=timezone.now()),
        # a preview is applied while nothing was read since and its files are still there
        "can_apply": run.preview
        and run.state == SourceRun.State.DONE
        and newest == run
        and (bool(run.upload) or not run.source.takes_files),
        "changes_something": any(
            run.count(value) for value in SourceChange.Outcome.values if value != "skipped"
        ),
    }
    fragment = request.headers.get("HX-Request") == "true"
    template = "knowledge/_source_run.html" if fragment else "knowledge/source_run.html"
    return render(request, template, context)


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def cancel_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Ask the run to stop; what it published stays."""
    run = run_or_404(run_id)
    if runs.cancel(run, actor=actor_of(request.user), now=timezone.now()):
        messages.success(request, "The run stops after the article that it is at.")
    else:
        messages.info(request, "The run had ended already.")
    return redirect("knowledge:source_run", run.pk)


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def apply_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Do what a preview showed; a run or preview that failed is tried again. With the same files."""
    run = run_or_404(run_id)
    if run.is_open or (run.source.takes_files and not run.upload):
        messages.error(request, "Its files are not there any more: upload them again.")
        return redirect("knowledge:source_run", run.pk)
    try:
        applied = runs.ask(
            run.source,
            preview=run.preview and run.state == SourceRun.State.FAILED,
            by=person(request),
            actor=actor_of(request.user),
            batch=run.upload,
            now=timezone.now(),
        )
    except runs.RunRefused as reason:
        messages.error(request, str(reason))
        return redirect("knowledge:source_run", run.pk)
    return redirect("knowledge:source_run", applied.pk)


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def discard_run(request: HttpRequest, run_id: int) -> HttpResponse:
    """Give up a preview: its uploaded files go."""
    run = run_or_404(run_id)
    if not run.is_open and run.upload:
        runs.discard_upload(run)
        messages.success(request, "The uploaded files are deleted; nothing was brought in.")
    return redirect("knowledge:source", run.source_id)


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def source_change(request: HttpRequest, change_id: int) -> HttpResponse:
    """What a preview would publish for one article, beside what stands."""
    change = (
        SourceChange.objects.select_related("run__source", "before").filter(pk=change_id).first()
        if change_id < 2**63
        else None
    )
    if change is None or not change.text:
        raise Http404("There is no such change.")
    before = change.before.text if change.before else ""
    too_long = max(len(before), len(change.text)) > DIFF_CHARACTERS
    context = {
        "change": change,
        "run": change.run,
        "segments": [] if too_long or not before else word_diff(before, change.text),
        "too_long": too_long,
    }
    return render(request, "knowledge/source_change.html", context)


def run_or_404(run_id: int) -> SourceRun:
    run = (
        SourceRun.objects.select_related("source__collection", "asked_by").filter(pk=run_id).first()
        if run_id < 2**63
        else None
    )
    if run is None:
        raise Http404("There is no such run.")
    return run
