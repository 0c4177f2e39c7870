"""How often articles are used: cited in drafts, and what became of those drafts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, F, QuerySet

from generation.models import Draft, DraftSentence

State = Draft.State


@dataclass(frozen=True)
class Usage:
    """Drafts whose chosen text has a sentence that rests on the article, by what became of them;
    the rest of `cited` waits or was overtaken."""

    cited: int = 0
    approved: int = 0
    edited: int = 0
    rejected: int = 0

    @property
    def decided(self) -> int:
        return self.approved + self.edited + self.rejected


NEVER = Usage()
_FATE = {
    State.APPROVED: "approved",
    State.AUTO_APPROVED: "approved",
    State.EDITED: "edited",
    State.REJECTED: "rejected",
}


def citing(documents: Iterable[int] | None = None) -> QuerySet[DraftSentence]:
    """The sentences of drafts' chosen texts that rest on these documents, or on any."""
    found = DraftSentence.objects.filter(
        candidate=F("candidate__draft__chosen"), supported=True, source__isnull=False
    )
    if documents is not None:
        found = found.filter(source__chunk__revision__document__in=list(documents))
    return found


def usage_of(documents: Iterable[int] | None = None) -> dict[int, Usage]:
    """By document's key, for these documents (or all) that were ever cited; one query."""
    rows = (
        citing(documents)
        .values_list("source__chunk__revision__document", "candidate__draft__state")
        .annotate(drafts=Count("candidate__draft", distinct=True))
        .order_by()
    )
    counted: dict[int, dict[str, int]] = {}
    for document, state, drafts in rows:
        one = counted.setdefault(document, {})
        one["cited"] = one.get("cited", 0) + drafts
        if fate := _FATE.get(State(state)):
            one[fate] = one.get(fate, 0) + drafts
    return {document: Usage(**one) for document, one in counted.items()}
