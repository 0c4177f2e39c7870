"""Decisions: approve, edit and approve, reject, escalate, redo, reply by hand (undo: `undoing`).

Each takes the ticket's lock, checks the claim, and closes the draft by a conditional update: of two
racing calls one wins and the other gets a named error and changes nothing.
"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

from django.db import transaction

from assistant.audit.content import JSON
from assistant.audit.log import actor_of, record
from assistant.intake import clean_text
from assistant.models import SealedText, Ticket, User
from assistant.outbox import hold_reply
from assistant.privacy.encryption import seal, unseal
from generation.closed_sources import closed_source, words_of
from generation.models import Draft, DraftCandidate
from generation.queue import queue_draft, retire_open_draft
from review import claims, screening, working_copies
from review.diff import edit_distance, tidy, to_json, word_diff
from review.models import Claim, Decision
from review.screening import Screening

State = Draft.State
Verdict = Decision.Verdict
LONGEST_REPLY = 50_000
LONGEST_NOTE = 2_000


class DecisionRefused(RuntimeError):
    """The decision was not taken and nothing was changed; the message says why, for the agent."""


class AlreadyDecided(DecisionRefused):
    """Somebody (or a policy) has decided on this draft."""


class DraftRetired(DecisionRefused):
    """The draft was overtaken: by a new message, or because it was asked for again."""


class NothingToApprove(DecisionRefused):
    """There is no finished draft yet."""


class EmptyReply(DecisionRefused):
    """A reply needs words."""


class ReasonMissing(DecisionRefused):
    """A rejection needs its reason."""


class ConfirmationNeeded(DecisionRefused):
    """The screens warn, or could not run; `screening` says what a person has to confirm."""

    def __init__(self, found: Screening) -> None:
        words = [found.unavailable] if found.unavailable else list(found.warnings)
        if found.departures:
            words.append("The articles don't say what the text says.")
        super().__init__(" ".join(words))
        self.screening = found


class StatusRefused(DecisionRefused):
    """The ticket's status can't be set so as things stand."""


class SourceClosed(DecisionRefused):
    """The draft rests on an article that its customer may not be told from any more."""


def approve(
    *,
    draft: Draft,
    user: User,
    text: str,
    base_candidate: DraftCandidate | None,
    claim_token: uuid.UUID | None,
    seconds_spent: float | None,
    score_hidden: bool,
    now: datetime,
    screened: Screening | None = None,
    send_anyway: bool = False,
) -> Decision:
    """Approve a draft, unchanged or with the agent's words, and hold the reply for undo.

    Changed text is screened again (or `screened`, which must cover it, is taken); what the screens
    say has to be confirmed by `send_anyway`.

    Raises ConfirmationNeeded, AlreadyDecided, DraftRetired, NothingToApprove, EmptyReply,
    SourceClosed, ClaimLost.
    """
    ticket = draft.ticket
    text = _reply_text(text)
    if base_candidate is None or base_candidate.draft_id != draft.pk:
        raise NothingToApprove("This draft has no text to approve; write the reply by hand.")
    still_open(draft)
    claims.check(ticket=ticket, user=user, token=claim_token)
    before = tidy(unseal(base_candidate.text))
    changed = text != before
    # only the chosen text was screened for leaks; whatever else is sent is screened here
    fresh = changed or base_candidate.pk != draft.chosen_id
    found = screening.of_reply(ticket=ticket, draft=draft, text=text, fresh=fresh, given=screened)
    if found.needs_confirmation and not send_anyway:
        raise ConfirmationNeeded(found)
    segments = word_diff(before, text) if changed else []
    with transaction.atomic():
        locked = lock(ticket)
        claims.check(ticket=locked, user=user, token=claim_token, lock=True)
        if (closed := closed_source(draft)) is not None:
            raise SourceClosed(words_of(closed))
        _close(draft, State.EDITED if changed else State.APPROVED, now=now)
        decision = made(
            ticket=locked,
            draft=draft,
            candidate=base_candidate,
            user=user,
            verdict=Verdict.EDIT if changed else Verdict.APPROVE,
            final_text=seal(ticket=locked, text=text),
            diff=seal(ticket=locked, text=to_json(segments)) if changed else None,
            edit_distance=edit_distance(segments),
            seconds_spent=seconds_spent,
            score_hidden=score_hidden,
            screens=found.as_row(send_anyway=send_anyway),
            decided_at=now,
        )
        _hold(decision, locked, text, f"draft-{draft.pk}-{decision.pk}", now)
        _finish(locked, user)
        record_decision(decision, now)
    return decision


def reply_without_draft(
    *,
    ticket: Ticket,
    user: User,
    text: str,
    claim_token: uuid.UUID | None,
    seconds_spent: float | None,
    now: datetime,
    score_hidden: bool = False,
    screened: Screening | None = None,
    send_anyway: bool = False,
) -> Decision:
    """Send an agent's own words; an open draft is retired.

    Raises ConfirmationNeeded, EmptyReply, ClaimLost.
    """
    text = _reply_text(text)
    claims.check(ticket=ticket, user=user, token=claim_token)
    latest = ticket.drafts.order_by("-number").first()
    found = screening.of_reply(ticket=ticket, draft=latest, text=text, fresh=True, given=screened)
    if found.needs_confirmation and not send_anyway:
        raise ConfirmationNeeded(found)
    with transaction.atomic():
        locked = lock(ticket)
        claims.check(ticket=locked, user=user, token=claim_token, lock=True)
        retired = retire_open_draft(
            ticket=locked, reason="an agent replied without it", now=now, actor=actor_of(user)
        )
        decision = made(
            ticket=locked,
            draft=retired,
            user=user,
            verdict=Verdict.REPLY,
            final_text=seal(ticket=locked, text=text),
            seconds_spent=seconds_spent,
            score_hidden=score_hidden,
            screens=found.as_row(send_anyway=send_anyway),
            decided_at=now,
        )
        _hold(decision, locked, text, f"reply-{locked.pk}-{decision.pk}", now)
        _finish(locked, user)
        record_decision(decision, now)
    return decision


def reject(
    *,
    draft: Draft,
    user: User,
    reason: str,
    note: str,
    claim_token: uuid.UUID | None,
    now: datetime,
    seconds_spent: float | None = None,
    score_hidden: bool = False,
) -> Decision:
    """Turn a draft down with a reason. The ticket still waits for a reply, unless it is spam.

    Raises ReasonMissing, AlreadyDecided, DraftRetired, NothingToApprove, ClaimLost.
    """
    if reason not in Decision.Reason.values or reason == Decision.Reason.NONE:
        raise ReasonMissing(
            "Choose what is wrong with the draft: it is what the next ones learn from."
        )
    note = clean_text("note", note, longest=LONGEST_NOTE)
    with transaction.atomic():
        ticket = lock(draft.ticket)
        claims.check(ticket=ticket, user=user, token=claim_token, lock=True)
        _close(draft, State.REJECTED, now=now)
        decision = made(
            ticket=ticket,
            draft=draft,
            candidate=draft.chosen,
            user=user,
            verdict=Verdict.REJECT,
            reason=reason,
            note=seal(ticket=ticket, text=note) if note else None,
            seconds_spent=seconds_spent,
            score_hidden=score_hidden,
            decided_at=now,
        )
        if reason == Decision.Reason.SPAM:
            ticket.status = Ticket.Status.SPAM  # `made` has noted the one before
            ticket.save(update_fields=["status"])
            Claim.objects.filter(ticket_id=ticket.pk, user=user).delete()
        record_decision(decision, now)
    return decision


def escalate(
    *, ticket: Ticket, user: User, note: str, claim_token: uuid.UUID | None, now: datetime
) -> Decision:
    """Hand the ticket on: it stays open, marked, with a note for whoever takes it. Raises ClaimLost."""
    note = clean_text("note", note, longest=LONGEST_NOTE)
    with transaction.atomic():
        locked = lock(ticket)
        claims.check(ticket=locked, user=user, token=claim_token, lock=True)
        locked.escalated_at = now
        locked.save(update_fields=["escalated_at"])
        decision = made(
            ticket=locked,
            draft=locked.drafts.filter(state__in=Draft.OPEN).first(),
            user=user,
            verdict=Verdict.ESCALATE,
            note=seal(ticket=locked, text=note) if note else None,
            decided_at=now,
        )
        Claim.objects.filter(ticket_id=locked.pk, user=user).delete()
        record_decision(decision, now)
    return decision


def regenerate(
    *, ticket: Ticket, user: User, claim_token: uuid.UUID | None, now: datetime
) -> Draft:
    """Draft the ticket anew: the open draft is retired, kept as a version that `undoing` can bring
    back, and another one queued. Raises NothingToApprove, DraftRetired, ClaimLost."""
    with transaction.atomic():
        locked = lock(ticket)
        claims.check(ticket=locked, user=user, token=claim_token, lock=True)
        newest = locked.questions().last()
        if newest is None:
            raise NothingToApprove("There is no customer's message to draft a reply to.")
        if locked.drafts.filter(state__in=Draft.PENDING).exists():
            raise DraftRetired("A new draft is on its way already.")
        actor = actor_of(user)
        before = retire_open_draft(
            ticket=locked, reason="an agent asked for another", now=now, actor=actor
        )
        if before is not None:
            record_decision(
                made(ticket=locked, user=user, verdict=Verdict.REDO, draft=before, decided_at=now),
                now,
            )
        return queue_draft(ticket=locked, message=newest, now=now, actor=actor)


def made(*, ticket: Ticket, **values: Any) -> Decision:
    """The decision's row, with how things stood: what an undo, and a later message, are told by."""
    return Decision.objects.create(
        ticket=ticket, last_position=ticket.messages.count(), status_before=ticket.status, **values
    )


