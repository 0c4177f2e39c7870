"""Our search keeps LangChain's contract for a `BaseRetriever`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from retrieval.ingest import ingest
from retrieval.langchain import CountersignRetriever
from retrieval.search import search
from tests.retrieval.conftest import ARTICLES, NOW, write_articles


@pytest.fixture(autouse=True)
def knowledge(transactional_db: None, settings: Any, tmp_path: Path) -> None:
    """Committed, since an asynchronous call reads through another connection."""
    settings.DATA_DIR = tmp_path / "data"
    ingest(write_articles(tmp_path / "articles", ARTICLES), collection="help", now=NOW)


@pytest.mark.django_db(transaction=True)
class TestCountersignRetriever(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return CountersignRetriever

    @property
    def retriever_query_example(self) -> str:
        return "How do I reset the thermostat?"


def test_the_retrievers_documents_are_the_searchs_hits() -> None:
    query = "How do I reset the thermostat?"
    documents = CountersignRetriever(k=2, mode="dense").invoke(query)
    hits = search(query, k=2, mode="dense").hits
    assert [d.page_content for d in documents] == [hit.text for hit in hits]
    assert documents[0].metadata["source"] == "devices/reset-thermostat.md"
    assert documents[0].metadata["start"] == hits[0].start
