"""What is taken in, what is refused, and with which words."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.db import connection

from assistant.intake import BadMessage, add_message, receive_message
from assistant.models import AuditEvent, Contact, Message, Ticket
from assistant.privacy.encryption import unseal
from generation.models import Draft

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


def receive(**changes):
    values = {
        "channel": "email",
        "body": "My thermostat is offline.",
        "source": "test",
        "actor": "system:test",
        "now": NOW,
    }
    return receive_message(**values | changes)


@pytest.mark.django_db
def test_a_message_makes_a_ticket_a_sealed_text_a_queued_draft_and_events() -> None:
    received = receive(subject="Offline", name="Mara Ilves", email="Mara@Example.org")
    message = received.message
    assert received.created
    assert unseal(message.body) == "My thermostat is offline."
    assert b"thermostat" not in bytes(message.body.ciphertext)
    assert received.ticket.contact.email == "mara@example.org"
    assert Draft.objects.get(ticket=received.ticket).state == Draft.State.QUEUED
    actions = list(AuditEvent.objects.values_list("action", flat=True))
    assert actions == ["message.received", "draft.queued"]
    assert not AuditEvent.objects.filter(canonical__contains="thermostat").exists()


@pytest.mark.django_db
def test_the_same_external_id_on_a_channel_makes_one_ticket() -> None:
    first = receive(external_id="A-1")
    again = receive(external_id="A-1", body="something else")
    elsewhere = receive(external_id="A-1", channel="api")
    assert (again.ticket.pk, again.created) == (first.ticket.pk, False)
    assert elsewhere.ticket.pk != first.ticket.pk
    assert Ticket.objects.count() == 2


@pytest.mark.django_db
def test_the_same_address_is_one_contact() -> None:
    receive(email="x@example.org")
    receive(email="X@example.org", name="Xenia")
    assert Contact.objects.get().name == "Xenia"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("body", None, "missing"),
        ("body", "   ", "missing"),
        ("body", 7, "must be text"),
        ("body", "x" * 100_001, "100,001 characters"),
        ("body", "a\x00b", "NUL"),
        ("body", "a\ud800b", "surrogate"),
        ("subject", "s" * 501, "501 characters"),
        ("subject", "\udfff", "surrogate"),
        ("name", "n\x00", "NUL"),
        ("email", "not an address", "not an e-mail address"),
        ("email", "müller@example.org", "not an e-mail address"),
        ("created_at", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), "before 1970"),
        ("created_at", datetime.max.replace(tzinfo=timezone(timedelta(hours=-14))), "future"),
        ("created_at", NOW + timedelta(days=2), "future"),
        ("channel", "pigeon", "known channels: api, email"),
        ("channel", "", "missing"),
        ("language", "klingon!", "not a language code"),
        ("external_id", "e" * 201, "201 characters"),
    ],
)
def test_bad_input_names_the_field_and_leaves_nothing_behind(
    field: str, value: object, words: str
) -> None:
    with pytest.raises(BadMessage, match=words) as caught:
        receive(**{field: value})
    assert caught.value.field == field
    assert Ticket.objects.count() == Contact.objects.count() == AuditEvent.objects.count() == 0


@pytest.mark.django_db
def test_names_and_subjects_are_one_line_so_that_they_can_stand_in_mail_headers() -> None:
    ticket = receive(name="Ana\r\nBcc: x@evil.example", subject="Be\x07ep\u2028 now").ticket
    assert ticket.contact.name == "Ana Bcc: x@evil.example"
    assert ticket.subject == "Be ep now"


@pytest.mark.django_db
def test_exactly_the_longest_message_is_taken() -> None:
    received = receive(body="x" * 100_000)
    assert received.message.body.characters == 100_000


@pytest.mark.django_db
def test_card_numbers_are_masked_before_anything_is_stored() -> None:
    received = receive(
        body="My card is 4111 1111 1111 1111, please refund.", subject="4111111111111111"
    )
    text = unseal(received.message.body)
    assert "4111 1111" not in text
    assert "1111" in text  # the last four stay, so that an agent can tell which card
    assert "4111111111111111" not in received.ticket.subject
    assert received.message.masked == 1


@pytest.mark.django_db
def test_a_follow_up_retires_the_waiting_draft_and_queues_a_new_one() -> None:
    received = receive()
    Draft.objects.update(state=Draft.State.IN_REVIEW)
    message = add_message(
        ticket=received.ticket, body="Any news?", source="test", actor="system:test", now=NOW
    ).message
    old, new = Draft.objects.order_by("number")
    assert (old.state, new.state, new.message_id) == ("retired", "queued", message.pk)
    assert message.position == 2


@pytest.mark.django_db
def test_a_follow_up_reopens_an_answered_ticket() -> None:
    received = receive()
    Ticket.objects.update(status=Ticket.Status.ANSWERED)
    add_message(
        ticket=received.ticket, body="It broke again", source="test", actor="system:test", now=NOW
    )
    assert Ticket.objects.get().status == Ticket.Status.REOPENED


@pytest.mark.django_db(transaction=True)
def test_racing_twins_make_one_ticket() -> None:
    results: list[bool] = []

    def one() -> None:
        try:
            results.append(receive(external_id="twin").created)
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 5 + [True]
    assert Ticket.objects.count() == Message.objects.count() == Draft.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_racing_follow_ups_keep_one_open_draft() -> None:
    ticket = receive().ticket

    def one(number: int) -> None:
        try:
            add_message(
                ticket=ticket, body=f"message {number}", source="test", actor="system:test", now=NOW
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ticket.messages.count() == 6
    assert Draft.objects.filter(state__in=Draft.OPEN).count() == 1
    assert Draft.objects.get(state="queued").message.position == 6


@pytest.mark.django_db
def test_the_same_message_id_on_a_channel_is_one_message_wherever_it_comes_again() -> None:
    first = receive(message_id="<a1@phone.example>")
    assert first.message.mail_id == "<a1@phone.example>"
    again = receive(message_id="a1@phone.example", body="the same, from a second relay")
    elsewhere = receive(message_id="<a1@phone.example>", channel="api")
    assert (again.ticket.pk, again.created) == (first.ticket.pk, False)
    assert elsewhere.created
    follow = {"source": "test", "actor": "system:test", "now": NOW}
    one = add_message(ticket=first.ticket, body="And?", message_id="<a2@phone.example>", **follow)
    two = add_message(ticket=first.ticket, body="And?", message_id="<a2@phone.example>", **follow)
    assert (one.created, two.created, two.message.pk) == (True, False, one.message.pk)
    other = receive(message_id="<a3@phone.example>").ticket
    strayed = add_message(ticket=other, body="And?", message_id="<a2@phone.example>", **follow)
    assert (strayed.created, strayed.ticket.pk) == (False, first.ticket.pk)
    assert Message.objects.count() == 4


@pytest.mark.django_db
def test_messages_without_a_message_id_have_none_and_are_never_duplicates() -> None:
    assert receive().ticket.pk != receive().ticket.pk
    assert set(Message.objects.values_list("mail_id", flat=True)) == {""}


@pytest.mark.django_db
@pytest.mark.parametrize(
    "value",
    ["a b@c", "<a@b> <c@d>", "<a\r\nBcc: x@y>", "é@x.example", "<=?utf-8?q?=0A?=@x>", "x" * 260],
)
def test_what_is_no_message_id_is_refused_by_field(value: str) -> None:
    with pytest.raises(BadMessage) as caught:
        receive(message_id=value)
    assert caught.value.field == "message_id"


@pytest.mark.django_db(transaction=True)
def test_racing_deliveries_of_one_mail_make_one_message() -> None:
    ticket = receive().ticket
    made: list[bool] = []

    def one(number: int) -> None:
        values = {
            "source": "test",
            "actor": "system:test",
            "now": NOW,
            "message_id": "<r@x.example>",
        }
        try:
            if number % 2:
                made.append(add_message(ticket=ticket, body="And?", **values).created)
            else:
                made.append(receive(message_id="<r@x.example>").created)
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(made) == [False] * 5 + [True]
    assert Message.objects.filter(mail_id="<r@x.example>").count() == 1


@pytest.mark.django_db
def test_lists_go_by_the_time_of_arrival_whatever_the_senders_clock_says() -> None:
    old = receive(created_at=NOW - timedelta(days=400))
    assert old.ticket.last_message_at == NOW
    late = NOW + timedelta(hours=1)
    add_message(
        ticket=old.ticket,
        body="Any news?",
        created_at=NOW - timedelta(days=399),
        source="test",
        actor="system:test",
        now=late,
    )
    newest = Ticket.objects.order_by("-last_message_at").first()
    assert (newest, newest.last_message_at) == (old.ticket, late)
    ahead = receive(created_at=NOW + timedelta(hours=20))  # a clock that runs fast
    assert ahead.message.created_at == NOW


@pytest.mark.django_db
def test_overrides_of_text_direction_leave_names_and_subjects() -> None:
    ticket = receive(name="Ana \u202egreB\u202c", subject="\u2066\u202dPay\u2069 now").ticket
    assert (ticket.sender_name, ticket.subject) == ("Ana greB", "Pay now")
    hebrew = receive(name="\u05d3\u05df \u200f\u05dc\u05d5\u05d9").ticket
    assert "\u200f" in hebrew.sender_name
