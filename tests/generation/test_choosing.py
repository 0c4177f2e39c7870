"""Which candidate stands in the composer."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from generation.choosing import LEAST_MATCH, choose, has_loop, is_answered, is_splice, usable_body


@dataclass
class Fake:
    kind: str
    supported: bool = True
    flags: int = 0
    relevance: float = 0.8
    support: float = 0.9
    finish: str = "stop"
    spliced: bool = False
    unmet: int = 0


def test_a_passage_or_the_quote_near_enough_answers_and_nothing_else_does() -> None:
    far = LEAST_MATCH - 0.01
    assert is_answered([0.1, LEAST_MATCH], far)
    assert is_answered([0.1, far], LEAST_MATCH)
    assert not is_answered([0.1, far], far)
    assert not is_answered([], far)


def test_a_supported_relevant_generated_candidate_wins() -> None:
    generated, quoted = Fake("generated", relevance=0.79), Fake("quoted", relevance=0.8)
    kept, chosen = choose([generated, quoted])
    assert (kept, chosen) == ([generated, quoted], generated)


@pytest.mark.parametrize(
    "flaw", [{"supported": False}, {"flags": 1}, {"relevance": 0.7}, {"spliced": True}]
)
def test_an_unsupported_flagged_or_less_relevant_one_loses_to_the_quote(flaw: dict) -> None:
    quoted = Fake("quoted")
    assert choose([Fake("generated", **flaw), quoted])[1] is quoted


def test_the_best_sample_is_kept_beside_the_quote() -> None:
    bad, good, quoted = (
        Fake("generated", supported=False, relevance=0.9),
        Fake("generated"),
        Fake("quoted"),
    )
    assert choose([bad, good, quoted]) == ([good, quoted], good)


def test_the_composed_one_goes_before_the_free_one() -> None:
    free, composed, quoted = Fake("generated"), Fake("constrained", relevance=0.79), Fake("quoted")
    assert choose([free, composed, quoted]) == ([free, composed, quoted], composed)
    restating = Fake("generated", relevance=0.9)
    assert choose([restating, composed, quoted])[1] is composed


@pytest.mark.parametrize(
    "flaw", [{"supported": False}, {"flags": 1}, {"relevance": 0.7}, {"unmet": 1}]
)
def test_a_composed_one_that_falls_short_leaves_the_free_one_or_the_quote(flaw: dict) -> None:
    free, composed, quoted = Fake("generated"), Fake("constrained", **flaw), Fake("quoted")
    assert choose([free, composed, quoted])[1] is free
    assert choose([composed, quoted])[1] is quoted


def test_without_candidates_nothing_is_chosen() -> None:
    assert choose([]) == ([], None)


def test_a_loop_of_eight_words_is_seen() -> None:
    run = "one two three four five six seven eight "
    assert has_loop(run + "and " + run)
    assert not has_loop(run + "nine ten")


def test_what_the_length_limit_cut_ends_at_its_last_whole_sentence() -> None:
    text = " Here is how to reset it.\n\nHold the ring for ten seconds. Then the displ"
    assert usable_body(text, template=None, finish="length").endswith("ten seconds.")
    assert usable_body(" no sentence ends here", template=None, finish="length") == ""


def test_scraps_are_no_reply() -> None:
    assert usable_body(" Ok.", template=None, finish="stop") == ""


PASSAGE = "As you plan for the future, think about what your family would need if you should die now. You can earn four credits a year."


@pytest.mark.parametrize(
    ("claim", "splice"),
    [
        ("Think about what your family would need if you should die now.", False),  # a run
        ("As you plan, think about what your family if you should die now.", True),
        ("You can earn four credits if you should die now.", True),
        ("Up to four credits may be collected within one calendar year.", False),  # own words
        ("Four credits.", False),  # too short to tell
    ],
)
def test_a_splice_of_a_passages_words_is_told_from_a_run_and_from_own_words(
    claim: str, splice: bool
) -> None:
    assert is_splice(claim, [PASSAGE]) is splice
