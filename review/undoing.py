"""Undo: an agent takes their last step on a ticket back, and an earlier draft comes back.

A reply can be taken back while it is held. Every other step (a rejection, another draft, solved,
spam, escalated …) until something else happened on the ticket.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from datetime import datetime

from django.db import IntegrityError, transaction

from assistant.audit.log import actor_of, record
from assistant.models import Message, Ticket, User
from assistant.outbox import cancel_reply
from assistant.privacy.encryption import unseal
from generation.models import Draft
from generation.queue import queue_draft, retire_open_draft
from review import claims, redrafting, working_copies
from review.decisions import DecisionRefused, lock
from review.flags import WITHHOLDING
from review.models import Claim, Decision
from review.queue import leaving

State = Draft.State
Verdict = Decision.Verdict
# Steps that send nothing: undone by putting the ticket back as it was.
STEPS = (
    Verdict.REJECT,
    Verdict.REDO,
    Verdict.SOLVE,
    Verdict.WAIT,
    Verdict.REOPEN,
    Verdict.ESCALATE,
)


class TooLateToUndo(DecisionRefused):
    """The reply is on its way, something else happened since, or it was undone before."""


class CannotGoBack(DecisionRefused):
    """An earlier draft that does not answer the thread as it stands."""


def undo(*, decision: Decision, user: User, now: datetime) -> Decision:
    """Take back one's own step: text, claim, status and draft are as they were.

    When a newer draft has come meanwhile, a sent reply's draft stays closed and the text is kept;
    one whose article changed meanwhile comes back marked.
    Raises TooLateToUndo.
    """
    with transaction.atomic():
        ticket = lock(decision.ticket)
        if decision.user_id != user.pk or (
            decision.reply is None and decision.verdict not in STEPS
        ):
            raise TooLateToUndo("Only your own steps can be undone.")
        won = Decision.objects.filter(pk=decision.pk, undone_at__isnull=True).update(undone_at=now)
        if not won:
            raise TooLateToUndo("This was undone before; nothing was changed.")
        if decision.reply is not None:
            _take_back(decision, ticket, user, now)
        else:
            _step_back(decision, ticket, user, now)
        record(
            "decision.undone",
            actor=actor_of(user),
            ticket=ticket.pk,
            draft=decision.draft_id,
            data={
                "decision": decision.pk,
                "reply": decision.reply_id,
                "draft_state": _state_of(decision.draft_id),
            },
            now=now,
        )
    decision.refresh_from_db()
    return decision


def _state_of(draft: int | None) -> str | None:
    return Draft.objects.filter(pk=draft or 0).values_list("state", flat=True).first()


def _take_back(decision: Decision, ticket: Ticket, user: User, now: datetime) -> None:
    draft = decision.draft
    if draft is not None and not back_into_review(draft, actor=actor_of(user), now=now):
        draft = None
    assert decision.final_text is not None
    assert decision.reply is not None
    text = unseal(decision.final_text)
    working_copies.put_back(ticket=ticket, draft=draft, user=user, text=text, now=now)
    with suppress(claims.ClaimHeld):  # a colleague took the ticket: the page says so
        claims.claim(ticket=ticket, user=user, now=now)
    if not cancel_reply(decision.reply, now=now):  # rolls everything back
        raise TooLateToUndo("Too late: the reply is on its way and can't be called back.")
    before = ticket.decisions.filter(undone_at=None).order_by("-pk").first()
    if before is not None and before.verdict == Verdict.ESCALATE:
        ticket.escalated_at = before.decided_at  # the reply had settled it
        ticket.save(update_fields=["escalated_at"])


def undoable_step(decision: Decision) -> bool:
    """Whether this is the ticket's last step, and the customer has not written since."""
    if decision.undone_at is not None or decision.verdict not in STEPS:
        return False
    later = Decision.objects.filter(
        ticket=decision.ticket_id, pk__gt=decision.pk, undone_at__isnull=True
    )
    wrote = Message.objects.filter(
        ticket=decision.ticket_id, position__gt=decision.last_position or 0
    )
    return not later.exists() and not wrote.exists()


