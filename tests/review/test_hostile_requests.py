"""Whatever stands in an address, every page and every operation answers; none breaks."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.api_keys import create_api_key
from assistant.models import ApiKey, Contact, Ticket, User
from tests.people import signed_in
from tests.review.factories import make_draft, make_ticket
from tests.review.test_every_view_states_a_role import url_of, views

pytestmark = pytest.mark.django_db

NAMES = (
    "q status page show current part seen candidate use collection category state language trust due "
    "sort text find in to from start end kind before since until ticket draft person model action "
    "show_draft after changed_since k mode next offset limit preview"
).split()
VALUES = [
    "", "0", "-1", "1", "9" * 30, "0" * 30 + "9" * 30, "1" * 5000, "１２", "٣", "1e309", "nan", "-inf", "#7",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "9999-12-31", "2026-02-30", "0000-00-00",
    "2026-11-30T25:61", "24:00", "00000000-0000-0000-0000-00000000000g", "\x00", "a\x00b", "\u202e\u2066x",
    "\ud7ff\uffff\U0010ffff", "%", "_", "'", '"><script>', "../../etc/passwd", "{{ 7*7 }}", "x" * 3000,
    "\r\nX-Injected: 1", "İ" * 300, "ﷺ" * 100,
]  # fmt: skip


def pages() -> list[str]:
    """The address of every page that is opened by GET, filled with numbers that exist."""
    return sorted(
        {
            url_of(view)
            for view in views()
            if view.capability is not None or view.is_admin or view.is_operation
        }
    )


def read_by(client: Client, path: str, data: dict[str, str], **headers: str) -> Any:
    answer = client.get(path, data, **headers)
    assert answer.status_code < 500 or answer.status_code == 503, (path, data, answer.status_code)
    if not answer.streaming:
        assert b"X-Injected" not in answer.headers.get("Location", "").encode()
    return answer


@pytest.fixture
def key(db: None) -> str:
    made = create_api_key(
        name="fuzz", scopes=ApiKey.Scope.values, actor="system:t", now=timezone.now()
    )
    return made[1]


@pytest.fixture(autouse=True)
def nobody_waits_for_a_search(settings: Any) -> None:
    settings.SEARCH_TIMEOUT_SECONDS = 0.01


def test_every_page_answers_whatever_is_asked_of_it(ada: User, key: str) -> None:
    make_draft(make_ticket())
    client = signed_in(ada)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    asked = pages()
    assert len(asked) > 60
    for number, path in enumerate(asked):
        if path.startswith("/sign-out"):
            continue
        for value in VALUES[number % 8 :: 8]:  # each page some of them; all names at once
            read_by(client, path, dict.fromkeys(NAMES, value), **headers)


@pytest.mark.parametrize("value", VALUES[4:20:2])
def test_one_parameter_alone(ada: User, key: str, value: str) -> None:
    client = signed_in(ada)
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    for path, names in {
        "/audit/": ["since", "until", "ticket", "draft", "person", "model", "action", "before"],
        "/review/tickets/": ["q", "page", "status"],
        "/knowledge/": ["q", "page", "due", "trust", "sort"],
        "/api/v1/knowledge/articles": ["changed_since", "after", "state", "q"],
        "/review/": ["page", "current", "show"],
    }.items():
        for name in names:
            read_by(client, path, {name: value}, **headers)


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(
        ["/audit/", "/review/tickets/", "/knowledge/", "/api/v1/knowledge/articles"]
    ),
    data=st.dictionaries(st.sampled_from(NAMES), st.text(max_size=40), max_size=4),
)
def test_any_words(ada: User, key: str, path: str, data: dict[str, str]) -> None:
    data = {name: value.encode("utf-8", "ignore").decode() for name, value in data.items()}
    read_by(signed_in(ada), path, data, HTTP_AUTHORIZATION=f"Bearer {key}")


@pytest.mark.parametrize(
    "value",
    ["9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2026-01-01T00:00:00", "soon"],
)
def test_a_time_that_no_calendar_has_is_refused_by_name(key: str, value: str) -> None:
    headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    answer = Client().get("/api/v1/knowledge/articles", {"changed_since": value}, **headers)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].endswith("changed_since")
    body = {"body": "x", "created_at": value}
    posted = Client().post("/api/v1/tickets", body, content_type="application/json", **headers)
    assert posted.status_code == 422


HOSTILE = [
    "\u202egnp.exe\u202c", "\u2066\u2067\u2068", "a\u0000b".replace("\u0000", "\u0001"), "\x1b[31mred\x07",
    "x" * 200, "Z" + "\u0335" * 150, "\u2028\u2029\u0085", "<script>alert(1)</script>", "{% debug %}", "\ufeff",
    "=cmd|' /C calc'!A0", "%s %d {0} {name}", "\U000e0041\U000e0042", "ﷺ" * 20,
]  # fmt: skip


@pytest.mark.parametrize("hostile", ["".join(HOSTILE[n::4]) for n in range(4)])
def test_pages_of_hostile_tickets_answer(ada: User, hostile: str) -> None:
    ticket = make_ticket(body=f"{hostile} {'w' * 20_000} {hostile}")
    draft = make_draft(ticket)
    # as an earlier version may have let them in
    Ticket.objects.filter(pk=ticket.pk).update(
        subject=hostile, sender_name=hostile[:200], category=hostile[:100]
    )
    Contact.objects.filter(pk=ticket.contact_id).update(name=hostile[:200])
    User.objects.filter(pk=ada.pk).update(first_name=hostile[:100])
    client = signed_in(User.objects.get(pk=ada.pk))
    for path in (
        "/review/", "/review/?show=flagged", "/review/tickets/", f"/review/{ticket.pk}/",
        f"/review/{ticket.pk}/reject/", f"/review/{ticket.pk}/escalate/",
        "/audit/", f"/audit/?ticket={ticket.pk}", f"/audit/?draft={draft.pk}", "/knowledge/", "/models/",
        "/review/forget/",
    ):  # fmt: skip
        page = read_by(client, path, {})
        assert page.status_code in {200, 204, 302}, path
        assert "<script>alert(1)" not in page.content.decode()
    searched = read_by(client, "/review/tickets/", {"q": hostile})
    assert searched.status_code in {200, 302}
    for event in re.findall(r'href="(/audit/events/\d+/)"', client.get("/audit/").content.decode()):
        read_by(client, event, {})
