"""The list of articles: search, filters, sorting, use; and what is done to many at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from assistant.access import Capability, can, requires
from assistant.audit.log import actor_of
from assistant.models import User
from retrieval import article_search, editing, publishing
from retrieval.models import Collection, Document, IndexSnapshot, Trust
from retrieval.under_way import build_under_way
from review.usage import NEVER, Usage, usage_of
from review.views.frame import int_of, person
from review.views.knowledge.forms import day_of, words

PAGE_SIZE = 50
FILTER_LENGTH = 200
UNDO = "knowledge_undo"  # in the session: what the last bulk action can be undone by
UNDO_OFFERED = timedelta(minutes=15)
State = Document.State

# what the list is sorted by → the columns; by use it is sorted here (`_by_use`)
SORTS = {
    "title": ("title", "pk"),
    "newest": ("-changed_at", "pk"),
    "oldest": ("changed_at", "pk"),
    "review": ("review_by", "title", "pk"),
}
SORT_WORDS = {
    "title": "Title",
    "newest": "Changed last",
    "oldest": "Not changed for longest",
    "review": "Review date",
    "used": "Most used",
    "unused": "Least used",
}
ACTIONS = {
    "retire": "Retire",
    "restore": "Restore",
    "review": "Set the review date",
    "move": "Move to a collection",
}
UNDONE_BY = {"retire": "restore", "restore": "retire", "review": "review", "move": "move"}


@dataclass(frozen=True)
class Row:
    document: Document
    use: Usage
    overdue: bool


@require_GET
@requires(Capability.READ_KNOWLEDGE)
def articles(request: HttpRequest) -> HttpResponse:
    """All articles, filtered and sorted, with how each is used."""
    edits = can(request.user, Capability.EDIT_KNOWLEDGE)
    today = timezone.localdate()
    chosen = {
        name: words(request.GET.get(name, ""), FILTER_LENGTH)
        for name in ("q", "collection", "category", "state", "language", "trust", "due", "sort")
    }
    documents = _filtered(_visible(edits), chosen, today)
    page: Any
    if chosen["sort"] in {"used", "unused"}:
        page = _paged(request, _by_use(documents, most_first=chosen["sort"] == "used"))
        found = Document.objects.select_related("collection").in_bulk(list(page.object_list))
        shown = [found[pk] for pk in page.object_list if pk in found]
    else:
        if chosen["sort"] not in SORTS:
            chosen["sort"] = ""
        if chosen["sort"] == "review":
            documents = documents.filter(review_by__isnull=False)
        order = SORTS[chosen["sort"] or "title"]
        page = _paged(request, documents.select_related("collection").order_by(*order))
        shown = list(page.object_list)
    uses = usage_of(document.pk for document in shown)
    kept = request.GET.copy()
    kept.pop("page", None)
    everything = _visible(edits)
    context = {
        "page": page,
        "rows": [
            Row(one, uses.get(one.pk, NEVER), _is_overdue(one, today)) for one in shown
        ],
        "chosen": chosen,
        "filtered": any(value for name, value in chosen.items() if name != "sort"),
        "collections": Collection.objects.order_by("name"),
        "categories": _distinct(everything, "category"),
        "languages": _distinct(everything, "language"),
        "states": State.choices if edits else State.choices[1:],
        "trusts": Trust.choices,
        "sorts": SORT_WORDS,
        "actions": ACTIONS,
        "snapshot": IndexSnapshot.objects.filter(state=IndexSnapshot.State.ACTIVE).first(),
        "under_way": build_under_way(),
        "kept": kept.urlencode(),
        "undo": _undoable(request, timezone.now()) if edits else None,
    }  # fmt: skip
    return render(request, "knowledge/articles.html", context)


def _visible(edits: bool) -> QuerySet[Document]:
    """What was never published is its writers' business."""
    every = Document.objects.all()
    return every if edits else every.exclude(state=State.DRAFT)


def _filtered(
    documents: QuerySet[Document], chosen: dict[str, str], today: date
) -> QuerySet[Document]:
    """The documents that fit; a filter that is no choice is dropped from `chosen`."""
    if chosen["state"] not in State.values:
        chosen["state"] = ""
    if chosen["trust"] not in {str(value) for value in Trust.values}:
        chosen["trust"] = ""
    if chosen["due"] not in {"past", "soon"}:
        chosen["due"] = ""
    if chosen["state"]:
        documents = documents.filter(state=chosen["state"])
    if chosen["collection"]:
        documents = documents.filter(collection__name=chosen["collection"])
    if chosen["category"]:
        documents = documents.filter(category=chosen["category"])
    if chosen["language"]:
        documents = documents.filter(language=chosen["language"])
    if chosen["trust"]:
        documents = documents.filter(trust=int(chosen["trust"]))
    if chosen["due"] == "past":
        documents = documents.filter(review_by__lt=today).exclude(state=State.RETIRED)
    return article_search.find(documents, chosen["q"])


def _is_overdue(document: Document, today: date) -> bool:
    return (
        document.review_by is not None
        and document.review_by < today
        and document.state != State.RETIRED
    )


