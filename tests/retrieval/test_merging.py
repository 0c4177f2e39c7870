"""Two people's changes of one text are put together, and what both changed is never chosen for them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.merging import By, Place, merge, taken_back, together

BASE = "# Delivery\n\nIt takes nine days.\nIt costs EUR 41.70.\n\n## Returns\n\nWithin 30 days."


def never(place: Place) -> tuple[str, ...]:
    raise AssertionError(f"nothing overlaps, but {place}")


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (("nine", "eight"), ("41.70", "39.90")),  # neighbouring lines
        (("nine", "eight"), ("30 days", "60 days")),
        (("# Delivery\n\n", ""), ("30 days.", "30 days.\n\nBring the receipt.")),
        (("It takes nine days.\n", ""), ("41.70", "39.90")),
        (("41.70.", "39.90.\nVAT is in it."), ("## Returns", "## Sending back")),
        # a line after one that the other rewrote
        (("30 days.", "60 days."), ("", "")),
    ],
)
def test_changes_of_different_lines_both_stand(
    mine: tuple[str, str], theirs: tuple[str, str]
) -> None:
    one, other = BASE.replace(*mine), BASE.replace(*theirs) if theirs[0] else BASE
    both = one.replace(*theirs) if theirs[0] else one
    assert together(merge(BASE, one, other), never) == both
    assert together(merge(BASE, other, one), never) == both


def test_a_line_added_behind_one_that_the_other_rewrote_is_kept_there() -> None:
    longer = f"{BASE}\nBring the receipt."
    rewritten = BASE.replace("30", "60")
    assert together(merge(BASE, longer, rewritten), never) == f"{rewritten}\nBring the receipt."


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("It takes eight days.", "It takes ten days."),
        ("It takes eight days.", ""),  # edited here, deleted there
        ("It takes nine days.\nMore at sea.", "It takes nine days.\nLess by air."),
        ("It takes eight days.\nMore at sea.", "It takes nine days.\nLess by air."),
    ],
)
def test_what_both_changed_in_other_ways_is_told_with_both_texts(mine: str, theirs: str) -> None:
    line = "It takes nine days."
    places = merge(BASE, BASE.replace(line, mine), BASE.replace(line, theirs))
    (place,) = [one for one in places if one.by is By.OVERLAP]
    assert mine.split("\n")[-1] in place.mine
    assert place.mine != place.theirs
    assert together(places, lambda one: one.mine) == BASE.replace(line, mine)
    assert together(places, lambda one: one.theirs) == BASE.replace(line, theirs)


# few different lines, so that they repeat and the differ has something to go wrong with
TEXTS = st.lists(st.sampled_from(["a", "b", "c", "", " ", "| x |"]), max_size=9).map("\n".join)


@given(TEXTS, TEXTS, TEXTS)
def test_the_places_spell_the_three_texts(base: str, mine: str, theirs: str) -> None:
    places = merge(base, mine, theirs)
    for text, name in ((base, "base"), (mine, "mine"), (theirs, "theirs")):
        assert "\n".join(line for one in places for line in getattr(one, name)) == text
    for one in places:
        changed = (one.mine != one.base, one.theirs != one.base)
        assert changed == {
            By.NOBODY: (False, False), By.MINE: (True, False), By.THEIRS: (False, True),
            By.BOTH: (True, True),
        }.get(one.by, changed)  # fmt: skip


@given(TEXTS, TEXTS, TEXTS)
def test_a_merge_knows_no_sides(base: str, mine: str, theirs: str) -> None:
    swapped = {By.MINE: By.THEIRS, By.THEIRS: By.MINE}
    assert merge(base, theirs, mine) == [
        Place(swapped.get(one.by, one.by), one.base, one.theirs, one.mine)
        for one in merge(base, mine, theirs)
    ]


@given(TEXTS, TEXTS)
def test_a_change_of_one_person_stands_and_an_equal_one_stands_once(base: str, new: str) -> None:
    assert together(merge(base, new, base), never) == new
    assert together(merge(base, base, new), never) == new
    assert together(merge(base, new, new), never) == new


@given(st.lists(st.integers(0, 2), min_size=1, max_size=30))
def test_lines_that_nobody_else_touched_all_keep_their_change(who: list[int]) -> None:
    base = [f"line {at}" for at in range(len(who))]
    mine = [f"{line} mine" if one == 1 else line for line, one in zip(base, who, strict=True)]
    theirs = [f"{line} theirs" if one == 2 else line for line, one in zip(base, who, strict=True)]
    both = [a if a != line else b for line, a, b in zip(base, mine, theirs, strict=True)]
    texts = ("\n".join(lines) for lines in (base, mine, theirs))
    assert together(merge(*texts), never) == "\n".join(both)


def test_what_an_edit_takes_back_is_found() -> None:
    published = BASE.replace("nine", "eight")
    mine = BASE.replace("41.70", "39.90")  # written on the text before
    (place,) = taken_back(BASE, published, mine)
    assert (place.base, place.mine) == (("It takes eight days.",), ("It takes nine days.",))
    assert taken_back(BASE, published, published.replace("41.70", "39.90")) == []


@pytest.mark.parametrize("lines", [1_500, 40_000])
def test_a_long_article_of_equal_lines_is_merged_at_all(lines: int) -> None:
    base = "\n".join("" if n % 2 else "- again" for n in range(lines))
    mine = base.replace("again", "mine")
    assert together(merge(base, mine, f"x\n{base}\ny"), lambda one: one.mine)
    assert together(merge(base, mine, base), never) == mine
