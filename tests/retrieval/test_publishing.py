"""Publishing makes immutable revisions, only where something changed, and tells the floors above."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import ProtectedError

from assistant.models.audit import AuditEvent
from retrieval import snapshots
from retrieval.models import Chunk, Collection, Document, Revision
from retrieval.publishing import BadArticle, publish, retire
from retrieval.signals import knowledge_changed
from tests.retrieval.conftest import NOW

pytestmark = pytest.mark.django_db

TEXT = "# Reset it\n\nHold the ring for ten seconds.\n\n## After\n\nPair it again.\n"


def published(**changes: Any) -> Revision:
    collection, _ = Collection.objects.get_or_create(name="help")
    article = {"source": "reset.md", "title": "Reset it", "text": TEXT, "category": "Devices"}
    return publish(collection=collection, now=NOW, **{**article, **changes})


@pytest.fixture
def news() -> Iterator[list[dict[str, Any]]]:
    heard: list[dict[str, Any]] = []

    def hear(sender: Any, **arguments: Any) -> None:
        heard.append(arguments)

    knowledge_changed.connect(hear)
    yield heard
    knowledge_changed.disconnect(hear)


def test_chunks_are_exact_spans_of_the_revisions_text() -> None:
    revision = published()
    chunks = list(revision.chunks.all())
    assert [chunk.heading_path for chunk in chunks] == [["Reset it"], ["Reset it", "After"]]
    for chunk in chunks:
        assert chunk.text == revision.text[chunk.start : chunk.end]


def test_the_same_article_again_changes_nothing(news: list[dict[str, Any]]) -> None:
    first = published()
    version, events = snapshots.version(), AuditEvent.objects.count()
    assert published(text=TEXT.replace("\n", "\r\n")) == first
    assert (snapshots.version(), AuditEvent.objects.count(), len(news)) == (version, events, 1)


@pytest.mark.parametrize(
    "change", [{"text": TEXT + "More.\n"}, {"title": "T"}, {"category": "C"}, {"language": "de"}]
)
def test_a_change_makes_the_next_revision_and_leaves_the_old_one(
    change: dict[str, str], news: list[dict[str, Any]]
) -> None:
    first = published()
    second = published(**change)
    assert second.number == 2
    document = Document.objects.get()
    assert document.current == second
    assert Revision.objects.get(pk=first.pk).text == first.text
    assert first.chunks.exists()
    assert [one["old_revision"] for one in news] == [None, first]
    assert news[1]["document"] == document
    assert news[1]["now"] == NOW


def test_a_revision_cannot_be_altered_or_deleted_under_its_citations() -> None:
    revision = published()
    revision.text = "Something else."
    with pytest.raises(TypeError, match="never changes"):
        revision.save()
    with pytest.raises(ProtectedError):
        revision.delete()


def test_every_step_is_in_the_audit_log_with_its_person(priya: Any) -> None:
    revision = published(author=priya)
    retire(revision.document, actor="user:1:priya", now=NOW)
    events = list(AuditEvent.objects.order_by("index").values_list("action", "actor"))
    assert events == [
        ("document.published", f"user:{priya.pk}:priya"),
        ("document.retired", "user:1:priya"),
    ]
    assert revision.digest in AuditEvent.objects.earliest("index").canonical
    assert "Hold the ring" not in AuditEvent.objects.earliest("index").canonical


def test_retiring_is_told_once_and_publishing_brings_it_back(news: list[dict[str, Any]]) -> None:
    revision = published()
    assert retire(revision.document, actor="system:test", now=NOW)
    assert not retire(revision.document, actor="system:test", now=NOW)
    assert Document.objects.get().state == Document.State.RETIRED
    assert published() == revision
    assert Document.objects.get().state == Document.State.PUBLISHED
    assert Chunk.objects.filter(revision=revision).count() == 2
    assert [one["old_revision"] for one in news] == [None, revision, None]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"text": " \n"}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "a\ud800b"}, "text"),
        ({"title": ""}, "title"),
        ({"title": "t" * 301}, "title"),
        ({"source": "s" * 501}, "source"),
        ({"category": "c" * 101}, "category"),
        ({"language": ""}, "language"),
    ],
)
def test_a_bad_field_is_named_and_nothing_is_written(change: dict[str, str], field: str) -> None:
    with pytest.raises(BadArticle) as error:
        published(**change)
    assert error.value.field == field
    assert not Document.objects.exists()


def test_a_receiver_that_fails_takes_the_publication_with_it(index_folder: Path) -> None:
    def refuse(sender: Any, **arguments: Any) -> None:
        raise RuntimeError("no")

    knowledge_changed.connect(refuse)
    try:
        with pytest.raises(RuntimeError, match="no"):
            published()
    finally:
        knowledge_changed.disconnect(refuse)
    assert not Document.objects.exists()
    assert snapshots.version() == 0
