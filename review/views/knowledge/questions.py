"""Kept questions, and comparing two ways of searching on them. Nothing here loads a model."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from assistant import heartbeat
from assistant.access import Capability, requires
from retrieval import article_search
from retrieval.comparisons import LEAST, CannotCompare, request_comparison
from retrieval.evaluation import BadConfiguration
from retrieval.kept_models import KeptQuestion, RetrievalComparison
from retrieval.kept_questions import LONGEST, CannotKeep, drop_question, keep_question
from retrieval.models import Document
from retrieval.snapshots import SEARCH_QUEUE
from review.cited_questions import keep_cited_questions
from review.views.frame import int_of, person

PAGE_SIZE = 50
MATCHES = 20
RECENT = 10
SHOWN = 50  # gained and lost questions on a comparison's page
FIND_LENGTH = 200
MODES = {
    "": "As drafting searches",
    "fused": "Meaning and words",
    "dense": "Meaning alone",
    "lexical": "Words alone",
    "reranked": "Meaning and words, read again by the reranker",
}
THREADS = {
    "both": "The thread, and in it the last message",
    "whole": "The thread as one",
    "last": "The last message alone",
}
FIGURES = {
    "hit@1": "An answering article comes first",
    "hit@5": "One among the first 5",
    "hit@10": "One among the first 10",
    "recall@5": "Share of the answering articles among the first 5",
    "mrr@10": "Mean reciprocal rank (MRR@10)",
    "ndcg@10": "nDCG@10",
}


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def questions(request: HttpRequest) -> HttpResponse:
    """What is kept, and the comparisons made on it."""
    return _list(request)


def _list(request: HttpRequest, *, error: str = "", status: int = 200) -> HttpResponse:
    kept = KeptQuestion.objects.select_related("message", "added_by").prefetch_related("documents")
    context: dict[str, Any] = {
        "page": Paginator(kept.order_by("-added_at", "-pk"), PAGE_SIZE).get_page(
            request.GET.get("page")
        ),
        "comparisons": [
            _named(row) for row in RetrievalComparison.objects.order_by("-pk")[:RECENT]
        ],
        "modes": MODES,
        "threads": THREADS,
        "least": LEAST,
        "longest": LONGEST,
        "error": error,
        "chosen": request.POST,
    }
    return render(request, "knowledge/questions.html", context, status=status)


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def choose(request: HttpRequest) -> HttpResponse:
    """A written question, and which articles answer it: found by words of title or path."""
    return _choose(request, text=request.GET.get("text", ""), find=request.GET.get("find", ""))


def _choose(
    request: HttpRequest, *, text: str, find: str, error: str = "", status: int = 200
) -> HttpResponse:
    text, find = _clean(text)[:LONGEST], _clean(find)[:FIND_LENGTH]
    documents = Document.objects.filter(state=Document.State.PUBLISHED)
    by_path = documents.filter(source__icontains=find) if find else documents
    documents = article_search.find(documents, find) | by_path
    found = list(documents.select_related("collection").order_by("title", "pk")[: MATCHES + 1])
    context = {
        "text": text,
        "find": find,
        "documents": found[:MATCHES],
        "more": len(found) > MATCHES,
        "error": error,
        "longest": LONGEST,
    }
    return render(request, "knowledge/question_choose.html", context, status=status)


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def keep(request: HttpRequest) -> HttpResponse:
    """Keep a written question with the chosen articles."""
    numbers = [number for value in request.POST.getlist("article") if (number := int_of(value))]
    documents = list(
        Document.objects.filter(pk__in=numbers[:MATCHES], state=Document.State.PUBLISHED)
    )
    text = _clean(request.POST.get("text", ""))
    try:
        keep_question(text=text, documents=documents, by=person(request), now=timezone.now())
    except CannotKeep as problem:
        find = request.POST.get("find", "")
        return _choose(request, text=text, find=find, error=str(problem), status=409)
    messages.success(request, "The question is kept.")
    return redirect("knowledge:questions")


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def keep_cited(request: HttpRequest) -> HttpResponse:
    """Keep what agents' own replies answer."""
    added = keep_cited_questions(by=person(request), now=timezone.now())
    if added:
        messages.success(
            request, f"{added} question{'s' if added > 1 else ''} from agents' replies kept."
        )
    else:
        messages.info(
            request, "No approved or edited draft with a citation is new since last time."
        )
    return redirect("knowledge:questions")


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def drop(request: HttpRequest, question_id: int) -> HttpResponse:
    """Keep a question no longer."""
    found = KeptQuestion.objects.filter(pk=question_id).first()
    if found is not None:  # dropped twice is dropped
        drop_question(found, by=person(request), now=timezone.now())
    messages.success(request, "The question is no longer kept.")
    return redirect("knowledge:questions")


