"""No reply is sent twice, none is lost, and undo works while a reply is held."""

from __future__ import annotations

import email
import threading
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path

import pytest
from django.db import connection, transaction

from assistant import outbox
from assistant.audit.log import record  # noqa: F401  (the log must be importable without the pages)
from assistant.channels.base import DeliveryError
from assistant.channels.mail import MailFile
from assistant.intake import receive_message
from assistant.models import AuditEvent, Message, OutboundReply, Ticket

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=11)
State = OutboundReply.State


@pytest.fixture
def ticket(db, settings, tmp_path: Path) -> Ticket:
    settings.MAIL_DIR = tmp_path / "mail"
    return receive_message(
        channel="email",
        body="It beeps",
        subject="Beep\nBcc: x@evil.example",
        name="Ana Ó",
        email="ana@example.org",
        message_id="<beep-1@phone.example.org>",
        source="test",
        actor="system:test",
        now=NOW,
    ).ticket


def hold(ticket: Ticket, key: str = "draft-1") -> OutboundReply:
    with transaction.atomic():
        return outbox.hold_reply(
            ticket=ticket,
            text="Hi Ana,\n\nhold the ring — für zehn Sekunden.",
            author=None,
            idempotency_key=key,
            now=NOW,
        )


def mails(settings) -> list[email.message.EmailMessage]:
    files = sorted(Path(settings.MAIL_DIR).glob("*.eml"))
    return [email.message_from_bytes(f.read_bytes(), policy=policy.default) for f in files]


def test_a_held_reply_leaves_after_its_time_with_threading_headers(
    ticket: Ticket, settings
) -> None:
    reply = hold(ticket)
    assert outbox.deliver_due(now=NOW) == 0
    assert outbox.deliver_due(now=LATER) == 1
    (mail,) = mails(settings)
    assert mail["In-Reply-To"] == "<beep-1@phone.example.org>"
    assert mail["References"] == "<beep-1@phone.example.org>"
    assert mail["Subject"] == f"Re: Beep Bcc: x@evil.example [#{ticket.pk}]"
    assert mail["Bcc"] is None
    assert "für zehn Sekunden" in mail.get_content()
    reply.refresh_from_db()
    ticket.refresh_from_db()
    assert (reply.state, ticket.status) == (State.SENT, Ticket.Status.ANSWERED)
    assert ticket.messages.last().direction == Message.Direction.OUTBOUND
    assert AuditEvent.objects.filter(action="reply.sent").count() == 1


def test_the_same_key_makes_one_reply_and_one_mail(ticket: Ticket, settings) -> None:
    assert hold(ticket).pk == hold(ticket).pk
    for _ in range(3):
        outbox.deliver_due(now=LATER)
    assert len(mails(settings)) == 1


def test_undo_stops_a_held_reply_and_only_a_held_one(ticket: Ticket, settings) -> None:
    reply = hold(ticket)
    assert outbox.cancel_reply(reply, now=NOW)
    assert not outbox.cancel_reply(reply, now=NOW)
    assert outbox.deliver_due(now=LATER) == 0
    assert mails(settings) == []
    sent = hold(ticket, "draft-2")
    outbox.deliver_due(now=LATER)
    assert not outbox.cancel_reply(sent, now=LATER)


def test_a_failing_delivery_is_tried_again_with_growing_pauses_and_ends_visibly(
    ticket: Ticket, settings, tmp_path: Path
) -> None:
    settings.MAIL_DIR = tmp_path / "file-in-the-way"
    settings.MAIL_DIR.write_text("not a folder")
    reply = hold(ticket)
    now = LATER
    pauses = []
    while not pauses or reply.next_attempt_at:
        outbox.deliver_due(now=now)
        reply.refresh_from_db()
        if reply.next_attempt_at:
            pauses.append(reply.next_attempt_at - now)
            now = reply.next_attempt_at
    assert pauses == sorted(pauses)
    assert pauses[0] == timedelta(minutes=1)
    assert now - LATER >= outbox.GIVE_UP_AFTER  # RFC 5321, section 4.5.4.1
    assert len(pauses) < 60
    assert (reply.state, reply.next_attempt_at) == (State.FAILED, None)
    assert "could not write" in reply.last_error


