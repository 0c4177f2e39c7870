"""Drafts of articles: a person's unpublished text, saved as they type, with a version.

One an article and person. Another window goes on where this one stopped; a save on top of a newer
one is refused with `StaleVersion`. Two people each have their own, and see each other's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta

from django.db import IntegrityError, transaction

from assistant.models import User
from retrieval import article_search
from retrieval.models import ArticleDraft, Document, Revision
from retrieval.publishing import check_characters, check_length

# An editor that has not been heard of for so long is closed.
PRESENT = timedelta(seconds=45)


@dataclass(frozen=True)
class Fields:
    """What an editor writes."""

    title: str
    text: str
    category: str = ""
    language: str = "en"
    review_by: date | None = None


class StaleVersion(RuntimeError):
    """Another window saved a newer text: `saved` is that one (None: published or discarded)."""

    def __init__(self, saved: ArticleDraft | None) -> None:
        super().__init__("Another window saved a newer text of this article.")
        self.saved = saved


def of(*, document: Document, user: User) -> ArticleDraft | None:
    """This person's draft with something in it."""
    return (
        ArticleDraft.objects.select_related("base__author")
        .filter(document=document, user=user, version__gt=0)
        .first()
    )


def fields_of(draft: ArticleDraft) -> Fields:
    """What the draft holds."""
    return Fields(
        title=draft.title, text=draft.text, category=draft.category,
        language=draft.language, review_by=draft.review_by,
    )  # fmt: skip


def begin(document: Document) -> Fields:
    """What an editor opens with: the article as it stands. Of one that was never published, the
    newest draft that anybody saved."""
    newest = document.drafts.filter(version__gt=0).order_by("-saved_at").first()
    if document.current is None and newest is not None:
        return fields_of(newest)
    current = document.current
    return Fields(
        title=current.title if current else document.title,
        text=current.text if current else "",
        category=document.category,
        language=document.language,
        review_by=document.review_by,
    )


def save(
    *,
    document: Document,
    user: User,
    fields: Fields,
    base: int | None,
    version: int,
    now: datetime,
) -> ArticleDraft:
    """Save over `version` (0: nothing was saved), and return the draft.

    `base` is the revision that the editor began from. Raises `StaleVersion`, and `BadArticle` for
    what cannot be stored; a draft may be empty.
    """
    check_fields(fields)
    values = {**asdict(fields), "base_id": base, "saved_at": now, "seen_at": now}
    rows = ArticleDraft.objects.filter(document=document, user=user)
    with transaction.atomic():
        won = rows.filter(version=version).update(version=version + 1, **values)
        if not won and version == 0:
            try:
                with transaction.atomic():
                    ArticleDraft.objects.create(document=document, user=user, version=1, **values)
                won = 1
            except IntegrityError:
                pass  # another window was faster
        if not won:
            held = of(document=document, user=user)
            if held is None or fields_of(held) != fields or held.base_id != base:
                raise StaleVersion(held)  # else it is the same save, sent again
        # nobody else reads an article that was never published: the list shows what it is called
        title = fields.title or document.title
        Document.objects.filter(pk=document.pk, state=Document.State.DRAFT).update(
            title=title, category=fields.category, language=fields.language or document.language,
            changed_at=now,
        )  # fmt: skip
        if document.state == Document.State.DRAFT:
            article_search.index(document, title=title, text="")
    return rows.select_related("base").get()


def check_fields(fields: Fields) -> None:
    """Raise `BadArticle` for what cannot be stored, though it may be unfinished."""
    check_length("title", fields.title, maximum=300)
    check_length("category", fields.category, maximum=100)
    check_length("language", fields.language, maximum=10)
    check_characters("text", fields.text)


def rebase(
    *,
    document: Document,
    user: User,
    version: int,
    onto: Revision,
    fields: Fields | None = None,
    now: datetime,
) -> bool:
    """Go on from `onto`, which this person has seen beside their own text, with `fields` where the
    two were merged. False where the draft has moved on meanwhile. Raises `BadArticle`."""
    if fields is not None:
        check_fields(fields)
    rows = ArticleDraft.objects.filter(document=document, user=user, version=version)
    values = asdict(fields) if fields is not None else {}
    return bool(rows.update(base=onto, version=version + 1, saved_at=now, **values))


def discard(*, document: Document, user: User) -> bool:
    """Forget this person's draft. An article that was never published goes with its last one."""
    with transaction.atomic():
        count, _ = ArticleDraft.objects.filter(document=document, user=user).delete()
        document = Document.objects.select_for_update(of=("self",)).get(pk=document.pk)
        if document.state == Document.State.DRAFT and not document.drafts.filter(version__gt=0):
            document.delete()
    return bool(count)


# --- who else is there ------------------------------------------------------------------------


def beat(*, document: Document, user: User, now: datetime) -> None:
    """The editor is open before this person."""
    rows = ArticleDraft.objects.filter(document=document, user=user)
    if not rows.update(seen_at=now):
        start = begin(document)
        ArticleDraft.objects.get_or_create(
            document=document,
            user=user,
            defaults={
                **asdict(start), "base": document.current, "saved_at": now, "seen_at": now,
            },
        )  # fmt: skip


def leave(*, document: Document, user: User) -> None:
    """The editor was closed with nothing written."""
    ArticleDraft.objects.filter(document=document, user=user, version=0).delete()


@dataclass(frozen=True)
class Other:
    """Somebody else's draft; `present` while their editor is open, `written` when it says more than
    that they are looking."""

    draft: ArticleDraft
    present: bool

    @property
    def written(self) -> bool:
        return self.draft.version > 0


def others(*, document: Document, user: User, now: datetime) -> Sequence[Other]:
    """Who else edits the article or left an unpublished text, those present first."""
    rows = ArticleDraft.objects.filter(document=document).exclude(user=user).select_related("user")
    found = [Other(row, row.seen_at > now - PRESENT) for row in rows]
    found = [one for one in found if one.present or one.written]
    return sorted(found, key=lambda one: (not one.present, one.draft.pk))
