"""What every test stands on: a throwaway installation, the cast, and tables that can be emptied."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from django.test import Client, TransactionTestCase

from assistant.audit import triggers
from assistant.models import User
from generation.engine import files
from retrieval import scope
from tests import people


@pytest.fixture(scope="session", autouse=True)
def _empty_tables_past_the_audit_triggers() -> Iterator[None]:
    """Transactional tests end with a flush, which the audit log's triggers rightly refuse.

    They are lifted for that moment; post_migrate, which flush sends, puts them back with the head.
    """
    flush = TransactionTestCase._fixture_teardown

    def lift_and_flush(self: TransactionTestCase) -> Any:
        for alias in self._databases_names(include_mirrors=False):
            triggers.lift(connections[alias])
        return flush(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lift_and_flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_model_from_a_hub() -> Iterator[None]:
    """A test that means to load one sets this back for itself."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(files, "ALLOW_HUB_MODELS", False)
        yield


@pytest.fixture(autouse=True)
def checkpoint_file(settings: Any, tmp_path: Path) -> Path:
    """Every test has its own checkpoint file: the log starts anew with each."""
    settings.CHECKPOINT_FILE = tmp_path / "checkpoints.jsonl"
    return settings.CHECKPOINT_FILE


@pytest.fixture(autouse=True)
def _scopes_are_resolved_anew() -> None:
    """Each test counts the knowledge base's versions from 0 again."""
    scope._document_ids.cache_clear()
    scope._documents_in.cache_clear()


@pytest.fixture
def mara(db: None) -> User:
    return people.person("mara")


@pytest.fixture
def jonas(db: None) -> User:
    return people.person("jonas")


@pytest.fixture
def priya(db: None) -> User:
    return people.person("priya")


@pytest.fixture
def otto(db: None) -> User:
    return people.person("otto")


@pytest.fixture
def ada(db: None) -> User:
    return people.person("ada")


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    return people.signed_in
