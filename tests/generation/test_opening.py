"""A reply takes up what the customer wrote, claims nothing by it, and ends with the article's address."""

from __future__ import annotations

import pytest

from generation.courtesies import courtesies_in
from generation.drafted import Question
from generation.opening import SORRY, THANKS, TRIED, opening_of, reference_to
from generation.prompts import Turn
from generation.sentences import split_sentences


def opening(text: str, title: str = "The hub", *headings: str) -> str:
    return opening_of(Question("", (Turn("customer", text),)), title, headings)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("The hub doesn't answer any more.", SORRY),
        ("Error: connection refused", SORRY),
        ("How do I reset my hub?", THANKS),
        ("Can I pair two hubs?", THANKS),
    ],
)
def test_trouble_is_told_from_a_question(text: str, first: str) -> None:
    assert opening(text).startswith(first)


def test_what_was_tried_is_said() -> None:
    text = "The hub is offline. I have already restarted it twice. What else can I do?"
    assert TRIED in opening(text)
    assert TRIED not in opening("The hub is offline.")


@pytest.mark.parametrize(
    ("headings", "end"),
    [
        (("Reset the hub",), "Here is how to reset the hub:"),
        (("Can I pair two hubs?",), "Here is our answer to “Can I pair two hubs?”:"),
        (("Pairing",), "Here is what our help centre says about “The hub: Pairing”:"),
        (("Light stays red after restart",), "“Light stays red after restart”:"),
        ((), "Here is what our help centre says about “The hub”:"),
        (("Reset the hub", "Steps"), "Here is how to reset the hub:"),
        (("Solution",), "Here is what our help centre says about “The hub”:"),
    ],
)
def test_it_leads_to_the_articles_words(headings: tuple[str, ...], end: str) -> None:
    assert opening("How does it work?", "The hub", *headings).endswith(end)


def test_a_long_heading_is_not_repeated() -> None:
    assert opening("How?", "T", "a very long heading " * 20).endswith("says about it:")


@pytest.mark.parametrize("heading", ["Reset the hub", "Error 42: hub is silent", "Is it free?"])
def test_all_of_it_is_courtesy(heading: str) -> None:
    said = opening("It fails with error 42, and I have already restarted it.", "The hub", heading)
    asked = f"It fails with error 42\nThe hub\n{heading}"
    assert all(courtesies_in(said, split_sentences(said), question=asked))


def test_the_articles_address_is_a_courtesy_only_where_it_is_the_articles() -> None:
    line = reference_to([("Reset the hub", "https://help.example.com/reset"), ("Other", "")])
    assert line == "You can read more here: Reset the hub – https://help.example.com/reset"
    sentences = split_sentences(line)
    assert all(
        courtesies_in(line, sentences, question="Reset the hub\nhttps://help.example.com/reset")
    )
    assert not all(courtesies_in(line, sentences, question="Reset the hub"))
    assert reference_to([("Other", "")]) == ""