def test_a_reply_without_an_address_fails_for_good_with_advice(
    settings, tmp_path: Path, db
) -> None:
    settings.MAIL_DIR = tmp_path
    nameless = receive_message(
        channel="phone", body="Call me", source="test", actor="system:test", now=NOW
    ).ticket
    reply = hold(nameless)
    outbox.deliver_due(now=LATER)
    reply.refresh_from_db()
    assert (reply.state, reply.next_attempt_at) == (State.FAILED, None)
    assert "no e-mail address" in reply.last_error


@pytest.mark.parametrize("state", [State.FAILED, State.UNCERTAIN])
def test_a_stuck_reply_that_was_said_another_way_stands_in_the_thread_and_closes_the_ticket(
    ticket: Ticket, state: str
) -> None:
    reply = hold(ticket)
    OutboundReply.objects.update(state=state)
    assert outbox.settle(reply, send_again=False, actor="user:1:mara", now=LATER)
    assert not outbox.settle(reply, send_again=False, actor="user:1:mara", now=LATER)
    ticket.refresh_from_db()
    reply.refresh_from_db()
    assert (reply.state, ticket.status) == (State.SENT, Ticket.Status.ANSWERED)
    assert [m.direction for m in ticket.messages.all()] == ["inbound", "outbound"]


def test_a_reply_that_failed_for_good_is_sent_again_on_a_persons_word(
    ticket: Ticket, settings
) -> None:
    reply = hold(ticket)
    OutboundReply.objects.update(state=State.FAILED)
    assert outbox.deliver_due(now=LATER) == 0
    assert outbox.settle(reply, send_again=True, actor="user:1:mara", now=LATER)
    assert outbox.deliver_due(now=LATER) == 1
    assert len(mails(settings)) == 1


def test_an_address_with_an_international_domain_goes_out_in_ascii(
    ticket: Ticket, settings
) -> None:
    ticket.contact.email = "ana@bücher.example"
    ticket.contact.save()
    hold(ticket)
    assert outbox.deliver_due(now=LATER) == 1
    assert mails(settings)[0]["To"].addresses[0].addr_spec == "ana@xn--bcher-kva.example"


def test_a_reply_whose_process_died_is_sent_again_only_where_that_is_safe(
    ticket: Ticket, settings, monkeypatch
) -> None:
    reply = hold(ticket)
    OutboundReply.objects.update(state=State.SENDING, changed_at=LATER)
    much_later = LATER + outbox.STALE_SENDING + timedelta(seconds=1)
    assert outbox.deliver_due(now=much_later) == 1
    assert len(mails(settings)) == 1

    monkeypatch.setattr(MailFile, "idempotent", False)
    other = hold(ticket, "draft-2")
    OutboundReply.objects.filter(pk=other.pk).update(state=State.SENDING, changed_at=LATER)
    assert outbox.deliver_due(now=much_later) == 0
    other.refresh_from_db()
    assert other.state == State.UNCERTAIN
    assert outbox.settle(other, send_again=True, actor="system:test", now=much_later)
    assert not outbox.settle(other, send_again=True, actor="system:test", now=much_later)
    assert outbox.deliver_due(now=much_later) == 1
    reply.refresh_from_db()
    assert reply.state == State.SENT


def test_a_mail_file_that_exists_is_the_same_mail(ticket: Ticket, settings) -> None:
    reply = hold(ticket)
    outgoing = outbox._outgoing(reply, ticket, "text")
    assert MailFile().deliver(outgoing) == MailFile().deliver(outgoing)
    settings.MAIL_DIR = Path("/dev/null/mail")
    with pytest.raises(DeliveryError):
        MailFile().deliver(outgoing)


def test_a_message_after_the_decision_keeps_the_ticket_open(ticket: Ticket) -> None:
    from assistant.intake import add_message

    hold(ticket)
    add_message(
        ticket=ticket, body="Wait, another thing", source="test", actor="system:test", now=NOW
    )
    outbox.deliver_due(now=LATER)
    ticket.refresh_from_db()
    assert ticket.status == Ticket.Status.OPEN


@pytest.mark.django_db(transaction=True)
def test_two_racing_outboxes_send_one_mail(settings, tmp_path: Path) -> None:
    settings.MAIL_DIR = tmp_path / "mail"
    made = receive_message(
        channel="email",
        body="Hi",
        email="a@example.org",
        source="test",
        actor="system:test",
        now=NOW,
    ).ticket
    hold(made)
    sent: list[int] = []

    def one() -> None:
        try:
            sent.append(outbox.deliver_due(now=LATER))
        finally:
            connection.close()

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == 1
    assert Message.objects.filter(direction=Message.Direction.OUTBOUND).count() == 1