@require_POST
@requires(Capability.EDIT_KNOWLEDGE)
def compare(request: HttpRequest) -> HttpResponse:
    """Queue a comparison of two ways of searching."""
    sides = [
        {
            name: request.POST.get(f"{side}_{name}", default)
            for name, default in (("mode", ""), ("thread", "both"))
        }
        for side in ("first", "second")
    ]
    try:
        row = request_comparison(
            first=sides[0], second=sides[1], by=person(request), now=timezone.now()
        )
    except (CannotCompare, BadConfiguration) as problem:
        return _list(request, error=str(problem), status=409)
    return redirect("knowledge:comparison", comparison_id=row.pk)


@require_GET
@requires(Capability.EDIT_KNOWLEDGE)
def comparison(request: HttpRequest, comparison_id: int) -> HttpResponse:
    """How far it is, or what came out."""
    row = get_object_or_404(RetrievalComparison, pk=comparison_id)
    context = _named(row)
    context["away"] = row.is_open and not heartbeat.alive(SEARCH_QUEUE, now=timezone.now())
    if row.state == RetrievalComparison.State.DONE:
        difference = row.result["difference"]
        context["figures"] = [
            {
                "words": words,
                "first": row.result["first"][name],
                "first_interval": row.result["first"]["intervals"].get(name),
                "second": row.result["second"][name],
                "second_interval": row.result["second"]["intervals"].get(name),
                **{f"change_{key}": value for key, value in difference["figures"][name].items()},
            }
            for name, words in FIGURES.items()
            if row.result["first"][name] is not None
        ]
        context["gained"] = _questions(row, difference["gained"])
        context["lost"] = _questions(row, difference["lost"])
        context["verdict"] = _verdict(difference["figures"]["mrr@10"]["interval"])
    return render(request, "knowledge/comparison.html", context)


def _named(row: RetrievalComparison) -> dict[str, Any]:
    return {"comparison": row, "first": _words(row.first), "second": _words(row.second)}


def _words(pairs: dict[str, str]) -> str:
    mode = MODES.get(pairs.get("mode", ""), pairs.get("mode", ""))
    return f"{mode}; {THREADS[pairs.get('thread', 'both')].lower()}"


def _verdict(interval: list[float] | None) -> str:
    """What the paired interval allows to say of the second configuration."""
    if interval is None:
        return "No question could be judged."
    low, high = interval
    if low > 0:
        return "The second finds the right article higher up; chance alone hardly explains it."
    if high < 0:
        return "The first finds the right article higher up; chance alone hardly explains it."
    return "These questions do not tell the two apart: the difference may be chance."


def _questions(row: RetrievalComparison, ids: list[str]) -> list[dict[str, Any]]:
    """Gained or lost questions, with the rank of the best answering article on each side."""
    answers = {answer["question"]: answer for answer in row.answers if answer}
    kept = (
        KeptQuestion.objects.select_related("message")
        .prefetch_related("documents")
        .in_bulk([int(pk) for pk in ids[:SHOWN]])
    )
    return [
        {
            "question": kept.get(int(pk)),
            "first": _rank(answers[pk], "first"),
            "second": _rank(answers[pk], "second"),
        }
        for pk in ids[:SHOWN]
    ]


def _rank(answer: dict[str, Any], side: str) -> int | None:
    pages = [page for page, _ in answer[side]["results"]]
    return next((rank for rank, page in enumerate(pages, 1) if page in answer["gold"]), None)


def _clean(value: str) -> str:
    """A form's words as a database can take them."""
    return value.replace("\x00", "").encode("utf-8", "ignore").decode().strip()
