"""The API's drafts: read-only, for programs that show or judge them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema

from assistant.api import REFUSED, KeyAuth, Scope, ticket_or_404
from assistant.privacy.encryption import Forgotten, unseal
from generation.models import Draft

router = Router(tags=["drafts"])


class SourceOut(Schema):
    rank: int
    document: str
    source: str
    heading_path: list[str]
    revision: int
    start: int
    end: int
    score: float
    neighbour: bool  # not searched for: it holds the rest of a list; its score is 0


class SentenceOut(Schema):
    start: int
    end: int
    kind: str
    support: float | None
    supported: bool
    source: int | None
    flags: list[str]


class DraftOut(Schema):
    number: int
    state: str
    kind: str
    text: str | None
    category: str
    confidence: float | None
    calibrated_here: bool
    toxicity: dict[str, float]
    reasons: list[dict[str, str]]
    sentences: list[SentenceOut]
    sources: list[SourceOut]
    queued_at: datetime
    finished_at: datetime | None


class DraftsOut(Schema):
    number: int
    drafts: list[DraftOut]


def _draft_out(draft: Draft) -> dict[str, Any]:
    chosen = draft.chosen
    text = None
    if chosen is not None:
        try:
            text = unseal(chosen.text)
        except Forgotten:
            text = None
    return {
        "number": draft.number,
        "state": draft.state,
        "kind": draft.kind,
        "text": text,
        "category": draft.category,
        "confidence": draft.confidence,
        "calibrated_here": bool(draft.calibration and draft.calibration.local),
        "toxicity": chosen.toxicity if chosen else {},
        "reasons": draft.reasons,
        "sentences": [
            {
                "start": sentence.start,
                "end": sentence.end,
                "kind": sentence.kind,
                "support": sentence.support,
                "supported": sentence.supported,
                "source": sentence.source.rank if sentence.source else None,
                "flags": [flag["code"] for flag in sentence.flags],
            }
            for sentence in (chosen.sentences.select_related("source") if chosen else ())
        ],
        "sources": [
            {
                "rank": source.rank,
                "document": source.chunk.revision.title,
                "source": source.chunk.revision.document.source,
                "heading_path": source.chunk.heading_path,
                "revision": source.chunk.revision_id,
                "start": source.span[0],
                "end": source.span[1],
                "score": source.score,
                "neighbour": source.neighbour,
            }
            for source in draft.sources.select_related("chunk__revision__document")
        ],
        "queued_at": draft.queued_at,
        "finished_at": draft.finished_at,
    }


@router.get(
    "/tickets/{int:number}/drafts",
    response={200: DraftsOut} | REFUSED,
    summary="Read a ticket's drafts",
    auth=KeyAuth(Scope.TICKETS_READ),
)
def read_drafts(request: HttpRequest, number: int) -> Any:
    """Every draft of the ticket, newest first, each with its evidence."""
    ticket = ticket_or_404(number)
    drafts = ticket.drafts.select_related("chosen__text", "calibration").order_by("-number")
    return {"number": ticket.pk, "drafts": [_draft_out(draft) for draft in drafts]}
