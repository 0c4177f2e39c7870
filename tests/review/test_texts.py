"""Folding quoted mail loses no line and leaves the customer's own words in the open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.models import SealedText, TicketKey
from review.texts import LONG, Part, fold, open_text, thread_of
from tests.review.factories import add_message, make_ticket


@given(st.lists(st.sampled_from(["Hi", "> old", ">> older", "", "On Monday X wrote:", "Bye"])))
def test_folding_keeps_every_line(lines):
    text = "\n".join(lines)
    assert "\n".join(part.text for part in fold(text)) == text


def test_quoted_mail_and_its_attribution_are_folded():
    text = "Still broken.\n\nOn Tue, 17 Nov 2026 at 09:12 Support wrote:\n\n> Try again.\n> Bye\nThanks"
    assert [(p.quoted, p.text.strip()) for p in fold(text)] == [
        (False, "Still broken."),
        (True, "On Tue, 17 Nov 2026 at 09:12 Support wrote:\n\n> Try again.\n> Bye"),
        (False, "Thanks"),
    ]


@pytest.mark.django_db
def test_a_forgotten_text_says_so():
    ticket = make_ticket()
    SealedText.objects.update(ciphertext=None, salt=None)
    TicketKey.objects.filter(ticket=ticket).update(wrapped=None)
    opened = open_text(SealedText.objects.get())
    assert opened.text == ""
    assert "forgotten" in opened.problem


@pytest.mark.django_db
def test_a_long_thread_folds_its_older_messages_and_a_long_message_its_rest():
    ticket = make_ticket()
    for number in range(6):
        add_message(ticket, f"message {number}")
    add_message(ticket, "x" * (LONG * 3))
    older, recent = thread_of(ticket)
    assert (len(older), len(recent)) == (4, 4)
    shown = "".join(part.text for part in recent[-1].parts)
    assert shown + recent[-1].rest == "x" * (LONG * 3)
    assert len(shown) == LONG


HEADERS = "From: Ana <ana@example.org>\nDate: On Tuesday, 4 November 2025\nSubject: Hub\nTo: a@b.example\n\n"


@pytest.mark.parametrize(
    "text",
    [
        f"fyi\n\n------- Forwarded Message -------\n{HEADERS}> How do I reset the hub?\n>\n> Ana",
        "Over to you\n\nBegin forwarded message:\n\n> From: Ana <ana@example.org>\n> Subject: Hub\n> \n> How do I reset it?",
    ],
)
def test_the_question_in_a_forward_is_not_folded_away(text: str) -> None:
    assert fold(text) == [Part(False, text)]


def test_quoted_history_under_a_reply_is_folded() -> None:
    text = f"It still blinks.\n\n-----Original Message-----\n{HEADERS}> How is the hub?"
    assert any(part.quoted for part in fold(text))
    assert "\n".join(part.text for part in fold(text)) == text
