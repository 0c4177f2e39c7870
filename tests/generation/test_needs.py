"""What a message asks for: its questions, without what surrounds them."""

import pytest

from generation.needs import needs_of


@pytest.mark.parametrize(
    ("message", "needs"),
    [
        (
            "Hi,\n\nmy hub broke. How do I reset the hub? And how do I return a broken camera?\n\nThanks\nAnn",
            ("my hub broke. How do I reset the hub?", "And how do I return a broken camera?"),
        ),
        ("The light is red since noon. How do I reset it now?", ("How do I reset it now?",)),
        ("My plug is broken and smells.", ("My plug is broken and smells.",)),
        ("My plug is broken and smells. What now?", ("My plug is broken and smells. What now?",)),
        ("Yes.", ()),
        ("  ", ()),
    ],
)
def test_each_question_is_a_need_with_what_leads_to_it(message, needs):
    assert needs_of(message) == needs


def test_two_megabytes_are_read_in_bounded_time():
    assert len(needs_of("How do I reset the hub? " * 90_000)) <= 4
