"""A run over the articles' health, on worker-search: what each slice looks for, and what is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Q

from generation.evidence import containment
from generation.tokens import tokens_of
from retrieval.embedder import EmbedderError, get_embedder
from retrieval.links import dead_links
from retrieval.models import Document
from retrieval.similarity import Near, near_passages
from retrieval.snapshots import DamagedSnapshot, EmptyIndex, OpenSnapshot, open_active
from review.article_use import UseFigures, use_of
from review.disagreements import disagreements
from review.knowledge_runs import CannotRun
from review.models import Finding, KnowledgeRun

ARTICLES = 12  # a slice
NEAR = 0.5  # cosine from which two passages may speak of one thing
TWIN = 0.9  # cosine of passages that may say the same …
TWIN_WORDS = 0.8  # … and the share of their words that both hold
TWIN_SHARE = 0.5  # of the shorter article's passages, from which two articles are duplicates
DETAILS = 10  # links or sentences that one finding lists
Kind = Finding.Kind


@dataclass(frozen=True)
class Found:
    """A finding before it is stored; `key` tells it from all others of its kind."""

    kind: str
    key: tuple[Any, ...]
    document: int
    other: int | None = None
    details: dict[str, Any] = field(default_factory=dict)


def work(run: KnowledgeRun, *, now: datetime) -> bool:
    """Look at the next articles; whether the run is done."""
    published = Document.objects.filter(state=Document.State.PUBLISHED, current__isnull=False)
    run.total = published.count()
    documents = list(
        published.filter(pk__gt=run.cursor).select_related("current").order_by("pk")[:ARTICLES]
    )
    if not documents:
        _forget_what_is_gone(run)
        return True
    try:
        snapshot = open_active()
        get_embedder().warm_up()
    except (EmptyIndex, DamagedSnapshot, EmbedderError) as problem:
        raise CannotRun(str(problem)) from problem
    figures = use_of(documents, now=run.started_at)
    for document in documents:
        for found in findings_of(document, snapshot, figures[document.pk], now=run.started_at):
            _store(found, run, now)
    run.cursor = documents[-1].pk
    run.done = min(run.done + len(documents), run.total)
    return False


def findings_of(
    document: Document, snapshot: OpenSnapshot, used: UseFigures, *, now: datetime
) -> Iterator[Found]:
    """All that is to be said about one article."""
    near = near_passages(snapshot, document, least=NEAR)
    yield from _duplicates(document, near)
    yield from _contradictions(document, near)
    dead = dead_links(document)
    if dead:
        yield Found(
            Kind.DEAD_LINK,
            (document.pk, *sorted({one.link.target for one in dead})),
            document.pk,
            details={
                "count": len(dead),
                "links": [
                    {
                        "target": one.link.target[:300],
                        "words": one.link.words,
                        "line": one.link.line,
                        "why": one.why,
                    }
                    for one in dead[:DETAILS]
                ],
            },
        )
    if used.never_cited:
        yield Found(
            Kind.UNCITED,
            (document.pk,),
            document.pk,
            details={"since": document.created_at.date().isoformat(), "drafts": used.drafts_since},
        )
    if used.disliked:
        yield Found(Kind.DISLIKED, (document.pk,), document.pk, details=used.as_details())
    if document.review_by is not None and document.review_by < now.date():
        yield Found(
            Kind.OVERDUE,
            (document.pk, document.review_by.isoformat()),
            document.pk,
            details={"review_by": document.review_by.isoformat()},
        )


def _duplicates(document: Document, near: list[Near]) -> Iterator[Found]:
    """Articles of which half the passages and more stand in the other as well."""
    twins: dict[int, dict[int, Near]] = {}
    for pair in near:
        if pair.cosine >= TWIN and _same_words(pair):
            others = twins.setdefault(pair.other.revision.document_id, {})
            others.setdefault(pair.own.pk, pair)
    for other, pairs in twins.items():
        best = max(pairs.values(), key=lambda pair: pair.cosine)
        shorter = min(best.own.revision.chunks.count(), best.other.revision.chunks.count())
        if len(pairs) < TWIN_SHARE * shorter:
            continue
        yield Found(
            Kind.DUPLICATE,
            (document.pk, other),
            document.pk,
            other,
            {
                "passages": min(len(pairs), shorter),
                "of": shorter,
                "cosine": round(best.cosine, 3),
                "own": best.own.text[:400],
                "other": best.other.text[:400],
            },
        )


def _same_words(pair: Near) -> bool:
    ours, theirs = tokens_of(pair.own.text), tokens_of(pair.other.text)
    return min(containment(ours, theirs), containment(theirs, ours)) >= TWIN_WORDS


def _contradictions(document: Document, near: list[Near]) -> Iterator[Found]:
    """Each sentence counts once, with the sentence in the nearest passage. One that stands in the
    other article too, word for word, is contradicted by neither ("hold for 10 seconds" to restart,
    "for 20" to reset)."""
    by_article: dict[int, list[Any]] = {}
    used: set[tuple[int, str]] = set()
    embed = get_embedder().encode
    for pair in near:
        other = pair.other.revision.document_id
        for one in disagreements(pair, embed=embed):
            if one.own in pair.other.revision.text or one.other in pair.own.revision.text:
                continue
            sides = {(document.pk, one.own), (other, one.other)}
            if sides & used:
                continue
            used |= sides
            by_article.setdefault(other, []).append(
                {
                    "own": one.own[:600],
                    "own_revision": pair.own.revision_id,
                    "own_start": one.own_start,
                    "own_end": one.own_end,
                    "other": one.other[:600],
                    "other_revision": pair.other.revision_id,
                    "other_start": one.other_start,
                    "other_end": one.other_end,
                    "differs": list(one.differs),
                    "cosine": round(one.cosine, 3),
                }
            )
    for other, pairs in by_article.items():
        pairs.sort(key=lambda pair: -pair["cosine"])
        texts = sorted({pair["own"] + "\0" + pair["other"] for pair in pairs})
        yield Found(
            Kind.CONTRADICTION,
            (document.pk, other, *texts),
            document.pk,
            other,
            {"count": len(pairs), "pairs": pairs[:DETAILS]},
        )


def _store(found: Found, run: KnowledgeRun, now: datetime) -> None:
    """Keep a finding, or renew the one that was kept; a dismissed one stays dismissed."""
    key = hashlib.sha256(repr((str(found.kind), *found.key)).encode()).hexdigest()
    Finding.objects.update_or_create(
        key=key,
        defaults={"details": found.details, "run": run},
        create_defaults={
            "kind": found.kind,
            "document_id": found.document,
            "other_id": found.other,
            "details": found.details,
            "run": run,
            "first_seen_at": now,
        },
    )


def _forget_what_is_gone(run: KnowledgeRun) -> None:
    """Open findings that this whole run has not met are mended; dismissed ones stay, in case what
    was dismissed comes back, until their article is gone."""
    gone = Finding.objects.exclude(run=run)
    gone.filter(state=Finding.State.OPEN).delete()
    gone.filter(~Q(document__state=Document.State.PUBLISHED)).delete()
