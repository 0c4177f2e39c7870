"""Near-duplicates fold into the better hit, neighbours join to an exact span, and what a part of a
question was promised stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retrieval.ingest import IngestReport
from retrieval.models import Document, Revision
from retrieval.passages import SearchHit, folded
from retrieval.query import Query, ThreadTurn, query_of
from retrieval.ranking import shortened
from retrieval.search import search
from tests.retrieval.conftest import write_articles

RESET = (
    "Hold the ring of the thermostat for ten seconds until the light turns amber, then let go of it and "
    "pair it again with your telephone in the app."
)


def hit(chunk: int, text: str) -> SearchHit:
    return SearchHit(
        chunk, chunk, chunk, f"{chunk}.md", f"T{chunk}", "", (), text, 0, len(text), 1, 1, 1
    )


def test_a_near_duplicate_folds_into_the_better_hit_which_names_it() -> None:
    kept = folded(
        [hit(1, RESET), hit(2, "Something else entirely, about invoices."), hit(3, RESET)]
    )
    assert [(place, one.chunk_id) for place, one in kept] == [(0, 1), (1, 2)]
    assert [(twin.chunk_id, twin.source) for twin in kept[0][1].also] == [(3, "3.md")]


@pytest.mark.parametrize(
    "other",
    [
        RESET.replace("ten seconds", "10 seconds"),
        RESET.replace("until", "not until"),
        RESET.replace("app", "Mac app"),
    ],
)
def test_passages_that_differ_in_a_number_a_negation_or_a_name_both_stay(other: str) -> None:
    assert len(folded([hit(1, RESET), hit(2, other)])) == 2


def test_shortening_keeps_what_was_promised() -> None:
    assert shortened([False, False, False, True], 2) == [0, 3]
    assert shortened([True, True, True], 2) == [0, 1]
    assert shortened([False, True], 5) == [0, 1]


@pytest.mark.django_db
def test_a_search_folds_copies_and_fills_their_places(
    bring_in: Callable[..., IngestReport], tmp_path: Path
) -> None:
    copies = {f"copy{number}.md": f"# Reset {number}\n\n{RESET}\n" for number in range(3)}
    other = {
        "other.md": "# Pairing\n\nThe telephone and the thermostat have to be in one network.\n"
    }
    bring_in(write_articles(tmp_path / "kb", copies | other))
    found = search("How do I reset the thermostat?", k=2).hits
    assert {one.source for one in found} & {"other.md"}
    assert len(next(one for one in found if one.source.startswith("copy")).also) == 2


@pytest.mark.django_db
def test_neighbours_join_to_one_exact_span(
    bring_in: Callable[..., IngestReport], tmp_path: Path
) -> None:
    text = "\n\n".join(
        f"Paragraph {number} tells how the thermostat is reset when its display shows the code {number}: "
        "press the ring, wait for the amber light, and pair it again with the telephone in the app."
        for number in range(12)
    )
    bring_in(write_articles(tmp_path / "kb", {"long.md": f"# Codes\n\n{text}\n"}))
    single = search("thermostat display code", k=10).hits
    joined = search("thermostat display code", k=10, join=True).hits
    assert len(single) > len(joined) >= 1
    for one in joined:
        assert Revision.objects.get(pk=one.revision_id).text[one.start : one.end] == one.text
    assert joined[0].end - joined[0].start > single[0].end - single[0].start


@pytest.mark.django_db
def test_each_question_of_a_ticket_has_its_passage_among_the_first(knowledge: IngestReport) -> None:
    refund = "The refund to my card has not arrived at my bank, and the account is closed. "
    message = f"{refund * 4}When do banks post the refund? Also, where is every invoice saved?"
    query = query_of("", [ThreadTurn("customer", message)])
    assert len(query.parts) == 2
    found = {one.source for one in search(query, k=2).hits}
    assert found == {"billing/refund-times.md", "billing/invoice.txt"}
    alone = {one.source for one in search(Query(query.text), k=2).hits}
    assert alone == {"billing/refund-times.md"}


@pytest.mark.django_db
def test_the_last_message_chooses_the_passage_in_the_article_that_the_thread_found(
    knowledge: IngestReport,
) -> None:
    turns = [
        ThreadTurn("customer", "When does a refund to my card arrive?"),
        ThreadTurn(
            "agent", "Refunds go back to the card that paid, in three to five working days."
        ),
        ThreadTurn("customer", "And if that account is closed?"),
    ]
    whole = search(query_of("", turns, thread="whole"), k=1).hits[0]
    both = search(query_of("", turns), k=1).hits[0]
    assert whole.document_id == both.document_id
    assert whole.heading_path == ()
    assert both.heading_path == ("A refund to a closed account",)


@pytest.mark.django_db
def test_the_tickets_language_is_preferred_where_articles_have_several(
    bring_in: Callable[..., IngestReport], tmp_path: Path
) -> None:
    text = "Call the service number of Acme Thermo GmbH: 030 1234567."
    pages: dict[str, Any] = {
        f"{language}.md": f"---\ntitle: Service\nlanguage: {language}\n---\n\n{text} {more}\n"
        for language, more in (("en", "The number is free of charge."), ("de", "Kostenlos."))
    }
    bring_in(write_articles(tmp_path / "kb", pages))
    assert set(Document.objects.values_list("language", flat=True)) == {"en", "de"}
    for language in ("de", "en"):
        found = search(Query("Acme Thermo service number", language=language), k=1).hits
        assert found[0].source == f"{language}.md"
    assert len(search(Query("Acme Thermo service number", language="fr"), k=2).hits) == 2
