"""The queue: nobody who waits is missing, whoever waits longest comes first."""

from __future__ import annotations

from datetime import timedelta

import pytest

from assistant.models import OutboundReply, Ticket
from assistant.outbox import cancel_reply, hold_reply
from generation.models import Draft
from review import claims, queue
from tests.review.factories import NOON, add_message, make_draft, make_ticket

pytestmark = pytest.mark.django_db


def ticket(hours: float, **kw):
    return make_ticket(at=NOON - timedelta(hours=hours), **kw)


def numbers(user, show="waiting"):
    return [row.number for row in queue.page(user=user, show=show, now=NOON).rows]


def test_the_longest_waiting_comes_first_and_writing_again_does_not_put_it_back(mara):
    patient, impatient = ticket(1), ticket(5)
    for each in (patient, impatient):
        make_draft(each)
    add_message(impatient, "Hello??", at=NOON - timedelta(minutes=1))
    Ticket.objects.filter(pk=impatient.pk).update(last_message_at=NOON - timedelta(minutes=1))
    assert numbers(mara) == [impatient.pk, patient.pk]


def test_an_answered_message_does_not_count_as_waiting(mara):
    old, new = ticket(9), ticket(2)
    add_message(old, "Our reply", at=NOON - timedelta(hours=3), direction="outbound")
    add_message(old, "It came back", at=NOON - timedelta(hours=1))
    assert numbers(mara) == [new.pk, old.pk]


@pytest.mark.parametrize("state", ["in_review", "withheld", "failed", "rejected", "retired"])
def test_a_ticket_without_a_reply_is_seen_whatever_became_of_its_draft(mara, state):
    waiting = ticket(1)
    make_draft(waiting, state=state)
    assert numbers(mara) == [waiting.pk]


def test_drafts_that_are_being_made_stand_apart(mara):
    a, b = ticket(1), ticket(2)
    make_draft(a, state="working")
    make_draft(b, state="queued")
    assert numbers(mara) == []
    assert numbers(mara, "drafting") == [b.pk, a.pk]
    assert queue.page(user=mara, now=NOON).counts["drafting"] == 2


@pytest.mark.parametrize("status", ["answered", "solved", "spam", "waiting"])
def test_a_ticket_that_needs_nothing_is_not_in_it(mara, status):
    Ticket.objects.filter(pk=ticket(1).pk).update(status=status)
    assert numbers(mara) == []


def test_a_ticket_leaves_while_its_reply_is_held_and_is_back_after_undo(mara):
    waiting = ticket(1)
    reply = hold_reply(ticket=waiting, text="Hi", author=mara, idempotency_key="k", now=NOON)
    assert numbers(mara) == []
    cancel_reply(reply, now=NOON)
    assert numbers(mara) == [waiting.pk]


@pytest.mark.parametrize("state", ["uncertain", "failed"])
def test_a_reply_that_did_not_get_through_is_flagged(mara, state):
    waiting = ticket(1)
    hold_reply(ticket=waiting, text="Hi", author=mara, idempotency_key="k", now=NOON)
    OutboundReply.objects.update(state=state)
    assert numbers(mara, "flagged") == [waiting.pk]
    assert queue.page(user=mara, now=NOON).rows[0].trouble


def test_it_says_who_holds_a_ticket_and_counts_mine(mara, jonas, settings):
    a, b = ticket(2), ticket(1)
    claims.claim(ticket=a, user=jonas, now=NOON)
    claims.claim(ticket=b, user=mara, now=NOON)
    rows = {row.number: row for row in queue.page(user=mara, now=NOON).rows}
    assert rows[a.pk].holder == "Jonas Brandt"
    assert not rows[a.pk].held_by_me
    assert rows[b.pk].held_by_me
    assert numbers(mara, "mine") == [b.pk]
    later = NOON + timedelta(seconds=settings.CLAIM_SECONDS + 1)
    assert all(not row.holder for row in queue.page(user=mara, now=later).rows)


