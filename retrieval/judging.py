"""What bringing a text in would do: add, change, leave, or wait for a person. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any

from retrieval.loaders import LoadedArticle, category_of
from retrieval.models import Collection, Document
from retrieval.public_links import Stated, stated
from retrieval.publishing import (
    article_digest,
    check_article,
    normal_line,
    normal_source,
    normal_text,
)
from retrieval.screening import Finding, findings
from retrieval.source_models import HeldArticle, Source
from retrieval.trust import Trust

TITLE_LENGTH = 300
Why = HeldArticle.Why


class Effect(StrEnum):
    ADD = "add"
    CHANGE = "change"
    NONE = "none"  # as it stands, or kept out by a person before
    HOLD = "hold"


@dataclass(frozen=True)
class Candidate:
    """An article's fields as `publishing.put` would take them, and their digest."""

    path: str
    title: str
    text: str
    category: str
    language: str
    front_matter: Mapping[str, Any]
    digest: str

    @classmethod
    def of(cls, article: LoadedArticle, path: str) -> Candidate:
        """What a loaded article becomes under this path. Raises `publishing.BadArticle`."""
        path = normal_source(path)
        title = normal_line(article.title)
        if len(title) > TITLE_LENGTH:
            title = title[: TITLE_LENGTH - 1].rstrip() + "…"
        category = normal_line(category_of(article, path)[:100])
        text = normal_text(article.text)
        language = normal_line(article.language)
        check_article(source=path, title=title, category=category, language=language, text=text)
        digest = article_digest(title=title, category=category, language=language, text=text)
        return cls(path, title, text, category, language, article.front_matter, digest)

    @cached_property
    def stated(self) -> Stated:
        """What its front matter says of its public address."""
        return stated(self.front_matter)


def fields_of(text: Candidate | HeldArticle) -> dict[str, Any]:
    """What `publishing.put` takes of it."""
    return {
        "source": text.path,
        "title": text.title,
        "text": text.text,
        "category": text.category,
        "language": text.language,
        "front_matter": text.front_matter,
        "stated_address": stated(text.front_matter).address,
    }


@dataclass(frozen=True)
class Verdict:
    """The effect on the document that stands (None: there is none); why it would be held."""

    effect: Effect
    document: Document | None = None
    why: Why | None = None
    findings: list[Finding] = field(default_factory=list)


def judge(
    candidate: Candidate,
    *,
    collection: Collection,
    origin: Source | None = None,
    was_here: bool = False,
) -> Verdict:
    """What publishing the candidate would do.

    A text that is suspicious, whose origin's trust is low, or that would overwrite what is not its
    origin's, is held. `was_here` says that the origin brought this path in before, so that a
    retired article was retired by a person. Without an origin (an operator's own ingestion) only
    suspicious text is held. What a person approved or refused with these very words is not asked
    again.
    """
    document = (
        Document.objects.select_related("current", "origin")
        .filter(collection=collection, source=candidate.path)
        .first()
    )
    standing = document.current if document else None
    published = document is not None and document.state == Document.State.PUBLISHED
    if published and standing is not None and standing.digest == candidate.digest:
        return Verdict(Effect.NONE, document)
    effect = Effect.CHANGE if document else Effect.ADD
    decided = (
        HeldArticle.objects.filter(
            collection=collection,
            path=candidate.path,
            digest=candidate.digest,
            state__in=[HeldArticle.State.APPROVED, HeldArticle.State.REFUSED],
        )
        .order_by("-decided_at")
        .first()
    )
    if decided is not None:
        kept_out = decided.state == HeldArticle.State.REFUSED
        return Verdict(Effect.NONE if kept_out else effect, document)
    found = findings(f"{candidate.title}\n\n{candidate.text}")
    why = _reason_to_hold(document, origin, was_here, bool(found))
    if why is not None:
        return Verdict(Effect.HOLD, document, why, _in_the_text(found, candidate))
    return Verdict(effect, document)


def _reason_to_hold(
    document: Document | None, origin: Source | None, was_here: bool, suspicious: bool
) -> Why | None:
    if suspicious:
        return Why.SUSPICIOUS
    if origin is None:
        return None
    if origin.trust == Trust.LOW:
        return Why.LOW_TRUST
    if document is None:
        return None
    if document.state == Document.State.DRAFT or (
        document.origin_id is not None and document.origin_id != origin.pk
    ):
        return Why.OTHER_ORIGIN
    if document.current is not None and document.current.author_id is not None:
        return Why.EDITED
    if document.state == Document.State.RETIRED and was_here:
        return Why.RETIRED
    return None


def _in_the_text(found: list[Finding], candidate: Candidate) -> list[Finding]:
    """Findings with places in the text; the title was screened in front of it."""
    shift = len(candidate.title) + 2
    return [
        Finding(max(0, one.start - shift), max(0, one.end - shift), one.rule, one.excerpt)
        for one in found
    ]
