"""Sentences: every evidence span stands on them, so nothing may be lost, moved or cut inside."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generation.sentences import split_sentences


def texts(text):
    return [sentence.text for sentence in split_sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It works. Try it.", ["It works.", "Try it."]),
        ("Use a cable, e.g. USB-C. Then wait.", ["Use a cable, e.g. USB-C.", "Then wait."]),
        ("Ask Dr. Smith at 8 a.m. on Monday.", ["Ask Dr. Smith at 8 a.m. on Monday."]),
        ("We open at 8 a.m. The shop is small.", ["We open at 8 a.m.", "The shop is small."]),
        ("It ships in the U.S. only.", ["It ships in the U.S. only."]),
        ("Order no. 5 is late. No. We sent it.", ["Order no. 5 is late.", "No.", "We sent it."]),
        (
            "It costs $1,360.50. Version 2.1.3 is out.",
            ["It costs $1,360.50.", "Version 2.1.3 is out."],
        ),
        (
            "See https://a.example/x.html?y=1&z=2. Then reply.",
            ["See https://a.example/x.html?y=1&z=2.", "Then reply."],
        ),
        (
            "Write to help.me@shop.example. We answer.",
            ["Write to help.me@shop.example.", "We answer."],
        ),
        ("Really?! Yes. “Stop.” He left.", ["Really?!", "Yes.", "“Stop.”", "He left."]),
        ("the light is red. press the button", ["the light is red.", "press the button"]),
        ("It is good . In 2019 , it was .", ["It is good .", "In 2019 , it was ."]),
        ("Wait... and see. Wait... Then see.", ["Wait... and see.", "Wait...", "Then see."]),
        ("Step 1. Open it. Step 2. Close it.", ["Step 1. Open it.", "Step 2. Close it."]),
        ("1. Do. 2. Do that.", ["1. Do.", "2. Do that."]),
        ("J. R. Smith signs.", ["J. R. Smith signs."]),
    ],
)
def test_abbreviations_numbers_and_addresses_do_not_end_a_sentence(text, expected):
    assert texts(text) == expected


def test_each_step_and_bullet_is_a_sentence_with_its_marker():
    text = "Do the following:\n1. Open Settings.\n2. Choose Reset\n- a bullet\n* another"
    assert texts(text) == [
        "Do the following:", "1. Open Settings.", "2. Choose Reset", "- a bullet", "* another",
    ]  # fmt: skip


def test_greeting_and_signature_lines_stand_alone():
    text = "Hi Anna,\n\nThanks for writing. It is on its way.\n\nKind regards,\nLarkmantel Support"
    assert texts(text) == [
        "Hi Anna,", "Thanks for writing.", "It is on its way.", "Kind regards,", "Larkmantel Support",
    ]  # fmt: skip


def test_a_hard_wrapped_sentence_stays_whole_and_a_short_line_does_not_join():
    assert texts("This is a line that was wrapped by a mail program\nin the middle.") == [
        "This is a line that was wrapped by a mail program\nin the middle."
    ]
    assert texts("apples\npears") == ["apples", "pears"]


def test_a_heading_never_joins_the_paragraph_under_it():
    text = "## How to send a parcel back to us when it is late\nprint the label."
    assert texts(text)[1] == "print the label."


ALPHABET = st.text(
    alphabet=st.sampled_from(list("abc ABC 123 .!?…\n\r\t-*1.)(\"'“”#:,;|é。ß@/")), max_size=200
)


@settings(max_examples=300, deadline=None)
@given(ALPHABET)
def test_spans_are_exact_in_order_and_leave_only_white_space_out(text):
    position = 0
    for sentence in split_sentences(text):
        assert sentence.text == text[sentence.start : sentence.end]
        assert sentence.text.strip() == sentence.text != ""
        assert text[position : sentence.start].strip() == ""
        position = sentence.end
    assert text[position:].strip() == ""


@settings(max_examples=100, deadline=None)
@given(ALPHABET)
def test_a_blank_line_always_ends_a_sentence(text):
    assert all("\n\n" not in s.text for s in split_sentences(text))
