"""What workers load before anybody waits for it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from generation import registry, rescreen, tasks
from generation.safety.toxicity import get_toxicity_screen


def worker_of(queue: str) -> SimpleNamespace:
    queues = SimpleNamespace(consume_from={queue: None})
    return SimpleNamespace(app=SimpleNamespace(amqp=SimpleNamespace(queues=queues)))


@pytest.mark.django_db
def test_worker_search_loads_its_screens_before_the_first_edited_reply() -> None:
    get_toxicity_screen.cache_clear()
    registry.forget_models()
    tasks.warm_up(sender=worker_of("search"))
    assert registry.toxicity_screen()._detoxify is not None  # the one that edits are screened by
    assert get_toxicity_screen()._detoxify is not None


def test_worker_default_loads_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        rescreen, "warm_up", lambda: pytest.fail("it was asked to load the screens")
    )
    tasks.warm_up(sender=worker_of("default"))
