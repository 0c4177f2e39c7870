"""Texts that wait for a person before they are published: list, read, decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from assistant.access import Capability, requires
from assistant.reasons import LONGEST_REASON
from retrieval import holding
from retrieval.models import Document
from retrieval.publishing import BadArticle
from retrieval.source_models import HeldArticle
from review.diff import word_diff
from review.views.frame import person
from review.views.knowledge.source_runs import DIFF_CHARACTERS

PAGE_SIZE = 50
State = HeldArticle.State


@dataclass(frozen=True)
class Marked:
    """A stretch of the held text; `rules` name what was found in it."""

    text: str
    rules: str = ""
    anchor: int = 0


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def held_articles(request: HttpRequest) -> HttpResponse:
    """What waits, the oldest first; or what was decided, the newest first."""
    state = request.GET.get("state", State.WAITING)
    if state not in {State.WAITING, State.APPROVED, State.REFUSED}:
        state = State.WAITING
    rows = HeldArticle.objects.filter(state=state).select_related(
        "source", "collection", "decided_by"
    )
    rows = (
        rows.order_by("held_at", "pk") if state == State.WAITING else rows.order_by("-decided_at")
    )
    context = {
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
        "state": state,
        "states": [
            (one.value, one.label) for one in (State.WAITING, State.APPROVED, State.REFUSED)
        ],
    }
    return render(request, "knowledge/held.html", context)


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def held_article(request: HttpRequest, held_id: int) -> HttpResponse:
    """The text with what was found marked, beside what stands, and the decision."""
    return render(request, "knowledge/held_article.html", _context(held_or_404(held_id)))


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def decide_held(request: HttpRequest, held_id: int) -> HttpResponse:
    """Publish the text as it is, or keep it out."""
    held = held_or_404(held_id)
    approved = request.POST.get("decision") == "approve"
    decide = holding.approve if approved else holding.refuse
    reason = request.POST.get("reason", "")
    try:
        decide(held, by=person(request), reason=reason, now=timezone.now())
    except (holding.HoldError, BadArticle) as error:
        context = _context(held) | {"error": str(error), "reason": reason[:500]}
        return render(request, "knowledge/held_article.html", context, status=409)
    words = "is published" if approved else "is kept out; the same text is not asked about again"
    messages.success(request, f"{held.title} {words}.")
    return redirect("knowledge:held_articles")


def _context(held: HeldArticle) -> dict[str, Any]:
    document = (
        Document.objects.select_related("current")
        .filter(collection=held.collection_id, source=held.path)
        .first()
    )
    standing = document.current if document else None
    long = max(len(held.text), len(standing.text) if standing else 0) > DIFF_CHARACTERS
    return {
        "held": held,
        "document": document,
        "parts": marked(held.text, held.findings),
        "findings": held.findings,
        "segments": word_diff(standing.text, held.text) if standing and not long else [],
        "least": holding.LEAST_REASON,
        "longest": LONGEST_REASON,
        "waits": held.state == State.WAITING,
    }


def marked(text: str, findings: list[dict[str, Any]]) -> list[Marked]:
    """The text in pieces, those that hold findings apart; overlapping findings are joined."""
    spans: list[tuple[int, int, set[str]]] = []
    for one in sorted(findings, key=lambda finding: (finding["start"], finding["end"])):
        start, end = max(0, one["start"]), min(len(text), one["end"])
        if start >= end:
            continue
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]), spans[-1][2] | {one["rule"]})
        else:
            spans.append((start, end, {one["rule"]}))
    parts: list[Marked] = []
    reached = 0
    for number, (start, end, rules) in enumerate(spans, start=1):
        if start > reached:
            parts.append(Marked(text[reached:start]))
        parts.append(Marked(text[start:end], ", ".join(sorted(rules)), number))
        reached = end
    if reached < len(text):
        parts.append(Marked(text[reached:]))
    return parts


def held_or_404(held_id: int) -> HeldArticle:
    held = (
        HeldArticle.objects.select_related("source", "collection", "run", "decided_by")
        .filter(pk=held_id)
        .first()
        if held_id < 2**63
        else None
    )
    if held is None:
        raise Http404("There is no such text.")
    return held