def _step_back(decision: Decision, ticket: Ticket, user: User, now: datetime) -> None:
    if not undoable_step(decision):
        raise TooLateToUndo("Too late: something else happened on this ticket since.")
    try:
        claims.claim(ticket=ticket, user=user, now=now)
    except claims.ClaimHeld as error:
        raise TooLateToUndo(f"{error} Nothing was undone.") from None
    ticket.status = decision.status_before or ticket.status
    if decision.verdict == Verdict.ESCALATE:
        ticket.escalated_at = None
    ticket.save(update_fields=["status", "escalated_at"])
    if decision.verdict == Verdict.REOPEN:
        retire_open_draft(
            ticket=ticket, reason="its reopening was undone", now=now, actor=actor_of(user)
        )
        Claim.objects.filter(ticket_id=ticket.pk, user=user).delete()
    elif decision.verdict != Verdict.ESCALATE and decision.draft is not None:
        _instead_of_the_open_one(decision.draft, ticket, user, now)


def bring_back(*, draft: Draft, user: User, claim_token: uuid.UUID | None, now: datetime) -> Draft:
    """Go back to an earlier draft of what the customer wrote last; the open one is kept instead.

    Raises CannotGoBack, ClaimLost.
    """
    with transaction.atomic():
        ticket = lock(draft.ticket)
        claims.check(ticket=ticket, user=user, token=claim_token, lock=True)
        draft.refresh_from_db()
        if not can_come_back(draft):
            raise CannotGoBack("That draft does not answer the thread as it stands now.")
        _instead_of_the_open_one(draft, ticket, user, now)
    draft.refresh_from_db()
    return draft


def can_come_back(draft: Draft) -> bool:
    """A finished draft that was rejected or retired, of the newest message, which nobody answered."""
    closed = draft.state in (State.REJECTED, State.RETIRED) and draft.finished_at is not None
    if not closed or leaving(draft.ticket):
        return False
    later = Message.objects.filter(ticket=draft.ticket_id, position__gt=draft.message.position)
    return not later.exclude(direction=Message.Direction.NOTE).exists()


def _instead_of_the_open_one(draft: Draft, ticket: Ticket, user: User, now: datetime) -> None:
    actor = actor_of(user)
    retire_open_draft(
        ticket=ticket, reason=f"an agent went back to draft {draft.number}", now=now, actor=actor
    )
    if not back_into_review(draft, actor=actor, now=now):  # it was never finished
        queue_draft(ticket=ticket, message=draft.message, now=now, actor=actor)


def back_into_review(draft: Draft, *, actor: str, now: datetime) -> bool:
    """Open again, behind its warning if it had one, and marked where an article changed meanwhile.

    What was decided on it without a reply stands no more: a draft has one standing decision.
    False when the draft was never finished, or a newer one is open by now.
    """
    if draft.finished_at is None:
        return False
    codes = {reason.get("code") for reason in draft.reasons}
    state = State.FAILED if draft.error else State.IN_REVIEW
    if codes & WITHHOLDING and draft.chosen_id is not None:
        state = State.WITHHELD
    try:
        with transaction.atomic():
            won = (
                Draft.objects.filter(pk=draft.pk)
                .exclude(state__in=Draft.OPEN)
                .update(state=state, closed_at=None)
            )
    except IntegrityError:
        return False
    if won:
        redrafting.waits_again(draft, now=now)
        standing = Decision.objects.filter(draft=draft, undone_at=None, reply=None)
        for decision in standing.exclude(verdict=Verdict.ESCALATE):
            Decision.objects.filter(pk=decision.pk).update(undone_at=now)
            told = {"decision": decision.pk, "reply": None, "draft_state": str(state)}
            record(
                "decision.undone",
                actor=actor,
                ticket=draft.ticket_id,
                draft=draft.pk,
                data=told,
                now=now,
            )
        record(
            "draft.brought_back",
            actor=actor,
            ticket=draft.ticket_id,
            draft=draft.pk,
            data={"number": draft.number, "state": str(state)},
            now=now,
        )
    return bool(won)
