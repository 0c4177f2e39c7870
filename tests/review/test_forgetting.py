"""`manage.py forget`: texts are gone for ever, the log still holds, and nothing goes half way."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from assistant.audit.log import system
from assistant.audit.verify import verify
from assistant.intake import BadMessage, add_message, receive_message
from assistant.models import AuditEvent, OutboundReply, SealedText, Ticket, User
from assistant.privacy.encryption import Forgotten, seal, unseal
from generation.models import Draft
from generation.training.record_files import tombstones_beside
from review import claims, decisions, working_copies
from review.models import Decision, WorkingCopy
from review.training_export import group_of
from tests.people import signed_in
from tests.review.factories import NOON, REPLY, make_draft, make_ticket

pytestmark = pytest.mark.django_db


def forget(**options: Any) -> dict[str, Any]:
    out = io.StringIO()
    call_command("forget", json=True, stdout=out, **options)
    return dict(json.loads(out.getvalue()))


def answered(mara: User, **ticket: Any) -> Decision:
    """A ticket whose approved reply was sent."""
    made = make_ticket(body="My name is Ana Lopes and my code is 4711.", **ticket)
    draft = make_draft(made)
    token = claims.claim(ticket=made, user=mara, now=NOON).token
    decision = decisions.approve(
        draft=draft, user=mara, text=REPLY, base_candidate=draft.chosen, claim_token=token,
        seconds_spent=9.0, score_hidden=False, now=NOON, send_anyway=True,
    )  # fmt: skip
    OutboundReply.objects.filter(pk=decision.reply_id).update(state="sent")
    return decision


def test_every_text_of_the_ticket_is_gone_the_log_verifies_and_says_that_it_was_forgotten(
    mara: User,
) -> None:
    ticket, other = answered(mara).ticket, answered(mara).ticket
    texts = SealedText.objects.filter(ticket=ticket)
    count = texts.count()
    assert count >= 3
    assert forget(ticket=ticket.pk)["texts"] == count
    for sealed in texts:
        assert (sealed.ciphertext, sealed.salt) == (None, None)
        with pytest.raises(Forgotten):
            unseal(sealed)
    with pytest.raises(Forgotten):
        seal(ticket=Ticket.objects.get(pk=ticket.pk), text="a new text finds no key either")
    assert Ticket.objects.get(pk=ticket.pk).subject == ""
    assert unseal(SealedText.objects.filter(ticket=other).first())
    event = AuditEvent.objects.get(action="ticket.forgotten")
    told = json.loads(event.canonical)
    assert (told["ticket"], told["data"]["texts"]) == (ticket.pk, count)
    assert forget(ticket=ticket.pk)["tickets"] == []  # again: nothing more to do, no second event


def test_a_forgotten_ticket_has_a_page_and_leaves_the_next_export_of_decisions(
    mara: User, tmp_path: Any
) -> None:
    kept, gone = answered(mara), answered(mara)
    forget(ticket=gone.ticket_id)
    page = signed_in(mara).get(reverse("review:ticket", args=[gone.ticket_id]))
    assert page.status_code == 200
    assert b"4711" not in page.content
    path = tmp_path / "decisions.jsonl"
    call_command("export_decisions", out=path, json=True, stdout=io.StringIO())
    assert [json.loads(line)["group"] for line in path.open()] == [group_of(kept.ticket_id)]
    assert group_of(gone.ticket_id) in tombstones_beside(path).read_text()


def test_a_customer_is_forgotten_with_all_their_tickets_name_and_address(mara: User) -> None:
    first = answered(mara, email="ana@example.org").ticket
    second = answered(mara, email="ana@example.org").ticket
    assert first.contact_id == second.contact_id
    assert forget(email="ANA@example.org")["tickets"] == [first.pk, second.pk]
    first.contact.refresh_from_db()
    assert (first.contact.name, first.contact.email) == ("", None)
    with pytest.raises(CommandError, match="No ticket is of"):
        forget(email="ana@example.org")


def test_one_of_a_customers_tickets_leaves_their_address_to_the_others(mara: User) -> None:
    first = answered(mara, email="ana@example.org").ticket
    answered(mara, email="ana@example.org")
    assert forget(ticket=first.pk)["contacts"] == 0
    first.contact.refresh_from_db()
    assert first.contact.email == "ana@example.org"


def test_an_open_draft_keeps_the_customers_tickets_whole_until_it_is_retired(mara: User) -> None:
    done = answered(mara, email="ana@example.org").ticket
    waiting = make_ticket(email="ana@example.org")
    draft = make_draft(waiting)
    working_copies.save(
        ticket=waiting, draft=draft, user=mara, text="Dear Ana", revision=0, now=NOON
    )
    with pytest.raises(CommandError, match=f"#{waiting.pk} has an open draft"):
        forget(email="ana@example.org")
    assert not SealedText.objects.filter(ticket=done, ciphertext__isnull=True).exists()
    assert forget(email="ana@example.org", retire_drafts=True)["tickets"] == [done.pk, waiting.pk]
    draft.refresh_from_db()
    assert draft.state == Draft.State.RETIRED
    assert not WorkingCopy.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_log_verifies_afterwards(mara: User) -> None:
    waiting = receive_message(
        channel="email", body="My name is Ana Lopes.", source="import", actor=system("import"),
        now=NOON,
    ).ticket  # fmt: skip
    forget(ticket=waiting.pk, retire_drafts=True)
    found = verify()
    assert (found.ok, found.unproven) == (True, 0)


def test_a_forgotten_ticket_takes_no_more_messages(mara: User) -> None:
    ticket = answered(mara).ticket
    forget(ticket=ticket.pk)
    with pytest.raises(BadMessage, match="open a new ticket"):
        add_message(ticket=ticket, body="And now?", source="api", actor="system:test", now=NOON)


def test_a_reply_on_its_way_is_waited_for(mara: User) -> None:
    decision = answered(mara)
    OutboundReply.objects.filter(pk=decision.reply_id).update(
        state="held", hold_until=NOON + timedelta(seconds=9)
    )
    with pytest.raises(CommandError, match="a reply on its way"):
        forget(ticket=decision.ticket_id)


def test_a_ticket_that_is_none_is_a_named_error() -> None:
    with pytest.raises(CommandError, match="no ticket #12345"):
        forget(ticket=12345)
