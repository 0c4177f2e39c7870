"""Search finds by meaning and by words, on one snapshot, with spans that hold."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from retrieval.ingest import IngestReport
from retrieval.models import Revision
from retrieval.search import Mode, search, search_many

pytestmark = pytest.mark.django_db


def sources(query: str, mode: Mode, k: int = 3) -> list[str]:
    return [hit.source for hit in search(query, k=k, mode=mode).hits]


@pytest.mark.parametrize("mode", ["fused", "dense"])
def test_meaning_finds_what_shares_no_word(knowledge: IngestReport, mode: Mode) -> None:
    query = "put the heating controller into factory state"
    assert sources(query, mode)[0] == "devices/reset-thermostat.md"


@pytest.mark.parametrize("mode", ["fused", "lexical"])
def test_words_find_what_means_little(knowledge: IngestReport, mode: Mode) -> None:
    assert sources("AAA", mode)[0] == "devices/battery.md"


def test_words_that_stand_nowhere_find_nothing_lexically(knowledge: IngestReport) -> None:
    assert search("zyzzyva", mode="lexical").hits == []
    assert len(search("zyzzyva", mode="dense", k=3).hits) == 3


def test_every_hit_points_into_its_revision_and_carries_both_scores(
    knowledge: IngestReport,
) -> None:
    found = search("When does my refund arrive?", k=20)
    assert len(found.hits) == knowledge.chunks
    assert [hit.score for hit in found.hits] == sorted((h.score for h in found.hits), reverse=True)
    for hit in found.hits:
        assert Revision.objects.get(pk=hit.revision_id).text[hit.start : hit.end] == hit.text
        assert -1 <= hit.dense_score <= 1.0001
    assert found.hits[0].lexical_score > 0
    assert found.hits[0].heading_path == ()
    assert found.answer_score == max(hit.dense_score for hit in found.hits)


def test_titles_and_headings_are_searched_and_not_quoted(knowledge: IngestReport) -> None:
    hit = search("refund to a closed account", k=1).hits[0]
    assert hit.heading_path == ("A refund to a closed account",)
    assert hit.text.startswith("The bank sends the money back")


def test_several_queries_at_once_equal_each_alone(knowledge: IngestReport) -> None:
    queries = ["reset", "refund " * 400, "where is my invoice"]
    together = search_many(queries, k=3)
    for query, found in zip(queries, together, strict=True):
        assert [h.chunk_id for h in found.hits] == [h.chunk_id for h in search(query, k=3).hits]


def test_the_end_of_a_very_long_query_is_searched_too(knowledge: IngestReport) -> None:
    chatter = "Good morning, it was raining all day in our town and we stayed at home. " * 60
    query = chatter + "How long does a refund to my card take?"
    assert sources(query, "dense", k=1) == ["billing/refund-times.md"]


def test_a_wrong_mode_or_k_is_an_error(knowledge: IngestReport) -> None:
    with pytest.raises(ValueError, match="fused, dense, lexical"):
        search("x", mode="semantic")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one"):
        search("x", k=0)


def test_the_web_process_never_loads_a_model_library() -> None:
    code = (
        "import django, sys; django.setup()\n"
        "from django.urls import get_resolver\n"
        "import assistant.urls, retrieval.remote, retrieval.tasks\n"
        "get_resolver().url_patterns\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers', 'faiss', 'bm25s', 'detoxify',\n"
        "         'presidio_analyzer', 'sklearn', 'mammoth'}\n"
        "found = sorted(heavy & set(sys.modules))\n"
        "assert not found, f'the web process loads {found}'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
