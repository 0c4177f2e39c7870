"""Steps that send nothing: each is seen, recorded, and can be taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assistant.intake import add_message
from assistant.models import AuditEvent, Ticket
from assistant.outbox import deliver_due
from generation.models import Draft
from generation.queue import queue_draft
from review import claims, decisions, queue, statuses, undoing, working_copies
from review.models import Claim, Decision
from tests.review.factories import NOON, REPLY, make_draft, make_ticket
from tests.review.factories import add_message as add_row

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(seconds=1)
WITHHELD = [{"code": "leak", "text": "The draft holds personal data."}]


@pytest.fixture
def ticket():
    return make_ticket(at=NOON - timedelta(hours=2))


@pytest.fixture
def draft(ticket):
    return make_draft(ticket)


def hold(ticket, user):
    return claims.claim(ticket=ticket, user=user, now=NOON).token


def reject(draft, user, reason="wrong"):
    return decisions.reject(
        draft=draft,
        user=user,
        reason=reason,
        note="",
        claim_token=hold(draft.ticket, user),
        now=LATER,
    )


def redo(draft, user):
    decisions.regenerate(
        ticket=draft.ticket, user=user, claim_token=hold(draft.ticket, user), now=LATER
    )
    return Decision.objects.get(verdict="redo")


def escalate(draft, user):
    return decisions.escalate(
        ticket=draft.ticket, user=user, note="", claim_token=hold(draft.ticket, user), now=LATER
    )


def solve(draft, user):
    return statuses.solve(
        ticket=draft.ticket, user=user, claim_token=hold(draft.ticket, user), now=LATER
    )


def wait(draft, user):
    return statuses.wait_for_customer(
        ticket=draft.ticket, user=user, claim_token=hold(draft.ticket, user), now=LATER
    )


STEPS = {
    "reject": reject,
    "spam": lambda draft, user: reject(draft, user, "spam"),
    "redo": redo,
    "escalate": escalate,
    "solve": solve,
    "wait": wait,
}


def customer_writes(ticket, body="One more thing."):
    return add_message(
        ticket=ticket, body=body, source="api", actor="api:shop", now=NOON + timedelta(hours=1)
    )


def in_queue(user, show="waiting"):
    return [row.number for row in queue.page(user=user, show=show, now=LATER).rows]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("state", ["in_review", "withheld"])
def test_every_step_is_undone_and_the_ticket_is_as_it_was(step, state, ticket, mara):
    draft = make_draft(ticket, state=state, reasons=WITHHELD if state == "withheld" else None)
    before = Ticket.objects.values("status", "escalated_at").get(pk=ticket.pk)
    decision = STEPS[step](draft, mara)
    undoing.undo(decision=decision, user=mara, now=LATER)
    draft.refresh_from_db()
    assert draft.state == state  # one that was withheld is behind its warning again
    assert Ticket.objects.values("status", "escalated_at").get(pk=ticket.pk) == before
    assert ticket.drafts.filter(state__in=Draft.OPEN).get() == draft
    assert Claim.objects.get().user == mara
    assert in_queue(mara) == [ticket.pk]
    actions = AuditEvent.objects.order_by("index").values_list("action", flat=True)
    assert "decision.made" in actions
    assert "decision.undone" in actions
    # and the draft can be decided on
    decisions.approve(
        draft=draft, user=mara, text=REPLY, base_candidate=draft.chosen,
        claim_token=Claim.objects.get().token, seconds_spent=None, score_hidden=False, now=LATER,
        send_anyway=True,
    )  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
def test_a_step_is_not_undone_by_others_twice_or_after_something_else(step, draft, mara, jonas):
    decision = STEPS[step](draft, mara)
    with pytest.raises(undoing.TooLateToUndo):
        undoing.undo(decision=decision, user=jonas, now=LATER)
    customer_writes(draft.ticket)
    with pytest.raises(undoing.TooLateToUndo):
        undoing.undo(decision=decision, user=mara, now=LATER)
    assert Decision.objects.get(pk=decision.pk).undone_at is None


def test_a_step_is_not_undone_under_a_colleague(draft, mara, jonas):
    decision = solve(draft, mara)
    claims.claim(ticket=draft.ticket, user=jonas, now=LATER)
    with pytest.raises(undoing.TooLateToUndo, match="Jonas"):
        undoing.undo(decision=decision, user=mara, now=LATER)
    assert Ticket.objects.get().status == "solved"


def test_the_draft_before_a_redo_can_come_back_also_when_the_new_one_is_there(draft, ticket, mara):
    redo(draft, mara)
    newer = ticket.drafts.get(state="queued")
    Draft.objects.filter(pk=newer.pk).update(state="in_review", finished_at=LATER)
    token = Claim.objects.get().token
    undoing.bring_back(draft=draft, user=mara, claim_token=token, now=LATER)
    assert ticket.drafts.get(state="in_review") == draft
    newer.refresh_from_db()
    undoing.bring_back(draft=newer, user=mara, claim_token=token, now=LATER)
    assert ticket.drafts.get(state="in_review") == newer
    assert AuditEvent.objects.filter(action="draft.brought_back").count() == 2


def test_a_draft_of_an_older_message_does_not_come_back(draft, ticket, mara):
    redo(draft, mara)
    customer_writes(ticket)
    draft.refresh_from_db()
    with pytest.raises(undoing.CannotGoBack):
        undoing.bring_back(draft=draft, user=mara, claim_token=Claim.objects.get().token, now=LATER)


def test_solved_and_waiting_leave_the_queue_and_a_message_opens_them_again(mara):
    for step, status in ((solve, "solved"), (wait, "waiting")):
        ticket = make_ticket(at=NOON - timedelta(hours=1), email=f"{status}@example.com")
        step(make_draft(ticket), mara)
        ticket.refresh_from_db()
        assert ticket.status == status
        assert in_queue(mara) == []
        assert in_queue(mara, "mine") == []
        customer_writes(ticket)
        assert in_queue(mara, "drafting") == [ticket.pk]
        queue_is_empty(ticket)


def queue_is_empty(ticket):
    ticket.drafts.filter(state__in=Draft.OPEN).update(state="retired")
    Ticket.objects.filter(pk=ticket.pk).update(status="solved")


def test_unsent_words_stay_with_a_ticket_that_is_solved(draft, ticket, mara):
    working_copies.save(ticket=ticket, draft=draft, user=mara, text="mine", revision=0, now=NOON)
    solve(draft, mara)
    assert working_copies.current(ticket=ticket) is not None


def test_nothing_is_solved_past_a_claim_or_a_reply_on_its_way(draft, ticket, mara, jonas):
    token = hold(ticket, mara)
    with pytest.raises(claims.ClaimLost):
        statuses.solve(ticket=ticket, user=jonas, claim_token=token, now=LATER)
    decisions.approve(
        draft=draft, user=mara, text=REPLY, base_candidate=draft.chosen, claim_token=token,
        seconds_spent=None, score_hidden=False, now=LATER,
    )  # fmt: skip
    with pytest.raises(statuses.StatusRefused, match="on its way"):
        statuses.solve(ticket=ticket, user=mara, claim_token=hold(ticket, mara), now=LATER)


def test_a_message_to_spam_costs_no_draft_and_is_seen_and_not_spam_brings_it_back(
    draft, ticket, mara
):
    reject(draft, mara, "spam")
    assert in_queue(mara, "spam") == []
    customer_writes(ticket, "I am no spammer: my heating is off.")
    assert not ticket.drafts.filter(state__in=Draft.OPEN).exists()
    assert in_queue(mara) == []
    assert in_queue(mara, "spam") == [ticket.pk]
    assert queue.counts(user=mara, now=LATER)["n_spam"] == 1
    statuses.reopen(ticket=ticket, user=mara, now=LATER)
    ticket.refresh_from_db()
    assert ticket.status == "open"
    assert ticket.drafts.get(state="queued").message.position == 2
    assert Claim.objects.get().user == mara


def test_what_was_spam_by_mistake_comes_back_with_its_draft(draft, ticket, mara):
    reject(draft, mara, "spam")
    statuses.reopen(ticket=ticket, user=mara, now=LATER)
    assert ticket.drafts.get(state="in_review") == draft
    assert in_queue(mara) == [ticket.pk]


def test_reopening_an_answered_ticket_makes_no_draft_and_a_second_reply_goes_out(
    draft, ticket, mara
):
    decisions.approve(
        draft=draft, user=mara, text=REPLY, base_candidate=draft.chosen,
        claim_token=hold(ticket, mara), seconds_spent=None, score_hidden=False, now=NOON,
    )  # fmt: skip
    deliver_due(now=NOON + timedelta(minutes=1))
    assert Ticket.objects.get().status == "answered"
    decision = statuses.reopen(ticket=ticket, user=mara, now=NOON + timedelta(minutes=2))
    assert Ticket.objects.get().status == "reopened"
    assert not ticket.drafts.filter(state__in=Draft.OPEN).exists()
    undoing.undo(decision=decision, user=mara, now=NOON + timedelta(minutes=2))
    assert Ticket.objects.get().status == "answered"
    # writing again needs no reopening
    decisions.reply_without_draft(
        ticket=ticket, user=mara, text="PS: the ring is at the back.", seconds_spent=None,
        claim_token=hold(ticket, mara), now=NOON + timedelta(minutes=3), send_anyway=True,
    )  # fmt: skip
    deliver_due(now=NOON + timedelta(minutes=5))
    assert Ticket.objects.get().status == "answered"
    assert ticket.messages.filter(direction="outbound").count() == 2


def test_an_open_ticket_is_not_reopened(ticket, mara):
    with pytest.raises(statuses.StatusRefused):
        statuses.reopen(ticket=ticket, user=mara, now=LATER)


def test_solving_while_the_draft_is_written_and_undoing_asks_for_it_again(ticket, mara):
    pending = queue_draft(ticket=ticket, message=ticket.messages.get(), now=NOON)
    decision = solve(pending, mara)
    undoing.undo(decision=decision, user=mara, now=LATER)
    assert ticket.drafts.get(state="queued") != pending


def test_the_note_of_a_thread_does_not_stand_between_a_draft_and_its_return(draft, ticket, mara):
    redo(draft, mara)
    add_row(ticket, "note to self", direction="note")
    draft.refresh_from_db()
    assert undoing.can_come_back(draft)


def test_undoing_a_reply_to_an_escalated_ticket_leaves_it_escalated(draft, ticket, mara):
    escalate(draft, mara)
    decision = decisions.approve(
        draft=draft, user=mara, text=REPLY, base_candidate=draft.chosen,
        claim_token=hold(ticket, mara), seconds_spent=None, score_hidden=False, now=LATER,
    )  # fmt: skip
    undoing.undo(decision=decision, user=mara, now=LATER)
    assert in_queue(mara, "escalated") == [ticket.pk]
