"""A small knowledge base on disk, and an installation whose index lies in a throwaway folder."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from retrieval.ingest import IngestReport, ingest

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)

ARTICLES = {
    "devices/reset-thermostat.md": """---
title: Reset your thermostat
category: Devices
language: en
updated: 2026-03-01
tags: [thermostat, reset]
---
The thermostat keeps its schedule when it is reset.

## Before you begin

Note the number on the back of the base plate. You need it for pairing.

## Steps

1. Hold the ring for ten seconds.
2. Wait until the light turns amber.
3. Let go, and pair it again in the app.
""",
    "devices/battery.md": """# Change the batteries

The sensor takes two AAA cells. They last about eighteen months.

Use alkaline cells. Rechargeable cells report a wrong level.
""",
    "billing/refund-times.md": """---
title: When a refund arrives
category: Billing
---
Refunds go back to the card that paid. Banks take three to five working days.

## A refund to a closed account

The bank sends the money back to us, and we write to you by post.
""",
    "billing/invoice.txt": "Every invoice stands under Account, Invoices. It can be saved as a PDF.\n",
}


def write_articles(folder: Path, articles: dict[str, str]) -> Path:
    for name, text in articles.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def index_folder(settings: Any, tmp_path: Path) -> Path:
    """Where this test's snapshots go."""
    settings.DATA_DIR = tmp_path / "data"
    return settings.DATA_DIR / "index"


@pytest.fixture
def articles(tmp_path: Path) -> Path:
    return write_articles(tmp_path / "articles", ARTICLES)


@pytest.fixture
def bring_in(db: None, index_folder: Path) -> Callable[..., IngestReport]:
    """Ingest a folder into the collection `help`."""

    def run(path: Path, **options: Any) -> IngestReport:
        return ingest(path, **{"collection": "help", "now": NOW, **options})

    return run


@pytest.fixture
def knowledge(bring_in: Callable[..., IngestReport], articles: Path) -> IngestReport:
    """The articles, published and indexed."""
    return bring_in(articles)
