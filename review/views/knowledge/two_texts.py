"""Two texts of one article: one's own from two windows, or somebody else's beside one's own."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from assistant.access import Capability, requires
from retrieval import article_drafts, reading
from retrieval.article_drafts import Fields, StaleVersion
from retrieval.article_merges import Merge, Undecided, merge_articles
from retrieval.models import ArticleDraft, Document, Revision
from retrieval.publishing import BadArticle
from review.diff import word_diff
from review.views.frame import int_of, person
from review.views.knowledge.forms import fields_of
from review.views.knowledge.lookup import base_of, document_or_404


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def conflict(request: HttpRequest, document_id: int) -> HttpResponse:
    """One's own text from two windows, both shown; `keep=mine` saves this one over the other,
    `keep=both` what the two make together, where nothing overlaps."""
    document = document_or_404(document_id)
    user = person(request)
    fields = fields_of(request.POST)
    saved = article_drafts.of(document=document, user=user)
    base = base_of(request, document)
    keep = request.POST.get("keep")
    if keep == "saved":
        return redirect("knowledge:edit", document.pk)
    merge = _of_two_windows(document, base, fields, saved)
    if keep == "mine" or (keep == "both" and merge):
        try:
            article_drafts.save(
                document=document,
                user=user,
                fields=merge.fields({}) if merge and keep == "both" else fields,
                base=base,
                version=int_of(request.POST.get("saved_version")) or 0,
                now=timezone.now(),
            )
            return redirect("knowledge:edit", document.pk)
        except StaleVersion as stale:
            saved = stale.saved  # it changed once more: show both again
            merge = _of_two_windows(document, base, fields, saved)
        except BadArticle as bad:
            messages.error(request, f"Your text was not saved: the {bad.field} {bad.reason}.")
    other = saved.text if saved else document.current.text if document.current else ""
    context = {
        "document": document,
        "fields": fields,
        "base": base or "",
        "saved": saved,
        "other": other,
        "merge": merge,
        "segments": word_diff(other, fields.text),
    }
    return render(request, "knowledge/conflict.html", context, status=409)


def _of_two_windows(
    document: Document, base: int | None, mine: Fields, saved: ArticleDraft | None
) -> Merge | None:
    """What two windows that began from one revision make together; None where they overlap."""
    if saved is None or base is None or saved.base_id != base:
        return None
    merge = merge_articles(
        base=document.revisions.get(pk=base), mine=mine, theirs=article_drafts.fields_of(saved)
    )
    return None if merge.overlaps else merge


@require_http_methods(["GET", "POST"])
@requires(Capability.EDIT_KNOWLEDGE)
def overtaken(request: HttpRequest, document_id: int) -> HttpResponse:
    """Somebody published over the revision that this draft began from: what each changed.

    `keep=both` goes on with both together, where `choose-NAME` says what stands of what overlaps;
    `keep=mine` with this text over the one that was seen here; `keep=theirs` drops it.
    """
    document = document_or_404(document_id)
    draft = article_drafts.of(document=document, user=person(request))
    if draft is None or draft.base_id == document.current_id or document.current is None:
        return redirect("knowledge:edit", document.pk)
    merge = merge_articles(
        base=draft.base,
        mine=article_drafts.fields_of(draft),
        theirs=article_drafts.begin(document),
    )
    undecided: Undecided | None = None
    if request.method == "POST":
        try:
            return _go_on(request, document, draft, merge)
        except Undecided as lacking:
            undecided = lacking
        except BadArticle as bad:
            messages.error(request, f"Not merged: the {bad.field} {bad.reason}.")
    context = {
        "document": document,
        "draft": draft,
        "theirs": document.current,
        "base": draft.base,
        "merge": merge,
        "overlaps": [(one, _chosen(request).get(one.name)) for one in merge.overlaps],
        "undecided": undecided,
        "segments": word_diff(document.current.text, draft.text),
    }
    return render(request, "knowledge/overtaken.html", context, status=422 if undecided else 200)


def _go_on(
    request: HttpRequest, document: Document, draft: ArticleDraft, merge: Merge
) -> HttpResponse:
    """Do what was chosen about the two texts that were shown. Raises `Undecided`, `BadArticle`."""
    stands, keep = document.current, request.POST.get("keep")
    assert stands is not None
    if int_of(request.POST.get("seen")) != stands.pk:
        messages.warning(request, "Yet another revision was published: look at it first.")
    elif int_of(request.POST.get("version")) != draft.version:
        messages.warning(request, "Your draft changed in another window: look at both again.")
    elif keep == "theirs":
        article_drafts.discard(document=document, user=draft.user)
        messages.success(request, "Your draft is gone; the article stands as published.")
        return redirect("knowledge:article", document.pk)
    elif keep in {"mine", "both"}:
        on = article_drafts.rebase(
            document=document,
            user=draft.user,
            version=draft.version,
            onto=stands,
            fields=merge.fields(_chosen(request)) if keep == "both" else None,
            now=timezone.now(),
        )
        if on and keep == "both":
            messages.success(request, _told(merge, stands))
        if on:
            return redirect("knowledge:edit", document.pk)
        messages.warning(request, "Your draft changed in another window: look at both again.")
    return redirect("knowledge:overtaken", document.pk)


def _chosen(request: HttpRequest) -> dict[str, str]:
    """Whose text stands, by the name of what overlaps."""
    return {
        name.removeprefix("choose-"): value
        for name, value in request.POST.items()
        if name.startswith("choose-") and isinstance(value, str)
    }


def _told(merge: Merge, stands: Revision) -> str:
    whose = stands.author.display_name if stands.author else "somebody"
    told = (
        f"Your draft now holds the changes of {whose} (revision {stands.number}: "
        f"{_places(len(merge.by_them))}) and yours ({_places(len(merge.by_me))})"
    )
    if merge.overlaps:
        told += f", and what you chose in {_places(len(merge.overlaps))} that you both changed"
    return f"{told}. Look it over, then publish."


def _places(count: int) -> str:
    return f"{count} place{'' if count == 1 else 's'}"


@require_http_methods(["GET"])
@requires(Capability.EDIT_KNOWLEDGE)
def theirs(request: HttpRequest, document_id: int, user_id: int) -> HttpResponse:
    """Somebody else's unpublished text beside one's own."""
    document = document_or_404(document_id)
    their = document.drafts.select_related("user").filter(user=user_id, version__gt=0).first()
    if their is None:
        raise Http404("They have no unpublished text of this article any more.")
    own = article_drafts.of(document=document, user=person(request))
    mine = article_drafts.fields_of(own) if own else article_drafts.begin(document)
    context = {
        "document": document,
        "their": their,
        "mine": own,
        "segments": word_diff(mine.text, their.text),
        "html": reading.render(their.text, title=their.title),
    }
    return render(request, "knowledge/theirs.html", context)