def _reply_text(text: str) -> str:
    """The text as it will be sent. Raises EmptyReply, and BadMessage for what can't be stored."""
    cleaned = tidy(clean_text("text", text, longest=LONGEST_REPLY))
    if not cleaned:
        raise EmptyReply("The reply is empty. Write it, or reject the draft with a reason.")
    return cleaned


def lock(ticket: Ticket) -> Ticket:
    """The ticket's row, locked: intake locks it first too, so the two never wait for each other."""
    return (
        Ticket.objects.select_for_update(of=("self",)).select_related("channel").get(pk=ticket.pk)
    )


def still_open(draft: Draft) -> None:
    """Raise the error that says why this draft takes no decision."""
    draft.refresh_from_db(fields=["state"])
    if draft.state in Draft.WAITING:
        return
    if draft.state in Draft.PENDING:
        raise NothingToApprove("The draft is still being written.")
    if draft.state == State.RETIRED:
        raise DraftRetired("This draft was overtaken and can't be sent. Nothing was changed.")
    if draft.state == State.AUTO_APPROVED:
        raise AlreadyDecided("A policy has approved this draft already. Nothing was changed.")
    standing = draft.decisions.filter(undone_at=None).exclude(verdict=Verdict.ESCALATE)
    made = standing.select_related("user").first()
    who = made.user.display_name if made else "Somebody"
    raise AlreadyDecided(
        f"{who} has decided on this draft already ({draft.get_state_display().lower()}). "
        "Nothing was changed."
    )


