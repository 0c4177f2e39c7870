"""What is asked of a thread: its own words, its views, and each of several questions."""

from __future__ import annotations

import pytest

from retrieval.own_words import own_words
from retrieval.query import (
    LAST_CHARACTERS,
    PARTS,
    WHOLE_CHARACTERS,
    ThreadTurn,
    query_of,
    questions_in,
)

MAIL = """Hi Anna Smith,

My sensor shows E4.

Kind regards,
Mara Lindqvist
+49 30 123456

On Mon, 3 Nov 2026 Support wrote:
> Please send us the number of the device.
"""


@pytest.mark.parametrize(
    ("message", "own"),
    [
        (MAIL, "My sensor shows E4."),
        ("Hello my heating broke, please help", "Hello my heating broke, please help"),
        ("Hello, my heating broke", "my heating broke"),
        ("It broke.\n\n-- \nMara\nSales", "It broke."),
        ("Not yet.\n----- Original Message -----\nFrom: Bob\nOld words", "Not yet."),
        ("See below.\n----- Original Message -----\nFrom: Bob\nOld words", "Old words"),
        ("> Do you have the number?\nYes, 4711.", "Yes, 4711."),
        (
            "Where is it?\nThanks,\nBob. Or is it lost?",
            "Where is it?\nThanks,\nBob. Or is it lost?",
        ),
        ("Sehr geehrte Damen und Herren,\nEs brennt.\nViele Grüße\nJonas", "Es brennt."),
        ("Hi", "Hi"),  # nothing else was said
        ("> only quoted", "> only quoted"),
    ],
)
def test_greeting_signature_and_quoted_mail_are_not_searched(message: str, own: str) -> None:
    assert own_words(message) == own


def test_a_threads_query_holds_the_whole_thread_and_the_last_message() -> None:
    turns = [
        ThreadTurn("customer", " It broke. "),
        ThreadTurn("agent", ""),
        ThreadTurn("customer", "Again!"),
        ThreadTurn("agent", "We look into it."),
    ]
    query = query_of("Heating", turns)
    assert query.text == "Heating\nIt broke.\nAgain!\nWe look into it."
    assert query.last == "Heating\nAgain!"
    assert query_of("Heating", turns, thread="last").text == "Heating\nAgain!"
    assert query_of("Heating", turns, thread="whole").last == ""
    assert query_of("", turns[:1]).last == ""  # one message is the whole thread
    with pytest.raises(ValueError, match="both, whole, last"):
        query_of("", turns, thread="first")  # type: ignore[arg-type]


def test_of_a_long_thread_the_newest_words_are_searched() -> None:
    turns = [ThreadTurn("customer", f"word{number} " * 300) for number in range(20)]
    query = query_of("Subject", turns)
    assert len(query.text) <= WHOLE_CHARACTERS
    assert query.text.startswith("Subject\n")
    assert "word19" in query.text
    assert "word0 " not in query.text


@pytest.mark.parametrize("filler", ["? a. ", "> a\n", " ", "thanks\n", "On a ", ": ", '?"', "\n\t"])
def test_two_megabytes_in_one_message_stay_bounded(filler: str) -> None:
    """A quadratic pattern would run for minutes here, and the suite's time limit end it."""
    text = "Where is it?" + filler * (2_000_000 // len(filler)) + "How do I reset the thermostat?"
    query = query_of("", [ThreadTurn("customer", "before"), ThreadTurn("customer", text)])
    assert len(query.text) <= WHOLE_CHARACTERS
    assert len(query.last) <= LAST_CHARACTERS
    assert query.text.rstrip().endswith("thermostat?")
    assert len(query.parts) <= PARTS


def test_each_question_of_a_message_is_a_part_with_what_leads_to_it() -> None:
    assert questions_in(
        "My thermostat shows E4. What does it mean? Also, when will my refund arrive?"
    ) == ("My thermostat shows E4. What does it mean?", "Also, when will my refund arrive?")
    listed = "Two things:\n1. How do I reset the thermostat\n2. Where can I find my invoice\nThanks"
    assert questions_in(listed) == (
        "How do I reset the thermostat",
        "Where can I find my invoice Thanks",
    )


def test_one_question_or_an_empty_one_is_no_part() -> None:
    assert questions_in("My thermostat shows E4. What does it mean? Can you help?") == ()
    assert questions_in("It is cold here.") == ()
