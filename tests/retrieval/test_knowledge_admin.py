"""The admin shows the indexes, and nothing of the knowledge base is edited there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib import admin
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
    answer = client.get(reverse("admin:retrieval_indexsnapshot_changelist"))
    assert answer.status_code in {302, 403}


def test_articles_are_edited_in_the_console_only() -> None:
    assert not {Document, Collection, Revision} & set(admin.site._registry)
