"""One mailbox is one contact, however its address is written; names belong to the messages."""

from __future__ import annotations

import importlib
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from assistant import outbox
from assistant.addresses import BadAddress, canonical
from assistant.intake import BadMessage, add_message, receive_message
from assistant.models import Contact, Message, Ticket
from generation.models import Draft
from generation.worker import open_question
from review.forgetting import forget, tickets_of

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
twins = importlib.import_module("assistant.migrations.0003_one_contact_a_mailbox")


def receive(**changes: object) -> Ticket:
    values = {"channel": "email", "body": "How do I restart my Ember Mini?"}
    return receive_message(**values | changes, source="test", actor="system:test", now=NOW).ticket


FORMS = ["ida@bücher.example", "ida@xn--bcher-kva.example", "ida@bu\u0308cher.example",
         "IDA@BÜCHER.example", "ida@XN--BCHER-KVA.EXAMPLE", "ida@bücher。example"]  # fmt: skip


@pytest.mark.django_db
def test_all_forms_of_an_address_are_one_contact_and_forgotten_together() -> None:
    tickets = [receive(email=form) for form in FORMS]
    assert Contact.objects.get().email == "ida@xn--bcher-kva.example"
    for form in FORMS:
        assert tickets_of(email=form) == tickets
    erased = forget(
        tickets=tickets_of(email=FORMS[2]), retire_drafts=True, actor="system:test", now=NOW
    )
    assert (len(erased.tickets), erased.contacts) == (len(FORMS), 1)
    assert not Contact.objects.exclude(email=None).exists()


@pytest.mark.parametrize(
    "address",
    ["ida@straße..example", "ida@\u212aelvin", "\u212a@e.example", "ida@e\u200d.example", "ida@☃.example",
     "ida@1.2.3.4", "ida@[1.2.3.4]", '"i d"@e.example', "ida@e.example>", "a b@e.example",
     "=?utf-8?q?a=0D?=@e.example", "ida@e_f.example", "ida@xn--a.example", "@e.example", "ida"],
)  # fmt: skip
@pytest.mark.django_db
def test_what_is_no_mailbox_is_refused_by_field(address: str) -> None:
    with pytest.raises(BadMessage) as caught:
        receive(email=address)
    assert caught.value.field == "email"


@given(st.text(max_size=80))
def test_the_canonical_form_is_ascii_stable_and_one_token(text: str) -> None:
    for address in (text, f"a@{text}.example", f"{text}@e.example", f"a@{text}"):
        try:
            made = canonical(address)
        except BadAddress:
            continue
        assert made.isascii()
        assert not set(made) & set(' \t\r\n<>()",;:\\')
        assert made.count("@") == 1
        assert canonical(made) == made
        if unicodedata.is_normalized("NFC", address):
            decomposed = unicodedata.normalize("NFD", address)
            assert canonical(decomposed) == made


@pytest.mark.django_db
def test_two_people_at_one_address_are_greeted_written_to_and_listed_by_their_own_names(
    settings, tmp_path: Path
) -> None:
    settings.MAIL_DIR = tmp_path
    office = "office@familyberg.example"
    anna = receive(name="Anna Berg", email=office)
    jonas = receive(name="Jonas Berg", email=office)
    assert anna.contact_id == jonas.contact_id
    assert (anna.customer, jonas.customer) == ("Anna Berg", "Jonas Berg")
    greeted = [open_question(Draft.objects.get(ticket=one)).first_name for one in (anna, jonas)]
    assert greeted == ["Anna", "Jonas"]
    add_message(
        ticket=anna, body="And mine?", name="Mia Berg", source="test", actor="system:test", now=NOW
    )
    anna.refresh_from_db()
    assert anna.customer == "Mia Berg"
    latest = Draft.objects.filter(ticket=anna).order_by("number").last()
    assert open_question(latest).first_name == "Mia"
    for key, ticket, position in (("d1", anna, 2), ("d2", jonas, 1)):
        with transaction.atomic():
            reply = outbox.hold_reply(
                ticket=ticket, text="Hi", author=None, idempotency_key=key, now=NOW
            )
        assert reply.answers_position == position
    # a follow-up by somebody else, after the decision, does not rename whom it answers
    add_message(
        ticket=jonas, body="Hello?", name="Anna Berg", source="test", actor="system:test", now=NOW
    )
    assert outbox.deliver_due(now=NOW + timedelta(seconds=11)) == 2
    to = {path.name.split("-")[0]: path.read_bytes() for path in tmp_path.glob("*.eml")}
    assert b"To: Mia Berg <office@familyberg.example>\r\n" in to[str(anna.pk)]
    assert b"To: Jonas Berg <office@familyberg.example>\r\n" in to[str(jonas.pk)]


@pytest.mark.django_db
def test_the_migration_merges_twins_and_gives_names_to_messages() -> None:
    tickets = [receive(email=f"t{n}@e.example", name="") for n in range(4)]
    for ticket, email, name in zip(
        tickets, [*FORMS[:3], "other@e.example"], ["Ida", "I. Lind", "", "Otto"], strict=True
    ):
        Contact.objects.filter(pk=ticket.contact_id).update(email=email, name=name)
    old = "<ticket-1-message-1@countersign>"
    Message.objects.filter(ticket=tickets[0]).update(mail_id=old)
    twins.name_the_senders(apps, connection.schema_editor)
    twins.merge_twins(apps, connection.schema_editor)
    twins.drop_invented_ids(apps, connection.schema_editor)
    assert sorted(Contact.objects.values_list("email", flat=True)) == [
        "ida@xn--bcher-kva.example",
        "other@e.example",
    ]
    for ticket in tickets:
        ticket.refresh_from_db()
    assert len({ticket.contact_id for ticket in tickets}) == 2
    assert [ticket.sender_name for ticket in tickets] == ["Ida", "I. Lind", "", "Otto"]
    assert [t.messages.get().sender_name for t in tickets] == ["Ida", "I. Lind", "", "Otto"]
    assert not Message.objects.exclude(mail_id="").exists()
