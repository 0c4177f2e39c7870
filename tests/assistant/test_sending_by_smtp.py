"""A real mail server that refuses, drops or stays silent at each step: nothing is sent twice or lost."""

from __future__ import annotations

import email
import email.utils
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import settings as how
from hypothesis import strategies as st

from assistant import outbox
from assistant.channels import smtp
from assistant.intake import receive_message
from assistant.models import AuditEvent, OutboundReply, Ticket
from tests.assistant.test_mail_bytes import ATTACKS
from tests.smtp_server import SmtpServer, make_certificate

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(seconds=11)
State = OutboundReply.State


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    waits = SimpleNamespace(
        connect=2, greeting=0.3, command=0.3, data=0.3, block=0.3, final_dot=0.3, quit=0.3
    )
    monkeypatch.setattr(smtp, "WAIT", waits)


def use(settings, server: SmtpServer, **more: object) -> None:
    settings.EMAIL_URL_HOST = settings.EMAIL_HOST = "localhost"
    settings.EMAIL_PORT = server.port
    settings.EMAIL_USE_TLS = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    settings.MAIL_FROM = "Help <support@shop.example>"
    for name, value in more.items():
        setattr(settings, name, value)


def asked(**changes: object) -> Ticket:
    values = {"channel": "email", "body": "It beeps", "subject": "Beep", "name": "Ana Berg"}
    values |= {"email": "ana@example.org", "message_id": "<beep@example.org>"}
    return receive_message(**values | changes, source="test", actor="system:test", now=NOW).ticket


def held(ticket: Ticket, key: str = "draft-1") -> OutboundReply:
    with transaction.atomic():
        return outbox.hold_reply(
            ticket=ticket,
            text="Hi Ana,\n\n.hold the ring",
            author=None,
            idempotency_key=key,
            now=NOW,
        )


def tried(reply: OutboundReply, *, days: int = 7) -> list[datetime]:
    """When it was tried: as the sweep does, until nothing is due any more."""
    times = []
    now = LATER
    while now < LATER + timedelta(days=days):
        outbox.deliver_due(now=now)
        times.append(now)
        reply.refresh_from_db()
        if reply.next_attempt_at is None:
            break
        now = max(reply.next_attempt_at, now + timedelta(seconds=1))
    return times


@pytest.mark.django_db
def test_a_reply_leaves_once_to_one_recipient_and_answers_the_customers_own_mail(settings) -> None:
    with SmtpServer() as server:
        use(settings, server)
        reply = held(asked())
        assert outbox.deliver_due(now=LATER) == 1
        assert outbox.deliver_due(now=LATER) == 0
    (taken,) = server.taken
    assert (taken.sender, taken.recipients) == ("support@shop.example", ("ana@example.org",))
    mail = email.message_from_bytes(taken.data, policy=policy.default)
    assert mail["In-Reply-To"] == "<beep@example.org>"
    assert mail["Message-ID"] == reply.mail_id
    assert reply.mail_id.endswith("@shop.example>")
    assert mail.get_content().split("\r\n") == ["Hi Ana,", "", ".hold the ring", ""]


@pytest.mark.django_db
@pytest.mark.parametrize("fault", ["drop", "silence", "250", "hello?", "354 go on"])
def test_a_mail_that_was_taken_without_a_clear_answer_waits_for_a_person(settings, fault) -> None:
    with SmtpServer({"after": fault}) as server:
        use(settings, server)
        reply = held(asked())
        clear = fault == "250"
        times = tried(reply)
    assert (len(server.taken), len(times)) == (1, 1)
    assert reply.state == (State.SENT if clear else State.UNCERTAIN)
    assert AuditEvent.objects.filter(action="reply.uncertain").count() == (0 if clear else 1)


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA", "dot"])
@pytest.mark.parametrize(
    ("code", "final"),
    [("421 4.3.2 later", False), ("450 busy", False), ("451 4.7.1 greylisted", False),
     ("452 4.2.2 full", False), ("550 5.1.1 nobody", True), ("554 5.7.1 no", True)],
)  # fmt: skip
def test_a_passing_refusal_is_tried_for_days_and_a_final_one_never_again(
    settings, step: str, code: str, final: bool
) -> None:
    with SmtpServer({step: code}) as server:
        use(settings, server)
        reply = held(asked())
        if final:
            assert len(tried(reply)) == 1
        else:
            assert outbox.deliver_due(now=LATER) == 0
            reply.refresh_from_db()
            assert reply.next_attempt_at == LATER + timedelta(minutes=1)
            server.faults.clear()
            assert outbox.deliver_due(now=LATER + timedelta(minutes=1)) == 1
        reply.refresh_from_db()
    assert (reply.state, reply.next_attempt_at) == (State.FAILED if final else State.SENT, None)
    assert code[:3] in reply.last_error or not final
    assert len(server.taken) == (0 if final else 1)


