"""An article changes: the drafts that wait on its old text are drafted anew.

Publishing writes one row (`ArticleChange`), however many drafts there are; the rest is done by
worker-default in batches. A draft that nobody holds and nobody has edited is retired and queued
again, once the index holds the new text and the drafting queue has room. One that somebody works on
is only marked, so that nobody's words are lost: they choose Redo.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q

from assistant.celery import wake
from assistant.models import Ticket
from generation.models import Draft, DraftSource
from generation.queue import lock_ticket
from generation.stale import mark_stale, redraft
from retrieval import snapshots
from retrieval.models import Collection, Document, IndexSnapshot, Revision
from review.claims import worked_on
from review.models import ArticleChange, GapTicket, Redraft

TASK = "review.tasks.redraft_stale"
BATCH = 100  # drafts that one run looks at
ROOM = 50  # drafts in the queue above which nothing is added: new tickets come first
Outcome = Redraft.Outcome


def article_changed(
    *, document: Document, old_revision: Revision | None, gap: int | None = None, now: datetime
) -> None:
    """Note that the drafts on this text have to be looked at; inside the change's transaction."""
    ArticleChange.objects.create(
        document=document,
        old_revision=old_revision,
        gap_id=gap,
        version=snapshots.version(),
        changed_at=now,
    )
    wake(TASK)


def collection_changed(*, collection: Collection, now: datetime) -> int:
    """The same for each published article of a collection whose visibility or channels changed, in
    a few statements whatever its size. Returns how many."""
    version = snapshots.version()
    documents = collection.documents.filter(
        state=Document.State.PUBLISHED, current__isnull=False
    ).values_list("pk", "current_id")
    made = ArticleChange.objects.bulk_create(
        (
            ArticleChange(document_id=pk, old_revision_id=current, version=version, changed_at=now)
            for pk, current in documents.iterator()
        ),
        batch_size=500,
    )
    wake(TASK)
    return len(made)


def redraft_stale(*, now: datetime) -> int:
    """Look at a batch of drafts whose articles changed; wake again while more remain.

    Returns how many drafts were queued anew.
    """
    if not ArticleChange.objects.filter(settled_at=None).exists():
        return 0
    active = IndexSnapshot.objects.filter(state=IndexSnapshot.State.ACTIVE).first()
    until = _until(active)
    noticed = _notice(until, now)
    if active is None:
        return 0  # drafts wait, marked, for an index that holds the change
    made, left = _redraft(active, now)
    if noticed == BATCH or left:
        wake(TASK)
    else:
        _settle(active, until, now)
    return made


def _until(active: IndexSnapshot | None) -> datetime | None:
    """Drafts begun later were made from what stands now; None: there may be none such yet."""
    changes = ArticleChange.objects.filter(settled_at=None).aggregate(
        at=Max("changed_at"), version=Max("version")
    )
    if active is None or active.built_from < changes["version"]:
        return None
    return max(changes["at"], active.activated_at or active.created_at)


def _notice(until: datetime | None, now: datetime) -> int:
    """A row for each waiting draft of an open change, and its mark. Returns how many."""
    noted = Redraft.objects.filter(
        draft=OuterRef("draft"),
        change__settled_at=None,
        change__old_revision=OuterRef("chunk__revision"),
    )
    open_revisions = ArticleChange.objects.filter(settled_at=None, old_revision__isnull=False)
    cited = (
        DraftSource.objects.filter(
            draft__state__in=Draft.WAITING,
            chunk__revision__in=open_revisions.values("old_revision"),
        )
        .exclude(Exists(noted))
        .order_by("draft_id")
        .values_list("draft_id", "chunk__revision_id")
        .distinct()
    )
    if until is not None:
        cited = cited.exclude(draft__started_at__gt=until)
    pairs = list(cited[:BATCH])
    changes = {
        change.old_revision_id: change
        for change in open_revisions.filter(
            old_revision__in={revision for _, revision in pairs}
        ).select_related("document")
    }
    found = [(changes[revision], draft) for draft, revision in pairs]
    for change in ArticleChange.objects.filter(settled_at=None, gap__isnull=False).select_related(
        "document"
    ):
        tickets = GapTicket.objects.filter(gap=change.gap_id).values("ticket")
        waiting = Draft.objects.filter(ticket__in=tickets, state__in=Draft.WAITING)
        waiting = waiting.exclude(redrafts__change=change)
        if until is not None:
            waiting = waiting.exclude(started_at__gt=until)
        found += [(change, pk) for pk in waiting.values_list("pk", flat=True)[:BATCH]]
    found = found[:BATCH]
    drafts = Draft.objects.in_bulk({draft for _, draft in found})
    held = _held({draft.ticket_id for draft in drafts.values()}, now)
    for change, draft_id in found:
        draft = drafts[draft_id]
        keep = draft.ticket_id in held
        with transaction.atomic():
            _, new = Redraft.objects.get_or_create(
                change=change,
                draft=draft,
                defaults={"outcome": Outcome.KEPT if keep else Outcome.WAITING, "at": now},
            )
            if new:
                mark_stale(draft, text=words_of(change, kept=keep))
    return len(found)