def _by_use(documents: QuerySet[Document], *, most_first: bool) -> list[int]:
    """Keys by how often they are cited, the title deciding between equals."""
    uses = usage_of()
    keys = list(documents.order_by("title", "pk").values_list("pk", flat=True))
    return sorted(keys, key=lambda pk: uses.get(pk, NEVER).cited * (-1 if most_first else 1))


def _paged(request: HttpRequest, rows: Any) -> Any:
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))


def _distinct(documents: QuerySet[Document], column: str) -> QuerySet[Any, str]:
    found = documents.exclude(**{column: ""}).order_by(column)
    return found.values_list(column, flat=True).distinct()


# --- many at once -----------------------------------------------------------------------------


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def bulk(request: HttpRequest) -> HttpResponse:
    """Do one thing to the ticked articles; the list then offers to undo it."""
    action = request.POST.get("action", "")
    values = {"review": request.POST.get("day", ""), "move": request.POST.get("to", "")}
    value = words(values.get(action, ""), FILTER_LENGTH)
    keys = [pk for pk in map(int_of, request.POST.getlist("article")[:PAGE_SIZE]) if pk]
    problem = _missing(action, value, keys)
    if problem:
        messages.warning(request, problem)
    else:
        undone_by = _take(request, [[action, pk, value] for pk in keys])
        if undone_by:
            request.session[UNDO] = {
                "said": _told(action, len(undone_by)),
                "steps": undone_by,
                "at": timezone.now().isoformat(),
            }
    return redirect(_back(request))


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def undo(request: HttpRequest) -> HttpResponse:
    """Take back what this person last did to many articles."""
    last = _undoable(request, timezone.now())
    request.session.pop(UNDO, None)
    if last is None:
        messages.info(request, "There is nothing to undo any more.")
    elif _take(request, last["steps"]):
        messages.success(request, "Undone: the articles are as they were.")
    return redirect(_back(request))


def _undoable(request: HttpRequest, now: datetime) -> dict[str, Any] | None:
    """What this person did to many articles a moment ago, while it can be undone."""
    last: dict[str, Any] | None = request.session.get(UNDO)
    if last is None or datetime.fromisoformat(last["at"]) < now - UNDO_OFFERED:
        return None
    return last


def _missing(action: str, value: str, keys: list[int]) -> str:
    """What the form lacks, in words; empty when it is whole."""
    if not keys:
        return "Nothing was ticked, so nothing was done."
    if action not in ACTIONS:
        return "Choose what to do with the ticked articles."
    if action == "review" and value and day_of(value) is None:
        return "Write the review date as year-month-day, or leave it empty to clear it."
    if action == "move" and not Collection.objects.filter(name=value).exists():
        return "Choose the collection to move them to."
    return ""


def _take(request: HttpRequest, steps: list[list[Any]]) -> list[list[Any]]:
    """Take the steps (action, article, value), say which were refused, and return those that undo
    what was done."""
    user, now = person(request), timezone.now()
    documents = Document.objects.select_related("collection", "current")
    found = documents.in_bulk([pk for _, pk, _ in steps])
    undone_by: list[list[Any]] = []
    refused: list[str] = []
    for action, pk, value in steps:
        if (document := found.get(pk)) is None:
            continue
        before = {
            "review": document.review_by.isoformat() if document.review_by else "",
            "move": document.collection.name,
        }.get(action)
        try:
            if _do(document, action, value, user=user, now=now):
                undone_by.append([UNDONE_BY[action], pk, before])
        except (editing.EditRefused, publishing.BadArticle) as problem:
            refused.append(f"“{document.title}”: {problem}")
    if refused:
        more = f" (and {len(refused) - 3} more)" if len(refused) > 3 else ""
        messages.error(request, "Not done: " + " ".join(refused[:3]) + more)
    elif not undone_by:
        messages.info(request, "Nothing to do: these articles were so already.")
    return undone_by


def _do(document: Document, action: str, value: str, *, user: User, now: datetime) -> bool:
    """One step on one article; False where there was nothing to do."""
    actor = actor_of(user)
    if action == "retire":
        return editing.retire(document=document, actor=actor, now=now)
    if action == "restore":
        if document.state != State.RETIRED or document.current is None:
            return False
        editing.restore(document=document, author=user, now=now)
        return True
    if action == "review":
        return editing.set_review_by(document=document, day=day_of(value), actor=actor, now=now)
    to = Collection.objects.get(name=value)
    return editing.move(document=document, to=to, actor=actor, now=now)


def _told(action: str, count: int) -> str:
    articles = f"{count} article{'' if count == 1 else 's'}"
    return {
        "retire": f"{articles} retired: new drafts don't rest on them.",
        "restore": f"{articles} published again.",
        "review": f"The review date of {articles} is changed.",
        "move": f"{articles} moved.",
    }[action]


def _back(request: HttpRequest) -> str:
    back = request.POST.get("back", "")
    inside = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    return back if inside else reverse("knowledge:articles")
