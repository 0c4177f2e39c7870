"""Tickets that found no good evidence, and by which sign that is known. Opens no text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Exists, Max, OuterRef, Prefetch, QuerySet

from assistant.models import Ticket
from generation.models import Draft, DraftSentence, DraftSource
from generation.routing import LANGUAGE, NO_REPLY_NEEDED
from review.models import Decision, Gap, GapTicket

WINDOW = timedelta(days=90)
MOST = 2_000  # tickets a run clusters: the newest
# Under this cosine of the best passage a question counts as not answered: docs/knowledge-insight.md
WEAK_COSINE = 0.45
MISSING = (Decision.Reason.OFF_TOPIC, Decision.Reason.INCOMPLETE)
NO_QUESTION = (NO_REPLY_NEEDED, LANGUAGE)
Sign = GapTicket.Sign
_PAGE = 500


@dataclass(frozen=True)
class Unanswered:
    """A ticket and the sign; `nearest` is its best passage's cosine, None without any."""

    ticket: int
    contact: int
    sign: str
    nearest: float | None
    asked_at: datetime


def unanswered(*, now: datetime) -> list[Unanswered]:
    """The newest `MOST` such tickets of the last 90 days, newest first."""
    tickets = (
        Ticket.objects.filter(created_at__gte=now - WINDOW, created_at__lte=now)
        .exclude(status=Ticket.Status.SPAM)
        .exclude(gap_ticket__gap__state=Gap.State.CLOSED)  # answered by the gap's own article
        .exclude(key__destroyed_at__isnull=False)
        .exclude(Exists(_approved()))
        .filter(Exists(Draft.objects.filter(ticket=OuterRef("pk"), finished_at__isnull=False)))
        .order_by("-created_at", "-pk")
    )
    found: list[Unanswered] = []
    at = 0
    while len(found) < MOST and (page := list(_with_drafts(tickets)[at : at + _PAGE])):
        found += _signs_of(page)
        at += _PAGE
    return found[:MOST]


def _approved() -> QuerySet[Decision]:
    """The ticket's drafts that a person sent, as they were or edited: those found their answer."""
    sent = (Decision.Verdict.APPROVE, Decision.Verdict.EDIT)
    return Decision.objects.filter(ticket=OuterRef("pk"), undone_at=None, verdict__in=sent)


def _with_drafts(tickets: QuerySet[Ticket]) -> QuerySet[Ticket]:
    drafts = Draft.objects.exclude(finished_at=None).only(
        "pk", "ticket_id", "number", "state", "chosen_id", "reasons"
    )
    decisions = Decision.objects.filter(undone_at=None).only(
        "pk", "ticket_id", "verdict", "reason", "decided_at"
    )
    return tickets.only("pk", "contact_id", "created_at").prefetch_related(
        Prefetch("drafts", drafts.order_by("number"), to_attr="finished"),
        Prefetch("decisions", decisions.order_by("pk"), to_attr="standing"),
    )


def _signs_of(tickets: Iterable[Ticket]) -> list[Unanswered]:
    newest = {t.pk: t.finished[-1] for t in tickets if t.finished}  # type: ignore[attr-defined]
    pks = [draft.pk for draft in newest.values()]
    nearest = dict(
        DraftSource.objects.filter(draft__in=pks)
        .values_list("draft")
        .annotate(Max("dense_score"))
        .order_by()
    )
    claims = dict(
        DraftSentence.objects.filter(
            candidate__in=[draft.chosen_id for draft in newest.values()],
            kind=DraftSentence.Kind.CLAIM,
        )
        .values_list("candidate")
        .annotate(Count("pk"))
        .order_by()
    )
    found = []
    for ticket in tickets:
        draft = newest.get(ticket.pk)
        best = nearest.get(draft.pk) if draft else None
        sign = _sign(draft, best, claims, ticket.standing)  # type: ignore[attr-defined]
        if sign is not None:
            found.append(Unanswered(ticket.pk, ticket.contact_id, sign, best, ticket.created_at))
    return found


def _sign(
    draft: Draft | None, best: float | None, claims: dict[int, int], decisions: list[Decision]
) -> str | None:
    """What people decided counts before what the machine measured. A message that asks nothing, or in
    a language that isn't covered, says nothing about the articles."""
    if draft is not None and any(row.get("code") in NO_QUESTION for row in draft.reasons):
        return None
    verdicts = {decision.verdict for decision in decisions}
    if Decision.Verdict.REPLY in verdicts:
        return Sign.BY_HAND
    if Decision.Verdict.SOLVE in verdicts:
        return None  # it asked nothing
    if Decision.Verdict.ESCALATE in verdicts:
        return Sign.ESCALATED
    if any(d.verdict == Decision.Verdict.REJECT and d.reason in MISSING for d in decisions):
        return Sign.REJECTED
    if draft is None or draft.state in {Draft.State.FAILED, Draft.State.AUTO_APPROVED}:
        return None  # it broke, which says nothing about the knowledge base; or it was sent
    if draft.chosen_id is None:
        return Sign.NO_DRAFT
    if best is not None and best < WEAK_COSINE:
        return Sign.WEAK
    if not claims.get(draft.chosen_id):
        return Sign.DECLINED
    return None