def _redraft(active: IndexSnapshot, now: datetime) -> tuple[int, bool]:
    """Queue anew what may be; returns how many, and whether some wait for room in the queue."""
    room = max(0, ROOM - Draft.objects.filter(state=Draft.State.QUEUED).count())
    rows = list(
        Redraft.objects.filter(
            outcome=Outcome.WAITING,
            change__settled_at=None,
            change__version__lte=active.built_from,
        )
        .select_related("change__document", "draft__ticket", "draft__message")
        .order_by("pk")[: room + 1]
    )
    made = 0
    for row in rows[:room]:
        with transaction.atomic():
            lock_ticket(row.draft.ticket_id)
            if not Redraft.objects.filter(pk=row.pk, outcome=Outcome.WAITING).exists():
                continue  # another thread was faster
            if _held({row.draft.ticket_id}, now):
                row.outcome = Outcome.KEPT
                mark_stale(row.draft, text=words_of(row.change, kept=True))
            else:
                row.new_draft = redraft(row.draft, reason="an article changed", now=now)
                row.outcome = Outcome.REDRAFTED if row.new_draft else Outcome.OVERTAKEN
                made += row.new_draft is not None
            row.at = now
            row.save(update_fields=["outcome", "new_draft", "at"])
    # a full queue is looked at again by the sweep, not in a circle
    return made, bool(room) and len(rows) > room


def _settle(active: IndexSnapshot, until: datetime | None, now: datetime) -> None:
    """Close the changes that the index holds, unless a draft is being made from what stood before."""
    since = until or active.activated_at or active.created_at
    if Draft.objects.filter(state=Draft.State.WORKING, started_at__lte=since).exists():
        return
    rows = Redraft.objects.filter(change=OuterRef("pk"), outcome=Outcome.WAITING)
    open_changes = ArticleChange.objects.filter(settled_at=None, version__lte=active.built_from)
    open_changes.exclude(Exists(rows)).update(settled_at=now)


def waits_again(draft: Draft, *, now: datetime) -> None:
    """Mark a draft whose decision was undone, where an article under it changed meanwhile; inside
    the undo's transaction. Its agent's words are back too, so it is never retired unasked."""
    begun = draft.started_at or draft.queued_at
    cited = DraftSource.objects.filter(draft=draft).values("chunk__revision")
    on_old_text = Q(old_revision__in=cited) & (
        Q(changed_at__gte=begun)
        | ~Q(document__current=F("old_revision"))
        | ~Q(document__state=Document.State.PUBLISHED)
    )
    gaps = GapTicket.objects.filter(ticket=draft.ticket_id).values("gap")
    written_for_it = Q(gap__in=gaps, changed_at__gte=begun)
    changes = ArticleChange.objects.filter(on_old_text | written_for_it).select_related("document")
    for change in changes.order_by("changed_at", "pk"):
        Redraft.objects.update_or_create(
            change=change, draft=draft, defaults={"outcome": Outcome.KEPT, "at": now}
        )
        mark_stale(draft, text=words_of(change, kept=True))


def _held(tickets: Iterable[int], now: datetime) -> set[int]:
    """Those of the tickets on which somebody works: a claim that stands, or words not sent."""
    held = Ticket.objects.filter(worked_on("pk", now=now), pk__in=tickets)
    return set(held.values_list("pk", flat=True))


def made_for(draft: Draft) -> list[ArticleChange]:
    """The changes for which this draft was made in another's place."""
    rows = draft.made_for.select_related("change__document").order_by("pk")
    return [row.change for row in rows[:3]]


def words_of(change: ArticleChange, *, kept: bool) -> str:
    """Why a draft is marked, for the person who has it before them."""
    title = change.document.title
    if change.gap_id is not None:
        happened = f"“{title}” was written for questions like this since this draft was made"
    elif change.document.state == Document.State.RETIRED:
        happened = f"“{title}” was retired since this draft was made"
    else:
        happened = f"“{title}” has changed since this draft was made"
    return f"{happened}; " + (
        "redo it to use what stands now." if kept else "it will be drafted anew."
    )
