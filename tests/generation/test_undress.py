"""Undressing: an agent's message as opening, body and closing, for training."""

from __future__ import annotations

import pytest

from generation.courtesies import dress, undress


@pytest.mark.parametrize("body", ["Hold the ring. It restarts.", "1. Open it.\n2. Close it."])
def test_what_dressing_adds_undressing_takes_away(body):
    dressed = dress(body, first_name="Mara", signature="The support team")
    opening, found, closing = undress(dressed)
    assert (opening, found) == ("", body)
    assert "anything is still unclear" in closing


def test_an_agents_own_courtesies_are_told_from_the_answer():
    text = (
        "Dear Ms Ilves,\n\nThank you for your message. Sorry for the trouble.\n\n"
        "You can send it back within 30 days.\nWe pay the postage.\n\n"
        "Let me know if you have any questions.\n\nBest regards,\nJonas\nExample Ltd"
    )
    assert undress(text) == (
        "Thank you for your message. Sorry for the trouble.",
        "You can send it back within 30 days.\nWe pay the postage.",
        "Let me know if you have any questions.",
    )


def test_nothing_but_courtesies_has_no_body():
    assert undress("Hi,\n\nThanks!\n\nKind regards,\nJo")[1] == ""
    assert undress("You can.") == ("", "You can.", "")
