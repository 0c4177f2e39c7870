"""A drafting worker: lease a batch, have it drafted, save each draft under its lease.

The database is the queue. `draft_waiting` takes no ids; a lost wake-up loses nothing, and a
repeated one finds nothing to do.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings
from django.db import connection
from django.utils import timezone

from assistant.models import Message
from assistant.privacy.encryption import CannotOpen, Forgotten, unseal
from generation import queue, registry
from generation.drafted import DraftedReply, Question
from generation.models import Draft
from generation.pipeline import draft_replies
from generation.prompts import Turn
from generation.saving import save_drafted, save_failed
from retrieval.scope import Scope

logger = logging.getLogger(__name__)


def draft_waiting() -> int:
    """Draft a batch of the oldest queued drafts; wake again while any remain. Returns how many."""
    batch = queue.lease_batch(size=settings.BATCH_SIZE, now=timezone.now())
    if batch is None:
        registry.follow()  # the wake-up may mean that another model was chosen
        return 0
    if batch.drafts:
        with kept_leases(batch.token):
            _draft(batch)
    if queue.waiting(now=timezone.now()).exists():
        queue.announce()
    return len(batch.drafts)


def _draft(batch: queue.Batch) -> None:
    opened: list[tuple[Draft, Question]] = []
    for draft in batch.drafts:
        try:
            opened.append((draft, open_question(draft)))
        except (Forgotten, CannotOpen) as error:
            save_failed(draft, batch.token, str(error), now=timezone.now())
    try:
        replies = _replies(opened)
    except Exception:
        logger.exception("a batch of %d could not be drafted: one by one", len(opened))
        for draft, question in opened:
            _draft_alone(draft, question, batch.token)
        return
    for (draft, _), reply in zip(opened, replies, strict=True):
        save_drafted(draft, batch.token, reply, now=timezone.now())


def _replies(opened: Sequence[tuple[Draft, Question]]) -> list[DraftedReply]:
    """A reply to each, in order: the canary drafts its share, what is live the others.

    A draft that failed once is not the canary's any more: a trial costs no ticket its draft.
    """
    models = registry.get_models()
    makers = [
        models.for_seed(question.seed) if draft.attempts <= 1 else models
        for draft, question in opened
    ]
    made: dict[int, DraftedReply] = {}
    for maker in {id(maker): maker for maker in makers}.values():
        places = [place for place, one in enumerate(makers) if one is maker]
        replies = draft_replies([opened[place][1] for place in places], maker)
        made |= zip(places, replies, strict=True)
    return [made[place] for place in range(len(opened))]


def _draft_alone(draft: Draft, question: Question, token: uuid.UUID) -> None:
    """So that a ticket that breaks drafting takes no other with it."""
    try:
        (reply,) = _replies([(draft, question)])
    except Exception as error:
        logger.exception("draft %s could not be made", draft.pk)
        reason = f"{type(error).__name__}: {error}"
        queue.give_back(draft, token, error=reason, now=timezone.now())
    else:
        save_drafted(draft, token, reply, now=timezone.now())


def open_question(draft: Draft) -> Question:
    """What the draft has to answer: the ticket's thread up to its newest message.

    Raises Forgotten or CannotOpen.
    """
    ticket = draft.ticket
    messages = (
        ticket.messages.filter(position__lte=draft.message.position)
        .exclude(direction=Message.Direction.NOTE)
        .select_related("body")
    )
    turns = tuple(
        Turn(
            role="customer" if message.direction == Message.Direction.INBOUND else "agent",
            text=unseal(message.body),
        )
        for message in messages
    )
    return Question(
        subject=ticket.subject,
        turns=turns,
        first_name=ticket.contact.name.split()[0] if ticket.contact.name.strip() else "",
        language=ticket.language,
        seed=draft.seed,
        scope=Scope.of_channel(ticket.channel),
    )


@contextmanager
def kept_leases(token: uuid.UUID) -> Iterator[None]:
    """A thread renews the batch's leases until the block ends."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(settings.LEASE_SECONDS / 4):
            try:
                queue.renew(token, now=timezone.now())
            except Exception as error:
                logger.warning("leases not renewed: %s", type(error).__name__)
            finally:
                connection.close()

    thread = threading.Thread(target=renew, name="leases", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
