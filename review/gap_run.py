"""A run over the unanswered tickets: embed their questions, cluster them, redact a few samples.

Runs on worker-search. Vectors of customers' questions stay in this process's memory and are never
written; what is kept of the texts is sealed with each ticket's key, personal data replaced.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import numpy as np
from django.db import transaction
from numpy.typing import NDArray

from assistant.models import Message, SealedText
from assistant.privacy.encryption import CannotOpen, Forgotten, seal, unseal
from assistant.privacy.redaction import Redactor
from assistant.readable import readable
from generation.courtesies import undress
from retrieval.embedder import EmbedderError, get_embedder
from review import clusters
from review.knowledge_runs import CannotRun
from review.models import Decision, Gap, GapTicket, KnowledgeRun
from review.texts import fold
from review.unanswered import Unanswered, unanswered

EMBEDDED = 48  # questions a slice
REDACTED = 3  # gaps a slice
SAMPLES = 5  # questions of a gap that are kept to be shown
LONGEST = 2_000  # characters of a question that count

RENEWED = ("words", "size", "weeks", "last_seen_at")

# of the run that goes on: what it found, and the vectors by ticket
_found: dict[int, list[Unanswered]] = {}
_vectors: dict[int, NDArray[np.float32]] = {}


def work(run: KnowledgeRun, *, now: datetime) -> bool:
    """A slice; whether the run is done."""
    if run.notes.get("phase") == "redact":
        return _redact_some(run)
    if run.pk not in _found:
        _found.clear()
        _found[run.pk] = unanswered(now=run.started_at)
    found = _found[run.pk]
    run.total = len(found) + len(found) // 10
    missing = [one for one in found if one.ticket not in _vectors][:EMBEDDED]
    if missing:
        try:
            _embed(missing)
        except EmbedderError as error:
            raise CannotRun(str(error)) from error
        run.done = sum(one.ticket in _vectors for one in found)
        return False
    _cluster(found, run, now)
    _vectors.clear()
    _found.clear()
    run.notes |= {"phase": "redact", "unanswered": len(found)}
    run.cursor = 0
    return False


def _embed(found: Sequence[Unanswered]) -> None:
    questions = [(one, question_of(one.ticket)) for one in found]
    readable = [(one, text) for one, text in questions if text]
    vectors = get_embedder().encode([text for _, text in readable]) if readable else ()
    for (one, _), vector in zip(readable, vectors, strict=True):
        _vectors[one.ticket] = vector
    for one, text in questions:
        if not text:
            _vectors[one.ticket] = np.zeros(0, dtype=np.float32)  # looked at; nothing to cluster


def question_of(ticket: int) -> str:
    """Subject and first message in the customer's own words; empty where it was forgotten."""
    message = (
        Message.objects.filter(ticket=ticket, direction=Message.Direction.INBOUND, automatic="")
        .select_related("body__ticket")
        .order_by("position")
        .first()
    )
    if message is None:
        return ""
    try:
        body = readable(unseal(message.body))
    except (Forgotten, CannotOpen):
        return ""
    own = "\n".join(part.text for part in fold(body) if not part.quoted).strip()
    subject = message.body.ticket.subject.strip()
    return (own if subject in own else f"{subject}\n{own}".strip())[:LONGEST]


