"""Word diffs: both texts can be spelled back from one, and the distance is a share."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from review.diff import edit_distance, from_json, tidy, to_json, word_diff

words = st.lists(
    st.sampled_from(["the", "ring", "10", "°C", ",", ".", "ä", "\n", "<b>"]), max_size=25
)
texts = words.map(" ".join)


def spelled(segments, keep):
    return "".join(s.text for s in segments if s.op in {"equal", keep})


@given(texts, texts)
def test_a_diff_spells_both_texts(before, after):
    segments = word_diff(before, after)
    assert spelled(segments, "delete") == before
    assert spelled(segments, "insert") == after


@given(st.text(max_size=80), st.text(max_size=80))
def test_a_diff_of_any_text_spells_both_and_survives_storing(before, after):
    segments = from_json(to_json(word_diff(before, after)))
    assert spelled(segments, "delete") == before
    assert spelled(segments, "insert") == after


@given(texts, texts)
def test_the_distance_is_a_share_and_the_same_both_ways(before, after):
    there = edit_distance(word_diff(before, after))
    assert 0.0 <= there <= 1.0
    assert edit_distance(word_diff(before, before)) == 0.0


def test_two_long_texts_are_compared_in_one_piece_and_still_spelled():
    before, after = "one " * 2500, "two " * 2500
    segments = word_diff("Hi. " + before + "End", "Hi. " + after + "End")
    assert [s.op for s in segments] == ["equal", "delete", "insert", "equal"]
    assert spelled(segments, "insert") == "Hi. " + after + "End"


def test_a_changed_number_is_one_word_and_not_half_of_one():
    segments = word_diff("within 10 days", "within 14 days")
    assert [(s.op, s.text) for s in segments] == [
        ("equal", "within "), ("delete", "10"), ("insert", "14"), ("equal", " days"),
    ]  # fmt: skip
    assert edit_distance(segments) == 2 / 6


@given(st.text(alphabet="ab \r\n\t", max_size=40))
def test_tidying_twice_changes_nothing_more(text):
    assert tidy(tidy(text)) == tidy(text)
    assert "\r" not in tidy(text)