def test_the_next_one_is_free_and_is_another(mara, jonas):
    a, b, c = ticket(3), ticket(2), ticket(1)
    claims.claim(ticket=b, user=jonas, now=NOON)
    assert queue.next_after(number=a.pk, user=mara, now=NOON) == c.pk
    assert queue.neighbours(ticket=a, user=mara, now=NOON) == (None, c.pk)
    page = queue.page(user=mara, now=NOON)
    assert queue.neighbours(ticket=a, user=mara, now=NOON, known=page) == (None, c.pk)
    assert queue.next_after(number=c.pk, user=jonas, now=NOON) == a.pk


def test_after_a_decision_the_next_one_down_is_opened_and_after_the_last_the_first(mara, jonas):
    rows = [ticket(hours) for hours in (9, 7, 5, 5, 3, 1)]
    numbers = [row.pk for row in rows]
    assert [row.number for row in queue.page(user=mara, now=NOON).rows] == numbers
    for here, below in zip(numbers, [*numbers[1:], numbers[0]], strict=True):
        assert queue.next_after(number=here, user=mara, now=NOON) == below
    claims.claim(ticket=rows[2], user=jonas, now=NOON)
    assert queue.next_after(number=numbers[1], user=mara, now=NOON) == numbers[3]
    Ticket.objects.filter(pk=numbers[3]).update(status="answered")  # the decided one is not listed
    assert queue.next_after(number=numbers[3], user=mara, now=NOON) == numbers[4]


def test_beside_a_ticket_stands_the_page_of_the_queue_on_which_it_is(mara, monkeypatch):
    monkeypatch.setattr(queue, "PAGE", 2)
    rows = [ticket(hours) for hours in (9, 8, 7, 6, 5)]
    for place, row in enumerate(rows):
        beside = queue.page_around(ticket=row, user=mara, now=NOON)
        assert beside.number == place // 2 + 1
        assert row.pk in [listed.number for listed in beside.rows]
        around = (rows[place - 1].pk if place else None, rows[place + 1].pk if place < 4 else None)
        assert queue.neighbours(ticket=row, user=mara, now=NOON, known=beside) == around
    Ticket.objects.filter(pk=rows[4].pk).update(status="answered")
    assert queue.page_around(ticket=rows[4], user=mara, now=NOON).number == 1


def test_the_first_free_one_is_offered_and_none_that_a_colleague_holds(mara, jonas):
    a, b = ticket(3), ticket(2)
    claims.claim(ticket=a, user=jonas, now=NOON)
    assert queue.next_after(number=None, user=mara, now=NOON) == b.pk
    claims.claim(ticket=b, user=jonas, now=NOON)
    assert queue.next_after(number=None, user=mara, now=NOON) is None


def test_escalated_tickets_stand_apart(mara):
    waiting = ticket(1)
    Ticket.objects.filter(pk=waiting.pk).update(escalated_at=NOON)
    assert numbers(mara) == []
    assert numbers(mara, "escalated") == [waiting.pk]


def test_a_page_takes_the_same_few_queries_however_many_wait(mara, django_assert_num_queries):
    for hour in range(1, 12):
        each = ticket(hour, email=f"{hour}@example.com")
        make_draft(each, quoted=False)
        claims.claim(ticket=each, user=mara, now=NOON)
    with django_assert_num_queries(2):
        page = queue.page(user=mara, now=NOON)
    assert len(page.rows) == 11
    assert page.rows[0].flags[0].label == "no evidence"


def test_a_long_queue_comes_in_pages_without_gaps(mara, monkeypatch):
    monkeypatch.setattr(queue, "PAGE", 3)
    for hour in range(7):
        ticket(hour + 1)
    first = queue.page(user=mara, now=NOON)
    rest = [queue.page(user=mara, number=n, now=NOON) for n in (2, 3)]
    assert first.more
    assert not rest[1].more
    assert [len(p.rows) for p in (first, *rest)] == [3, 3, 1]
    assert len({row.number for p in (first, *rest) for row in p.rows}) == 7


def test_states_that_the_queue_knows_are_the_drafts_own():
    assert {"in_review", "withheld", "failed"} == {str(s) for s in Draft.WAITING}
