"""Automatic mail is taken in, seen and marked; it waits for nobody, and a person can overrule that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone

from assistant import outbox
from assistant.intake import Received, add_message, receive_message
from assistant.models import AuditEvent, Message, Ticket, User
from generation.models import Draft
from generation.worker import open_question
from review import queue

AWAY = {"subject": "Automatic reply: Your order", "body": "I am out of the office until Monday."}
WORDS = {"channel": "email", "name": "Ana Berg", "email": "ana@example.org"}


def receive(**changes: object) -> Received:
    now = timezone.now()
    return receive_message(**WORDS | changes, source="test", actor="system:test", now=now)


def follow(ticket: Ticket, **changes: object) -> Received:
    now = timezone.now()
    return add_message(ticket=ticket, **changes, source="test", actor="system:test", now=now)


def waiting(user: User, *, show: str = "waiting") -> list[int]:
    return [row.number for row in queue.page(user=user, show=show, now=timezone.now()).rows]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (AWAY, "auto_reply"),
        (
            {
                "subject": "Undelivered Mail Returned to Sender",
                "body": "This is the mail system at host x",
            },
            "bounce",
        ),
        (
            {
                "subject": "Read: Your order",
                "body": "<p>Your message</p><p>was read on Monday.</p>",
            },
            "receipt",
        ),
        (
            {"subject": "Order", "body": "Hi", "headers": {"Auto-Submitted": "auto-replied"}},
            "auto_reply",
        ),
    ],
)
def test_it_waits_for_nobody_and_stays_in_sight_where_only_its_words_say_so(
    given: dict, kind: str, mara: User, sign_in: Callable[[User], Client]
) -> None:
    declared = "headers" in given
    made = receive(**given)
    assert (made.message.automatic, made.ticket.status) == (kind, "solved" if declared else "open")
    assert not Draft.objects.exists()
    assert waiting(mara) == []
    assert waiting(mara, show="automatic") == ([] if declared else [made.ticket.pk])
    assert not queue.page(user=mara, show="drafting", now=timezone.now()).rows
    words = Message.Automatic(kind).label.lower()
    page = sign_in(mara).get("/review/tickets/").content.decode()
    assert f'<span class="badge">{words}</span>' in page


def test_after_our_answer_it_reopens_nothing_and_the_thread_goes_on(
    mara: User, settings, tmp_path
) -> None:
    settings.MAIL_DIR = tmp_path
    made = receive(subject="Order", body="Where is my order?")
    now = timezone.now()
    with transaction.atomic():
        outbox.hold_reply(
            ticket=made.ticket, text="Soon.", author=None, idempotency_key="k", now=now
        )
    follow(made.ticket, **AWAY, headers={"Auto-Submitted": "auto-replied"})
    assert outbox.deliver_due(now=now + timedelta(minutes=1)) == 1
    made.ticket.refresh_from_db()
    assert made.ticket.status == Ticket.Status.ANSWERED  # the notice overtook nothing
    follow(made.ticket, **AWAY, headers={"auto-submitted": "auto-replied"})
    made.ticket.refresh_from_db()
    assert made.ticket.status == Ticket.Status.ANSWERED
    follow(made.ticket, **AWAY)  # nothing but its words: somebody looks, and nobody is made to wait
    assert (waiting(mara), waiting(mara, show="automatic")) == ([], [made.ticket.pk])
    assert Draft.objects.count() == 1
    assert follow(made.ticket, body="It has still not come.").message.automatic == ""
    assert waiting(mara, show="automatic") == []
    made.ticket.refresh_from_db()
    assert made.ticket.status == Ticket.Status.REOPENED
    latest = Draft.objects.order_by("number").last()
    assert [turn.text for turn in open_question(latest).turns] == [
        "Where is my order?",
        "Soon.",
        "It has still not come.",
    ]


def test_a_waiting_draft_stands_while_automatic_mail_comes_in(mara: User) -> None:
    made = receive(subject="Order", body="Where is my order?")
    Draft.objects.update(state=Draft.State.IN_REVIEW, finished_at=timezone.now())
    follow(made.ticket, **AWAY)
    assert [draft.state for draft in Draft.objects.all()] == [Draft.State.IN_REVIEW]
    assert waiting(mara) == [made.ticket.pk]


def test_what_a_web_form_sends_for_a_person_is_a_question(mara: User) -> None:
    made = receive(
        subject="Contact form",
        body="My hub is offline.",
        headers={"Auto-Submitted": "auto-generated"},
    )
    assert (made.message.automatic, made.ticket.status) == ("", "open")
    assert Draft.objects.count() == 1


def test_a_person_says_that_it_is_a_question_after_all(
    mara: User, sign_in: Callable[[User], Client]
) -> None:
    made = receive(**AWAY)
    browser = sign_in(mara)
    assert (
        "This is a question after all" in browser.get(f"/review/{made.ticket.pk}/").content.decode()
    )
    url = f"/review/message/{made.message.pk}/question/"
    assert "a draft is on its way" in browser.post(url, follow=True).content.decode()
    made.ticket.refresh_from_db()
    assert made.ticket.status == Ticket.Status.OPEN
    assert Draft.objects.get().message_id == made.message.pk
    assert AuditEvent.objects.filter(action="message.taken_as_question").count() == 1
    again = browser.post(url, follow=True).content.decode()
    assert "already" in again
    assert Draft.objects.count() == 1


def test_what_an_agent_takes_down_is_never_automatic(db: None) -> None:
    now = timezone.now()
    made = receive_message(**WORDS | AWAY, source="console", actor="user:1:mara", now=now)
    assert made.message.automatic == ""
    assert Draft.objects.count() == 1


def test_html_is_shown_and_drafted_as_its_words_and_kept_as_it_came(
    mara: User, sign_in: Callable[[User], Client]
) -> None:
    source = "<style>b{}</style><p>It <b>beeps</b></p><img src='https://t.example/p.gif'><script>x()</script>"
    made = receive(subject="Beep", body=source)
    assert [turn.text for turn in open_question(Draft.objects.get()).turns] == ["It beeps"]
    page = sign_in(mara).get(f"/review/{made.ticket.pk}/").content.decode()
    assert '<div class="message__text" dir="auto">It beeps</div>' in page
    assert "as it was sent" in page
    assert "&lt;script&gt;x()" in page
    assert "<script>x()" not in page
    assert "<img src='https://t.example" not in page
