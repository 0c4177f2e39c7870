"""The REST API's promises: scopes, idempotency, errors that name the field, never a 500."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from celery import Celery
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.api_keys import BadScope, create_api_key
from assistant.models import ApiKey, AuditEvent, Message, Ticket
from generation.models import Draft

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


def key(*scopes: str, name: str = "shop") -> dict[str, str]:
    _, plain = create_api_key(
        name=name, scopes=scopes or ("tickets:write", "tickets:read"), actor="system:test", now=NOW
    )
    return {"HTTP_AUTHORIZATION": f"Bearer {plain}"}


def post(url: str, body: object, headers: dict[str, str], **more: str):
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    client = Client(raise_request_exception=True)
    return client.post(url, data, content_type="application/json", **headers, **more)


def test_a_ticket_is_created_read_followed_up_and_its_drafts_listed() -> None:
    headers = key()
    made = post(
        "/api/v1/tickets",
        {"body": "It beeps", "subject": "Beep", "email": "a@example.org"},
        headers,
    )
    assert made.status_code == 201
    number = made.json()["number"]
    assert made.json()["links"]["drafts"] == f"/api/v1/tickets/{number}/drafts"
    client = Client()
    read = client.get(made.json()["links"]["self"], **headers).json()
    assert (read["subject"], read["messages"][0]["text"]) == ("Beep", "It beeps")
    more = post(made.json()["links"]["messages"], {"body": "Still beeping"}, headers)
    assert (more.status_code, more.json()["position"]) == (201, 2)
    drafts = client.get(made.json()["links"]["drafts"], **headers).json()["drafts"]
    assert [draft["state"] for draft in drafts] == ["queued", "retired"]


def test_the_same_key_and_body_get_the_same_answer_and_make_one_ticket() -> None:
    headers = key()
    answers = [
        post("/api/v1/tickets", {"body": "Hi"}, headers, HTTP_IDEMPOTENCY_KEY="k1")
        for _ in range(3)
    ]
    assert [a.status_code for a in answers] == [201] * 3
    assert len({a.content for a in answers}) == 1
    assert Ticket.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict() -> None:
    headers = key()
    post("/api/v1/tickets", {"body": "Hi"}, headers, HTTP_IDEMPOTENCY_KEY="k1")
    clash = post("/api/v1/tickets", {"body": "Ho"}, headers, HTTP_IDEMPOTENCY_KEY="k1")
    assert clash.status_code == 409
    assert Ticket.objects.count() == 1


def test_keys_of_two_programs_do_not_meet() -> None:
    for name in ("one", "two"):
        assert (
            post(
                "/api/v1/tickets", {"body": "Hi"}, key(name=name), HTTP_IDEMPOTENCY_KEY="k"
            ).status_code
            == 201
        )
    assert Ticket.objects.count() == 2


def test_a_refused_request_does_not_use_up_its_key() -> None:
    headers = key()
    assert (
        post("/api/v1/tickets", {"body": ""}, headers, HTTP_IDEMPOTENCY_KEY="k").status_code == 422
    )
    assert (
        post("/api/v1/tickets", {"body": "Hi"}, headers, HTTP_IDEMPOTENCY_KEY="k").status_code
        == 201
    )


def test_the_same_external_id_answers_200_with_the_same_number() -> None:
    headers = key()
    first = post("/api/v1/tickets", {"body": "Hi", "external_id": "x"}, headers)
    again = post("/api/v1/tickets", {"body": "Hi", "external_id": "x"}, headers)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["number"] == again.json()["number"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        ({"body": None}, "body"),
        ({"body": 7}, "body"),
        ({"body": "x", "priority": 1}, "priority"),
        ({"body": "x" * 100_001}, "body"),
        ({"body": "a\x00b"}, "body"),
        ({"body": "x", "channel": "pigeon"}, "channel"),
        ({"body": "x", "email": "nobody"}, "email"),
        ({"body": "x", "created_at": "yesterday"}, "created_at"),
        ({"body": "x", "created_at": "2026-01-01T00:00:00"}, "created_at"),
        (b'{"body": "\\ud800"}', "body"),
    ],
)
def test_bad_fields_are_named(body: object, field: str) -> None:
    answer = post("/api/v1/tickets", body, key())
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["field"]
    assert Ticket.objects.count() == 0


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff\xfe", b'{"body": "\xff"}', b"[]", b"null", b'"text"']
)
def test_broken_bodies_are_refused_in_words(body: bytes) -> None:
    answer = post("/api/v1/tickets", body, key())
    assert answer.status_code in {400, 422}
    assert answer.json()["errors"][0]["reason"]


def test_a_body_over_the_limit_is_refused() -> None:
    answer = post("/api/v1/tickets", {"body": "x" * 5_000_000}, key())
    assert answer.status_code in {400, 413}
    assert Ticket.objects.count() == 0


def test_no_key_a_wrong_key_and_a_revoked_key_are_refused() -> None:
    headers = key()
    assert post("/api/v1/tickets", {"body": "Hi"}, {}).status_code == 401
    assert (
        post(
            "/api/v1/tickets", {"body": "Hi"}, {"HTTP_AUTHORIZATION": "Bearer cs_wrong"}
        ).status_code
        == 401
    )
    ApiKey.objects.update(revoked_at=NOW)
    assert post("/api/v1/tickets", {"body": "Hi"}, headers).status_code == 401


def test_a_scope_that_is_missing_is_refused() -> None:
    assert post("/api/v1/tickets", {"body": "Hi"}, key("tickets:read")).status_code == 403
    assert Client().get("/api/v1/tickets/1", **key("tickets:write", name="w")).status_code == 403


def test_only_the_hash_of_a_key_is_kept_and_its_making_is_recorded() -> None:
    _, plain = create_api_key(name="x", scopes=["tickets:read"], actor="system:test", now=NOW)
    assert plain not in str(list(ApiKey.objects.values()))
    assert AuditEvent.objects.get().action == "api_key.created"
    with pytest.raises(BadScope):
        create_api_key(name="y", scopes=["everything"], actor="system:test", now=NOW)


@pytest.mark.parametrize("number", ["0", "999999", "99999999999999999999999"])
def test_a_ticket_that_does_not_exist_is_404(number: str) -> None:
    assert Client().get(f"/api/v1/tickets/{number}", **key()).status_code == 404


def test_a_broker_that_is_away_never_fails_a_request(
    settings, django_capture_on_commit_callbacks, monkeypatch
) -> None:
    away = Celery(broker="amqp://guest:guest@127.0.0.1:1//")
    monkeypatch.setattr("assistant.celery.app", away)
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        answer = post("/api/v1/tickets", {"body": "Hi"}, key())
    assert callbacks
    assert answer.status_code == 201
    assert Draft.objects.get().state == Draft.State.QUEUED


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
fields = st.dictionaries(
    st.sampled_from(
        [
            "body",
            "subject",
            "name",
            "email",
            "external_id",
            "channel",
            "language",
            "created_at",
            "other",
        ]
    ),
    json_values,
    max_size=6,
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(fields)
def test_no_json_object_makes_a_server_error(body: dict) -> None:
    headers = {"HTTP_AUTHORIZATION": f"Bearer {_fuzz_key()}"}
    answer = post("/api/v1/tickets", body, headers)
    assert answer.status_code in {201, 422}
    assert Message.objects.count() == Ticket.objects.count()


def _fuzz_key() -> str:
    ApiKey.objects.filter(name="fuzz").delete()
    return create_api_key(name="fuzz", scopes=["tickets:write"], actor="system:test", now=NOW)[1]
