"""Nobody gets in by a view that forgot to ask: the URL resolver and the API are enumerated whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.core import serializers
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver, path
from django.utils import timezone

from assistant.access import GRANTS, Capability, can
from assistant.api_keys import create_api_key
from assistant.models import ApiKey, User
from generation.models import Draft, DraftSentence
from review.models import Decision
from review.urls_api import api
from tests.people import ROLES, person, signed_in
from tests.review.factories import make_draft, make_ticket

# Who may do what, written out: a change of the grants is a decision, not an accident.
MAY = {
    Capability.PUBLIC: set(ROLES) | {"nobody"},
    Capability.SIGNED_IN: set(ROLES),
    Capability.REVIEW: {"mara", "jonas", "ada"},
    Capability.READ_KNOWLEDGE: set(ROLES),
    Capability.EDIT_KNOWLEDGE: {"priya", "ada"},
    Capability.READ_AUDIT: {"otto", "ada"},
    Capability.READ_MODELS: {"priya", "otto", "ada"},
    Capability.SEE_MASKED: {"ada"},
    Capability.ADMINISTER: {"ada"},
}
PEOPLE = [*ROLES, "nobody"]

# Views that state nothing, and why each may.
STATES_NOTHING = {
    "api:openapi-json": "the API's contract: the same for everybody, no data",
    "api:openapi-view": "the page over that contract",
    "api:api-root": "always 404; it only anchors the API's paths",
}
# What an auditor may send by POST: looking at the log, and their own sign-in and preferences.
AUDITORS_POST = {"audit:event", "audit:verify", "audit:export", "review:preferences"}
# What those may write: the log itself, who is signed in, and the person's own preferences.
NOT_OURS = {"auditevent", "audithead", "session", "accessattempt", "accesslog", "accessfailurelog"}


@dataclass(frozen=True)
class View:
    route: str
    name: str
    callback: Any

    @property
    def capability(self) -> Capability | None:
        return getattr(self.callback, "required_capability", None)

    @property
    def is_admin(self) -> bool:
        return self.name.startswith("admin:")

    @property
    def is_operation(self) -> bool:
        return getattr(self.callback, "__module__", "") == "ninja.operation"


def views(resolver: Any = None, route: str = "", spaces: tuple[str, ...] = ()) -> Iterator[View]:
    for entry in (resolver or get_resolver()).url_patterns:
        whole = route + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = (*spaces, entry.namespace) if entry.namespace else spaces
            yield from views(entry, whole, inner)
        else:
            assert isinstance(entry, URLPattern)
            yield View(whole, ":".join([*spaces, entry.name or ""]), entry.callback)


def stating() -> list[View]:
    return [view for view in views() if view.capability is not None]


def unstated(found: Iterator[View]) -> list[str]:
    return [
        view.route
        for view in found
        if view.capability is None
        and not view.is_admin
        and not view.is_operation
        and view.name not in STATES_NOTHING
    ]


def url_of(view: View, **values: Any) -> str:
    route = re.sub(r"\^?\(\?P<app_label>[^)]*\)/\$", "assistant/", view.route)
    route = re.sub(r"\(\?P<url>\.\*\)\$", "nowhere/", route)
    filled = re.sub(r"<(?:[^:>]+:)?([^>]+)>", lambda m: str(values.get(m[1], 1)), route)
    assert "<" not in filled, f"cannot fill {view.route}"
    return "/" + filled


def browser(name: str) -> Client:
    client = Client() if name == "nobody" else signed_in(person(name))
    client.raise_request_exception = False
    return client


def ask(client: Client, url: str) -> Any:
    answer = client.get(url)
    # an action's address, opened, leads to its ticket: what counts is the action
    leads_away = answer.status_code == 302 and url.startswith(answer["Location"])
    return client.post(url) if answer.status_code == 405 or leads_away else answer


def asks_to_sign_in(answer: Any) -> bool:
    return answer.status_code == 302 and answer["Location"].startswith(
        ("/sign-in/", "/admin/login/")
    )


# --- every view -----------------------------------------------------------------------------


def test_every_view_states_its_capability():
    assert unstated(views()) == []


def test_a_view_that_states_nothing_would_be_found():
    def bare(request: Any) -> HttpResponse:
        return HttpResponse()

    class Resolver:
        url_patterns = [path("bare/", bare, name="bare")]

    assert unstated(views(Resolver())) == ["bare/"]


def test_the_exceptions_all_exist():
    names = {view.name for view in views()}
    assert set(STATES_NOTHING) <= names
    assert names >= AUDITORS_POST


def test_the_enumeration_sees_every_part_of_the_site():
    assert {view.route.split("/")[0] for view in views()} >= {
        "", "sign-in", "sign-out", "admin", "review", "audit", "knowledge", "models", "api",
        "healthz", "readyz", "metrics",
    }  # fmt: skip
    assert all(
        view.capability is Capability.READ_AUDIT for view in views() if "audit/" in view.route
    )


@pytest.mark.parametrize("capability", list(Capability))
def test_the_grants_are_the_ones_that_were_decided(db, capability):
    assert set(GRANTS) == set(User.Role.values)
    assert {name for name in ROLES if can(person(name), capability)} == MAY[capability] - {"nobody"}


def test_somebody_who_was_switched_off_may_nothing(ada):
    ada.is_active = False
    assert [c for c in Capability if can(ada, c)] == [Capability.PUBLIC]


def wrong_answer(view: View, name: str, answer: Any) -> bool:
    assert view.capability is not None
    if name in MAY[view.capability]:
        refused = asks_to_sign_in(answer) and view.name not in {"logout", ""}
        broken = answer.status_code >= 500 and answer.status_code != 503
        return refused or broken or answer.status_code in {401, 403}
    if name == "nobody":
        return not asks_to_sign_in(answer) and answer.status_code != 403
    return answer.status_code != 403 or "role" not in answer.content.decode()


@pytest.mark.parametrize("name", PEOPLE)
def test_each_role_opens_exactly_what_it_was_granted(db, name):
    client = browser(name)
    wrong = []
    for view in stating():
        if view.name == "logout":
            continue  # last, below: it ends the session
        answer = ask(client, url_of(view))
        if wrong_answer(view, name, answer):
            wrong.append((view.route, answer.status_code))
    assert wrong == []
    assert client.post("/sign-out/").status_code == 302
    assert asks_to_sign_in(client.get("/review/"))


# --- the admin ------------------------------------------------------------------------------


def admin_views() -> list[View]:
    return [view for view in views() if view.is_admin]


# Django's own door, behind ours: /admin/login/ is the redirect to the sign-in page.
ADMIN_DOORS = {"admin:login", "admin:logout"}


@pytest.mark.parametrize("name", ["nobody", "mara", "otto"])
def test_who_has_no_role_in_the_admin_gets_nowhere_in_it(db, name):
    client = browser(name)
    tried = 0
    for view in admin_views():
        if view.name in ADMIN_DOORS:
            continue
        for answer in (client.get(url_of(view)), client.post(url_of(view))):
            assert asks_to_sign_in(answer) or answer.status_code == 403, view.route
        tried += 1
    assert tried > 20


def test_each_table_of_the_admin_belongs_to_its_role(db):
    for model, tables in admin.site._registry.items():
        needed = (
            Capability.EDIT_KNOWLEDGE
            if model._meta.app_label == "retrieval"
            else Capability.ADMINISTER
        )
        for name in ROLES:
            request = RequestFactory().get("/")
            request.user = person(name)
            allowed = {
                "module": tables.has_module_permission(request),
                "view": tables.has_view_permission(request),
                "add": tables.has_add_permission(request),
                "change": tables.has_change_permission(request),
                "delete": tables.has_delete_permission(request),
            }
            if name not in MAY[needed]:
                assert not any(allowed.values()), (model, name, allowed)
            else:
                assert allowed["view"], (model, name)


def test_a_knowledge_admin_edits_articles_and_nothing_else_in_the_admin(priya):
    client = browser("priya")
    for view in admin_views():
        if not view.name.endswith("_changelist"):
            continue
        status = client.get(url_of(view)).status_code
        assert status == (200 if "retrieval" in view.route else 403), view.route


def test_texts_and_the_log_are_in_nobodys_admin():
    registered = {model._meta.label for model in admin.site._registry}
    assert registered.isdisjoint(
        {
            "assistant.AuditEvent",
            "assistant.AuditHead",
            "assistant.SealedText",
            "assistant.TicketKey",
            "assistant.Message",
            "assistant.OutboundReply",
            "generation.Draft",
            "review.Decision",
        }
    )


# --- auditors change nothing ----------------------------------------------------------------


def everything() -> dict[str, str]:
    """Every row of every table that is not the log or the session, as text."""
    return {
        model._meta.label: serializers.serialize("json", model._default_manager.order_by("pk"))
        for model in apps.get_models()
        if model._meta.model_name not in NOT_OURS
    }


@pytest.fixture
def busy(mara: User) -> dict[str, Any]:
    """A ticket whose draft waits, so that there is something to change."""
    ticket = make_ticket(at=timezone.now())
    draft = make_draft(ticket)
    decision = Decision.objects.create(
        ticket=ticket, draft=draft, user=mara, verdict="escalate", decided_at=timezone.now()
    )
    sentence = DraftSentence.objects.filter(candidate__draft=draft).first()
    return {"number": ticket.pk, "decision": decision.pk, "sentence": sentence and sentence.pk}


def test_an_auditor_changes_nothing_anywhere(busy, otto):
    client = browser("otto")
    before = everything()
    assert before["generation.Draft"] != "[]"
    for view in views():
        if view.name == "logout" or view.is_admin:  # the admin: tested above
            continue
        kind = "decision" if "decision" in view.route else "sentence"
        url = url_of(view, number=busy["number"], index=0, pk=busy[kind])
        for method in ("get", "post", "put", "patch", "delete"):
            answer: Any = getattr(client, method)(url)
            if answer.streaming:
                b"".join(answer.streaming_content)
            if method == "post" and answer.status_code < 400 and not asks_to_sign_in(answer):
                assert view.name in AUDITORS_POST | {"login"} | set(STATES_NOTHING), view.route
    after = everything()
    # leaving the switch out of the form of one's own preferences turns it off
    before.pop("assistant.User"), after.pop("assistant.User")
    assert after == before
    assert Draft.objects.get().state == "in_review"


# --- the API --------------------------------------------------------------------------------


def operations() -> list[Any]:
    return [
        operation
        for _, router in api._routers
        for path_view in router.path_operations.values()
        for operation in path_view.operations
    ]


def test_every_operation_of_the_api_states_its_scope():
    assert len(operations()) >= 4
    for operation in operations():
        assert operation.auth_callbacks[0].scope in ApiKey.Scope.values, operation.path


def test_the_resolver_knows_no_operation_that_the_api_does_not():
    stated = {operation.view_func.__name__ for operation in operations()}
    resolved = {view.name.removeprefix("api:") for view in views() if view.is_operation}
    assert resolved <= stated


@pytest.mark.parametrize("scope", ApiKey.Scope.values)
def test_a_key_opens_exactly_the_operations_of_its_scope(db, scope):
    key = key_with([scope])
    called = 0
    for call, needed in calls():
        assert call("").status_code == 401
        assert call("no such key").status_code == 401
        answer = call(key)
        assert (answer.status_code == 403) == (needed != scope), (needed, scope, answer.content)
        assert answer.status_code != 401
        called += 1
    assert called == len(operations())


def test_a_session_is_no_key(ada):
    client = browser("ada")
    assert client.get("/api/v1/tickets/1").status_code == 401


def key_with(scopes: list[str]) -> str:
    return create_api_key(name="test", scopes=scopes, actor="system:test", now=timezone.now())[1]


def calls() -> Iterator[tuple[Callable[[str], Any], str]]:
    client = Client()
    for _, router in api._routers:
        for route, path_view in router.path_operations.items():
            for operation in path_view.operations:
                url = "/api/v1" + re.sub(r"\{[^}]+\}", "1", route)
                for method in operation.methods:

                    def call(key: str, url: str = url, method: str = method) -> Any:
                        return client.generic(
                            method, url, '{"body": "Hello"}', "application/json",
                            headers={"Authorization": f"Bearer {key}"},
                        )  # fmt: skip

                    yield call, operation.auth_callbacks[0].scope
