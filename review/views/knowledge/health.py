"""What somebody should look at in the knowledge base, and what to do about it."""

from __future__ import annotations

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from assistant.access import Capability, requires
from retrieval.under_way import build_under_way
from review import findings, knowledge_runs
from review.models import Finding, KnowledgeRun
from review.views.frame import person

PAGE_SIZE = 25


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def index(request: HttpRequest) -> HttpResponse:
    """The findings of a kind and state, and how the last look went."""
    state = request.GET.get("state", "")
    if state not in Finding.State.values:
        state = Finding.State.OPEN
    kind = request.GET.get("kind", "")
    if kind not in Finding.Kind.values:
        kind = ""
    rows = shown(state=state, kind=kind)
    page = Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))
    for row in page.object_list:
        findings.dress(row)
    counts = dict(
        Finding.objects.filter(state=state).values_list("kind").annotate(Count("pk")).order_by()
    )
    context = {
        "page": page,
        "state": state,
        "kind": kind,
        "kinds": [(value, label, counts.get(value, 0)) for value, label in Finding.Kind.choices],
        "all": sum(counts.values()),
        "other_state": Finding.State.DISMISSED
        if state == Finding.State.OPEN
        else Finding.State.OPEN,
        "other_count": Finding.objects.exclude(state=state).count(),
        "under_way": build_under_way(),
        "run": knowledge_runs.latest(KnowledgeRun.Kind.HEALTH),
        "last": knowledge_runs.last_done(KnowledgeRun.Kind.HEALTH),
    }
    return render(request, "knowledge/health.html", context)


def shown(*, state: str, kind: str = "") -> QuerySet[Finding]:
    """Findings in the order of the list: by kind as the model names them, then the newest."""
    rows = Finding.objects.filter(state=state).select_related("document", "other", "changed_by")
    if kind:
        rows = rows.filter(kind=kind)
    return rows.order_by(findings.BY_KIND, "-first_seen_at", "pk")


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def dismiss(request: HttpRequest, finding_id: int) -> HttpResponse:
    found = _finding_or_404(finding_id)
    reason = request.POST.get("reason", "")
    try:
        findings.dismiss(finding=found, reason=reason, by=person(request), now=timezone.now())
    except findings.FindingRefused as why:
        messages.error(request, f"Nothing was changed. {why}")
    else:
        messages.success(request, f"Dismissed: {found.document.title}.")
    return _back(request)


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def reopen(request: HttpRequest, finding_id: int) -> HttpResponse:
    found = _finding_or_404(finding_id)
    try:
        findings.reopen(finding=found, by=person(request), now=timezone.now())
    except findings.FindingRefused as why:
        messages.error(request, f"Nothing was changed. {why}")
    return _back(request)


def _back(request: HttpRequest) -> HttpResponse:
    """The list as it was filtered."""
    kind = request.POST.get("kind", "")
    answer = redirect("knowledge:health")
    if kind in Finding.Kind.values:
        answer["Location"] += f"?kind={kind}"
    return answer


def _finding_or_404(finding_id: int) -> Finding:
    if finding_id >= 2**63:
        raise Http404("There is no such finding.")
    return get_object_or_404(Finding.objects.select_related("document"), pk=finding_id)
