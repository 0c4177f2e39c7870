"""Undo: an agent takes their own reply back while it is held."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from django.db import IntegrityError, transaction

from assistant.audit.log import actor_of, record
from assistant.models import User
from assistant.outbox import cancel_reply
from assistant.privacy.encryption import unseal
from generation.models import Draft
from review import claims, redrafting, working_copies
from review.decisions import DecisionRefused, lock
from review.models import Decision

State = Draft.State


class TooLateToUndo(DecisionRefused):
    """The reply is on its way, or was undone before."""


def undo(*, decision: Decision, user: User, now: datetime) -> Decision:
    """Take back one's own reply while it is held: text, claim and draft are as they were.

    When a newer draft has come meanwhile, the old one stays closed and the text is kept; one whose
    article changed meanwhile comes back marked.
    Raises TooLateToUndo.
    """
    with transaction.atomic():
        ticket = lock(decision.ticket)
        reply = decision.reply
        if reply is None or decision.user_id != user.pk:
            raise TooLateToUndo("Only a reply can be undone, by the person who approved it.")
        won = Decision.objects.filter(pk=decision.pk, undone_at__isnull=True).update(undone_at=now)
        if not won:
            raise TooLateToUndo("This was undone before; nothing was changed.")
        draft = decision.draft
        if draft is not None:
            if _reopen(draft):
                redrafting.waits_again(draft, now=now)
            else:
                draft = None
        assert decision.final_text is not None
        text = unseal(decision.final_text)
        working_copies.put_back(ticket=ticket, draft=draft, user=user, text=text, now=now)
        with suppress(claims.ClaimHeld):  # a colleague took the ticket: the page says so
            claims.claim(ticket=ticket, user=user, now=now)
        if not cancel_reply(reply, now=now):  # rolls everything back
            raise TooLateToUndo("Too late: the reply is on its way and can't be called back.")
        record(
            "decision.undone",
            actor=actor_of(user),
            ticket=ticket.pk,
            draft=decision.draft_id,
            data={"decision": decision.pk, "reply": reply.pk},
            now=now,
        )
    decision.refresh_from_db()
    return decision


def _reopen(draft: Draft) -> bool:
    """Back into review. False when the draft was never finished, or a newer one is open by now."""
    if draft.finished_at is None:
        return False
    state = State.FAILED if draft.error else State.IN_REVIEW
    try:
        with transaction.atomic():
            return bool(
                Draft.objects.filter(pk=draft.pk)
                .exclude(state__in=Draft.OPEN)
                .update(state=state, closed_at=None)
            )
    except IntegrityError:
        return False
