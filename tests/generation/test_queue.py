"""The queue's promises: of two racing calls one wins, and a late result of a lost lease is discarded."""

from __future__ import annotations

import threading
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction

from assistant import heartbeat
from assistant.intake import add_message, receive_message
from assistant.models import AuditEvent
from generation import queue
from generation.models import Draft

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
State = Draft.State


def tickets(count: int) -> list[Draft]:
    for n in range(count):
        receive_message(
            channel="email",
            body=f"question {n}",
            source="test",
            actor="system:test",
            now=NOW + timedelta(seconds=n),
        )
    return list(Draft.objects.order_by("queued_at"))


@pytest.mark.django_db
def test_the_oldest_drafts_are_leased_first_and_only_once() -> None:
    drafts = tickets(5)
    first = queue.lease_batch(size=3, now=NOW)
    second = queue.lease_batch(size=3, now=NOW)
    assert [d.pk for d in first.drafts] == [d.pk for d in drafts[:3]]
    assert [d.pk for d in second.drafts] == [d.pk for d in drafts[3:]]
    assert queue.lease_batch(size=3, now=NOW) is None


@pytest.mark.django_db
def test_an_expired_lease_gives_the_draft_back_and_a_renewed_one_does_not(settings) -> None:
    tickets(2)
    batch = queue.lease_batch(size=1, now=NOW)
    later = NOW + timedelta(seconds=settings.LEASE_SECONDS + 1)
    assert queue.renew(batch.token, now=later - timedelta(seconds=5)) == 1
    assert queue.give_back_expired(now=later) == 0
    assert queue.give_back_expired(now=later + timedelta(seconds=settings.LEASE_SECONDS)) == 1
    draft = Draft.objects.get(pk=batch.drafts[0].pk)
    assert (draft.state, draft.lease_token, draft.attempts) == (State.QUEUED, None, 1)
    assert AuditEvent.objects.filter(action="draft.given_back").count() == 1
    with transaction.atomic():
        assert not queue.still_leased(draft, batch.token)


@pytest.mark.django_db
def test_too_many_tries_end_visibly_with_a_reason_in_words(settings) -> None:
    settings.MAX_ATTEMPTS = 2
    tickets(1)
    now = NOW
    for _ in range(2):
        batch = queue.lease_batch(size=1, now=now)
        queue.give_back(batch.drafts[0], batch.token, error="RuntimeError: poisoned", now=now)
        assert queue.lease_batch(size=1, now=now) is None  # after an error comes a pause
        now += timedelta(minutes=1)
    draft = Draft.objects.get()
    assert draft.state == State.FAILED
    assert "poisoned" in draft.reasons[0]["text"]
    assert queue.lease_batch(size=1, now=NOW) is None


@pytest.mark.django_db
def test_a_message_during_drafting_retires_the_draft_and_its_lease() -> None:
    tickets(1)
    batch = queue.lease_batch(size=1, now=NOW)
    ticket = batch.drafts[0].ticket
    add_message(ticket=ticket, body="also this", source="test", actor="system:test", now=NOW)
    with transaction.atomic():
        assert not queue.still_leased(batch.drafts[0], batch.token)
    assert list(ticket.drafts.order_by("number").values_list("state", flat=True)) == [
        "retired",
        "queued",
    ]


@pytest.mark.django_db
def test_a_second_open_draft_is_refused() -> None:
    (draft,) = tickets(1)
    with pytest.raises(queue.OpenDraftExists):
        queue.queue_draft(ticket=draft.ticket, message=draft.message, now=NOW)


@pytest.mark.django_db
def test_a_strange_token_saves_nothing() -> None:
    from generation.saving import save_failed

    tickets(1)
    batch = queue.lease_batch(size=1, now=NOW)
    assert not save_failed(batch.drafts[0], uuid.uuid4(), "no", now=NOW)
    assert Draft.objects.get().state == State.WORKING
    assert save_failed(batch.drafts[0], batch.token, "forgotten", now=NOW)
    assert not save_failed(batch.drafts[0], batch.token, "again", now=NOW)


@pytest.mark.django_db(transaction=True)
def test_racing_workers_never_lease_the_same_draft() -> None:
    tickets(12)
    leased: list[int] = []

    def worker() -> None:
        try:
            while batch := queue.lease_batch(size=2, now=NOW):
                leased.extend(draft.pk for draft in batch.drafts)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(leased) == sorted(Draft.objects.values_list("pk", flat=True))


