"""Articles are edited in the admin: each save is a revision, nothing is overwritten silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assistant.models import User
from assistant.models.audit import AuditEvent
from retrieval.building import refresh_if_stale
from retrieval.ingest import IngestReport
from retrieval.models import Collection, Document, IndexSnapshot, Revision
from retrieval.publishing import publish
from retrieval.search import search
from tests.retrieval.conftest import NOW

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


@pytest.fixture
def collection(db: None) -> Collection:
    return Collection.objects.create(name="help")


def save(client: Client, document: Document | None = None, **fields: Any) -> Any:
    inline = {"revisions-TOTAL_FORMS": 0, "revisions-INITIAL_FORMS": 0}
    if document is None:
        return client.post(reverse("admin:retrieval_document_add"), {**inline, **fields})
    assert document.current is not None
    form = {
        "title": document.title,
        "category": document.category,
        "language": document.language,
        "text": document.current.text,
        "seen_revision": document.current_id,
    }
    url = reverse("admin:retrieval_document_change", args=[document.pk])
    return client.post(url, {**inline, **form, **fields})


def added(client: Client, collection: Collection) -> Document:
    answer = save(
        client,
        collection=collection.pk,
        title="Reset it",
        category="Devices",
        language="en",
        text="Hold the ring.",
    )
    assert answer.status_code == 302, answer.context["errors"]
    return Document.objects.select_related("current").get()


def test_writing_and_editing_an_article_publishes_revisions_by_name(
    collection: Collection, priya: User, sign_in: SignIn
) -> None:
    client = sign_in(priya)
    document = added(client, collection)
    assert document.source == "reset-it.md"
    assert save(client, document, text="Hold the ring for ten seconds.").status_code == 302
    revisions = Revision.objects.order_by("number").values_list("number", "text", "author")
    assert list(revisions) == [
        (1, "Hold the ring.", priya.pk),
        (2, "Hold the ring for ten seconds.", priya.pk),
    ]
    actors = AuditEvent.objects.filter(action="document.published").values_list("actor", flat=True)
    assert set(actors) == {f"user:{priya.pk}:priya"}
    page = client.get(reverse("admin:retrieval_document_change", args=[document.pk]))
    assert "Hold the ring for ten seconds." in page.content.decode()


def test_saving_without_a_change_publishes_nothing(
    collection: Collection, priya: User, sign_in: SignIn
) -> None:
    client = sign_in(priya)
    document = added(client, collection)
    save(client, document)
    assert Revision.objects.count() == 1


def test_what_somebody_else_published_meanwhile_is_not_overwritten(
    collection: Collection, priya: User, sign_in: SignIn
) -> None:
    client = sign_in(priya)
    document = added(client, collection)
    publish(
        collection=collection, source=document.source, title="Reset it", text="By another.", now=NOW
    )
    answer = save(client, document, text="By Priya.")
    assert answer.status_code == 200
    assert "Somebody published another revision" in answer.content.decode()
    document.refresh_from_db()
    assert document.current is not None
    assert document.current.text == "By another."


@pytest.mark.parametrize("fields", [{"text": "  \n "}, {"language": ""}, {"title": ""}])
def test_a_bad_field_is_shown_in_the_form(
    fields: dict[str, str], collection: Collection, priya: User, sign_in: SignIn
) -> None:
    client = sign_in(priya)
    document = added(client, collection)
    answer = save(client, document, **fields)
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == list(fields)
    assert Revision.objects.count() == 1


def test_a_second_article_of_the_same_title_is_refused(
    collection: Collection, priya: User, sign_in: SignIn
) -> None:
    client = sign_in(priya)
    added(client, collection)
    answer = save(
        client, collection=collection.pk, title="Reset it", language="en", text="Another."
    )
    assert "An article of this title is in the collection already" in answer.content.decode()
    assert Document.objects.count() == 1


def test_articles_are_retired_and_restored_by_actions(
    collection: Collection, priya: User, sign_in: SignIn
) -> None:
    client = sign_in(priya)
    document = added(client, collection)
    url = reverse("admin:retrieval_document_changelist")
    for action, state in [("retire_articles", "retired"), ("restore_articles", "published")]:
        client.post(url, {"action": action, "_selected_action": [document.pk]})
        document.refresh_from_db()
        assert document.state == state
    assert Revision.objects.count() == 1


def test_an_older_index_is_made_active_by_an_action(
    knowledge: IngestReport, priya: User, sign_in: SignIn
) -> None:
    first = IndexSnapshot.objects.get(state="active")
    publish(
        collection=Collection.objects.get(), source="n.md", title="New", text="New text.", now=NOW
    )
    refresh_if_stale()
    url = reverse("admin:retrieval_indexsnapshot_changelist")
    sign_in(priya).post(url, {"action": "make_active", "_selected_action": [first.pk]})
    assert search("thermostat", k=1).snapshot == first.pk
    event = AuditEvent.objects.filter(action="snapshot.activated").latest("index")
    assert event.actor == f"user:{priya.pk}:priya"


@pytest.mark.parametrize("name", ["mara", "otto"])
def test_agents_and_auditors_do_not_edit_knowledge(
    name: str, request: pytest.FixtureRequest, sign_in: SignIn
) -> None:
    client = sign_in(request.getfixturevalue(name))
    for page in ("document", "collection", "indexsnapshot"):
        answer = client.get(reverse(f"admin:retrieval_{page}_changelist"))
        assert answer.status_code in {302, 403}


def test_nothing_of_the_knowledge_base_can_be_deleted_in_the_admin(
    collection: Collection, ada: User, sign_in: SignIn
) -> None:
    client = sign_in(ada)
    document = added(client, collection)
    url = reverse("admin:retrieval_document_delete", args=[document.pk])
    assert client.post(url, {"post": "yes"}).status_code == 403
    assert Document.objects.exists()
