"""What people and programs do to one article: start, publish, roll back, retire, restore, move.

A text that reads like an instruction to the machine is published only with a written reason, and
nothing is published over a revision that the writer has not seen.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.text import slugify

from assistant.audit.log import actor_of, record
from assistant.celery import wake
from assistant.models import User
from retrieval import article_search, publishing, snapshots
from retrieval.article_drafts import Fields, check_fields
from retrieval.models import ArticleDraft, Collection, Document, LetThrough, Revision
from retrieval.publishing import BadArticle, Publication
from retrieval.screening import Finding, findings
from retrieval.signals import knowledge_changed

LEAST_REASON, LONGEST_REASON = 10, 2000
State = Document.State


class EditRefused(RuntimeError):
    """The step was not taken and nothing was changed; the message says why."""


class Overtaken(EditRefused):
    """Somebody published another revision meanwhile: `current` stands now (None: nothing does)."""

    def __init__(self, current: Revision | None) -> None:
        who = current.author.display_name if current and current.author else "Somebody"
        what = f"revision {current.number}" if current else "another state of this article"
        super().__init__(f"{who} published {what} meanwhile; nothing was overwritten.")
        self.current = current


class Suspicious(EditRefused):
    """The text holds what reads like instructions to the machine, and no reason was given."""

    def __init__(self, found: Sequence[Finding], problem: str = "") -> None:
        super().__init__(
            problem
            or "The text holds what reads like an instruction to the machine: change the marked "
            f"places, or give a reason of at least {LEAST_REASON} characters."
        )
        self.findings = list(found)


class SourceTaken(EditRefused):
    """The collection holds another article of this name."""


def start(
    *,
    collection: Collection,
    fields: Fields,
    author: User | None,
    actor: str = "",
    source: str = "",
    now: datetime,
) -> Document:
    """A new article that nobody finds until it is published, with the fields as its author's draft.

    `source`, its name for ever, is made from the title unless given. Raises `BadArticle`, and
    `SourceTaken` for a given source that is taken.
    """
    check_fields(fields)
    title = " ".join(fields.title.split())
    if not title:
        raise BadArticle("title", "is empty")
    publishing.check_length("source", source, maximum=500)
    with transaction.atomic():
        document = _named(collection, source, title, fields, now)
        article_search.index(document, title=title, text="")
        if author is not None:
            ArticleDraft.objects.create(
                document=document, user=author, title=title, text=fields.text,
                category=fields.category, language=fields.language, review_by=fields.review_by,
                version=1, saved_at=now, seen_at=now,
            )  # fmt: skip
        record(
            "document.started",
            actor=actor or actor_of(author),
            data={"document": document.pk, "collection": collection.pk},
            now=now,
        )
    return document


def _named(
    collection: Collection, source: str, title: str, fields: Fields, now: datetime
) -> Document:
    stem = slugify(title)[:80] or "article"
    names = [source] if source else [f"{stem}.md", *(f"{stem}-{n}.md" for n in range(2, 1000))]
    taken = set(collection.documents.filter(source__in=names).values_list("source", flat=True))
    name = next((name for name in names if name not in taken), None)
    try:
        if name is None:
            raise IntegrityError
        with transaction.atomic():
            return Document.objects.create(
                collection=collection, source=name, title=title, category=fields.category,
                language=fields.language, review_by=fields.review_by, state=State.DRAFT,
                created_at=now, changed_at=now,
            )  # fmt: skip
    except IntegrityError:
        raise SourceTaken(
            f"The collection “{collection}” holds an article named {source or stem} already."
        ) from None


def publish(
    *,
    document: Document,
    fields: Fields,
    over: int | None,
    author: User | None,
    actor: str = "",
    reason: str = "",
    from_draft: bool = True,
    now: datetime,
) -> Publication:
    """Publish the fields as the article's next revision, over the revision `over` that the writer
    saw as the one that stands; where they come `from_draft`, the author's draft is done with.

    Raises `Overtaken`, `Suspicious`, `BadArticle`.
    """
    found = findings(publishing.normal_text(fields.text))
    reason = _checked_reason(found, reason)
    actor = actor or actor_of(author)
    with transaction.atomic():
        locked = _lock(document)
        if locked.current_id != over:
            raise Overtaken(locked.current)
        done = publishing.put(
            collection=locked.collection,
            source=locked.source,
            title=fields.title,
            text=fields.text,
            category=fields.category,
            language=fields.language,
            front_matter=locked.current.front_matter if locked.current else None,
            author=author,
            actor=actor,
            now=now,
        )
        if author is not None and from_draft:
            ArticleDraft.objects.filter(document=document, user=author).delete()
        if fields.review_by != locked.review_by:
            _set_review_by(locked, fields.review_by, actor=actor, now=now)
        if found:
            _let_through(done.revision, found, reason, author=author, actor=actor, now=now)
    return done


def _checked_reason(found: Sequence[Finding], reason: str) -> str:
    reason = reason.replace("\x00", "").strip()
    if not found:
        return ""
    if len(reason) < LEAST_REASON:
        raise Suspicious(found)
    if len(reason) > LONGEST_REASON:
        raise Suspicious(
            found, f"The reason has {len(reason)} characters; {LONGEST_REASON} are kept."
        )
    return reason


def _let_through(
    revision: Revision,
    found: Sequence[Finding],
    reason: str,
    *,
    author: User | None,
    actor: str,
    now: datetime,
) -> None:
    salt = secrets.token_hex(16)
    LetThrough.objects.create(revision=revision, by=author, reason=reason, salt=salt, at=now)
    record(
        "document.let_through",
        actor=actor,
        data={
            "document": revision.document_id,
            "revision": revision.pk,
            "rules": sorted({one.rule[:100] for one in found})[:20],
            "reason_digest": hashlib.sha256((salt + reason).encode()).hexdigest(),
        },
        now=now,
    )


def roll_back(
    *,
    to: Revision,
    over: int | None,
    author: User | None,
    actor: str = "",
    reason: str = "",
    now: datetime,
) -> Publication:
    """Publish an old revision's title and text as a new one; a draft of the author stays. A reason that
    let this text through before lets it through again. Raises `Overtaken`, `Suspicious`."""
    document = to.document
    fields = Fields(
        title=to.title, text=to.text, category=document.category,
        language=document.language, review_by=document.review_by,
    )  # fmt: skip
    return publish(
        document=document, fields=fields, over=over, author=author, actor=actor,
        reason=reason or given_before(to), from_draft=False, now=now,
    )  # fmt: skip


def restore(
    *, document: Document, author: User | None, actor: str = "", now: datetime
) -> Publication:
    """Publish a retired article again as it was. Raises `EditRefused` and its kinds."""
    current = document.current
    if current is None or document.state != State.RETIRED:
        raise EditRefused(f"“{document.title}” is not retired.")
    return roll_back(to=current, over=current.pk, author=author, actor=actor, now=now)


def given_before(revision: Revision) -> str:
    """The reason that let this very text through when it was published."""
    row = revision.let_through.order_by("-pk").first()
    return row.reason if row else ""


def retire(*, document: Document, actor: str, now: datetime) -> bool:
    """Take a published article out. False where it was not published."""
    if document.current_id is None:
        return False
    return publishing.retire(document, actor=actor, now=now)


def set_review_by(*, document: Document, day: date | None, actor: str, now: datetime) -> bool:
    """When somebody should read it again. False where that was the day already."""
    with transaction.atomic():
        locked = _lock(document)
        if locked.review_by == day:
            return False
        _set_review_by(locked, day, actor=actor, now=now)
    return True


def _set_review_by(document: Document, day: date | None, *, actor: str, now: datetime) -> None:
    Document.objects.filter(pk=document.pk).update(review_by=day)
    record(
        "document.review_date_set",
        actor=actor,
        data={"document": document.pk, "review_by": day.isoformat() if day else None},
        now=now,
    )


def move(*, document: Document, to: Collection, actor: str, now: datetime) -> bool:
    """Put the article into another collection: from this moment who sees it changes with that.

    False where it is there already. Raises `SourceTaken`.
    """
    with transaction.atomic():
        locked = _lock(document)
        if locked.collection_id == to.pk:
            return False
        before = locked.collection_id
        locked.collection, locked.changed_at = to, now
        try:
            with transaction.atomic():
                locked.save(update_fields=["collection", "changed_at"])
        except IntegrityError:
            taken = f"“{to}” holds an article named {locked.source} already."
            raise SourceTaken(taken) from None
        if locked.state == State.PUBLISHED:
            snapshots.bump_version()
            knowledge_changed.send(
                sender=Document, document=locked, old_revision=locked.current, now=now
            )
            wake(snapshots.REFRESH_TASK, queue=snapshots.SEARCH_QUEUE)
        data: dict[str, Any] = {"document": locked.pk, "before": before, "collection": to.pk}
        record("document.moved", actor=actor, data=data, now=now)
    return True


def _lock(document: Document) -> Document:
    return (
        Document.objects.select_for_update(of=("self",))
        .select_related("collection", "current__author")
        .get(pk=document.pk)
    )
