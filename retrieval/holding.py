"""Texts that wait for a person: held, then published or kept out."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from django.db import transaction

from assistant.audit.log import actor_of, record
from assistant.models import User
from assistant.reasons import LONGEST_REASON, written_reason
from retrieval.judging import Candidate, Verdict, fields_of
from retrieval.models import Collection
from retrieval.publishing import put
from retrieval.source_models import HeldArticle, Source, SourceRun

LEAST_REASON = 3
MAX_FINDINGS = 50
State = HeldArticle.State


class HoldError(Exception):
    """A decision on a held text that could not be made, in words."""


def hold(
    candidate: Candidate,
    verdict: Verdict,
    *,
    collection: Collection,
    source: Source | None = None,
    run: SourceRun | None = None,
    actor: str,
    now: datetime,
) -> HeldArticle:
    """Keep the text for a person. The same text is held once; a newer one takes its place."""
    assert verdict.why is not None
    with transaction.atomic():
        waiting = HeldArticle.objects.select_for_update().filter(
            collection=collection, path=candidate.path, state=State.WAITING
        )
        standing = waiting.first()
        if standing is not None and standing.digest == candidate.digest:
            return standing
        waiting.update(state=State.OVERTAKEN, decided_at=now)
        held = HeldArticle.objects.create(
            source=source,
            run=run,
            collection=collection,
            path=candidate.path,
            title=candidate.title,
            text=candidate.text,
            category=candidate.category,
            language=candidate.language,
            front_matter=dict(candidate.front_matter),
            digest=candidate.digest,
            why=verdict.why,
            findings=[asdict(one) for one in verdict.findings[:MAX_FINDINGS]],
            held_at=now,
        )
        record(
            "article.held",
            actor=actor,
            data={
                "held": held.pk,
                "digest": held.digest,
                "why": str(held.why),
                "findings": len(verdict.findings),
            },
            now=now,
        )
    return held


def withdraw(*, collection: Collection, path: str, now: datetime) -> int:
    """Take a waiting text of this path back: its author keeps it from readers now."""
    waiting = HeldArticle.objects.filter(collection=collection, path=path, state=State.WAITING)
    return waiting.update(state=State.OVERTAKEN, decided_at=now)


def approve(held: HeldArticle, *, by: User, reason: str, now: datetime) -> HeldArticle:
    """Publish the text as it was held. Raises `HoldError`."""
    reason = _checked(reason)
    with transaction.atomic():
        _decide(held, State.APPROVED, by=by, reason=reason, now=now)
        put(
            collection=held.collection,
            **fields_of(held),
            actor=actor_of(by),
            origin=held.source,
            now=now,
        )
        record(
            "article.approved",
            actor=actor_of(by),
            data={"held": held.pk, "digest": held.digest, "why": str(held.why)},
            now=now,
        )
    held.refresh_from_db()
    return held


def refuse(held: HeldArticle, *, by: User, reason: str, now: datetime) -> HeldArticle:
    """Keep the text out; these words are not asked about again. Raises `HoldError`."""
    reason = _checked(reason)
    with transaction.atomic():
        _decide(held, State.REFUSED, by=by, reason=reason, now=now)
        record(
            "article.refused",
            actor=actor_of(by),
            data={"held": held.pk, "digest": held.digest, "why": str(held.why)},
            now=now,
        )
    held.refresh_from_db()
    return held


def _checked(reason: str) -> str:
    ask = f"Give a reason of {LEAST_REASON} to {LONGEST_REASON} characters: it is kept with the decision."
    return written_reason(reason, refusal=HoldError, ask=ask, least=LEAST_REASON)


def _decide(held: HeldArticle, state: str, *, by: User, reason: str, now: datetime) -> None:
    won = HeldArticle.objects.filter(pk=held.pk, state=State.WAITING).update(
        state=state, decided_by=by, decided_at=now, reason=reason
    )
    if not won:
        raise HoldError("Somebody decided on this text already, or a newer one took its place.")
