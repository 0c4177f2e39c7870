"""What a message doesn't want, or has tried, is taken out of what is searched and quoted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.needs import needs_of
from retrieval.query import ThreadTurn, query_of
from retrieval.wishes import untried, wished


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I do NOT want to cancel, I only want to change the card.", "I only want to change the card."),
        ("I don't want to close my account. I just need to update my address.", "I just need to update my address."),
        ("I'm not trying to delete the user but to move her to a team.", "I want to move her to a team."),
        ("I want to change the card, not cancel the plan.", "I want to change the card."),
        ("How can I pay by invoice instead of by credit card?", "How can I pay by invoice?"),
        ("I would like to exchange the lamp rather than return it.", "I would like to exchange the lamp."),
        ("Please don't delete my account, I just want to stop paying for the plan.", "I just want to stop paying for the plan."),
        ("Pls do not send a technician. How do I pair the sensor myself?", "How do I pair the sensor myself?"),
        ("How do I reset not the hub but the ring of my lamp?", "How do I reset the ring of my lamp?"),
    ],
)  # fmt: skip
def test_what_is_denied_is_left_out(text: str, left: str) -> None:
    assert wished(text) == left
    assert query_of("", [ThreadTurn("customer", text)]).text == left
    assert needs_of(text) == (left,)


@pytest.mark.parametrize(
    "text",
    [
        "I don't want to receive newsletters any more.",  # that is the wish
        "I bought a lamp last week. I don't want it any more.",
        "I don't want the newsletter. How do I stop receiving them?",  # leans on it
        "Please don't cancel my order.",
        "Please don't worry if this takes long, how do I reset it?",
        "My card is not working. How do I get a new one?",
        "The hub is not working but it was yesterday.",
        "What if I don't want to lift the freeze?",
        "How do I turn it on?",
    ],
)
def test_a_negation_that_says_what_is_wanted_stays(text: str) -> None:
    assert wished(text) == text


@pytest.mark.parametrize(
    ("text", "gone", "kept"),
    [
        ("I already tried restarting the hub, and the light still blinks red. What now?", "restarting", "blinks red"),
        ("I have already reinstalled it twice but the app stays blank.", "reinstalled", "app stays blank"),
        ("Restarting the thermostat did not help. The display is black.", "Restarting", "display is black"),
        ("We tried another browser, but the invoice page is empty.", "browser", "invoice page"),
        ("The hub blinks amber. Unplugging it did nothing. How do I get it online?", "Unplugging", "hub blinks amber. How"),
        ("I see no picture. Rebooting the camera was no use, so what is next?", "Rebooting", "no picture"),
        ("The ring is dark. Replacing the batteries made no difference. What now?", "batteries", "ring is dark"),
    ],
)  # fmt: skip
def test_a_remedy_that_was_tried_is_not_what_is_needed(text: str, gone: str, kept: str) -> None:
    left = untried(text)
    assert gone not in left
    assert kept in left
    assert all(gone not in need for need in needs_of(text))
    assert gone in query_of("", [ThreadTurn("customer", text)]).text  # it still finds the article


@pytest.mark.parametrize(
    "text",
    [
        "I tried to get some money out but the machine kept my card.",
        "I tried to reset my password, but the link doesn't arrive.",
        "I've already topped up, but I cannot see the funds.",
    ],
)
def test_what_somebody_tried_to_achieve_stays(text: str) -> None:
    assert untried(text) == text


@given(st.text(alphabet="I do not want, but instead of. ?tried restart\n", max_size=400))
def test_any_text_keeps_something(text: str) -> None:
    assert bool(wished(text).strip()) == bool(text.strip())
    assert bool(untried(text).strip()) == bool(text.strip())
