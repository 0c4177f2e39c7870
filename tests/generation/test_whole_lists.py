"""A list that stands in several passages comes whole into a draft, or stays as it was found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command

from assistant.privacy.encryption import unseal
from generation import composing, registry
from generation.models import DraftSource
from generation.parts import Part, parts_of, shown
from generation.pipeline import draft_replies
from generation.quoting import Ranked, quote_of
from generation.whole_lists import MOST_NEIGHBOURS, read_with, with_whole_lists
from retrieval.passages import SearchHit
from tests.generation.test_pipeline import (  # noqa: F401
    ask,
    drafted,
    models,
    receive,
    tiny_gpt_neo,
)

LEAD = "Draw a map of your home in the app. Do the following:\n\n"
STEPS = [f"{n}. Press the button number {n} on the page." for n in range(1, 10)]


def section(*texts: str) -> list[SearchHit]:
    """Passages of one section, one after the other."""
    hits, start = [], 0
    for number, text in enumerate(texts):
        hits.append(
            SearchHit(
                number, 1, 1, "maps.md", "Maps", "", (), text, start, start + len(text), 0, 0, 0
            )
        )
        start += len(text) + 1
    return hits


def beside_in(passages: Sequence[SearchHit]) -> Callable[[SearchHit, bool], SearchHit | None]:
    def beside(passage: SearchHit, after: bool) -> SearchHit | None:
        place = passage.chunk_id + (1 if after else -1)
        return passages[place] if 0 <= place < len(passages) else None

    return beside


def ranked(hits: Sequence[SearchHit], best: str) -> Ranked:
    """As if the part with ``best`` in it had a cosine of .8 to the question, and all others .5."""
    parts = parts_of([hit.text for hit in hits])
    near = np.array([[0.8 if best in part.text else 0.5 for part in parts]], dtype=np.float32)
    return Ranked(["How?"], parts, near, near - [0.05 * part.passage for part in parts])


def lists_in(found: Ranked) -> list[Part]:
    return [part for part in found.parts if part.units[-1].list_id >= 0]


@pytest.mark.parametrize("found_at", [0, 1])
def test_a_list_over_two_passages_becomes_one_part_whichever_half_was_found(found_at: int) -> None:
    passages = section(LEAD + "\n".join(STEPS[:4]), "\n".join(STEPS[4:]) + "\n\nThen restart.")
    hit = passages[found_at]
    found, neighbours = with_whole_lists(
        ranked([hit], "number 4" if found_at == 0 else "number 5"),
        [hit],
        beside=beside_in(passages),
    )
    assert neighbours == [passages[1 - found_at]]
    (whole,) = lists_in(found)
    assert shown([whole]) == LEAD.strip() + "\n" + "\n".join(STEPS)
    assert {unit.passage for unit in whole.units} == {0, 1}
    quoted = quote_of(found)
    assert quoted is not None
    assert quoted.relevance == pytest.approx(0.8)
    texts = [hit.text, neighbours[0].text]
    assert [texts[place][start:end] for place, start, end in quoted.picks][-1] in STEPS[8]
    assert all(step.partition(" ")[2] in read_with(found, 0, hit.text) for step in STEPS)


def test_a_half_that_was_found_too_is_taken_in_and_not_said_twice() -> None:
    passages = section(LEAD + "\n".join(STEPS[:4]), "\n".join(STEPS[4:]))
    hits = [passages[1], passages[0]]
    found, neighbours = with_whole_lists(ranked(hits, "number 5"), hits, beside=beside_in(passages))
    assert neighbours == []
    (whole,) = lists_in(found)
    assert whole.passage == 0
    assert shown([whole]).endswith("\n".join(STEPS))


def test_a_line_that_introduces_a_list_brings_it_from_the_next_passage() -> None:
    passages = section("Maps are drawn by hand. Do the following:", "\n".join(STEPS))
    found, neighbours = with_whole_lists(
        ranked(passages[:1], "Do the following"), passages[:1], beside=beside_in(passages)
    )
    assert neighbours == passages[1:]
    assert [part.can_be_quoted for part in found.parts] == [True, True]


@pytest.mark.parametrize(
    "next_passage",
    ["Then restart the app.", "- A bullet of another list.", "## Steps\n\n1. Another list."],
)
def test_what_is_not_the_same_list_is_left_out(next_passage: str) -> None:
    passages = section(LEAD + "\n".join(STEPS[:4]), next_passage)
    before = ranked(passages[:1], "number 4")
    assert with_whole_lists(before, passages[:1], beside=beside_in(passages)) == (before, [])


def test_a_passage_in_which_no_answer_begins_gets_no_neighbour() -> None:
    passages = section(
        "The best sentence of all.", LEAD + "\n".join(STEPS[:4]), "\n".join(STEPS[4:])
    )
    before = ranked(passages[:2], "The best sentence")
    assert with_whole_lists(before, passages[:2], beside=beside_in(passages)) == (before, [])


def test_a_list_that_ends_by_announcing_something_else_stays_as_it_was_found() -> None:
    rest = "\n".join([*STEPS[4:], "10. Replace this line:", "", "The line."])
    passages = section(LEAD + "\n".join(STEPS[:4]), rest)
    before = ranked(passages[:1], "number 4")
    assert with_whole_lists(before, passages[:1], beside=beside_in(passages)) == (before, [])


def test_a_list_too_long_for_a_reply_or_over_too_many_passages_stays_as_it_was_found() -> None:
    long = [f"{n}. Press {'the button ' * 30}once." for n in range(1, 5)]
    too_long = section(LEAD + "\n".join(long[:2]), "\n".join(long[2:]))
    before = ranked(too_long[:1], "Press")
    assert with_whole_lists(before, too_long[:1], beside=beside_in(too_long)) == (before, [])
    scattered = section(LEAD + STEPS[0], *STEPS[1 : MOST_NEIGHBOURS + 2])
    before = ranked(scattered[:1], "number 1")
    assert with_whole_lists(before, scattered[:1], beside=beside_in(scattered)) == (before, [])
    just = scattered[: MOST_NEIGHBOURS + 1]
    _, neighbours = with_whole_lists(before, just[:1], beside=beside_in(just))
    assert neighbours == just[1:]


# ---- with its real parts -----------------------------------------------------------------------

LONG_STEPS = [
    f"{n}. Open the page number {n} of the installer's menu, read what it says about the boiler, and "
    f"confirm it with the middle button."
    for n in range(1, 8)
]


@pytest.fixture
def knowledge(db: None, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    settings.DATA_DIR.mkdir()
    folder = tmp_path / "articles"
    folder.mkdir()
    steps = "\n".join(LONG_STEPS)
    (folder / "menu.md").write_text(
        "---\ntitle: The installer's menu\ncategory: Heating\n---\n## Go through the installer's menu\n\n"
        f"To go through the installer's menu, do the following:\n\n{steps}\n\n"
        "## Return a parcel\n\nPrint the label and stick it over the old one.\n"
    )
    call_command("ingest", str(folder), "--collection", "help")


@pytest.mark.django_db
def test_a_long_list_is_whole_in_the_draft_and_each_step_cites_its_own_passage(
    knowledge: None,
    models: registry.Models,
    monkeypatch: pytest.MonkeyPatch,
    settings: Any,
) -> None:
    monkeypatch.setattr(composing, "WEIGHT", 0.0)  # the tiny model knows no English
    settings.PASSAGES = 1
    text = "How do I go through the installer's menu?"
    draft = drafted(receive(text))
    for candidate in draft.candidates.exclude(kind="generated"):
        said = unseal(candidate.text)
        assert all(step in said for step in LONG_STEPS), candidate.kind
        cited = set()
        for claim in candidate.sentences.filter(kind="claim"):
            assert claim.supported
            chunk = claim.source.chunk
            span = chunk.revision.text[claim.source_start : claim.source_end]
            assert span in chunk.text
            assert said[claim.start : claim.end].strip() in span
            cited.add(chunk.pk)
        assert len(cited) == 2
    found, neighbour = DraftSource.objects.filter(draft=draft)
    assert (found.neighbour, neighbour.neighbour) == (False, True)
    assert (neighbour.score, neighbour.dense_score, neighbour.in_prompt) == (0.0, None, True)
    assert LONG_STEPS[-1].partition(" ")[2] in unseal(draft.prompt)
    assert draft.features["retrieval_margin"] == 0.0  # one passage was searched for

    question = ask(text, seed=5)
    (alone,) = draft_replies([question], models)
    together = draft_replies([ask("How do I return a parcel?", seed=6), question], models)[1]
    assert alone.chosen is not None
    assert together.chosen is not None
    assert together.chosen.text == alone.chosen.text
    assert together.sources == alone.sources
