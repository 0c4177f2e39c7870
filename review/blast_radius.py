"""What hangs on an article: drafts that wait on it, drafts made anew for it, replies sent on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from assistant.models import OutboundReply
from generation.models import Draft, DraftSentence, DraftSource
from retrieval.models import Document
from review.claims import worked_on
from review.models import Decision, Redraft

LISTED = 200
_GONE = (OutboundReply.State.CANCELLED, OutboundReply.State.FAILED)


@dataclass(frozen=True)
class Use:
    """A draft or a reply that rests on a revision of the article (`revision` is its number)."""

    ticket: int
    subject: str
    draft: int
    revision: int | None
    at: datetime
    state: str


@dataclass(frozen=True)
class BlastRadius:
    """Counts are whole; each list holds the newest `LISTED`.

    `waiting`: drafts that a person has yet to decide on and that found a passage of the article;
    `held` of them are somebody's just now, so that a change marks them and redrafts the others.
    `replies`: sent, or held for undo, with a sentence that rests on the article.
    """

    document: Document
    waiting: list[Use]
    waiting_count: int
    held_count: int
    redrafts: list[Redraft]
    redraft_count: int
    replies: list[Use]
    reply_count: int

    @property
    def free_count(self) -> int:
        return self.waiting_count - self.held_count

    @property
    def empty(self) -> bool:
        return not (self.waiting_count or self.redraft_count or self.reply_count)


def blast_radius(
    document: Document, *, now: datetime | None = None, listed: int = LISTED
) -> BlastRadius:
    """What publishing or retiring the article touches now, and what rested on it before."""
    now = now or timezone.now()
    waiting = Draft.objects.filter(Exists(_found_in(document)), state__in=Draft.WAITING)
    held = waiting.filter(worked_on(now=now))
    redrafts = Redraft.objects.filter(change__document=document).exclude(
        outcome=Redraft.Outcome.OVERTAKEN
    )
    sentences = replied_sentences(document)
    return BlastRadius(
        document=document,
        waiting=_waiting(waiting, document, listed),
        waiting_count=waiting.count(),
        held_count=held.count(),
        redrafts=list(
            redrafts.select_related("draft__ticket", "new_draft", "change__old_revision").order_by(
                "-pk"
            )[:listed]
        ),
        redraft_count=redrafts.count(),
        replies=_replies(sentences, listed),
        reply_count=sentences.values("candidate__draft").distinct().count(),
    )


def replied_sentences(document: Document) -> QuerySet[DraftSentence]:
    """Sentences of the texts that agents (or a policy) sent on, which rest on the article."""
    standing = Decision.objects.filter(
        candidate=OuterRef("candidate"), undone_at=None, reply__isnull=False
    ).exclude(reply__state__in=_GONE)
    automatic = Q(
        candidate__draft__state=Draft.State.AUTO_APPROVED,
        candidate=F("candidate__draft__chosen"),
    )
    return DraftSentence.objects.filter(
        Q(Exists(standing)) | automatic,
        supported=True,
        source__chunk__revision__document=document,
    )


def _found_in(document: Document) -> QuerySet[DraftSource]:
    return DraftSource.objects.filter(draft=OuterRef("pk"), chunk__revision__document=document)


def _waiting(waiting: QuerySet[Draft], document: Document, listed: int) -> list[Use]:
    drafts = list(waiting.select_related("ticket").order_by("-queued_at", "-pk")[:listed])
    revisions = dict(
        DraftSource.objects.filter(draft__in=drafts, chunk__revision__document=document)
        .order_by("chunk__revision__number")
        .values_list("draft_id", "chunk__revision__number")
    )
    return _uses(drafts, revisions)


def _replies(sentences: QuerySet[DraftSentence], listed: int) -> list[Use]:
    drafts = list(
        Draft.objects.filter(pk__in=sentences.values("candidate__draft"))
        .select_related("ticket")
        .order_by(F("closed_at").desc(nulls_last=True), "-pk")[:listed]
    )
    revisions = dict(
        sentences.filter(candidate__draft__in=drafts)
        .order_by("source__chunk__revision__number")
        .values_list("candidate__draft_id", "source__chunk__revision__number")
    )
    return _uses(drafts, revisions)


def _uses(drafts: list[Draft], revisions: dict[int, int]) -> list[Use]:
    return [
        Use(
            draft.ticket_id,
            draft.ticket.subject,
            draft.number,
            revisions.get(draft.pk),
            draft.closed_at or draft.queued_at,
            draft.get_state_display(),
        )
        for draft in drafts
    ]
