"""Findings of the knowledge base's health: putting one aside, and the words around one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Case, IntegerField, Value, When

from assistant.audit.log import actor_of, record
from assistant.reasons import written_reason
from review.disagreements import WORDS
from review.models import Finding

NEXT = {
    Finding.Kind.CONTRADICTION: "Find out which one holds, and correct the other article.",
    Finding.Kind.DUPLICATE: "Keep one: retire the other, or merge what only it says.",
    Finding.Kind.DEAD_LINK: "Correct each link, or take it out.",
    Finding.Kind.DISLIKED: "Read what agents changed in these drafts, and say it in the article.",
    Finding.Kind.OVERDUE: "Read it again, correct it, and set the next date.",
    Finding.Kind.UNCITED: "Retire it, or put customers' own words into its title and headings.",
}
WHY_DEAD = {
    "article": "no article of this collection has this path",
    "retired": "that article is not published",
    "heading": "that article has no such heading",
}
BY_KIND = Case(
    *(When(kind=kind, then=Value(place)) for place, kind in enumerate(Finding.Kind.values)),
    output_field=IntegerField(),
)


class FindingRefused(RuntimeError):
    """Nothing was changed: why, for the person."""


def dress(finding: Finding) -> None:
    """Add what the page says of it: `next_step`, and words for what its details name by codes."""
    finding.next_step = NEXT[Finding.Kind(finding.kind)]  # type: ignore[attr-defined]
    for link in finding.details.get("links", ()):
        link["words_why"] = WHY_DEAD.get(link.get("why"), "")
    for pair in finding.details.get("pairs", ()):
        pair["words_differ"] = ", ".join(WORDS.get(kind, kind) for kind in pair["differs"])


def dismiss(*, finding: Finding, reason: str, by: Any, now: datetime) -> None:
    """Put it aside for as long as it stays the same. Raises FindingRefused."""
    ask = "Write why it is all right as it is: colleagues will ask."
    reason = written_reason(reason, refusal=FindingRefused, ask=ask)
    _move(finding, Finding.State.OPEN, Finding.State.DISMISSED, reason, by, now)


def reopen(*, finding: Finding, by: Any, now: datetime) -> None:
    """Bring a dismissed one back. Raises FindingRefused."""
    _move(finding, Finding.State.DISMISSED, Finding.State.OPEN, "", by, now)


def _move(finding: Finding, old: str, new: str, reason: str, by: Any, now: datetime) -> None:
    with transaction.atomic():
        won = Finding.objects.filter(pk=finding.pk, state=old).update(
            state=new, reason=reason, changed_by=by
        )
        if not won:
            raise FindingRefused("Somebody has changed this finding meanwhile.")
        record(
            "finding.dismissed" if new == Finding.State.DISMISSED else "finding.reopened",
            actor=actor_of(by),
            data={
                "finding": finding.pk,
                "kind": str(finding.kind),
                "document": finding.document_id,
                "other": finding.other_id,
            },
            now=now,
        )
    finding.refresh_from_db()
