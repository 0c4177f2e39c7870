"""Publishing, retiring, restoring, rolling back: each shows what it does, then does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from assistant.access import Capability, requires
from assistant.audit.log import actor_of
from retrieval import article_drafts, editing, reading
from retrieval.article_merges import takes_back
from retrieval.models import Document, Revision
from retrieval.publishing import BadArticle, Outcome, normal_text
from retrieval.screening import Finding, findings
from review.diff import edit_distance, word_diff
from review.views.frame import int_of, person
from review.views.knowledge.lookup import document_or_404


@dataclass(frozen=True)
class Piece:
    """A stretch of a text; `rule` says what was found in it."""

    text: str
    rule: str = ""


def marked(text: str, found: list[Finding]) -> list[Piece]:
    """The text in pieces, what was found in it apart."""
    pieces: list[Piece] = []
    at = 0
    for one in found:
        if one.start < at:  # it overlaps the one before
            continue
        pieces += [Piece(text[at : one.start]), Piece(text[one.start : one.end], one.rule)]
        at = one.end
    return [piece for piece in [*pieces, Piece(text[at:])] if piece.text]


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def publish(request: HttpRequest, document_id: int) -> HttpResponse:
    """What publishing one's draft changes and touches, then publishing it."""
    document = document_or_404(document_id)
    user = person(request)
    draft = article_drafts.of(document=document, user=user)
    if draft is None:
        messages.info(request, "There is no draft of yours to publish: write something first.")
        return redirect("knowledge:edit", document.pk)
    if draft.base_id != document.current_id and document.current is not None:
        return redirect("knowledge:overtaken", document.pk)
    error, bad = "", None
    if request.method == "POST":
        if int_of(request.POST.get("version")) != draft.version:
            messages.warning(request, "Your draft changed in another window: look once more.")
            return redirect("knowledge:publish", document.pk)
        try:
            done = editing.publish(
                document=document,
                fields=article_drafts.fields_of(draft),
                over=draft.base_id,
                author=user,
                reason=request.POST.get("reason", ""),
                now=timezone.now(),
            )
        except editing.Overtaken as refused:
            messages.warning(request, str(refused))
            return redirect("knowledge:overtaken", document.pk)
        except editing.Suspicious as refused:
            error = str(refused)
        except BadArticle as problem:
            bad = problem
        else:
            messages.success(request, _told(done.outcome, done.revision))
            return redirect("knowledge:article", document.pk)
    text = normal_text(draft.text)
    before = document.current
    taken_back_to, taken_back = takes_back(document=document, text=text)
    context: dict[str, Any] = {
        "document": document,
        "draft": draft,
        "before": before,
        "changes": _changes(document, draft),
        "segments": word_diff(before.text, text) if before else [],
        "html": "" if before else reading.render(text, title=draft.title),
        "taken_back": taken_back,
        "taken_back_to": taken_back_to,
        **_screened(request, text),
        "error": error,
        "bad": bad,
    }
    return render(request, "knowledge/publish.html", context, status=409 if error or bad else 200)


def _screened(request: HttpRequest, text: str, *, given: str = "") -> dict[str, Any]:
    """What reads like an instruction to the machine, for `_found.html`; `given` is the reason that let
    this text through before."""
    found = findings(text)
    return {
        "found": found,
        "pieces": marked(text, found),
        "reason": request.POST.get("reason", given),
        "least": editing.LEAST_REASON,
        "longest": editing.LONGEST_REASON,
    }


def _told(outcome: Outcome, revision: Revision) -> str:
    if outcome is Outcome.UNCHANGED:
        return "Title, category, language and text are as they were, so no revision was made."
    return (
        f"Revision {revision.number} is published; new drafts find it as soon as the search worker "
        "has indexed it."
    )


