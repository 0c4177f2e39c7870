"""Decisions: one draft, one decision; what goes out is what a person read and confirmed."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from assistant.intake import BadMessage
from assistant.models import AuditEvent, OutboundReply, Ticket
from assistant.outbox import deliver_due
from assistant.privacy.encryption import unseal
from generation.models import Draft
from generation.queue import retire_open_draft
from review import claims, decisions, undoing, working_copies
from review.diff import from_json
from review.models import Claim, Decision
from review.screening import Screening, screen
from tests import people
from tests.review.factories import NOON, REPLY, add_message, make_draft, make_ticket

pytestmark = pytest.mark.django_db
LATER = NOON + timedelta(seconds=1)


@pytest.fixture
def ticket():
    return make_ticket(at=NOON - timedelta(hours=2))


@pytest.fixture
def draft(ticket):
    return make_draft(ticket)


@pytest.fixture
def token(ticket, mara):
    return claims.claim(ticket=ticket, user=mara, now=NOON).token


def approve(draft, user, token, text=REPLY, **kw):
    values = {
        "draft": draft, "user": user, "text": text, "base_candidate": draft.chosen,
        "claim_token": token, "seconds_spent": 21.0, "score_hidden": False, "now": LATER,
    }  # fmt: skip
    return decisions.approve(**(values | kw))


def edit(draft, user, token, text, **kw):
    """Approve changed words past the screens: no worker runs here, and the agent confirms that."""
    return approve(draft, user, token, text, send_anyway=True, **kw)


def test_an_unchanged_draft_is_approved_and_its_reply_held(draft, mara, token):
    decision = approve(draft, mara, token, REPLY.replace("\n", "\r\n") + "  \n")
    draft.refresh_from_db()
    assert decision.verdict == "approve"
    assert draft.state == Draft.State.APPROVED
    assert draft.closed_at == LATER
    assert decision.reply.state == OutboundReply.State.HELD
    assert unseal(decision.reply.body) == REPLY
    assert decision.edit_distance == 0.0
    assert not Claim.objects.exists()
    assert AuditEvent.objects.order_by("-index")[0].action == "decision.made"


def test_changed_words_are_an_edit_with_a_diff_that_spells_them(draft, mara, token):
    changed = REPLY.replace("7 years", "2 years")
    decision = edit(draft, mara, token, changed)
    draft.refresh_from_db()
    assert decision.verdict == "edit"
    assert draft.state == Draft.State.EDITED
    assert 0 < decision.edit_distance < 0.2
    segments = from_json(unseal(decision.diff))
    assert "".join(s.text for s in segments if s.op != "delete") == changed


def test_an_edit_that_no_screen_could_see_needs_a_word_and_the_word_is_kept(draft, mara, token):
    changed = REPLY + "\n\nPS: call me."
    with pytest.raises(decisions.ConfirmationNeeded) as asked:
        approve(draft, mara, token, changed)
    assert asked.value.screening.unavailable
    draft.refresh_from_db()
    assert draft.state == Draft.State.IN_REVIEW
    assert not OutboundReply.objects.exists()
    decision = edit(draft, mara, token, changed)
    assert decision.screens["sent_anyway"] is True
    assert '"sent_anyway":true' in AuditEvent.objects.get(action="decision.made").canonical


def test_a_screening_of_other_words_does_not_count(draft, mara, token):
    harmless = screen(ticket=draft.ticket, draft=draft, text="harmless")
    clean = Screening(harmless.text_sha256)
    with pytest.raises(decisions.ConfirmationNeeded):
        approve(draft, mara, token, "You fool.", screened=clean)
    approve(draft, mara, token, "harmless", screened=clean)


def test_a_withheld_draft_is_not_approved_without_a_word(ticket, mara):
    reasons = [
        {"code": "toxic_draft", "text": "The draft reads as toxic."},
        {"code": "policy", "text": "The category's policy asks for a person."},
    ]
    draft = make_draft(ticket, state="withheld", reasons=reasons)
    token = claims.claim(ticket=ticket, user=mara, now=NOON).token
    with pytest.raises(decisions.ConfirmationNeeded) as asked:
        approve(draft, mara, token)
    assert asked.value.screening.warnings == ["The draft reads as toxic."]
    assert approve(draft, mara, token, send_anyway=True).verdict == "approve"


def test_deciding_twice_is_refused_and_changes_nothing(draft, mara, jonas, token):
    approve(draft, mara, token)
    events = AuditEvent.objects.count()
    other = claims.claim(ticket=draft.ticket, user=jonas, now=LATER).token
    events = AuditEvent.objects.count()
    with pytest.raises(decisions.AlreadyDecided, match="Mara Lindqvist"):
        approve(draft, jonas, other)
    with pytest.raises(decisions.AlreadyDecided):
        decisions.reject(
            draft=draft, user=jonas, reason="wrong", note="", claim_token=other, now=LATER
        )
    assert OutboundReply.objects.count() == 1
    assert Decision.objects.count() == 1
    assert AuditEvent.objects.count() == events


def test_a_retired_draft_is_refused(draft, mara, token):
    retire_open_draft(ticket=draft.ticket, reason="a new message came in", now=NOON)
    with pytest.raises(decisions.DraftRetired):
        approve(draft, mara, token)
    assert not OutboundReply.objects.exists()


def test_a_draft_that_is_still_being_written_is_refused(ticket, mara, token):
    draft = make_draft(ticket, state="working")
    with pytest.raises(decisions.NothingToApprove):
        decisions.reject(
            draft=draft, user=mara, reason="wrong", note="", claim_token=token, now=LATER
        )


def test_a_lost_claim_stops_the_decision(draft, mara, jonas, token):
    claims.take_over(ticket=draft.ticket, user=jonas, seen=token, now=NOON)
    with pytest.raises(claims.ClaimLost, match="Jonas Brandt took it over"):
        approve(draft, mara, token)
    draft.refresh_from_db()
    assert draft.state == Draft.State.IN_REVIEW


def test_another_drafts_candidate_is_no_base(draft, mara, token):
    stranger = make_draft(make_ticket(subject="Another"))
    with pytest.raises(decisions.NothingToApprove):
        approve(draft, mara, token, base_candidate=stranger.chosen)


@pytest.mark.parametrize("text", ["", "  \r\n\t "])
def test_an_empty_reply_is_refused(draft, mara, token, text):
    with pytest.raises(decisions.EmptyReply):
        approve(draft, mara, token, text)


@pytest.mark.parametrize("text", ["a\x00b", "a\ud800b", "x" * 50_001])
def test_text_that_cannot_be_stored_is_refused_by_name(draft, mara, token, text):
    with pytest.raises(BadMessage) as refused:
        approve(draft, mara, token, text)
    assert refused.value.field == "text"


def test_rejecting_needs_a_reason_and_leaves_the_ticket_waiting(draft, mara, token):
    values = {"draft": draft, "user": mara, "claim_token": token, "now": LATER}
    with pytest.raises(decisions.ReasonMissing):
        decisions.reject(reason="", note="", **values)
    decision = decisions.reject(reason="wrong", note="It is two years.", **values)
    draft.refresh_from_db()
    assert draft.state == Draft.State.REJECTED
    assert unseal(decision.note) == "It is two years."
    assert Ticket.objects.get().status == Ticket.Status.OPEN
    assert "two years" not in AuditEvent.objects.get(action="decision.made").canonical


def test_a_rejection_as_spam_closes_the_ticket(draft, mara, token):
    decisions.reject(draft=draft, user=mara, reason="spam", note="", claim_token=token, now=LATER)
    assert Ticket.objects.get().status == Ticket.Status.SPAM


def test_escalating_marks_the_ticket_and_leaves_the_draft_open(draft, mara, jonas, token):
    decisions.escalate(ticket=draft.ticket, user=mara, note="Legal?", claim_token=token, now=LATER)
    draft.refresh_from_db()
    assert draft.state == Draft.State.IN_REVIEW
    assert Ticket.objects.get().escalated_at == LATER
    other = claims.claim(ticket=draft.ticket, user=jonas, now=LATER).token
    assert approve(draft, jonas, other).verdict == "approve"
    assert Ticket.objects.get().escalated_at is None  # reopened, it waits among all the others


def test_redoing_retires_the_draft_and_queues_another(draft, mara, token):
    new = decisions.regenerate(ticket=draft.ticket, user=mara, claim_token=token, now=LATER)
    draft.refresh_from_db()
    assert draft.state == Draft.State.RETIRED
    assert (new.state, new.number) == (Draft.State.QUEUED, 2)
    with pytest.raises(decisions.DraftRetired):
        decisions.regenerate(ticket=draft.ticket, user=mara, claim_token=token, now=LATER)


def test_a_reply_by_hand_needs_no_draft_and_retires_an_open_one(ticket, mara, token):
    draft = make_draft(ticket, state="failed", error="out of memory")
    decision = decisions.reply_without_draft(
        ticket=ticket, user=mara, text="Please hold the ring.", claim_token=token,
        seconds_spent=None, now=LATER, send_anyway=True,
    )  # fmt: skip
    draft.refresh_from_db()
    assert decision.verdict == "reply"
    assert draft.state == Draft.State.RETIRED
    assert unseal(decision.reply.body) == "Please hold the ring."
    undoing.undo(decision=decision, user=mara, now=LATER)
    draft.refresh_from_db()
    assert draft.state == Draft.State.FAILED


def test_undo_brings_back_text_claim_and_draft(draft, mara, token):
    changed = REPLY.replace("7", "2")
    decision = edit(draft, mara, token, changed)
    undoing.undo(decision=decision, user=mara, now=LATER)
    draft.refresh_from_db()
    decision.refresh_from_db()
    assert draft.state == Draft.State.IN_REVIEW
    assert decision.undone_at == LATER
    assert decision.reply.state == OutboundReply.State.CANCELLED
    assert unseal(working_copies.current(ticket=draft.ticket).text) == changed
    assert claims.current(ticket=draft.ticket, now=LATER).user == mara
    assert AuditEvent.objects.order_by("-index")[0].action == "decision.undone"
    again = claims.claim(ticket=draft.ticket, user=mara, now=LATER)
    assert approve(draft, mara, again.token).reply.state == OutboundReply.State.HELD


def test_undoing_twice_or_somebody_elses_is_refused(draft, mara, jonas, token):
    decision = approve(draft, mara, token)
    with pytest.raises(undoing.TooLateToUndo):
        undoing.undo(decision=decision, user=jonas, now=LATER)
    undoing.undo(decision=decision, user=mara, now=LATER)
    with pytest.raises(undoing.TooLateToUndo):
        undoing.undo(decision=decision, user=mara, now=LATER)


def test_a_reply_that_has_left_cannot_be_undone_and_nothing_changes(
    draft, mara, token, settings, tmp_path
):
    settings.MAIL_DIR = tmp_path
    decision = approve(draft, mara, token)
    deliver_due(now=LATER + timedelta(seconds=settings.UNDO_SECONDS + 1))
    with pytest.raises(undoing.TooLateToUndo, match="on its way"):
        undoing.undo(decision=decision, user=mara, now=LATER)
    draft.refresh_from_db()
    decision.refresh_from_db()
    assert draft.state == Draft.State.APPROVED
    assert decision.undone_at is None
    assert working_copies.current(ticket=draft.ticket) is None


def test_undo_after_a_newer_draft_keeps_the_words_and_leaves_the_old_draft_closed(
    draft, mara, token
):
    decision = approve(draft, mara, token)
    add_message(draft.ticket, "One more thing", at=LATER)
    newer = make_draft(draft.ticket)
    undoing.undo(decision=decision, user=mara, now=LATER)
    draft.refresh_from_db()
    newer.refresh_from_db()
    assert draft.state == Draft.State.APPROVED
    assert newer.state == Draft.State.IN_REVIEW
    assert unseal(working_copies.current(ticket=draft.ticket).text) == REPLY


def test_the_log_holds_digests_of_a_decision_and_none_of_its_words(draft, mara, token):
    edit(draft, mara, token, REPLY + "\n\nBest, Zaphod")
    for event in AuditEvent.objects.all():
        assert "Zaphod" not in event.canonical
    made = json.loads(AuditEvent.objects.get(action="decision.made").canonical)
    assert made["data"]["text_digest"] == Decision.objects.get().final_text.digest


@pytest.mark.django_db(transaction=True)
def test_of_two_agents_who_approve_at_the_same_moment_one_reply_goes_out():
    people_ = [people.person("mara"), people.person("jonas")]
    for round_ in range(50):
        draft = make_draft(make_ticket(subject=f"Race {round_}", at=timezone.now()))
        # both hold a valid token for a moment: a claim is taken over between check and decision
        token = claims.claim(ticket=draft.ticket, user=people_[0], now=NOON).token
        barrier = threading.Barrier(2)
        outcomes: list[str] = []

        # every other round the second hand is another tab of the same agent
        hands = [people_[0], people_[round_ % 2]]

        def decide(
            user, text: str, draft=draft, token=token, barrier=barrier, outcomes=outcomes
        ) -> None:
            barrier.wait()
            try:
                approve(Draft.objects.get(pk=draft.pk), user, token, text, send_anyway=True)
                outcomes.append("sent")
            except (decisions.DecisionRefused, claims.ClaimLost):
                outcomes.append("refused")
            finally:
                connection.close()

        texts = [REPLY, REPLY + " Bye."]
        threads = [
            threading.Thread(target=decide, args=pair) for pair in zip(hands, texts, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["refused", "sent"]
        assert OutboundReply.objects.filter(ticket=draft.ticket).count() == 1
