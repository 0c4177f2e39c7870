"""Publish and retire articles. A text never changes: publishing makes the next revision."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db import transaction

from assistant.audit.log import actor_of, record, system
from assistant.celery import wake
from retrieval import article_search, chunking, snapshots
from retrieval.embedder import Embedder, get_embedder
from retrieval.hidden import blanked
from retrieval.models import Chunk, Collection, Document, Revision
from retrieval.readable import readable
from retrieval.signals import knowledge_changed
from retrieval.source_models import Source
from retrieval.witness import text_digest

# Tokens that a chunk's own text is filled up to: measured in docs/retrieval.md.
CHUNK_TOKENS = 160
_BLANK_START = re.compile(r"\A(?:[^\S\n]*\n)+")


class BadArticle(ValueError):
    """An article that cannot be published: which field, and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class Outcome(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Publication:
    """The revision that now stands, and what publishing did."""

    revision: Revision
    outcome: Outcome


def publish(
    *,
    collection: Collection,
    source: str,
    title: str,
    text: str,
    category: str = "",
    language: str = "en",
    front_matter: Mapping[str, Any] | None = None,
    author: Any = None,
    actor: str = "",
    announce: bool = True,
    now: datetime,
) -> Revision:
    """Publish an article's text as its document's next revision, and return the one that stands.

    Nothing is written when title, category, language and text are as they were. The document is
    named by `collection` and `source`. With `announce=False` the caller refreshes the index
    itself. Raises `BadArticle`.
    """
    return put(
        collection=collection,
        source=source,
        title=title,
        text=text,
        category=category,
        language=language,
        front_matter=front_matter,
        author=author,
        actor=actor,
        announce=announce,
        now=now,
    ).revision


def put(
    *,
    collection: Collection,
    source: str,
    title: str,
    text: str,
    category: str = "",
    language: str = "en",
    front_matter: Mapping[str, Any] | None = None,
    author: Any = None,
    actor: str = "",
    origin: Source | None = None,
    stated_address: str | None = None,
    announce: bool = True,
    now: datetime,
) -> Publication:
    """`publish`, which also says whether the article was added, changed or left as it was.

    With an `origin` the article belongs to that source from now on, and has its trust. A
    `stated_address` of None leaves it as it is.
    """
    source = normal_source(source)
    title, category, language = map(normal_line, (title, category, language))
    text = normal_text(text)
    check_article(source=source, title=title, category=category, language=language, text=text)
    digest = article_digest(title=title, category=category, language=language, text=text)
    embedder = get_embedder()
    pieces = cut(text, title=title, embedder=embedder)

    with transaction.atomic():
        document, created = Document.objects.get_or_create(
            collection=collection,
            source=source,
            defaults={
                "title": title,
                "category": category,
                "language": language,
                "created_at": now,
                "changed_at": now,
            },
        )
        document = (
            Document.objects.select_for_update(of=("self",))
            .select_related("current")
            .get(pk=document.pk)
        )
        old = document.current
        published = document.state == Document.State.PUBLISHED
        if old is not None and old.digest == digest and published:
            return Publication(old, Outcome.UNCHANGED)
        if old is None or old.digest != digest:
            revision = Revision.objects.create(
                document=document,
                number=old.number + 1 if old else 1,
                title=title,
                text=text,
                digest=digest,
                front_matter=dict(front_matter or {}),
                author=author,
                created_at=now,
            )
            Chunk.objects.bulk_create(_chunks(revision, pieces, embedder), batch_size=500)
        else:
            revision = old  # a retired article comes back as it was
        document.title, document.category, document.language = title, category, language
        document.state, document.current, document.changed_at = (
            Document.State.PUBLISHED,
            revision,
            now,
        )
        if stated_address is not None:
            document.stated_address = stated_address
        if origin is not None:
            document.origin, document.trust = origin, origin.trust
        document.save()
        article_search.index(document, title=title, text=text)
        snapshots.bump_version()
        knowledge_changed.send(
            sender=Document, document=document, old_revision=old if published else None, now=now
        )
        if announce:
            wake(snapshots.REFRESH_TASK, queue=snapshots.SEARCH_QUEUE)
        record(
            "document.published",
            actor=actor or (actor_of(author) if author is not None else system("knowledge")),
            data={
                "document": document.pk,
                "revision": revision.pk,
                "number": revision.number,
                "digest": digest,
                "text_sha256": text_digest(title, text),
                "before": old.pk if old else None,
                "stated_address": document.stated_address,
            },
            now=now,
        )
    return Publication(revision, Outcome.ADDED if created else Outcome.CHANGED)


def readdress(
    document: Document, stated_address: str, *, digest: str, actor: str, now: datetime
) -> bool:
    """Keep what an article's file says of its public address where its text, of this digest, stands as
    it is: no new revision, and nothing for the index. False where nothing changes."""
    with transaction.atomic():
        locked = (
            Document.objects.select_for_update(of=("self",))
            .select_related("current")
            .get(pk=document.pk)
        )
        before = locked.stated_address
        if before == stated_address or locked.current is None or locked.current.digest != digest:
            return False
        locked.stated_address = stated_address
        locked.save(update_fields=["stated_address"])
        record(
            "document.address_changed",
            actor=actor,
            data={
                "document": locked.pk,
                "stated_address_before": before,
                "stated_address": stated_address,
            },
            now=now,
        )
    return True


def retire(document: Document, *, actor: str, announce: bool = True, now: datetime) -> bool:
    """Take an article out of the knowledge base; its revisions stay for the replies that cite
    them. Returns False where it was retired already."""
    with transaction.atomic():
        document = (
            Document.objects.select_for_update(of=("self",))
            .select_related("current")
            .get(pk=document.pk)
        )
        if document.state == Document.State.RETIRED:
            return False
        document.state, document.changed_at = Document.State.RETIRED, now
        document.save(update_fields=["state", "changed_at"])
        snapshots.bump_version()
        knowledge_changed.send(
            sender=Document, document=document, old_revision=document.current, now=now
        )
        if announce:
            wake(snapshots.REFRESH_TASK, queue=snapshots.SEARCH_QUEUE)
        record(
            "document.retired",
            actor=actor,
            data={
                "document": document.pk,
                "revision": document.current.pk if document.current else None,
            },
            now=now,
        )
    return True


def normal_source(name: str) -> str:
    """A path or an address as documents are named by it: composed characters (NFC), so that a name
    from a Mac is the same, without control characters and without spaces at its ends."""
    name = unicodedata.normalize("NFC", name)
    return "".join(one for one in name if unicodedata.category(one) != "Cc").strip()


def normal_line(words: str) -> str:
    """A title, category or language as it is kept: on one line, NFC."""
    return unicodedata.normalize("NFC", " ".join(words.replace("\xad", "").split()))


def normal_text(text: str) -> str:
    """The text as revisions keep it, whatever door it came by: without what no reader sees
    (`retrieval.readable`), composed characters (NFC), no soft hyphens, `\n` line ends, no blank lines
    around it."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\xad", "")
    text = readable(unicodedata.normalize("NFC", text)).rstrip()
    return _BLANK_START.sub("", text, count=1)


def article_digest(*, title: str, category: str, language: str, text: str) -> str:
    """sha256 over what makes a revision, in hex."""
    fields = json.dumps([title, category, language, text], ensure_ascii=False)
    return hashlib.sha256(fields.encode()).hexdigest()


def cut(text: str, *, title: str, embedder: Embedder) -> list[chunking.Piece]:
    """The chunks of an article's text under this embedder."""
    return chunking.chunk(
        text,
        title=title,
        count_tokens=embedder.count_tokens,
        bound=embedder.max_tokens - embedder.special_tokens,
        target=CHUNK_TOKENS,
    )


def _chunks(revision: Revision, pieces: list[chunking.Piece], embedder: Embedder) -> list[Chunk]:
    found = []
    seen = blanked(revision.text)
    for position, piece in enumerate(pieces):
        text = seen[piece.start : piece.end]
        searchable = chunking.embedded_text(
            title=revision.title,
            heading_path=piece.heading_path,
            text=text,
            count_tokens=embedder.count_tokens,
            context=piece.context,
        )
        found.append(
            Chunk(
                revision=revision,
                position=position,
                heading_path=list(piece.heading_path),
                context=piece.context,
                text=text,
                start=piece.start,
                end=piece.end,
                tokens=piece.tokens,
                digest=hashlib.sha256(searchable.encode()).hexdigest(),
            )
        )
    return found


def check_article(*, source: str, title: str, category: str, language: str, text: str) -> None:
    """Raise `BadArticle` for the first field that cannot be published."""
    _check("source", source, maximum=500)
    _check("title", title, maximum=300)
    _check("category", category, maximum=100, may_be_empty=True)
    _check("language", language, maximum=10)
    _check("text", text)


def _check(field: str, value: str, *, maximum: int = 0, may_be_empty: bool = False) -> None:
    if not value.strip() and not may_be_empty:
        raise BadArticle(field, "is empty")
    check_length(field, value, maximum=maximum)


def check_length(field: str, value: str, *, maximum: int) -> None:
    """Raise `BadArticle` for what a column cannot hold; a `maximum` of 0 bounds nothing."""
    check_characters(field, value)
    if maximum and len(value) > maximum:
        raise BadArticle(field, f"has {len(value)} characters; {maximum} are allowed")


def check_characters(field: str, value: str) -> None:
    """Raise `BadArticle` for characters that no database takes."""
    if "\x00" in value:
        raise BadArticle(field, "holds a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise BadArticle(field, "holds half of a surrogate pair, which is no character") from None
