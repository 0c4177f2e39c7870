"""Of several equal sends one goes out, and the others say that it did."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from assistant.models import OutboundReply
from review import claims
from tests import people
from tests.review.factories import REPLY, make_draft, make_ticket

LOST = "Nothing was sent"


def sent_at_once(forms: list[dict[str, Any]], path: str) -> list[str]:
    """What each of these sees, sent at the same moment by one person in as many tabs."""
    pages: list[str] = []
    barrier = threading.Barrier(len(forms))

    def send(form: dict[str, Any]) -> None:
        client = people.signed_in(people.person("mara"))
        barrier.wait()
        try:
            pages.append(client.post(path, form, follow=True).content.decode())
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(form,)) for form in forms]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return pages


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("with_draft", [True, False])
def test_the_losers_of_a_double_click_are_told_that_it_was_sent(mara, with_draft) -> None:
    ticket = make_ticket()
    draft = make_draft(ticket)
    token = claims.claim(ticket=ticket, user=mara, now=timezone.now()).token
    form = {
        "text": REPLY if with_draft else "Dear Mara, a part is on its way.",
        "claim_token": str(token), "send_anyway": "1", "diff_seen": "1",
        "draft": draft.pk if with_draft else "",
        "candidate": draft.chosen_id if with_draft else "",
    }  # fmt: skip
    pages = sent_at_once([form] * 3, f"/review/{ticket.pk}/send/")
    assert OutboundReply.objects.filter(ticket=ticket).count() == 1
    assert [LOST in page for page in pages] == [False] * 3
    assert sum("Already sent" in page for page in pages) == 2


@pytest.mark.django_db(transaction=True)
def test_other_words_are_no_double_click(mara) -> None:
    ticket = make_ticket()
    draft = make_draft(ticket)
    token = claims.claim(ticket=ticket, user=mara, now=timezone.now()).token
    form = {
        "text": REPLY, "claim_token": str(token), "send_anyway": "1", "diff_seen": "1",
        "draft": draft.pk, "candidate": draft.chosen_id,
    }  # fmt: skip
    first = sent_at_once([form], f"/review/{ticket.pk}/send/")
    other = sent_at_once([form | {"text": REPLY + " Bye."}], f"/review/{ticket.pk}/send/")
    assert "Already sent" not in first[0] + other[0]
    assert OutboundReply.objects.filter(ticket=ticket).count() == 1
