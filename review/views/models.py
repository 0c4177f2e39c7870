"""The pages about models: everybody who may read them sees the same, administrators change them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assistant.access import Capability, requires
from assistant.views import model_problems
from generation import chosen, versions
from generation.comparing import compare
from generation.folders import front_matter
from generation.models import ModelVersion
from generation.versions import LEAST_REASON, LONGEST_REASON, NeedsReason, VersionError
from retrieval.reading import render as markdown
from review import model_pages
from review.views.frame import int_of, person

State = ModelVersion.State
DEFAULT_SHARE = 10  # percent


@require_GET
@requires(Capability.READ_MODELS)
def index(request: HttpRequest) -> HttpResponse:
    """Each kind: what is live, on trial, waiting and put away."""
    context = {
        "sections": model_pages.sections(now=timezone.now()),
        "problems": model_problems(),
    }
    return render(request, "models/index.html", context)


@require_GET
@requires(Capability.READ_MODELS)
def version(request: HttpRequest, version_id: int) -> HttpResponse:
    """One version: figures beside the live one's, training, card, history."""
    found = _version_or_404(version_id)
    return _version_page(request, found)


@require_GET
@requires(Capability.READ_MODELS)
def by_setting(request: HttpRequest, kind: str) -> HttpResponse:
    """What a setting names, where no version of the kind was promoted."""
    found = chosen.by_setting(kind) if kind in ModelVersion.Kind.values else None
    if found is None:
        raise Http404("No setting names a model of this kind.")
    return _version_page(request, found)


def _version_page(request: HttpRequest, found: ModelVersion) -> HttpResponse:
    live = chosen.live_version(found.kind) or chosen.by_setting(found.kind)
    context: dict[str, Any] = {
        "version": found,
        "live": live,
        "is_live": live is not None and (live.kind, live.name, live.digest)
        == (found.kind, found.name, found.digest),
        "comparison": compare(found, live),
        "measured": model_pages.measured(found, live),
        "charts": model_pages.charts_of(found),
        "tables": model_pages.laid_out(_without_data(found.metrics)),
        "data_tables": model_pages.laid_out(found.data_manifest),
        "card": markdown(front_matter(found.card)[1]) if found.card else "",
        "changes": found.changes.select_related("by") if found.pk else (),
        "problems": model_problems(),
    }  # fmt: skip
    return render(request, "models/version.html", context)


def _without_data(metrics: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metrics.items() if name != "data"}


@require_http_methods(["GET", "POST"])
@requires(Capability.ADMINISTER)
def promote(request: HttpRequest, version_id: int) -> HttpResponse:
    """Ask with the comparison in sight, then make the version live."""
    found = _version_or_404(version_id)
    live = chosen.live_version(found.kind)
    error = ""
    if request.method == "POST":
        seen = int_of(request.POST.get("over"))
        over = ModelVersion.objects.filter(pk=seen, kind=found.kind).first() if seen else None
        try:
            versions.promote(
                version=found,
                over=over,
                by=person(request),
                now=timezone.now(),
                reason=request.POST.get("reason", ""),
            )
        except NeedsReason as problem:
            error = str(problem)
        except VersionError as problem:
            return _refused(request, found, problem)
        else:
            words = f"{found} is live. Workers load it with their next batch, without a restart."
            messages.success(request, words)
            return redirect("models:index")
    context = {
        "version": found,
        "live": live,
        "default": None if live else chosen.by_setting(found.kind),
        "comparison": compare(found, live or chosen.by_setting(found.kind)),
        "reason": request.POST.get("reason", ""),
        "least": LEAST_REASON,
        "longest": LONGEST_REASON,
        "error": error,
    }
    return render(request, "models/promote.html", context, status=409 if error else 200)


@require_http_methods(["GET", "POST"])
@requires(Capability.ADMINISTER)
def canary(request: HttpRequest, version_id: int) -> HttpResponse:
    """Ask for the share, then let the version draft it; 0 ends the trial."""
    found = _version_or_404(version_id)
    error = ""
    if request.method == "POST":
        percent = int_of(request.POST.get("percent"))
        if percent is None or percent > 99:
            error = "Write a whole number from 0 to 99."
        else:
            share = percent / 100
            return _done(
                request,
                found,
                lambda: versions.start_canary(
                    version=found, share=share, by=person(request), now=timezone.now()
                ),
                f"{found} drafts {percent} % of the replies now; each goes to a person."
                if share
                else f"The trial of {found} has ended; it is a candidate again.",
            )
    context = {
        "version": found,
        "percent": round(found.canary_share * 100) if found.canary_share else DEFAULT_SHARE,
        "error": error,
    }
    return render(request, "models/canary.html", context, status=409 if error else 200)


@require_http_methods(["GET", "POST"])
@requires(Capability.ADMINISTER)
def retire(request: HttpRequest, version_id: int) -> HttpResponse:
    """Ask, then put the version away."""
    found = _version_or_404(version_id)
    if request.method == "POST":
        return _done(
            request,
            found,
            lambda: versions.retire(version=found, by=person(request), now=timezone.now()),
            f"{found} is retired. Registering its folder again brings it back.",
        )
    return render(request, "models/retire.html", {"version": found})


@require_POST
@requires(Capability.ADMINISTER)
def roll_back(request: HttpRequest, version_id: int) -> HttpResponse:
    """One click: what was live before this version is live again."""
    found = _version_or_404(version_id)
    try:
        before = versions.roll_back(live=found, by=person(request), now=timezone.now())
    except VersionError as problem:
        return _refused(request, found, problem)
    now_live = str(before) if before else "what the setting names"
    messages.success(request, f"Rolled back: {now_live} is live again, {found} is retired.")
    return redirect("models:index")


def _done(
    request: HttpRequest, found: ModelVersion, step: Callable[[], object], words: str
) -> HttpResponse:
    try:
        step()
    except VersionError as problem:
        return _refused(request, found, problem)
    messages.success(request, words)
    return redirect("models:version", found.pk)


def _refused(request: HttpRequest, found: ModelVersion, problem: Exception) -> HttpResponse:
    messages.error(request, f"Nothing was changed. {problem}")
    return redirect("models:version", found.pk)


def _version_or_404(version_id: int) -> ModelVersion:
    found = (
        ModelVersion.objects.select_related("previous", "registered_by")
        .filter(pk=version_id)
        .first()
        if version_id < 2**63
        else None
    )
    if found is None:
        raise Http404("There is no such model.")
    return found