def already_sent(*, ticket: Ticket, user: User, text: str) -> bool:
    """Whether the last decision on this ticket is this person's, and sent these very words: what the
    loser of a double click finds, whichever error it got."""
    last = ticket.decisions.select_related("final_text__ticket").order_by("-pk").first()
    if last is None or last.user_id != user.pk or last.undone_at is not None:
        return False
    if last.reply_id is None or last.final_text is None:
        return False
    return unseal(last.final_text) == tidy(text)


def _close(draft: Draft, state: Draft.State, *, now: datetime) -> None:
    won = Draft.objects.filter(pk=draft.pk, state__in=Draft.WAITING).update(
        state=state, closed_at=now
    )
    if not won:
        still_open(draft)
        raise AlreadyDecided("Somebody was faster. Nothing was changed.")
    draft.refresh_from_db(fields=["state", "closed_at"])


def _hold(decision: Decision, ticket: Ticket, text: str, key: str, now: datetime) -> None:
    decision.reply = hold_reply(
        ticket=ticket, text=text, author=decision.user, idempotency_key=key, now=now
    )
    decision.save(update_fields=["reply"])


def _finish(ticket: Ticket, user: User) -> None:
    """The ticket leaves the agent's hands: nothing kept, nothing held, no longer escalated."""
    Ticket.objects.filter(pk=ticket.pk).update(escalated_at=None)
    working_copies.discard(ticket=ticket)
    Claim.objects.filter(ticket_id=ticket.pk, user=user).delete()


def _digest(sealed: SealedText | None) -> str | None:
    return sealed.digest if sealed is not None else None


def _departures(decision: Decision) -> dict[str, JSON]:
    """The kinds of what the text says otherwise than its articles; nothing where there is none."""
    result = decision.screens.get("result") or {}
    kinds = {kind for row in result.get("departures") or [] for kind in row["kinds"]}
    return {"departures": sorted(kinds)} if kinds else {}


def record_decision(decision: Decision, now: datetime) -> None:
    distance, seconds = decision.edit_distance, decision.seconds_spent
    record(
        "decision.made",
        actor=actor_of(decision.user),
        ticket=decision.ticket_id,
        draft=decision.draft_id,
        data={
            "decision": decision.pk,
            "verdict": str(decision.verdict),
            "reason": str(decision.reason),
            "candidate": decision.candidate_id,
            "text_digest": _digest(decision.final_text),
            "diff_digest": _digest(decision.diff),
            "note_digest": _digest(decision.note),
            "edit_distance": None if distance is None else f"{distance:.4f}",
            "seconds_spent": None if seconds is None else f"{seconds:.1f}",
            "score_hidden": decision.score_hidden,
            "sent_anyway": bool(decision.screens.get("sent_anyway")),
            **_departures(decision),
            "reply": decision.reply_id,
        },
        now=now,
    )
