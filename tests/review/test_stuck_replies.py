"""Replies that did not get through are sent again by one button, and none that may have left."""

from __future__ import annotations

from collections.abc import Callable

from django.test import Client
from django.utils import timezone

from assistant.models import AuditEvent, OutboundReply, Ticket, User
from assistant.privacy.encryption import seal
from tests.review.factories import make_ticket

State = OutboundReply.State


def stuck(ticket: Ticket, state: str, key: str) -> OutboundReply:
    now = timezone.now()
    return OutboundReply.objects.create(
        idempotency_key=key,
        ticket=ticket,
        body=seal(ticket=ticket, text="Hi"),
        state=state,
        mail_id=f"<{key}@shop.example>",
        answers_position=1,
        hold_until=now,
        last_error="the mail server refused the recipient (550 5.7.1)",
        created_at=now,
        changed_at=now,
    )


def test_the_failed_ones_are_ticked_and_sent_again_together(
    mara: User, sign_in: Callable[[User], Client]
) -> None:
    ticket = make_ticket(name="Ana \u202egreB")
    failed = [stuck(ticket, State.FAILED, f"k{n}") for n in range(3)]
    uncertain = stuck(ticket, State.UNCERTAIN, "k3")
    browser = sign_in(mara)
    assert "4 replies did not get through" in browser.get("/review/tickets/").content.decode()
    page = browser.get("/review/replies/").content.decode()
    assert page.count("checked") == 3
    assert "may have left" in page
    assert "<bdi>Ana" in page
    ticked = [*(one.pk for one in failed[:2]), uncertain.pk, 2**70, "x"]
    answer = browser.post("/review/replies/again/", {"reply": ticked}, follow=True)
    assert "2 replies are sent again" in answer.content.decode()
    due = OutboundReply.objects.filter(next_attempt_at__isnull=False)
    assert {one.pk for one in due} == {one.pk for one in failed[:2]}
    assert AuditEvent.objects.filter(action="reply.settled").count() == 2


def test_nothing_ticked_sends_nothing(mara: User, sign_in: Callable[[User], Client]) -> None:
    stuck(make_ticket(), State.FAILED, "k")
    answer = sign_in(mara).post("/review/replies/again/", follow=True)
    assert "Nothing was sent" in answer.content.decode()
    assert not OutboundReply.objects.filter(next_attempt_at__isnull=False).exists()
