"""Probes answer as monitoring asks, also in production, and see a clock that stopped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assistant import heartbeat, tasks
from assistant.models import Heartbeat
from generation.tasks import sweep

pytestmark = pytest.mark.django_db


@pytest.fixture
def production(settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["support.example.com"]
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.parametrize("host", ["10.0.0.7:8000", "", "evil.example", "support.example.com"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_probes_need_no_host_and_no_https(production, path, host):
    answer = Client(raise_request_exception=False).get(path, headers={"host": host})
    assert answer.status_code == (503 if path == "/readyz" else 200)
    assert answer.content


@pytest.mark.parametrize("path", ["/", "/healthz/", "/review/", "/healthz/../review/"])
def test_every_other_page_does(production, path):
    client = Client(raise_request_exception=False)
    assert client.get(path, headers={"host": "support.example.com"}).status_code == 301
    secure = {"host": "evil.example", "x-forwarded-proto": "https"}
    assert client.get(path, headers=secure).status_code == 400


def parts(client: Client) -> tuple[bool, bool]:
    told = client.get("/readyz").json()
    return told["beat"], told["sweeps"]


def test_a_clock_that_stopped_is_a_part_that_is_missing(client):
    assert parts(client) == (False, False)
    tasks.deliver_replies()
    sweep()
    assert parts(client) == (True, True)
    assert 'countersign_part_up{part="beat"} 1.0' in client.get("/metrics").content.decode()
    Heartbeat.objects.update(beat_at=timezone.now() - timedelta(minutes=3))
    assert parts(client) == (False, False)
    assert client.get("/readyz").status_code == 503
    metrics = client.get("/metrics").content.decode()
    assert 'countersign_part_up{part="beat"} 0.0' in metrics
    assert 'countersign_part_up{part="sweeps"} 0.0' in metrics
    tasks.deliver_replies()
    assert parts(client) == (True, False)


def test_the_clock_writes_a_row_every_few_seconds_only(db):
    now = timezone.now()
    heartbeat.clock("beat", now=now)
    heartbeat.clock("beat", now=now + timedelta(seconds=2))
    assert Heartbeat.objects.get(name="beat").beat_at == now
    later = now + timedelta(seconds=heartbeat.BEAT_SECONDS + 1)
    heartbeat.clock("beat", now=later)
    assert Heartbeat.objects.get(name="beat").beat_at == later
