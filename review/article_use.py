"""How articles fare in drafts: cited or not, and what became of the drafts that rest on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Min, Q
from django.db.models.functions import TruncDate

from generation.models import Draft
from retrieval.models import Document
from review.models import Decision
from review.usage import NEVER, citing, usage_of

NEW = timedelta(days=30)  # an article that is younger has had no chance yet
LEAST_DRAFTS = 50  # drafts made since, below which "never cited" says nothing
WINDOW = timedelta(days=180)
LEAST_DECISIONS = 5
LEAST_DAYS = 2  # one bad day is no verdict
MUCH = 0.2  # share of the words changed from which an edit counts against the article
Verdict = Decision.Verdict


@dataclass(frozen=True)
class UseFigures:
    """Decisions on drafts whose chosen text cites the article, in the last 180 days."""

    cited: int
    drafts_since: int
    old_enough: bool
    decided: int
    edited: int
    rejected: int
    days: int
    usual: float  # the share of edited and rejected ones over all articles

    @property
    def never_cited(self) -> bool:
        return not self.cited and self.old_enough and self.drafts_since >= LEAST_DRAFTS

    @property
    def share(self) -> float:
        return (self.edited + self.rejected) / self.decided if self.decided else 0.0

    @property
    def least_share(self) -> float:
        """The lower bound of the share (Wilson's score interval, 95 %)."""
        return wilson_lower(self.edited + self.rejected, self.decided)

    @property
    def disliked(self) -> bool:
        """Surely worse than usual: the lower bound lies above the share over all articles."""
        enough = self.decided >= LEAST_DECISIONS and self.days >= LEAST_DAYS
        return enough and self.least_share > self.usual

    def as_details(self) -> dict[str, Any]:
        return {
            "decided": self.decided,
            "edited": self.edited,
            "rejected": self.rejected,
            "days": self.days,
            "share": round(self.share, 3),
            "least_share": round(self.least_share, 3),
            "usual": round(self.usual, 3),
        }


def wilson_lower(hits: int, n: int, *, z: float = 1.96) -> float:
    """The lower end of Wilson's score interval for a share (Wilson 1927); 0 without rows."""
    if not n:
        return 0.0
    share = hits / n
    centre = share + z * z / (2 * n)
    margin = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (centre - margin) / (1 + z * z / n))


def use_of(documents: Sequence[Document], *, now: datetime) -> dict[int, UseFigures]:
    """The figures of each document, by its key, in a few queries for all of them."""
    keys = [document.pk for document in documents]
    usage = usage_of(keys)
    rows = (
        citing(keys)
        .filter(_counted(now, "candidate__draft__decisions__"))
        .values_list(
            "source__chunk__revision__document",
            "candidate__draft__decisions",
            "candidate__draft__decisions__verdict",
            "candidate__draft__decisions__edit_distance",
        )
        .annotate(day=TruncDate("candidate__draft__decisions__decided_at"))
        .order_by("candidate__draft__decisions")
        .distinct()
    )
    by_document: dict[int, list[tuple[str, float | None, Any]]] = {}
    for document, _, verdict, distance, day in rows:
        by_document.setdefault(document, []).append((verdict, distance, day))
    usual = _usual(now)
    oldest = Draft.objects.aggregate(first=Min("finished_at"))["first"]
    found = {}
    for document in documents:
        decided = by_document.get(document.pk, [])
        cited = usage.get(document.pk, NEVER).cited
        old_enough = document.created_at <= now - NEW and oldest is not None
        since = (
            Draft.objects.filter(finished_at__gte=document.created_at, chosen__isnull=False).count()
            if old_enough and not cited
            else 0
        )
        found[document.pk] = UseFigures(
            cited=cited,
            drafts_since=since,
            old_enough=old_enough,
            decided=len(decided),
            edited=sum(_edited(verdict, distance) for verdict, distance, _ in decided),
            rejected=sum(verdict == Verdict.REJECT for verdict, _, _ in decided),
            days=len({day for _, _, day in decided}),
            usual=usual,
        )
    return found


def _counted(now: datetime, prefix: str = "") -> Q:
    """Standing decisions of a person on a draft's text, of the last 180 days."""
    return Q(
        **{
            f"{prefix}undone_at": None,
            f"{prefix}verdict__in": [Verdict.APPROVE, Verdict.EDIT, Verdict.REJECT],
            f"{prefix}decided_at__gte": now - WINDOW,
        }
    ) & ~Q(**{f"{prefix}reason": Decision.Reason.SPAM})


def _edited(verdict: str, distance: float | None) -> bool:
    return verdict == Verdict.EDIT and (distance is None or distance >= MUCH)


def _usual(now: datetime) -> float:
    much = Q(verdict=Verdict.EDIT) & (Q(edit_distance=None) | Q(edit_distance__gte=MUCH))
    figures = Decision.objects.filter(_counted(now), draft__isnull=False).aggregate(
        n=Count("pk"), bad=Count("pk", filter=much | Q(verdict=Verdict.REJECT))
    )
    return figures["bad"] / figures["n"] if figures["n"] else 0.0