def _changes(document: Document, draft: Any) -> list[tuple[str, str, str]]:
    """What else than the text changes: name, before, after."""
    before = document.current
    rows = [
        ("Title", before.title if before else "", draft.title),
        ("Category", document.category if before else "", draft.category),
        ("Language", document.language if before else "", draft.language),
        (
            "Review date",
            str(document.review_by or "") if before else "",
            str(draft.review_by or ""),
        ),
    ]
    return [row for row in rows if row[1] != row[2]]


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def retire(request: HttpRequest, document_id: int) -> HttpResponse:
    """What retiring touches, then retiring."""
    document = document_or_404(document_id)
    if document.state != Document.State.PUBLISHED:
        return redirect("knowledge:article", document.pk)
    if request.method == "POST":
        if editing.retire(document=document, actor=actor_of(person(request)), now=timezone.now()):
            messages.success(
                request, f"“{document.title}” is retired: new drafts don't rest on it."
            )
        return redirect("knowledge:article", document.pk)
    return render(request, "knowledge/retire.html", {"document": document})


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def restore(request: HttpRequest, document_id: int) -> HttpResponse:
    """What publishing a retired article again as it was touches, then doing it."""
    document = document_or_404(document_id)
    if document.current is None or document.state != Document.State.RETIRED:
        messages.info(request, f"“{document.title}” is not retired.")
        return redirect("knowledge:article", document.pk)
    return _again(request, document, document.current)


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def roll_back(request: HttpRequest, revision_id: int) -> HttpResponse:
    """What publishing an old revision's text again changes and touches, then doing it."""
    to = get_object_or_404(Revision, pk=revision_id)
    document = document_or_404(to.document_id)
    if to.pk == document.current_id:
        if document.state == Document.State.RETIRED:
            return redirect("knowledge:restore", document.pk)
        messages.info(request, f"Revision {to.number} is what stands now.")
        return redirect("knowledge:revisions", document.pk)
    return _again(request, document, to)


def _again(request: HttpRequest, document: Document, to: Revision) -> HttpResponse:
    """Ask, then publish a text that was published before."""
    user = person(request)
    before = document.current
    restoring = before is not None and to.pk == before.pk
    error, bad = "", None
    if request.method == "POST":
        try:
            done = editing.roll_back(
                to=to,
                over=int_of(request.POST.get("over")),
                author=user,
                reason=request.POST.get("reason", ""),
                now=timezone.now(),
            )
        except editing.Suspicious as refused:
            error = str(refused)
        except editing.EditRefused as refused:
            messages.warning(request, f"{refused} Look once more at what changes.")
            return redirect(request.path)
        except BadArticle as problem:
            bad = problem
        else:
            messages.success(
                request,
                f"“{document.title}” is published again."
                if restoring
                else f"The text of revision {to.number} is published again, as revision "
                f"{done.revision.number}. Roll back once more to undo it.",
            )
            return redirect(
                "knowledge:article" if restoring else "knowledge:revisions", document.pk
            )
    text = normal_text(to.text)
    context: dict[str, Any] = {
        "document": document,
        "to": to,
        "before": before,
        "restoring": restoring,
        "is_retired": document.state == Document.State.RETIRED,
        "draft": article_drafts.of(document=document, user=user),
        "segments": word_diff(before.text, text) if before else [],
        "html": reading.render(text, title=to.title) if restoring else "",
        **_screened(request, text, given=editing.given_before(to)),
        "error": error,
        "bad": bad,
    }
    return render(request, "knowledge/roll_back.html", context, status=409 if error or bad else 200)


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def revisions(request: HttpRequest, document_id: int) -> HttpResponse:
    """Every revision, by whom and when; with `from` and `to`, what differs between two."""
    document = document_or_404(document_id)
    every = list(document.revisions.select_related("author").order_by("-number"))
    numbered = {one.number: one for one in every}
    new = numbered.get(int_of(request.GET.get("to")) or 0) or (every[0] if every else None)
    old = numbered.get(int_of(request.GET.get("from")) or 0)
    if old is None and new is not None:
        old = numbered.get(new.number - 1)
    segments = word_diff(old.text, new.text) if old and new else []
    context = {
        "document": document,
        "revisions": every,
        "old": old,
        "new": new,
        "segments": segments,
        "share": edit_distance(segments),
    }
    return render(request, "knowledge/revisions.html", context)
