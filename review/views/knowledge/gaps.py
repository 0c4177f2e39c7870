"""Questions that the knowledge base does not answer, and articles begun from them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from assistant.access import Capability, can, requires
from retrieval.models import Collection
from review import charts, gaps, knowledge_runs
from review.models import Gap, GapTicket, KnowledgeRun
from review.views.frame import int_of, person

PAGE_SIZE = 30
TICKETS = 50


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def index(request: HttpRequest) -> HttpResponse:
    """The gaps of a state, the greatest first, and how the last look for them went."""
    state = request.GET.get("state", Gap.State.OPEN)
    if state not in Gap.State.values:
        state = Gap.State.OPEN
    found = shown(state)
    page = Paginator(found, PAGE_SIZE).get_page(request.GET.get("page"))
    for gap in page.object_list:
        gap.trend = charts.trend(gap.weeks)  # type: ignore[attr-defined]
    context = {
        "page": page,
        "state": state,
        "states": [(value, label, shown(value).count()) for value, label in Gap.State.choices],
        "run": knowledge_runs.latest(KnowledgeRun.Kind.GAPS),
        "last": knowledge_runs.last_done(KnowledgeRun.Kind.GAPS),
    }
    return render(request, "knowledge/gaps.html", context)


def shown(state: str) -> QuerySet[Gap]:
    """The gaps of a state in the order of the list."""
    return (
        Gap.objects.filter(state=state)
        .select_related("document", "changed_by")
        .order_by("-size", "-last_seen_at", "pk")
    )


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def gap(request: HttpRequest, gap_id: int) -> HttpResponse:
    """One gap: its words and signs for all; its questions for who edits or reviews."""
    found = _gap_or_404(gap_id)
    user = person(request)
    reads = can(user, Capability.EDIT_KNOWLEDGE) or can(user, Capability.REVIEW)
    context: dict[str, Any] = {
        "gap": found,
        "trend": charts.trend(found.weeks),
        "signs": _signs(found),
        "reads": reads,
        "samples": gaps.samples_of(found, reader=user, now=timezone.now()) if reads else [],
        "collections": Collection.objects.order_by("name"),
    }
    if can(user, Capability.REVIEW):
        rows = found.tickets.select_related("ticket").order_by("-asked_at", "-pk")
        context |= {"tickets": rows[:TICKETS]}
    return render(request, "knowledge/gap.html", context)


def _signs(found: Gap) -> list[tuple[str, int]]:
    """How many tickets there are of each sign, the commonest first."""
    signs = list(found.tickets.values_list("sign", flat=True))
    counted = [(GapTicket.Sign(sign).label, signs.count(sign)) for sign in sorted(set(signs))]
    return sorted(counted, key=lambda pair: -pair[1])


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def dismiss(request: HttpRequest, gap_id: int) -> HttpResponse:
    found = _gap_or_404(gap_id)
    try:
        gaps.dismiss(
            gap=found,
            reason=request.POST.get("reason", ""),
            by=person(request),
            now=timezone.now(),
        )
    except gaps.GapRefused as why:
        messages.error(request, f"Nothing was changed. {why}")
        return redirect("knowledge:gap", found.pk)
    messages.success(request, f"Dismissed: {found.name}.")
    return redirect("knowledge:gaps")


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def reopen(request: HttpRequest, gap_id: int) -> HttpResponse:
    found = _gap_or_404(gap_id)
    try:
        gaps.reopen(gap=found, by=person(request), now=timezone.now())
    except gaps.GapRefused as why:
        messages.error(request, f"Nothing was changed. {why}")
    return redirect("knowledge:gap", found.pk)


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def start(request: HttpRequest, gap_id: int) -> HttpResponse:
    """One click: a draft of an article with the questions and replies in it."""
    found = _gap_or_404(gap_id)
    chosen = int_of(request.POST.get("collection"))
    collection = Collection.objects.filter(pk=chosen).first() if chosen else None
    if collection is None:
        messages.error(request, "Nothing was changed. Choose the collection of the new article.")
        return redirect("knowledge:gap", found.pk)
    try:
        article = gaps.start_article(
            gap=found, collection=collection, by=person(request), now=timezone.now()
        )
    except gaps.GapRefused as why:
        messages.error(request, f"Nothing was changed. {why}")
        return redirect("knowledge:gap", found.pk)
    messages.success(request, "An article is begun. The gap closes when it is published.")
    return redirect("knowledge:edit", article.pk)


def _gap_or_404(gap_id: int) -> Gap:
    if gap_id >= 2**63:
        raise Http404("There is no such gap.")
    return get_object_or_404(Gap.objects.select_related("document", "changed_by"), pk=gap_id)
