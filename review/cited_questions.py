"""Questions that agents' own replies give: the customer's message, and the articles that the approved
or edited draft cites."""

from __future__ import annotations

from datetime import datetime

from assistant.models import User
from generation.models import DraftSentence
from retrieval.kept_questions import keep_messages
from retrieval.models import Document
from review.models import Decision

MOST = 1_000  # messages that are looked at in one go, the newest first
TAKEN = (Decision.Verdict.APPROVE, Decision.Verdict.EDIT)


def keep_cited_questions(*, by: User, now: datetime) -> int:
    """Keep the messages that agents answered from articles and that are not kept yet, the newest
    `MOST` of them. Returns how many came in.

    An article counts where a supported claim of the text that the agent started from cites it, and
    no reviewer has said that the sentence is not supported. Drafts that a policy sent have no
    decision, so they never count.
    """
    decisions = list(
        Decision.objects.filter(
            verdict__in=TAKEN, undone_at=None, draft__isnull=False,
            draft__message__kept_question=None,
        )
        .select_related("draft__message")
        .order_by("-decided_at")[:MOST]
    )  # fmt: skip
    cited = _cited([d.candidate_id or d.draft.chosen_id for d in decisions if d.draft])
    answered = [
        (decision.draft.message, sorted(documents))
        for decision in decisions
        if decision.draft
        and (documents := cited.get(decision.candidate_id or decision.draft.chosen_id))
    ]
    return keep_messages(answered, by=by, now=now)


def _cited(candidates: list[int | None]) -> dict[int | None, set[int]]:
    """The published articles that each candidate's claims rest on."""
    found: dict[int | None, set[int]] = {}
    for start in range(0, len(candidates), 500):  # the databases bound a query's parameters
        rows = (
            DraftSentence.objects.filter(
                candidate__in=[pk for pk in candidates[start : start + 500] if pk],
                kind=DraftSentence.Kind.CLAIM,
                supported=True,
                source__chunk__revision__document__state=Document.State.PUBLISHED,
            )
            .exclude(judgements__supported=False)
            .values_list("candidate_id", "source__chunk__revision__document_id")
        )
        for candidate, document in rows:
            found.setdefault(candidate, set()).add(document)
    return found
