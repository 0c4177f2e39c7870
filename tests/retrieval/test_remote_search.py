"""The web process asks a real worker over the real broker, and waits no longer than it says."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from celery.contrib.testing.worker import start_worker
from django.test import Client
from django.urls import reverse

from assistant.celery import app, broker_folders, ensure_broker_folders
from assistant.models import User
from retrieval.ingest import ingest
from retrieval.remote import SearchUnavailable, ask_search
from retrieval.search import search
from tests.retrieval.conftest import NOW

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def queue(monkeypatch: pytest.MonkeyPatch) -> str:
    """A queue of each test's own: a worker thread that ends late answers nobody else's question."""
    name = f"search-{uuid.uuid4().hex}"
    monkeypatch.setattr("retrieval.remote.SEARCH_QUEUE", name)
    return name


@pytest.fixture
def worker(queue: str) -> Iterator[None]:
    """worker-search, in a thread of this process."""
    import retrieval.tasks  # noqa: F401  (registers its tasks)

    ensure_broker_folders()
    with start_worker(app, pool="solo", queues=[queue], perform_ping_check=False, loglevel="ERROR"):
        yield


def test_a_worker_answers_with_the_same_hits_as_a_search_here(
    index_folder: Path,
    articles: Path,
    worker: None,
    mara: User,
    sign_in: Callable[[User], Client],
) -> None:
    ingest(articles, collection="help", now=NOW)
    here = search("How do I reset the thermostat?", k=3)
    there = ask_search("How do I reset the thermostat?", k=3, timeout=30)
    assert there.snapshot == here.snapshot
    assert [h.chunk_id for h in there.hits] == [h.chunk_id for h in here.hits]
    assert there.hits[0].heading_path == here.hits[0].heading_path
    page = sign_in(mara).get(reverse("knowledge:search"), {"q": "reset the thermostat"})
    assert page.status_code == 200
    assert "Reset your thermostat" in page.content.decode()
    results = broker_folders()[3]  # of the filesystem broker; the others keep none of it on disk
    left = [path.read_text() for path in results.iterdir()] if results.is_dir() else []
    assert not [text for text in left if "SUCCESS" in text], "answers pile up"


def test_a_worker_without_an_index_says_so_in_words(
    index_folder: Path, transactional_db: None, worker: None
) -> None:
    with pytest.raises(SearchUnavailable, match="has no index yet"):
        ask_search("anything", timeout=30)


def test_without_a_worker_the_wait_ends_in_words(transactional_db: None) -> None:
    with pytest.raises(SearchUnavailable, match=r"did not answer within 0\.1 seconds"):
        ask_search("anything", timeout=0.1)


def test_a_broker_that_is_away_is_told_in_words(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*args: Any, **options: Any) -> None:
        raise ConnectionRefusedError("away")

    monkeypatch.setattr(app, "send_task", away)
    with pytest.raises(SearchUnavailable, match="broker is away"):
        ask_search("anything")
