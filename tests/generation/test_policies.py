"""A policy names a category that exists, and says what it lets out before it is saved."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.utils import timezone

from assistant.models import AuditEvent, User
from generation.models import Draft, RoutingPolicy
from generation.policies import foresee, known_categories
from tests.people import signed_in
from tests.review.factories import make_draft, make_ticket

NOW = timezone.now()
ADD = "/admin/generation/routingpolicy/add/"
LOCAL = [{"code": "policy", "text": "no policy"}]
ELSEWHERE = [*LOCAL, {"code": "not_calibrated", "text": "not yet"}]
FLAGGED = [*LOCAL, {"code": "unsupported", "text": "no evidence"}]


def drafted(reasons: list[dict[str, str]], *, confidence: float = 0.97, **changes: Any) -> Draft:
    draft = make_draft(make_ticket(at=NOW), reasons=reasons, confidence=confidence)
    Draft.objects.filter(pk=draft.pk).update(
        **{"finished_at": NOW, "reasons": reasons, "category": "Devices", **changes}
    )
    return draft


def saved(client: Any, url: str = ADD, **form: Any) -> Any:
    return client.post(
        url, {"category": "Devices", "auto_approve": "on", "threshold": "0.95", **form}
    )


def shown(page: Any) -> str:
    field = BeautifulSoup(page.content, "html.parser").find("input", {"name": "shown"})
    assert field is not None
    return str(field["value"])


@pytest.mark.django_db
def test_what_would_have_gone_out_is_counted() -> None:
    drafted(LOCAL)
    drafted(LOCAL, state="edited")
    drafted(ELSEWHERE, state="rejected")
    drafted(FLAGGED)
    drafted(LOCAL, confidence=0.9)
    drafted(LOCAL, finished_at=NOW - timedelta(days=31))
    drafted(LOCAL, category="Billing")
    found = foresee(category="Devices", threshold=0.95, now=NOW)
    assert (found.made, found.gone, found.uncalibrated, found.changed) == (5, 2, 1, 2)
    assert foresee(category="Devices", threshold=0.9, now=NOW).gone == 3
    assert foresee(category="*", threshold=0.95, now=NOW).gone == 3
    RoutingPolicy.objects.create(category="Devices", auto_approve=False, changed_at=NOW)
    assert foresee(category="*", threshold=0.95, now=NOW).gone == 1


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["Nosuchcat", "devices", "", "Devices "])
def test_a_category_that_nothing_has_is_refused(ada: User, name: str) -> None:
    drafted(LOCAL)
    assert known_categories() == ["Devices"]
    page = saved(signed_in(ada), category=name)
    refused = "This field is required" if not name else "Select a valid choice"
    assert refused in page.content.decode()
    assert not RoutingPolicy.objects.exists()
    assert not AuditEvent.objects.filter(action="policy.changed").exists()


@pytest.mark.django_db
def test_a_policy_shows_what_it_lets_out_before_it_is_saved(ada: User) -> None:
    drafted(LOCAL)
    drafted(ELSEWHERE, state="edited")
    client = signed_in(ada)
    first = saved(client)
    words = " ".join(BeautifulSoup(first.content, "html.parser").get_text().split())
    assert "Of 2 drafts of it in the last 30 days, 1 would have gone out without a person." in words
    assert "1 more reach the threshold, but their confidence is not calibrated" in words
    assert "People edited or rejected 1 of these." in words
    assert not RoutingPolicy.objects.exists()
    assert saved(client, threshold="0.6", shown=shown(first)).status_code == 200  # another one
    assert not RoutingPolicy.objects.exists()
    assert saved(client, shown=shown(first)).status_code == 302
    assert RoutingPolicy.objects.get().threshold == 0.95
    assert AuditEvent.objects.filter(action="policy.changed").count() == 1


@pytest.mark.django_db
def test_what_lets_nothing_out_is_saved_at_once(ada: User) -> None:
    policy = RoutingPolicy.objects.create(
        category="Gone with its articles", auto_approve=True, threshold=0.9, changed_at=NOW
    )
    url = f"/admin/generation/routingpolicy/{policy.pk}/change/"
    page = signed_in(ada).post(url, {"category": policy.category, "threshold": "0.9"})
    assert page.status_code == 302
    policy.refresh_from_db()
    assert not policy.auto_approve
