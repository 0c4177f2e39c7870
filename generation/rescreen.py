"""Screening an agent's own text before it is sent: the web process asks a worker that has torch.

The text travels as a sealed row, never through the broker.
"""

from __future__ import annotations

import logging
from typing import Any

from celery.exceptions import TimeoutError as NoAnswer
from django.conf import settings
from django.utils import timezone
from kombu.exceptions import OperationalError

from assistant import heartbeat
from assistant.celery import app, ensure_broker_folders
from assistant.models import SealedText
from assistant.privacy.encryption import seal, unseal
from generation.models import Draft
from generation.safety import ScreenUnavailable

logger = logging.getLogger(__name__)


def rescreen(*, ticket: Any, draft: Draft | None, text: str) -> dict[str, Any]:
    """`{"toxicity": {label: p}, "toxic": bool, "leaks": [kind, …]}` for this text.

    Raises ScreenUnavailable when no worker answers in time.
    """
    if not heartbeat.alive("search", now=timezone.now()):
        raise ScreenUnavailable("toxicity", "no screening worker is running.")
    sealed = seal(ticket=ticket, text=text)
    try:
        ensure_broker_folders()
        result = app.send_task(
            "generation.tasks.rescreen",
            kwargs={"sealed_text": sealed.pk, "draft": draft.pk if draft else None},
            queue="search",
            retry=False,
            expires=settings.SEARCH_TIMEOUT_SECONDS,
            ignore_result=False,
        )
        answer: dict[str, Any] = result.get(
            timeout=settings.SEARCH_TIMEOUT_SECONDS, interval=0.02, disable_sync_subtasks=False
        )
        result.forget()
    except (NoAnswer, OperationalError, OSError) as error:
        raise ScreenUnavailable(
            "toxicity", "no worker answered in time.", permanent=False
        ) from error
    finally:
        sealed.delete()
    if problem := answer.get("problem"):
        raise ScreenUnavailable("toxicity", problem)
    return answer


def warm_up() -> None:
    """Load the screens, so that the first edited reply is not sent unscreened for want of time."""
    from generation.safety.leaks import leaks_in_draft
    from generation.safety.toxicity import get_toxicity_screen

    try:
        get_toxicity_screen().warm_up()
        leaks_in_draft("Call +49 30 901820.", [])
    except ScreenUnavailable as error:
        logger.error("a screen could not be loaded: %s", error)


def screen_text(*, sealed_text: int, draft: int | None) -> dict[str, Any]:
    """The worker's side. A screen that cannot run is named under `problem`."""
    from generation.registry import toxicity_screen
    from generation.safety.leaks import leaks_in_draft

    sealed = SealedText.objects.select_related("ticket").get(pk=sealed_text)
    text = unseal(sealed)
    allowed = [unseal(m.body) for m in sealed.ticket.messages.select_related("body__ticket")]
    if draft is not None:
        sources = Draft.objects.get(pk=draft).sources.select_related("chunk")
        allowed += [source.chunk.text for source in sources]
    try:
        screen = toxicity_screen()
        scores = screen.score([text])[0]
        return {
            "toxicity": scores,
            "toxic": screen.verdict(scores, place="draft").flagged,
            "leaks": sorted({leak.kind for leak in leaks_in_draft(text, allowed)}),
        }
    except ScreenUnavailable as error:
        return {"problem": str(error)}
