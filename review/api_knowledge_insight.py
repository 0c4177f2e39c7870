"""The API's view of the knowledge base's gaps, health and uses: read-only, and without anything of
a ticket but its counts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema

from assistant.api import REFUSED, ApiError, KeyAuth, Scope
from retrieval.models import Document
from review.blast_radius import blast_radius
from review.models import Finding, Gap

router = Router(tags=["knowledge"])
MOST = 500


class GapOut(Schema):
    id: int
    state: str
    words: list[str]
    tickets: int
    weeks: list[int]
    article: int | None
    reason: str
    first_seen_at: datetime
    last_seen_at: datetime


class GapsOut(Schema):
    gaps: list[GapOut]


class FindingOut(Schema):
    id: int
    kind: str
    state: str
    article: int
    other_article: int | None
    details: dict[str, Any]
    reason: str
    first_seen_at: datetime


class HealthOut(Schema):
    findings: list[FindingOut]


class UsesOut(Schema):
    article: int
    revision: int | None
    review_by: date | None
    waiting_drafts: int
    waiting_drafts_held: int
    drafts_met_by_a_change: int
    replies_sent: int


def _state(value: str, known: list[str]) -> str:
    if value not in known:
        raise ApiError(422, "state", f"must be one of {', '.join(known)}")
    return value


@router.get(
    "/knowledge/gaps",
    response={200: GapsOut} | REFUSED,
    summary="List the gaps",
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def read_gaps(request: HttpRequest, state: str = Query("open")) -> Any:
    """The gaps of a state, the greatest first, at most 500. Questions are not given out."""
    rows = Gap.objects.filter(state=_state(state, Gap.State.values)).order_by("-size", "pk")
    return {
        "gaps": [
            {
                "id": gap.pk,
                "state": gap.state,
                "words": gap.words,
                "tickets": gap.size,
                "weeks": gap.weeks,
                "article": gap.document_id,
                "reason": gap.reason,
                "first_seen_at": gap.first_seen_at,
                "last_seen_at": gap.last_seen_at,
            }
            for gap in rows[:MOST]
        ]
    }


@router.get(
    "/knowledge/health",
    response={200: HealthOut} | REFUSED,
    summary="List the findings",
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def read_health(request: HttpRequest, state: str = Query("open")) -> Any:
    """What somebody should look at in the articles, the newest first, at most 500."""
    rows = Finding.objects.filter(state=_state(state, Finding.State.values))
    return {
        "findings": [
            {
                "id": row.pk,
                "kind": row.kind,
                "state": row.state,
                "article": row.document_id,
                "other_article": row.other_id,
                "details": row.details,
                "reason": row.reason,
                "first_seen_at": row.first_seen_at,
            }
            for row in rows.order_by("-first_seen_at", "-pk")[:MOST]
        ]
    }


@router.get(
    "/knowledge/articles/{int:number}/uses",
    response={200: UsesOut} | REFUSED,
    summary="Count what rests on an article",
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def read_uses(request: HttpRequest, number: int) -> Any:
    """What publishing it anew or retiring it would touch, and the replies sent on it."""
    document = (
        Document.objects.select_related("current").filter(pk=number).first()
        if number < 2**63
        else None
    )
    if document is None:
        raise ApiError(404, "number", f"there is no article {number}")
    found = blast_radius(document, listed=0)
    return {
        "article": document.pk,
        "revision": document.current.number if document.current else None,
        "review_by": document.review_by,
        "waiting_drafts": found.waiting_count,
        "waiting_drafts_held": found.held_count,
        "drafts_met_by_a_change": found.redraft_count,
        "replies_sent": found.reply_count,
    }
