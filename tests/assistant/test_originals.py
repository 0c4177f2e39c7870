"""A number that was masked by mistake can be seen again, by who may, on the record, for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from assistant.intake import receive_message
from assistant.models import AuditEvent, Message, SealedText, User
from assistant.privacy import originals
from assistant.privacy.encryption import unseal

pytestmark = pytest.mark.django_db
NUMBER = "5500 0055 5555 5559"


def take_in(body: str) -> Message:
    made = receive_message(
        channel="web", body=body, source="t", actor="system:t", now=timezone.now()
    )
    return Message.objects.select_related("originals", "body").get(pk=made.message.pk)


def test_only_what_nothing_calls_a_card_is_kept() -> None:
    kept = take_in(f"My machine says {NUMBER}, what is that?")
    assert NUMBER not in unseal(kept.body)
    assert kept.originals is not None
    for body in (f"my card is {NUMBER}", f"my card {NUMBER} 12/27 123", "cvv 123", "Hello"):
        assert take_in(body).originals is None, body


def test_who_may_sees_it_with_a_reason_that_is_recorded(
    ada: User, mara: User, sign_in: Callable[[User], Client]
) -> None:
    message = take_in(f"My machine says {NUMBER}, what is that?")
    path = f"/review/message/{message.pk}/masked/"
    assert sign_in(mara).get(path).status_code == 403
    page = sign_in(ada)
    assert NUMBER not in page.get(path).content.decode()
    assert page.post(path, {"reason": ""}).status_code == 400
    assert not AuditEvent.objects.filter(action="number.unmasked").exists()
    assert NUMBER in page.post(path, {"reason": "other_number"}).content.decode()
    event = AuditEvent.objects.get(action="number.unmasked")
    assert event.ticket_number == message.ticket_id
    assert json.loads(event.canonical)["data"]["reason"] == "other_number"
    assert NUMBER not in event.canonical
    assert path in page.get(f"/review/{message.ticket_id}/").content.decode()
    assert path not in sign_in(mara).get(f"/review/{message.ticket_id}/").content.decode()


def test_it_is_destroyed_after_a_while(settings: object) -> None:
    message = take_in(f"My machine says {NUMBER}")
    now = timezone.now()
    assert originals.forget_old(now=now) == 0
    text = message.originals_id
    assert originals.forget_old(now=now + timedelta(days=31)) == 1
    assert not SealedText.objects.filter(pk=text).exists()
    fresh = Message.objects.get(pk=message.pk)
    with pytest.raises(originals.NothingKept):
        originals.show(message=fresh, reason="other_number", actor="system:t", now=now)
