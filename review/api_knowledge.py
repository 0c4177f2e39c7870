"""The API's articles and revisions, with the console's own checks."""

# no postponed annotations: ninja would look their names up where the operations are wrapped
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router, Status

from assistant.api import (
    REFUSED,
    ApiError,
    KeyAuth,
    Scope,
    actor_of_key,
    once,
)
from retrieval import article_search, editing
from retrieval.article_drafts import Fields
from retrieval.article_merges import publish_together
from retrieval.models import Document, Revision
from retrieval.public_links import address_of
from retrieval.publishing import Publication, normal_source
from review.api_collections import collection_named
from review.api_refusals import ARTICLE_REFUSED, in_words
from review.knowledge_contracts import (
    ArticleChange,
    ArticleIn,
    ArticleOut,
    ArticlesOut,
    PublishedArticleOut,
    RevisionsOut,
    RollBack,
    Wanted,
    WholeArticleOut,
    WholeRevisionOut,
)

router = Router(tags=["knowledge"])
PAGE_SIZE = 100
LARGEST = 2**63 - 1


# --- articles ---------------------------------------------------------------------------------


@router.get(
    "/knowledge/articles", response={200: ArticlesOut} | REFUSED, auth=KeyAuth(Scope.KNOWLEDGE_READ)
)
def list_articles(request: HttpRequest, wanted: Query[Wanted]) -> Any:
    """Articles in the order they were made, a hundred an answer, without their texts."""
    rows = Document.objects.select_related("collection", "current").order_by("pk")
    exact = {
        "collection__name": wanted.collection,
        "state": wanted.state,
        "category": wanted.category,
        "language": wanted.language,
    }
    for field, value in {**exact, "q": wanted.q}.items():
        if "\x00" in value:
            raise ApiError(422, field.split("__")[0], "holds a NUL character")
    rows = rows.filter(**{field: value for field, value in exact.items() if value})
    rows = article_search.find(rows, wanted.q)
    if wanted.changed_since is not None:
        rows = rows.filter(changed_at__gte=wanted.changed_since)
    total = rows.count()
    page = list(rows.filter(pk__gt=min(wanted.after, LARGEST))[: PAGE_SIZE + 1])
    more = len(page) > PAGE_SIZE
    page = page[:PAGE_SIZE]
    parameters = request.GET.copy()
    if more:
        parameters["after"] = str(page[-1].pk)
    return {
        "articles": [_article_out(row) for row in page],
        "total": total,
        "next": f"{request.path}?{parameters.urlencode()}" if more else None,
    }


