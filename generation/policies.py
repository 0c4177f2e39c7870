"""What a routing policy may name, and what it would have let out (`generation/routing.py` decides)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from generation.models import Draft, RoutingPolicy
from generation.routing import OF_A_POLICY
from retrieval.models import Document

EVERY = "*"
DAYS = 30
State = Draft.State


def known_categories() -> list[str]:
    """The categories of articles and of drafts, in order: no draft has another one."""
    found = {
        *Document.objects.values_list("category", flat=True).distinct(),
        *Draft.objects.values_list("category", flat=True).distinct(),
    }
    return sorted(found - {""}, key=str.casefold)


@dataclass(frozen=True)
class Foreseen:
    """Of the drafts made in the last `DAYS` days under a policy's category: how many would have gone out.

    `gone` pass everything: confidence calibrated on this installation's decisions, and the threshold.
    `uncalibrated` pass all but the calibration, so they go to a person until it is there. `changed` of
    both were edited or rejected by a person.
    """

    made: int
    gone: int
    uncalibrated: int
    changed: int

    def __str__(self) -> str:
        if not self.made:
            return f"No draft of it was made in the last {DAYS} days."
        words = (
            f"Of {self.made} drafts of it in the last {DAYS} days, {self.gone} would have gone out "
            "without a person."
        )
        if self.uncalibrated:
            words += (
                f" {self.uncalibrated} more reach the threshold, but their confidence is not calibrated "
                "on your own decisions: they go to a person until it is."
            )
        if self.gone or self.uncalibrated:
            words += f" People edited or rejected {self.changed} of these."
        return words


def foresee(*, category: str, threshold: float, now: datetime) -> Foreseen:
    """What a policy that allows this category from this confidence on would have let out."""
    made = _covered(category).filter(finished_at__gte=now - timedelta(days=DAYS))
    gone = uncalibrated = changed = 0
    confident = made.filter(confidence__gte=threshold, chosen__isnull=False)
    for state, reasons in confident.values_list("state", "reasons").iterator():
        codes = {reason["code"] for reason in reasons}
        if codes - OF_A_POLICY:
            continue
        gone += "not_calibrated" not in codes
        uncalibrated += "not_calibrated" in codes
        changed += state in {State.EDITED, State.REJECTED}
    return Foreseen(made.count(), gone, uncalibrated, changed)


def _covered(category: str) -> QuerySet[Draft]:
    if category != EVERY:
        return Draft.objects.filter(category=category)
    own = RoutingPolicy.objects.exclude(category=EVERY).values("category")
    return Draft.objects.filter(~Q(category__in=own))
