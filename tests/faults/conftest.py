"""Installations for the fault tests: a small knowledge base and tickets, written here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.installation import Installation

ARTICLE = """---
title: {title}
category: {category}
---
## Steps

{text}
"""
TOPICS = {
    "Restart the thermostat": (
        "Heating",
        "Hold the ring for ten seconds. The display goes dark. Let go when the logo appears.",
    ),
    "Return a parcel": (
        "Orders",
        "Print the label from your account. Stick it over the old label. Bring the parcel to any counter within 30 days.",
    ),
    "Change your password": (
        "Account",
        "Open Settings and choose Security. Enter the old password once. Choose a new one of at least 12 characters.",
    ),
    "Replace the battery": (
        "Sensors",
        "Twist the cover to the left. Put in a CR2450 cell with the plus side up. The light blinks green three times.",
    ),
}


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation with articles, of which each test gets a copy."""
    folder = tmp_path_factory.mktemp("prepared")
    (folder / "data").mkdir()
    knowledge = folder / "knowledge"
    knowledge.mkdir()
    for title, (category, text) in TOPICS.items():
        (knowledge / f"{title.replace(' ', '-').lower()}.md").write_text(
            ARTICLE.format(title=title, category=category, text=text)
        )
    installed = Installation(folder / "data")
    installed.manage("ingest", str(knowledge), "--collection", "help")
    yield installed
    installed.close()


@pytest.fixture
def installation(prepared: Installation, tmp_path: Path) -> Iterator[Callable[..., Installation]]:
    """Make an installation with articles; `tickets=N` imports so many tickets."""
    made: list[Installation] = []

    def make(*, tickets: int = 0, **variables: object) -> Installation:
        installed = Installation(tmp_path / f"data{len(made)}", copy_of=prepared, **variables)
        made.append(installed)
        if tickets:
            add_tickets(installed, tickets)
        return installed

    yield make
    for installed in made:
        installed.close()


def add_tickets(installed: Installation, count: int, *, first: int = 1) -> None:
    questions = [f"How do I {title.lower()}?" for title in TOPICS]
    path = installed.folder / f"tickets-{first}.jsonl"
    rows = [
        {
            "external_id": f"t{n}",
            "subject": questions[n % len(questions)],
            "body": f"Hello, {questions[n % len(questions)]} This is request {n}.",
            "name": "Ana",
            "email": f"ana{n}@example.org",
            "channel": "email",
        }
        for n in range(first, first + count)
    ]
    path.write_text("\n".join(json.dumps(row) for row in rows))
    installed.manage("import_tickets", str(path))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Installations share cores (and a broker): they run one after the other."""
    for item in items:
        if "/faults/" in str(item.path):
            item.add_marker(pytest.mark.xdist_group("installations"))