@router.post(
    "/knowledge/articles",
    response={201: WholeArticleOut} | ARTICLE_REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
@in_words
def create_article(request: HttpRequest, article: ArticleIn) -> Any:
    """Publish a new article. A text that reads like an instruction to the machine is refused with
    what was found, unless a `reason` says why it may stand."""

    def work() -> tuple[int, dict[str, Any]]:
        now, actor = timezone.now(), actor_of_key(request)
        fields = _fields(article)
        with transaction.atomic():
            document = editing.start(
                collection=collection_named(article.collection),
                fields=fields,
                author=None,
                actor=actor,
                source=normal_source(article.source),
                now=now,
            )
            editing.publish(
                document=document, fields=fields, over=None, author=None, actor=actor,
                reason=article.reason, now=now,
            )  # fmt: skip
        return 201, _whole(_article(document.pk))

    return Status(*once(request, work))


@router.get(
    "/knowledge/articles/{int:number}",
    response={200: WholeArticleOut} | REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def read_article(request: HttpRequest, number: int, response: HttpResponse) -> Any:
    """The article with the text that stands; its ETag names the revision for `If-Match`."""
    document = _article(number)
    response["ETag"] = f'"{document.current_id or 0}"'
    return _whole(document)


@router.put(
    "/knowledge/articles/{int:number}",
    response={200: PublishedArticleOut} | ARTICLE_REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
@in_words
def publish_article(request: HttpRequest, number: int, article: ArticleChange) -> Any:
    """Publish the next revision over the one that you read; 409 (or 412 with `If-Match`) where
    somebody published another one meanwhile. With `merge`, changes of different lines are published
    together then, and those that overlap get 409 with both texts."""
    if article.merge and "If-Match" in request.headers:
        raise ApiError(422, "merge", "needs base_revision; If-Match asks for no change meanwhile")
    how = publish_together if article.merge else _publish

    def work() -> tuple[int, dict[str, Any]]:
        _, merged_with = how(
            document=_article(number),
            fields=_fields(article),
            over=_base(request, article.base_revision),
            author=None,
            actor=actor_of_key(request),
            reason=article.reason,
            now=timezone.now(),
        )
        merged = merged_with.pk if merged_with else None
        return 200, {**_whole(_article(number)), "merged_with": merged}

    return Status(*once(request, work))


def _publish(**what: Any) -> tuple[Publication, None]:
    return editing.publish(**what), None


@router.post(
    "/knowledge/articles/{int:number}/retire",
    response={200: ArticleOut} | REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
@in_words
def retire_article(request: HttpRequest, number: int) -> Any:
    """Take the article out: new drafts don't rest on it. Already retired is no error."""

    def work() -> tuple[int, dict[str, Any]]:
        document = _article(number)
        editing.retire(document=document, actor=actor_of_key(request), now=timezone.now())
        return 200, _article_out(_article(number))

    return Status(*once(request, work))


@router.post(
    "/knowledge/articles/{int:number}/restore",
    response={200: ArticleOut} | REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
@in_words
def restore_article(request: HttpRequest, number: int) -> Any:
    """Publish a retired article again as it was."""

    def work() -> tuple[int, dict[str, Any]]:
        document = _article(number)
        editing.restore(
            document=document, author=None, actor=actor_of_key(request), now=timezone.now()
        )
        return 200, _article_out(_article(number))

    return Status(*once(request, work))


# --- revisions --------------------------------------------------------------------------------


@router.get(
    "/knowledge/articles/{int:number}/revisions",
    response={200: RevisionsOut} | REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def list_revisions(request: HttpRequest, number: int) -> Any:
    """Every revision, the newest first; none ever changes."""
    rows = _article(number).revisions.select_related("author").order_by("-number")
    return {"revisions": [_revision_out(row) for row in rows]}


@router.get(
    "/knowledge/revisions/{int:number}",
    response={200: WholeRevisionOut} | REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def read_revision(request: HttpRequest, number: int) -> Any:
    """One revision with its text: what a citation names."""
    row = _revision(number)
    return {**_revision_out(row), "article": row.document_id, "text": row.text}


@router.post(
    "/knowledge/revisions/{int:number}/roll-back",
    response={200: WholeArticleOut} | ARTICLE_REFUSED,
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
@in_words
def roll_back(request: HttpRequest, number: int, body: RollBack) -> Any:
    """Publish an old revision's text as a new one, over the revision that you read."""

    def work() -> tuple[int, dict[str, Any]]:
        to = _revision(number)
        editing.roll_back(
            to=to,
            over=_base(request, body.base_revision),
            author=None,
            actor=actor_of_key(request),
            now=timezone.now(),
        )
        return 200, _whole(_article(to.document_id))

    return Status(*once(request, work))


def _base(request: HttpRequest, given: int | None) -> int | None:
    """The revision that the caller read: from `If-Match`, or the body. 422 where neither says."""
    tag = request.headers.get("If-Match", "").strip().removeprefix("W/").strip('"')
    if tag:
        if not (tag.isascii() and tag.isdigit() and len(tag) < 19):
            raise ApiError(412, "If-Match", "is not the ETag of any revision of this article")
        return int(tag) or None
    if given is None:
        raise ApiError(
            422, "base_revision", "say which revision you read: base_revision, or If-Match"
        )
    return given or None


def _article(number: int) -> Document:
    rows = Document.objects.select_related("collection", "current")
    row = rows.filter(pk=number).first() if number <= LARGEST else None
    if row is None:
        raise ApiError(404, "number", f"there is no article {number}")
    return row


def _revision(number: int) -> Revision:
    rows = Revision.objects.select_related("document", "author")
    row = rows.filter(pk=number).first() if number <= LARGEST else None
    if row is None:
        raise ApiError(404, "number", f"there is no revision {number}")
    return row


def _fields(article: ArticleIn | ArticleChange) -> Fields:
    return Fields(
        title=article.title, text=article.text, category=article.category,
        language=article.language, review_by=article.review_by,
    )  # fmt: skip


def _article_out(row: Document) -> dict[str, Any]:
    """As JSON holds it: an idempotent answer is stored."""
    return {
        "id": row.pk,
        "collection": row.collection.name,
        "visibility": row.collection.visibility,
        "source": row.source,
        "title": row.title,
        "category": row.category,
        "language": row.language,
        "state": row.state,
        "trust": row.trust,
        "review_by": row.review_by.isoformat() if row.review_by else None,
        "revision": row.current_id,
        "number": row.current.number if row.current else None,
        "changed_at": row.changed_at.isoformat(),
        "url": address_of(row),
    }


def _whole(row: Document) -> dict[str, Any]:
    return {**_article_out(row), "text": row.current.text if row.current else None}


def _revision_out(row: Revision) -> dict[str, Any]:
    return {
        "revision": row.pk,
        "number": row.number,
        "title": row.title,
        "by": row.author.display_name if row.author else None,
        "created_at": row.created_at,
    }
