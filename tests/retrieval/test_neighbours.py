"""The passage beside a found one is of its own section and its own revision, or there is none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from retrieval.models import Chunk, Collection, Document, Revision
from retrieval.neighbours import neighbour_of
from retrieval.passages import SearchHit

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
TEXT = """## Steps

1. Open the map.
2. Choose a room.

3. Draw its walls.

## Steps

Another section of the same name.

## Undo

Shake the telephone.
"""
PASSAGES = {
    "1. Open the map.\n2. Choose a room.": ["Steps"],
    "3. Draw its walls.": ["Steps"],
    "Another section of the same name.": ["Steps"],
    "Shake the telephone.": ["Undo"],
}


def publish(document: Document, number: int, text: str) -> list[SearchHit]:
    revision = Revision.objects.create(
        document=document,
        number=number,
        title="Maps",
        text=text,
        digest=f"{number}",
        created_at=NOW,
    )
    hits = []
    for position, (passage, headings) in enumerate(PASSAGES.items()):
        start = text.index(passage)
        chunk = Chunk.objects.create(
            revision=revision, position=position, heading_path=headings, text=passage,
            start=start, end=start + len(passage), tokens=9, digest=f"{number}.{position}",
        )  # fmt: skip
        hits.append(
            SearchHit(
                chunk.pk,
                document.pk,
                revision.pk,
                document.source,
                "Maps",
                "",
                tuple(headings),
                passage,
                chunk.start,
                chunk.end,
                0.05,
                0.8,
                7.0,
            )
        )
    return hits


@pytest.fixture
def document(db: None) -> Document:
    return Document.objects.create(
        collection=Collection.objects.create(name="help"), source="maps.md", title="Maps",
        created_at=NOW, changed_at=NOW,
    )  # fmt: skip


def test_a_section_goes_on_in_the_passage_behind_and_comes_from_the_one_before(
    document: Document,
) -> None:
    first, second, *_ = publish(document, 1, TEXT)
    behind = neighbour_of(first, after=True)
    assert behind is not None
    assert (behind.chunk_id, behind.text) == (second.chunk_id, "3. Draw its walls.")
    assert TEXT[behind.start : behind.end] == behind.text
    before = neighbour_of(second, after=False)
    assert before is not None
    assert before.chunk_id == first.chunk_id


def test_a_neighbour_has_no_score_of_its_own(document: Document) -> None:
    found = neighbour_of(publish(document, 1, TEXT)[0], after=True)
    assert found is not None
    assert (found.score, found.dense_score, found.lexical_score) == (0.0, 0.0, 0.0)


def test_another_section_is_no_neighbour_even_with_the_same_heading(document: Document) -> None:
    first, second, third, last = publish(document, 1, TEXT)
    assert neighbour_of(second, after=True) is None
    assert neighbour_of(third, after=False) is None
    assert neighbour_of(third, after=True) is None
    assert neighbour_of(last, after=False) is None
    assert neighbour_of(first, after=False) is None
    assert neighbour_of(last, after=True) is None


def test_a_neighbour_is_of_the_revision_that_was_found_whatever_others_there_are(
    document: Document,
) -> None:
    old = publish(document, 1, TEXT)
    new = publish(document, 2, "One line more.\n\n" + TEXT)
    for hits in (old, new):
        found = neighbour_of(hits[0], after=True)
        assert found is not None
        assert (found.revision_id, found.chunk_id) == (hits[0].revision_id, hits[1].chunk_id)
