"""A passage about the one product does not answer a question about the other."""

from __future__ import annotations

import pytest

from retrieval.product_names import tells_of_another

PRO = (
    "Restart the Ember Pro",
    "To restart it, press the Ember Pro's dial. The Ember Pro is a thermostat.",
)


@pytest.mark.parametrize(
    ("question", "other"),
    [
        ("How do I restart my Ember Mini?", True),
        ("How do I restart my Ember Pro?", False),
        ("how do i restart the ember pro?", False),
        ("How do I restart the thermostat?", False),
        ("Can the Ember Pro and the Ember Mini be restarted?", False),
        ("My Roost Mini is broken.", False),
    ],
)  # fmt: skip
def test_another_product_of_the_family(question: str, other: bool) -> None:
    assert tells_of_another(question, *PRO) is other


def test_a_passage_that_names_both_tells_of_both_and_capitals_in_titles_are_no_names() -> None:
    both = ("Restart the Ember Pro", "Press the Ember Pro's dial, or the Ember Mini's button.")
    assert not tells_of_another("How do I restart my Ember Mini?", *both)
    title_case = ("Change Your Password", "Choose change your password in the menu.")
    assert not tells_of_another("How do I Change Your Address?", *title_case)
