"""The section is the unit of an answer: whole, with what depends on its heading, and no longer than a reply."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.chunking import chunk
from retrieval.passages import SearchHit
from retrieval.sections import LONGEST, in_sections, is_aside, is_dependent, section_spans

ARTICLE = """This page is about errors.

## Error 42: the hub is silent

The light is red.

### Cause

The hub lost its key.

### Solution

1. Hold the ring.
2. Let go.

## Error 43

Call us.

## See also

- [Errors](errors.md)
"""


def spoken(text: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(text[span.start : span.end], span.heading_path) for span in section_spans(text)]


def test_what_depends_on_a_heading_is_told_with_it() -> None:
    texts = {path: said for said, path in spoken(ARTICLE)}
    error = texts[("Error 42: the hub is silent",)]
    assert error.startswith("The light is red.")
    assert error.endswith("2. Let go.")
    assert "### Solution" in error
    assert texts[("Error 43",)] == "Call us."


def test_a_dependent_heading_without_one_above_stands_alone() -> None:
    assert [path for _, path in spoken("# Solution\n\nRestart.\n\n# Cause\n\nHeat.")] == [
        ("Solution",),
        ("Cause",),
    ]


@pytest.mark.parametrize("heading", ["Solution", "Step 2: Restart the hub", "Before you begin", "Causes:", "Workaround"])  # fmt: skip
def test_headings_that_say_nothing_alone(heading: str) -> None:
    assert is_dependent(heading)


@pytest.mark.parametrize("heading", ["Reset the hub", "Error 42", "Notes on billing", "Windows"])
def test_headings_that_name_a_section(heading: str) -> None:
    assert not is_dependent(heading)


def test_what_leads_elsewhere_is_no_answer() -> None:
    assert is_aside(("Errors", "See also"))
    assert is_aside(("In this article",))
    assert not is_aside(("Contents of the box",))
    assert not is_aside(())


def test_a_long_section_falls_into_whole_paragraphs_and_keeps_its_lists_together() -> None:
    paragraph = "A sentence of the guide that says something. " * 20
    steps = "\n".join(f"{number}. Turn the ring once more to the right." for number in range(1, 30))
    text = f"# Guide\n\n{paragraph}\n\n{paragraph}\n\nDo this:\n\n{steps}\n"
    parts = [said for said, _ in spoken(text)]
    assert len(parts) > 1
    assert all(len(part) <= LONGEST for part in parts)
    assert any(part.count("Turn the ring") == 29 for part in parts)


words = st.text(alphabet="ab .\n#-|1`>*", max_size=400)


@given(text=words)
def test_every_passage_lies_in_a_section(text: str) -> None:
    spans = section_spans(text)
    assert list(spans) == sorted(spans, key=lambda span: span.start)
    pieces = chunk(text, title="T", count_tokens=lambda t: len(t.split()) + 1, bound=60, target=20)
    for piece in pieces:
        assert any(s.start <= piece.start and piece.end <= s.end for s in spans)


def hit(text: str, start: int, end: int, number: int = 1, path: tuple[str, ...] = ()) -> SearchHit:
    return SearchHit(
        number,
        1,
        1,
        "a.md",
        "Errors",
        "",
        path,
        text[start:end],
        start,
        end,
        1.0 / number,
        0.5,
        1.0,
    )


def test_passages_of_one_section_are_one_with_the_better_ones_scores() -> None:
    cause, steps = ARTICLE.index("The hub lost"), ARTICLE.index("1. Hold")
    first = hit(ARTICLE, steps, steps + len("1. Hold the ring."), 1)
    second = hit(ARTICLE, cause, cause + len("The hub lost its key."), 2)
    (found,) = in_sections([(0, first), (3, second)], {1: ARTICLE})
    assert found.place == 0
    assert found.section.chunk_id == 1
    assert found.section.text == ARTICLE[found.section.start : found.section.end]
    assert found.section.text.startswith("The light is red.")
    assert found.section.heading_path == ("Error 42: the hub is silent",)
    assert not found.introduces


def test_an_aside_is_left_out_where_there_is_more() -> None:
    link, call = ARTICLE.index("- [Errors]"), ARTICLE.index("Call us.")
    aside = hit(ARTICLE, link, link + 20, 1)
    told = hit(ARTICLE, call, call + 8, 2)
    assert [one.section.chunk_id for one in in_sections([(0, aside), (1, told)], {1: ARTICLE})] == [
        2
    ]
    assert len(in_sections([(0, aside)], {1: ARTICLE})) == 1


def test_of_a_long_section_the_beginning_and_what_was_found_are_read() -> None:
    text = "# Guide\n\n" + "This guide tells how. " * 40 + "\n\nThe answer stands here."
    at = text.index("The answer")
    (found,) = in_sections([(0, hit(text, at, len(text)))], {1: text})
    assert found.read.startswith("This guide tells how.")
    assert found.read.endswith("The answer stands here.")
    assert len(found.read) < len(found.section.text)
