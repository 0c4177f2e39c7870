"""Claims: nobody works on a ticket that somebody else holds, and of two who take it one wins."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection

from assistant.models import AuditEvent
from review import claims
from review.models import Claim
from tests import people
from tests.review.factories import NOON, make_ticket

pytestmark = pytest.mark.django_db


def test_a_free_ticket_is_taken_and_recorded_once(mara):
    ticket = make_ticket()
    first = claims.claim(ticket=ticket, user=mara, now=NOON)
    again = claims.claim(ticket=ticket, user=mara, now=NOON + timedelta(seconds=30))
    assert again.token == first.token
    assert again.expires_at > first.expires_at
    assert AuditEvent.objects.filter(action="claim.taken").count() == 1


def test_a_held_ticket_is_refused_and_names_the_holder(mara, jonas):
    ticket = make_ticket()
    claims.claim(ticket=ticket, user=mara, now=NOON)
    with pytest.raises(claims.ClaimHeld) as refused:
        claims.claim(ticket=ticket, user=jonas, now=NOON + timedelta(seconds=5))
    assert refused.value.holder == mara
    assert Claim.objects.get().user == mara


def test_a_claim_without_a_heartbeat_runs_out(mara, jonas, settings):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    later = NOON + timedelta(seconds=settings.CLAIM_SECONDS + 1)
    assert claims.current(ticket=ticket, now=later) is None
    assert claims.claim(ticket=ticket, user=jonas, now=later).user == jonas
    with pytest.raises(claims.ClaimLost) as lost:
        claims.heartbeat(ticket=ticket, user=mara, token=held.token, now=later)
    assert lost.value.holder == jonas


def test_an_expired_claim_revives_while_nobody_took_the_ticket(mara, settings):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    later = NOON + timedelta(seconds=settings.CLAIM_SECONDS * 5)
    claims.heartbeat(ticket=ticket, user=mara, token=held.token, now=later)
    assert claims.current(ticket=ticket, now=later).user == mara


def test_release_frees_the_ticket_only_with_its_token(mara, jonas):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    assert not claims.release(ticket=ticket, user=jonas, token=held.token)
    assert claims.release(ticket=ticket, user=mara, token=held.token)
    assert claims.claim(ticket=ticket, user=jonas, now=NOON).user == jonas


def test_a_page_that_was_left_frees_the_ticket_at_once(mara, jonas):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    visit = claims.visit(held, now=NOON)
    assert claims.farewell(ticket=ticket, user=mara, token=held.token, visit=visit, now=NOON)
    assert claims.claim(ticket=ticket, user=jonas, now=NOON).user == jonas


def test_a_late_farewell_frees_nothing_while_another_page_of_the_ticket_is_open(mara, jonas):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    first = claims.visit(held, now=NOON)
    second = claims.visit(claims.claim(ticket=ticket, user=mara, now=NOON), now=NOON)
    for _ in range(2):  # a beacon may come twice
        assert not claims.farewell(
            ticket=ticket, user=mara, token=held.token, visit=first, now=NOON
        )
    with pytest.raises(claims.ClaimHeld):
        claims.claim(ticket=ticket, user=jonas, now=NOON)
    assert claims.farewell(ticket=ticket, user=mara, token=held.token, visit=second, now=NOON)


def test_a_page_that_stays_goes_on_under_its_token_after_a_farewell(mara):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    visit = claims.visit(held, now=NOON)
    claims.farewell(ticket=ticket, user=mara, token=held.token, visit=visit, now=NOON)
    claims.check(ticket=ticket, user=mara, token=held.token)
    again = claims.claim(ticket=ticket, user=mara, now=NOON + timedelta(seconds=1))
    assert again.token == held.token
    claims.heartbeat(
        ticket=ticket, user=mara, token=held.token, visit=visit, now=NOON + timedelta(seconds=5)
    )
    assert claims.current(ticket=ticket, now=NOON + timedelta(seconds=6)).user == mara


def test_nobody_says_farewell_for_somebody_else_or_after_a_take_over(mara, jonas):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    visit = claims.visit(held, now=NOON)
    assert not claims.farewell(ticket=ticket, user=jonas, token=held.token, visit=visit, now=NOON)
    taken = claims.take_over(ticket=ticket, user=jonas, seen=held.token, now=NOON)
    claims.visit(taken, now=NOON)
    assert not claims.farewell(ticket=ticket, user=mara, token=held.token, visit=visit, now=NOON)
    assert claims.current(ticket=ticket, now=NOON).user == jonas


def test_a_page_that_fell_silent_keeps_nothing(mara, settings):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    claims.visit(held, now=NOON)
    later = NOON + timedelta(seconds=settings.CLAIM_SECONDS + 1)
    claims.heartbeat(ticket=ticket, user=mara, token=held.token, now=later)
    here = claims.visit(held, now=later)
    assert claims.farewell(ticket=ticket, user=mara, token=held.token, visit=here, now=later)


def test_a_late_pulse_revives_no_claim_that_a_decision_ended(mara):
    ticket = make_ticket()
    held = claims.claim(ticket=ticket, user=mara, now=NOON)
    claims.release(ticket=ticket, user=mara, token=held.token)
    with pytest.raises(claims.ClaimLost):
        claims.heartbeat(ticket=ticket, user=mara, token=held.token, now=NOON)
    assert not Claim.objects.exists()
    assert AuditEvent.objects.filter(action="claim.taken").count() == 1


def test_of_two_take_overs_of_the_same_claim_one_wins(mara, jonas, ada):
    ticket = make_ticket()
    seen = claims.claim(ticket=ticket, user=mara, now=NOON).token
    claims.take_over(ticket=ticket, user=jonas, seen=seen, now=NOON)
    with pytest.raises(claims.ClaimHeld) as refused:
        claims.take_over(ticket=ticket, user=ada, seen=seen, now=NOON)
    assert refused.value.holder == jonas
    event = AuditEvent.objects.get(action="claim.taken_over")
    assert f'"from_user":{mara.pk}' in event.canonical


@pytest.mark.django_db(transaction=True)
def test_of_two_people_who_open_a_ticket_at_once_one_holds_it():
    users = [people.person("mara"), people.person("jonas")]
    ticket = make_ticket()
    barrier = threading.Barrier(2)
    outcomes: list[str] = []

    def take(user) -> None:
        barrier.wait()
        try:
            claims.claim(ticket=ticket, user=user, now=NOON)
            outcomes.append("held")
        except claims.ClaimHeld:
            outcomes.append("refused")
        finally:
            connection.close()

    for _ in range(5):
        Claim.objects.all().delete()
        outcomes.clear()
        threads = [threading.Thread(target=take, args=(user,)) for user in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["held", "refused"]