def queued(source: str, *, at: int) -> Draft:
    ticket = receive_message(
        channel="email",
        body=f"question {at} by {source}",
        source=source,
        actor="system:test",
        now=NOW + timedelta(seconds=at),
    ).ticket
    return ticket.drafts.get()


@pytest.mark.django_db
def test_who_waits_goes_before_an_import_and_who_wrote_again_before_both() -> None:
    imported = [queued("import", at=n) for n in range(5)]
    fresh = queued("api", at=10)
    add_message(
        ticket=imported[4].ticket,
        body="And now?",
        source="api",
        actor="system:test",
        now=NOW + timedelta(seconds=20),
    )
    again = imported[4].ticket.drafts.get(state=State.QUEUED)
    batch = queue.lease_batch(size=4, now=NOW + timedelta(seconds=30))
    leased = [d.pk for d in batch.drafts]
    assert leased[:2] == [again.pk, fresh.pk]
    assert set(leased[2:]) <= {d.pk for d in imported[:4]}


@pytest.mark.django_db
@pytest.mark.parametrize("size", [1, 3, 8])
def test_an_import_is_drafted_though_live_messages_never_stop(size: int) -> None:
    imported = queued("import", at=0)
    live = 0
    for turn in range(400):
        while live < (turn + 2) * size:
            live += 1
            queued("api", at=live)
        batch = queue.lease_batch(size=size, now=NOW + timedelta(days=1))
        assert len(batch.drafts) == size
        if imported.pk in [d.pk for d in batch.drafts]:
            return
        Draft.objects.filter(lease_token=batch.token).update(state=State.APPROVED, lease_token=None)
    raise AssertionError("the import starved")


def gives_signs_of_life(name: str, at: datetime) -> None:
    heartbeat.beat(name=name, queue=name.split("@")[0], now=at)


@pytest.mark.django_db
def test_power_cuts_give_no_draft_to_a_person(settings) -> None:
    tickets(2)
    at = NOW
    for cut in range(settings.MAX_ATTEMPTS - 1):
        # all processes are new ones, and beat's own rows are nobody's
        gives_signs_of_life(f"default@here:{cut}", at)
        heartbeat.clock("sweeps", now=at)
        at += timedelta(seconds=1)
        while queue.lease_batch(size=2, now=at):
            pass
        at += timedelta(seconds=settings.LEASE_SECONDS + 60)
        gives_signs_of_life(f"default@here:{cut + 1}", at)
        heartbeat.clock("sweeps", now=at)
        assert queue.give_back_expired(now=at) == 2
    assert [d.state for d in Draft.objects.all()] == [State.QUEUED] * 2
    assert len(queue.lease_batch(size=2, now=at).drafts) == 1  # alone, to be safe


@pytest.mark.django_db
def test_a_draft_that_silences_its_worker_is_tried_alone_and_then_given_to_a_person(
    settings,
) -> None:
    drafts = tickets(3)
    gives_signs_of_life("default@here:1", NOW - timedelta(seconds=1))
    first = queue.lease_batch(size=3, now=NOW)
    assert len(first.drafts) == 3
    late = NOW + timedelta(seconds=settings.LEASE_SECONDS + 1)
    gives_signs_of_life("default@here:1", late)
    assert queue.give_back_expired(now=late) == 3
    new = queued("api", at=50)

    # what was not there goes on at once, together; those of the batch alone
    assert [d.pk for d in queue.lease_batch(size=3, now=late).drafts] == [new.pk]
    alone = [queue.lease_batch(size=3, now=late) for _ in drafts]
    assert [[d.pk for d in batch.drafts] for batch in alone] == [[d.pk] for d in drafts]

    # one of them does it again; the others are saved in time
    others = [d.pk for d in drafts[1:]]
    Draft.objects.filter(pk__in=others).update(state=State.IN_REVIEW, lease_token=None)
    Draft.objects.filter(pk=new.pk).update(state=State.IN_REVIEW, lease_token=None)
    later = late + timedelta(seconds=settings.LEASE_SECONDS + 1)
    gives_signs_of_life("default@here:1", later)
    assert queue.give_back_expired(now=later) == 1
    culprit = Draft.objects.get(pk=drafts[0].pk)
    assert culprit.state == State.FAILED
    assert "fell silent 2 times" in culprit.reasons[0]["text"]
    assert queue.lease_batch(size=3, now=late + timedelta(days=1)) is None
