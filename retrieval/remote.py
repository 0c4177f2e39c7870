"""Ask worker-search for a search: how the web process, which has no model, searches."""

from __future__ import annotations

import contextlib
from typing import Any

from celery.exceptions import TimeoutError as NoAnswer
from django.conf import settings
from kombu.exceptions import OperationalError

from assistant.celery import app, ensure_broker_folders
from retrieval.search import Mode, SearchHit, SearchResults, Twin
from retrieval.snapshots import SEARCH_QUEUE

POLL_SECONDS = 0.02


class SearchUnavailable(RuntimeError):
    """No search could be made just now: why, in words for the page."""


def ask_search(
    query: str, *, k: int = 10, mode: Mode | None = None, timeout: float | None = None
) -> SearchResults:
    """The hits that worker-search finds within `timeout` seconds (COUNTERSIGN_SEARCH_TIMEOUT).

    Raises `SearchUnavailable` where the broker is away, no worker answers in time, or there is
    nothing to search.
    """
    timeout = settings.SEARCH_TIMEOUT_SECONDS if timeout is None else timeout
    try:
        ensure_broker_folders()
        asked = app.send_task(
            "retrieval.tasks.search",
            kwargs={"query": query, "k": k, "mode": mode},
            queue=SEARCH_QUEUE,
            retry=False,
            expires=timeout,
            ignore_result=False,
        )
    except (OperationalError, OSError) as error:
        raise SearchUnavailable(
            "The message broker is away, so nobody can be asked to search. An operator should "
            "look at it; articles can still be listed and read."
        ) from error
    try:
        answer: dict[str, Any] = asked.get(timeout=timeout, interval=POLL_SECONDS)
    except NoAnswer:
        raise SearchUnavailable(
            f"The search worker did not answer within {timeout:g} seconds: it is not running, or "
            "is building an index. Articles can still be listed and read; try again in a moment."
        ) from None
    except Exception as error:
        raise SearchUnavailable("The search worker could not answer; its log says why.") from error
    finally:
        _forget(asked)
    if "error" in answer:
        raise SearchUnavailable(answer["error"])
    return SearchResults(hits=[_hit(hit) for hit in answer["hits"]], snapshot=answer["snapshot"])


def _hit(found: dict[str, Any]) -> SearchHit:
    also = tuple(Twin(**twin) for twin in found["also"])
    return SearchHit(**{**found, "heading_path": tuple(found["heading_path"]), "also": also})


def _forget(asked: Any) -> None:
    # what stays behind, the backend drops by itself
    with contextlib.suppress(OperationalError, OSError, NotImplementedError):
        asked.forget()