def _cluster(found: Sequence[Unanswered], run: KnowledgeRun, now: datetime) -> None:
    asked = [one for one in found if len(_vectors.get(one.ticket, ()))]
    vectors = np.asarray([_vectors[one.ticket] for one in asked], dtype=np.float32)
    groups = clusters.clusters_of(vectors) if asked else []
    texts = [question_of(one.ticket) for one in asked]
    names = Message.objects.filter(ticket__in=[a.ticket for a in asked]).values_list(
        "sender_name", flat=True
    )
    hidden = {part for name in names.distinct() for part in name.split()}
    spread = clusters.spread_of(texts)
    with transaction.atomic():
        kept = {
            gap.pk: set(gap.tickets.values_list("ticket_id", flat=True))
            for gap in Gap.objects.exclude(state=Gap.State.CLOSED)
        }
        again = clusters.known_again([[asked[i].ticket for i in rows] for rows in groups], kept)
        placed: dict[int, Gap] = {}
        for place, rows in enumerate(groups):
            members = [asked[i] for i in rows]
            gap = Gap.objects.get(pk=again[place]) if place in again else Gap(first_seen_at=now)
            gap.words = clusters.typical_words(
                [texts[i] for i in rows],
                [one.contact for one in members],
                spread=spread,
                total=len(texts),
                hidden=hidden,
            )
            gap.size, gap.last_seen_at = len(members), now
            gap.weeks = clusters.by_week([one.asked_at for one in members], now=now)
            # somebody may dismiss it meanwhile: nothing else of its row is written
            gap.save(update_fields=RENEWED if gap.pk else None)
            placed |= {one.ticket: gap for one in members}
        _place(placed, {one.ticket: one for one in found})
        gone = set(kept) - set(again.values())
        # what nobody has touched goes; what somebody dismissed or writes for stays, empty
        Gap.objects.filter(pk__in=gone, state=Gap.State.OPEN, document=None).delete()
        Gap.objects.filter(pk__in=gone).update(size=0, weeks=[0] * clusters.WEEKS)
    run.notes |= {"gaps": len(groups), "alone": len(found) - len(placed)}


def _place(placed: dict[int, Gap], signs: dict[int, Unanswered]) -> None:
    """Each ticket into its gap; tickets that found an answer since leave, with their texts."""
    leaving = GapTicket.objects.exclude(gap__state=Gap.State.CLOSED).exclude(ticket__in=placed)
    texts = {pk for pair in leaving.values_list("question", "reply") for pk in pair if pk}
    leaving.delete()
    SealedText.objects.filter(pk__in=texts).delete()
    for ticket, gap in placed.items():
        one = signs[ticket]
        GapTicket.objects.update_or_create(
            ticket_id=ticket,
            defaults={
                "gap": gap, "sign": one.sign, "nearest": one.nearest, "asked_at": one.asked_at,
            },
        )  # fmt: skip


def _redact_some(run: KnowledgeRun) -> bool:
    gaps = list(Gap.objects.filter(pk__gt=run.cursor, size__gt=0).order_by("pk")[:REDACTED])
    for gap in gaps:
        for row in gap.tickets.select_related("ticket__contact").order_by("-asked_at", "-pk")[
            :SAMPLES
        ]:
            _redact(row)
        run.cursor = gap.pk
    run.done = run.total if not gaps else min(run.done + len(gaps), run.total)
    return not gaps


def _redact(row: GapTicket) -> None:
    """Seal what may be shown of a ticket: its question and the reply that an agent approved."""
    decision = (
        Decision.objects.filter(ticket=row.ticket_id, undone_at=None, reply__isnull=False)
        .select_related("final_text__ticket", "user")
        .order_by("pk")
        .last()
    )
    if row.question_id and (row.reply_id or decision is None):
        return
    ticket = row.ticket
    names = [*ticket.names(), *([decision.user.display_name] if decision else ())]
    redact = Redactor(names=names)
    if not row.question_id and (question := question_of(ticket.pk)):
        row.question = seal(ticket=ticket, text=redact(question))
    if not row.reply_id and decision is not None and (words := _reply_of(decision)):
        row.reply = seal(ticket=ticket, text=redact(words))
    row.save(update_fields=["question", "reply"])


def _reply_of(decision: Decision) -> str:
    """The body of a reply that went out, without greeting and signature; empty if forgotten."""
    if decision.final_text is None:
        return ""
    try:
        _, body, _ = undress(unseal(decision.final_text))
    except (Forgotten, CannotOpen):
        return ""
    return body
