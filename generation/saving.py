"""Saving what the pipeline made: rows for the draft and its evidence, under the draft's lease."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction

from assistant.audit.content import JSON
from assistant.audit.log import record
from assistant.models import Ticket
from assistant.outbox import hold_reply
from assistant.privacy.encryption import seal
from generation import closed_sources, queue
from generation.drafted import Candidate, DraftedReply
from generation.models import Draft, DraftCandidate, DraftSentence, DraftSource
from generation.registry import calibration_row, prompt_row, version_row

State = Draft.State


def save_failed(draft: Draft, token: uuid.UUID, reason: str, *, now: datetime) -> bool:
    """Close a draft that can never be made, with the reason in words."""
    with transaction.atomic():
        queue.lock_ticket(draft.ticket_id)
        won = Draft.objects.filter(pk=draft.pk, state=State.WORKING, lease_token=token).update(
            state=State.FAILED,
            error=reason[:1000],
            reasons=[{"code": "failed", "text": reason[:500]}],
            finished_at=now,
            lease_token=None,
            leased_until=None,
        )
        if won:
            record(
                "draft.failed",
                actor=queue.ACTOR,
                ticket=draft.ticket_id,
                draft=draft.pk,
                data={"attempts": draft.attempts},
                now=now,
            )
    return bool(won)


def save_drafted(draft: Draft, token: uuid.UUID, reply: DraftedReply, *, now: datetime) -> bool:
    """Save the reply if this lease still holds the draft; False when it was overtaken."""
    with transaction.atomic():
        queue.lock_ticket(draft.ticket_id)
        if not queue.still_leased(draft, token):
            return False
        ticket = draft.ticket
        sources = _save_sources(draft, reply)
        candidates = [_save_candidate(draft, ticket, sources, item) for item in reply.candidates]
        chosen = next(
            (row for row, item in zip(candidates, reply.candidates, strict=True)
             if item is reply.chosen),
            None,
        )  # fmt: skip
        generator = version_row("generator", reply.generator, now=now)
        draft.state = State(reply.route.state)
        draft.lease_token = draft.leased_until = None
        draft.finished_at = now
        draft.prompt = seal(ticket=ticket, text=reply.prompt.text) if reply.prompt else None
        draft.prompt_version = prompt_row(reply.template, now=now) if reply.prompt else None
        draft.generator = generator
        draft.snapshot_id = reply.snapshot
        draft.sampling = reply.sampling
        draft.prompt_tokens = reply.prompt.tokens if reply.prompt else None
        draft.completion_tokens = reply.completion_tokens
        draft.timings = {step: round(seconds, 4) for step, seconds in reply.timings.items()}
        draft.category = reply.category
        draft.language = reply.language
        draft.chosen = chosen
        draft.screens = reply.screens_record
        draft.features = reply.features
        draft.confidence = reply.confidence
        draft.calibration = calibration_row(
            reply.confidence_model, local=reply.calibrated_here, now=now
        )
        reasons = [(row.code, row.text) for row in reply.route.reasons]
        draft.reasons = [{"code": code, "text": text} for code, text in [*reasons, *reply.notes]]
        draft.error = ""
        # a collection may have been closed to the customer while the draft was made
        if (closed := closed_sources.closed_source(draft)) is not None:
            told = {"code": closed_sources.CODE, "text": closed_sources.words_of(closed)[:500]}
            draft.reasons = [told, *draft.reasons]
            if draft.state == State.AUTO_APPROVED:
                draft.state = State.IN_REVIEW
        if draft.state == State.AUTO_APPROVED:
            draft.closed_at = now
        draft.save()
        Ticket.objects.filter(pk=ticket.pk).update(
            category=reply.category, language=ticket.language or reply.language
        )
        if draft.state == State.AUTO_APPROVED:
            assert reply.chosen is not None
            hold_reply(
                ticket=ticket,
                text=reply.chosen.text,
                author=None,
                idempotency_key=f"draft-{draft.pk}-policy",
                now=now,
            )
        record(
            "draft.made",
            actor=queue.ACTOR,
            ticket=ticket.pk,
            draft=draft.pk,
            model=str(generator) if generator else "",
            data=_event(draft, chosen, reply),
            now=now,
        )
    return True


def _save_sources(draft: Draft, reply: DraftedReply) -> list[DraftSource]:
    used = reply.read_by_the_model
    return [
        DraftSource.objects.create(
            draft=draft,
            rank=place + 1,
            chunk_id=source.chunk_id,
            score=source.score,
            dense_score=source.dense_score if place < len(reply.hits) else None,
            lexical_score=source.lexical_score if place < len(reply.hits) else None,
            in_prompt=place in used,
            neighbour=place >= len(reply.hits),
        )
        for place, source in enumerate(reply.sources)
    ]


def _save_candidate(
    draft: Draft, ticket: Ticket, sources: list[DraftSource], item: Candidate
) -> DraftCandidate:
    row = DraftCandidate.objects.create(
        draft=draft,
        kind=item.kind,
        text=seal(ticket=ticket, text=item.text),
        seed=item.seed,
        mean_log_probability=item.mean_log_probability,
        tokens=item.tokens,
        support=item.support,
        relevance=item.relevance,
        toxicity=item.toxicity or {},
    )
    for position, sentence in enumerate(item.sentences):
        source = sources[sentence.evidence] if sentence.evidence is not None else None
        offset = item.offsets[sentence.evidence] if sentence.evidence is not None else 0
        DraftSentence.objects.create(
            candidate=row,
            position=position,
            kind=sentence.kind,
            start=sentence.start,
            end=sentence.end,
            support=sentence.support,
            supported=sentence.supported,
            source=source,
            source_start=_shifted(sentence.evidence_start, offset),
            source_end=_shifted(sentence.evidence_end, offset),
            flags=[{"code": f.code, "start": f.start, "end": f.end} for f in sentence.flags],
        )
    return row


def _shifted(place: int | None, offset: int) -> int | None:
    """A place in a passage as a place in its revision."""
    return None if place is None else place + offset


def _event(draft: Draft, chosen: DraftCandidate | None, reply: DraftedReply) -> dict[str, JSON]:
    return {
        "state": str(draft.state),
        "kind": draft.kind,
        "attempt": draft.attempts,
        "prompt_digest": draft.prompt.digest if draft.prompt else None,
        "prompt_version": str(draft.prompt_version) if draft.prompt_version else None,
        "snapshot": reply.snapshot,
        "snapshot_digest": draft.snapshot.digest if draft.snapshot else None,
        "seed": str(draft.seed),
        "sources": [[source.rank, source.chunk_id] for source in draft.sources.all()],
        "candidates": [[row.kind, row.text.digest] for row in draft.candidates.all()],
        "text_digest": chosen.text.digest if chosen else None,
        "confidence": None if draft.confidence is None else f"{draft.confidence:.4f}",
        "calibration": str(draft.calibration.digest) if draft.calibration else None,
        "reasons": [row["code"] for row in draft.reasons],
    }
