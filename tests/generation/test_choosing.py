"""Which candidate stands in the composer."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.choosing import (
    AT_LEAST_AS_WELL,
    LEAST_ANSWER,
    choose,
    has_loop,
    is_answered,
    is_splice,
    usable_body,
)


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
    harms: tuple[str, ...] = ()


def test_one_section_that_is_likely_enough_answers_and_nothing_else_does() -> None:
    assert is_answered([0.0, LEAST_ANSWER])
    assert not is_answered([LEAST_ANSWER - 0.01, 0.0])
    assert not is_answered([])


def test_a_sound_relevant_generated_candidate_wins() -> None:
    generated, quoted = Fake("generated", relevance=0.79), Fake("quoted", relevance=0.8)
    assert choose([generated, quoted]) == ([generated, quoted], generated, [])


FLAWS = [
    ({"supported": False}, "unsupported"),
    ({"flags": 1}, "flagged"),
    ({"relevance": 0.7}, "less_relevant"),
    ({"relevance": float("nan")}, "less_relevant"),
    ({"spliced": True}, "spliced"),
    ({"unmet": 1}, "unmet"),
    ({"harms": ("toxic",)}, "toxic"),
    ({"harms": ("leak",)}, "leak"),
    ({"harms": ("not_screened",)}, "not_screened"),
]


@pytest.mark.parametrize("kind", ["generated", "constrained"])
@pytest.mark.parametrize(("flaw", "code"), FLAWS)
def test_a_models_candidate_that_fails_any_check_is_not_offered(
    kind: str, flaw: dict, code: str
) -> None:
    quoted, bad = Fake("quoted"), Fake(kind, **flaw)
    assert choose([bad, quoted]) == ([quoted], quoted, [(bad, [code])])


@given(
    st.lists(
        st.builds(
            Fake,
            st.sampled_from(["generated", "constrained"]),
            supported=st.booleans(),
            flags=st.integers(0, 2),
            relevance=st.floats(0, 1) | st.just(float("nan")),
            spliced=st.booleans(),
            unmet=st.integers(0, 2),
            harms=st.sampled_from([(), ("toxic",), ("leak",)]),
        ),
        max_size=6,
    )
)
def test_whatever_is_offered_beside_the_quote_has_no_flaw(models: list[Fake]) -> None:
    quoted = Fake("quoted")
    offered, chosen, refused = choose([*models, quoted])
    assert offered[-1] is quoted
    assert chosen is offered[0]
    for one in offered[:-1]:
        assert one.supported
        assert (one.flags, one.spliced, one.unmet, one.harms) == (0, False, 0, ())
        assert one.relevance >= quoted.relevance - AT_LEAST_AS_WELL
    assert all(flaws for _, flaws in refused)


def test_the_best_sound_sample_is_kept_beside_the_quote() -> None:
    bad, good, quoted = (
        Fake("generated", harms=("toxic",), relevance=0.9),
        Fake("generated"),
        Fake("quoted"),
    )
    assert choose([bad, good, quoted]) == ([good, quoted], good, [])


def test_the_composed_one_goes_before_the_free_one() -> None:
    free, composed, quoted = Fake("generated"), Fake("constrained", relevance=0.79), Fake("quoted")
    assert choose([free, composed, quoted]) == ([composed, free, quoted], composed, [])
    restating = Fake("generated", relevance=0.9)
    assert choose([restating, composed, quoted])[1] is composed


def test_a_composed_one_that_falls_short_leaves_the_free_one() -> None:
    free, composed, quoted = Fake("generated"), Fake("constrained", unmet=1), Fake("quoted")
    assert choose([free, composed, quoted])[:2] == ([free, quoted], free)


def test_without_candidates_nothing_is_chosen() -> None:
    assert choose([]) == ([], None, [])


def test_a_loop_of_eight_words_is_seen() -> None:
    run = "one two three four five six seven eight "
    assert has_loop(run + "and " + run)
    assert not has_loop(run + "nine ten")


@pytest.mark.parametrize("stutter", ["how to get a a lost phone", "Your your plan", "The the"])
def test_a_body_with_a_word_twice_in_a_row_is_dropped(stutter: str) -> None:
    assert usable_body(f"{stutter}. Hold the ring.", template=None, finish="stop") == ""
    assert usable_body("It had had a fault that that update mends.", template=None, finish="stop")


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
