"""Doors for worker-search: a search for a page, and a new index after a change."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict
from typing import Any

from celery.signals import celeryd_after_setup
from django.utils import timezone

from assistant import heartbeat
from assistant.celery import WAKE_EXPIRES, app, wake
from retrieval.comparisons import COMPARE_TASK, advance_comparison
from retrieval.embedder import EmbedderError, get_embedder
from retrieval.reranker import RerankerError, get_reranker
from retrieval.search import EVERYTHING, EmptyIndex, Mode, SearchHit, search
from retrieval.snapshots import (
    NEXT_SLICE_TASK,
    REFRESH_TASK,
    SEARCH_QUEUE,
    DamagedSnapshot,
    open_active,
)
from retrieval.sources import runs
from retrieval.sources.runs import TASK as RUN_TASK
from retrieval.under_way import build_under_way

logger = logging.getLogger(__name__)

_next_slice_asked_at: float | None = None  # of this process, which takes one task after the other


@app.task(name="retrieval.tasks.search", ignore_result=False)
def search_for_page(*, query: str, k: int = 10, mode: Mode | None = None) -> dict[str, Any]:
    """Hits as JSON, or `{"error": words}` where there is nothing to search.

    Without a `mode` it is `fused`: a person waits, and the reranker learned from whole questions."""
    try:
        found = search(query, k=k, mode=mode or "fused", scope=EVERYTHING)
    except (EmptyIndex, DamagedSnapshot, EmbedderError, RerankerError) as error:
        return {"error": str(error)}
    return {"hits": [asdict(hit) for hit in found.hits], "snapshot": found.snapshot}


@app.task(name=REFRESH_TASK)
def refresh_index() -> None:
    """Build and activate an index where the knowledge base has changed.

    Where a build goes on in slices there is nothing to do: its next slice takes the newest first.
    However many publications ask, one slice at most is in the queue before a search."""
    asked_at = _next_slice_asked_at
    is_lost = asked_at is None or time.monotonic() - asked_at > WAKE_EXPIRES
    if is_lost or build_under_way() is None:
        refresh_next_slice()


@app.task(name=NEXT_SLICE_TASK)
def refresh_next_slice() -> None:
    """About a second of a build; between two slices others' searches are answered."""
    global _next_slice_asked_at
    from retrieval import compacting
    from retrieval.building import refresh_slice

    _next_slice_asked_at = None
    row = refresh_slice(wait=False)
    if row is not None and row.remaining:
        _next_slice_asked_at = time.monotonic()
        wake(NEXT_SLICE_TASK, queue=SEARCH_QUEUE)
    try:
        compacting.start_if_due(open_active())
        heartbeat.tell(index=True)
    except (EmptyIndex, DamagedSnapshot):
        heartbeat.tell(index=False)


@app.task(name=COMPARE_TASK)
def compare() -> None:
    """A step of the oldest comparison; between two steps others' searches are answered."""
    if advance_comparison(now=timezone.now()):
        wake(COMPARE_TASK, queue=SEARCH_QUEUE)


@app.task(name=RUN_TASK)
def run_sources() -> None:
    from retrieval.sources.importing import work_waiting

    work_waiting()


@app.task(name="retrieval.tasks.sweep_sources")
def sweep_sources() -> None:
    runs.sweep(now=timezone.now())


def hit_json(hit: SearchHit) -> dict[str, Any]:
    """A hit with the stable names of the commands' and the API's output."""
    return {
        "document": hit.document_id,
        "source": hit.source,
        "revision": hit.revision_id,
        "chunk": hit.chunk_id,
        "title": hit.title,
        "heading_path": list(hit.heading_path),
        "text": hit.text,
        "start": hit.start,
        "end": hit.end,
        "score": hit.score,
        "dense_score": hit.dense_score,
        "lexical_score": hit.lexical_score,
        "rerank_score": hit.rerank_score,
        "also": [
            {"document": twin.document_id, "source": twin.source, "title": twin.title}
            for twin in hit.also
        ],
    }


@celeryd_after_setup.connect
def warm_up_searchers(sender: str, instance: Any, **kwargs: Any) -> None:
    """Load models and index before the first search waits for them."""
    if SEARCH_QUEUE not in instance.app.amqp.queues.consume_from:
        return
    try:
        get_embedder().warm_up()
        heartbeat.tell(embedder={"problems": []})
        open_active()
        heartbeat.tell(index=True)
    except (EmptyIndex, DamagedSnapshot) as state:
        logger.info("searching begins without an index: %s", state)
    except EmbedderError as error:
        heartbeat.tell(embedder={"problems": [str(error)]})
        logger.error("%s", str(error))  # each search says so too
    try:
        if reranker := get_reranker():
            reranker.warm_up()
    except RerankerError as error:  # searches go on without; the registry has told so
        logger.error("%s", str(error))