@pytest.mark.django_db
@pytest.mark.parametrize("step", ["connect", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("fault", ["drop", "silence"])
def test_a_line_that_drops_before_the_message_left_is_tried_again(settings, step, fault) -> None:
    with SmtpServer({step: fault}) as server:
        use(settings, server)
        reply = held(asked())
        assert outbox.deliver_due(now=LATER) == 0
        reply.refresh_from_db()
        assert (reply.state, reply.next_attempt_at) == (State.FAILED, LATER + timedelta(minutes=1))
        server.faults.clear()
        assert outbox.deliver_due(now=LATER + timedelta(minutes=1)) == 1
    assert len(server.taken) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("step", "answer"),
    [("connect", "554 5.7.1 go away"), ("EHLO", "554 5.7.1 go away"), ("AUTH", "554 5.7.1 go away"),
     ("MAIL", "530 5.7.0 Must issue a STARTTLS command first"), ("RCPT", "530 5.7.1 sign in"),
     ("DATA", "530-5.7.0 sign in\r\n530 5.7.0 first"), ("dot", "530 5.7.0 sign in")],
)  # fmt: skip
def test_what_is_wrong_with_the_server_or_our_account_loses_no_reply_and_is_asked_once_a_sweep(
    settings, step: str, answer: str
) -> None:
    with SmtpServer({step: answer}) as server:
        use(settings, server, EMAIL_HOST_USER="shop", EMAIL_HOST_PASSWORD="secret")
        replies = [held(asked(message_id=f"<{n}@e.example>"), f"draft-{n}") for n in range(3)]
        assert outbox.deliver_due(now=LATER) == 0
        assert server.connections == 1
        server.faults.clear()
        assert outbox.deliver_due(now=LATER + timedelta(minutes=1)) == 3
    assert {OutboundReply.objects.get(pk=one.pk).state for one in replies} == {State.SENT}


@pytest.mark.django_db
def test_a_server_that_is_away_for_two_days_gets_the_reply_then_and_is_not_hammered(
    settings,
) -> None:
    with SmtpServer() as server:
        use(settings, server)
    reply = held(asked())  # the port is closed by now
    now, times = LATER, 0
    while now < LATER + timedelta(days=2):
        outbox.deliver_due(now=now)
        times += 1
        reply.refresh_from_db()
        now = reply.next_attempt_at
    assert 10 < times < 30
    with SmtpServer() as server:
        use(settings, server)
        assert outbox.deliver_due(now=now) == 1
    reply.refresh_from_db()
    assert reply.state == State.SENT


@pytest.mark.django_db
def test_many_replies_that_failed_are_sent_again_on_one_word_but_none_that_may_have_left(
    settings,
) -> None:
    with SmtpServer({"RCPT": "550 5.7.1 relaying denied"}) as server:
        use(settings, server)
        for number in range(3):
            held(asked(message_id=f"<{number}@e.example>"), f"draft-{number}")
        outbox.deliver_due(now=LATER)
        OutboundReply.objects.filter(idempotency_key="draft-2").update(state=State.UNCERTAIN)
        stuck = OutboundReply.objects.filter(outbox.STUCK)
        assert stuck.count() == 3
        assert outbox.send_again(stuck, actor="user:1:mara", now=LATER) == 2
        server.faults.clear()
        assert outbox.deliver_due(now=LATER) == 2
    assert OutboundReply.objects.get(outbox.STUCK).idempotency_key == "draft-2"


@pytest.mark.django_db
def test_the_session_is_encrypted_and_signed_in_and_only_with_a_certificate_that_holds(
    settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = make_certificate(tmp_path)
    account = {"EMAIL_USE_TLS": True, "EMAIL_HOST_USER": "shop", "EMAIL_HOST_PASSWORD": "secret"}
    with SmtpServer(certificate=certificate) as server:
        use(settings, server, **account)
        reply = held(asked())
        assert outbox.deliver_due(now=LATER) == 0  # nobody vouches for it
        assert "AUTH" not in server.commands
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert outbox.deliver_due(now=LATER + timedelta(minutes=1)) == 1
    assert server.commands.index("STARTTLS") < server.commands.index("AUTH")
    with SmtpServer({"STARTTLS": "454 4.7.0 not now"}, certificate=certificate) as server:
        use(settings, server, **account)
        reply = held(asked(message_id="<2@e.example>"), "draft-2")
        assert outbox.deliver_due(now=LATER) == 0
        reply.refresh_from_db()
        assert reply.next_attempt_at is not None
    assert {"AUTH", "MAIL"}.isdisjoint(server.commands)  # no password in the clear, no mail


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("written", "reached"),
    [
        ("max@straße.example", "max@xn--strae-oqa.example"),
        ("ana@BÜCHER.example", "ana@xn--bcher-kva.example"),
        ("ana@faß.example", "ana@xn--fa-hia.example"),
        ("ana@εταιρίας.example", "ana@xn--kxadbnv2cjk.example"),
    ],
)
def test_an_international_domain_is_reached_as_idna_2008_says(settings, written, reached) -> None:
    with SmtpServer() as server:
        use(settings, server)
        held(asked(email=written))
        assert outbox.deliver_due(now=LATER) == 1
    (taken,) = server.taken
    assert taken.recipients == (reached,)
    assert f"<{reached}>".encode() in taken.data


def test_the_time_outs_are_those_of_rfc_5321(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    waits = smtp.WAIT
    assert (waits.greeting, waits.command, waits.data) == (300, 300, 120)
    assert (waits.block, waits.final_dot) == (180, 600)


@given(st.binary(max_size=400))
@how(max_examples=40, deadline=None)
def test_any_line_of_dots_arrives_as_it_was_sent(raw: bytes) -> None:
    body = b"\r\n".join(raw.replace(b"\r", b".").split(b"\n")) + b"\r\n"
    with SmtpServer() as server, pytest.MonkeyPatch.context() as patch:
        patch.setattr(smtp.settings, "EMAIL_HOST", "localhost")
        patch.setattr(smtp.settings, "EMAIL_PORT", server.port)
        patch.setattr(smtp.settings, "EMAIL_USE_TLS", False)
        smtp.send(body, sender="a@b.example", recipient="c@d.example")
    assert server.taken[0].data == body


@pytest.mark.django_db
@pytest.mark.parametrize("words", ATTACKS)
def test_from_intake_to_the_wire_no_customer_writes_a_header_an_addressee_or_the_body(
    settings, words: str
) -> None:
    with SmtpServer() as server:
        use(settings, server)
        held(asked(subject=words, name=words, message_id=""))
        assert outbox.deliver_due(now=LATER) == 1
    (taken,) = server.taken
    assert taken.recipients == ("ana@example.org",)
    head, _, body = taken.data.partition(b"\r\n\r\n")
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if line[:1] not in b" \t"]
    assert names == [
        b"From", b"To", b"Subject", b"Date", b"Message-ID", b"Auto-Submitted", b"MIME-Version",
        b"Content-Type", b"Content-Transfer-Encoding",
    ]  # fmt: skip
    for reader in (policy.default, policy.compat32):
        mail = email.message_from_bytes(taken.data, policy=reader)
        assert [name.encode() for name in mail] == names
        assert len(email.utils.getaddresses(mail.get_all("To"))) == 1
    assert body == b"Hi Ana,\r\n\r\n.hold the ring\r\n"
