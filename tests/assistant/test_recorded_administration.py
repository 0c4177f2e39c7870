"""Whatever changes rights, settings or the way in is an event, and tells a person from a word."""

from __future__ import annotations

import json
import os
import pwd
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from axes.models import AccessAttempt
from django.apps import apps
from django.contrib import admin
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from assistant.api_keys import create_api_key
from assistant.audit.log import BadEvent, actor_of, at_command_line, record
from assistant.audit.search import Filters, events
from assistant.audit.verify import verify
from assistant.models import ApiKey, AuditEvent, Channel, LastAdministrator, RevokedForGood, User
from tests import people

pytestmark = pytest.mark.django_db
ACCOUNT = pwd.getpwuid(os.getuid()).pw_name
PASSWORD = "liquid hinge tangerine canoe"


@pytest.fixture
def page(ada: User) -> Client:
    return people.signed_in(ada)


def newest(action: str) -> tuple[str, dict[str, Any]]:
    """Who did it last, and what the event says."""
    event = AuditEvent.objects.filter(action=action).order_by("-index")[0]
    return event.actor, json.loads(event.canonical)["data"]


def person_form(person: User, **changes: Any) -> dict[str, Any]:
    names = ("username", "first_name", "last_name", "email", "role")
    form = {name: getattr(person, name) for name in names} | {"is_active": person.is_active}
    return {name: value for name, value in (form | changes).items() if value is not False}


# --- people -----------------------------------------------------------------------------------------


def test_what_an_administrator_changes_of_a_person_is_recorded(page, ada, mara):
    path = f"/admin/assistant/user/{mara.pk}/change/"
    page.post(path, person_form(mara, role="auditor", email="new@example.org"))
    actor, data = newest("person.changed")
    assert actor == actor_of(ada)
    assert (data["person"], data["role"], data["changed"]) == (
        mara.pk,
        "auditor",
        ["email", "role"],
    )
    assert "new@example.org" not in json.dumps(data)
    page.post(path, person_form(mara, role="auditor", is_active=False))
    assert newest("person.changed")[1]["active"] is False


def test_anothers_password_and_ones_own_are_recorded_when_they_change(page, ada, mara):
    path = f"/admin/assistant/user/{mara.pk}/password/"
    wrong = {"password1": PASSWORD, "password2": "another", "usable_password": "true"}
    page.post(path, wrong)
    assert not AuditEvent.objects.filter(action="person.password_set").exists()
    page.post(path, wrong | {"password2": PASSWORD})
    assert newest("person.password_set") == (actor_of(ada), {"person": mara.pk})
    form = {
        "old_password": people.PASSWORD, "new_password1": PASSWORD, "new_password2": PASSWORD,
    }  # fmt: skip
    assert page.post("/admin/password_change/", form).status_code == 302
    assert newest("person.password_set") == (actor_of(ada), {"person": ada.pk})
    ada.refresh_from_db()
    assert ada.check_password(PASSWORD)


def test_the_commands_about_people_are_recorded_as_the_machines_account(mara, monkeypatch):
    call_command("create_people", stdout=StringIO())
    assert newest("person.created")[0] == f"cli:{ACCOUNT}"
    monkeypatch.setattr("getpass.getpass", lambda **_: PASSWORD)
    call_command("changepassword", "mara", stdout=StringIO())
    assert newest("person.password_set") == (f"cli:{ACCOUNT}", {"person": mara.pk})
    assert User.objects.get(pk=mara.pk).check_password(PASSWORD)
    with pytest.raises(CommandError, match="make_administrator"):
        call_command("createsuperuser")


# --- the last administrator --------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"role": "agent"}, {"is_active": False}])
def test_the_only_administrator_can_not_be_lost_in_the_admin(page, ada, change):
    answer = page.post(f"/admin/assistant/user/{ada.pk}/change/", person_form(ada, **change))
    assert "the only administrator" in answer.content.decode()
    ada.refresh_from_db()
    assert (ada.role, ada.is_active) == (User.Role.ADMINISTRATOR, True)
    assert not AuditEvent.objects.filter(action="person.changed").exists()


def test_nor_by_any_code(ada, jonas):
    User.objects.create_user(username="gone", role=User.Role.ADMINISTRATOR, is_active=False)
    ada.role = User.Role.AUDITOR
    with pytest.raises(LastAdministrator):
        ada.save()
    ada.refresh_from_db()
    ada.is_active = False
    with pytest.raises(LastAdministrator):
        ada.save(update_fields=["is_active"])
    with pytest.raises(LastAdministrator):
        ada.delete()
    jonas.role = User.Role.ADMINISTRATOR
    jonas.save()
    ada.delete()
    assert User.objects.get(role=User.Role.ADMINISTRATOR, is_active=True) == jonas


def test_there_is_a_way_back_in(ada, mara):
    User.objects.filter(pk=ada.pk).update(is_active=False)  # somebody with the database
    out = StringIO()
    call_command("make_administrator", "ada", "--new-password", stdout=out)
    ada.refresh_from_db()
    assert (ada.role, ada.is_active) == (User.Role.ADMINISTRATOR, True)
    assert ada.check_password(out.getvalue().split()[-1])
    assert newest("person.changed")[0] == f"cli:{ACCOUNT}"
    assert newest("person.password_set")[1] == {"person": ada.pk}
    call_command("make_administrator", "nils", stdout=out)
    nils = User.objects.get(username="nils")
    assert (nils.role, nils.is_staff) == (User.Role.ADMINISTRATOR, True)
    assert nils.check_password(out.getvalue().split()[-1])


# --- channels and keys -------------------------------------------------------------------------------


def test_a_channels_settings_are_recorded_with_what_they_were(page, ada):
    channel = Channel.objects.get(name="email")
    path = f"/admin/assistant/channel/{channel.pk}/change/"
    page.post(path, {"name": "email", "adapter": "mail", "undo_seconds": "0"})
    actor, data = newest("channel.changed")
    assert actor == actor_of(ada)
    assert (data["channel"], data["undo_seconds"], data["before"]) == (
        channel.pk, 0, {"undo_seconds": None},
    )  # fmt: skip
    Channel.objects.filter(pk=channel.pk).update(undo_seconds=600)
    assert not verify().ok


def made_key() -> ApiKey:
    return create_api_key(
        name="shop", scopes=["tickets:read"], actor="cli:root", now=timezone.now()
    )[0]


def test_a_revoked_key_never_lives_again(page, ada):
    key = made_key()
    call = {"action": "revoke", "_selected_action": [key.pk]}
    page.post("/admin/assistant/apikey/", call)
    assert newest("api_key.revoked") == (actor_of(ada), {"key": key.pk})
    key.refresh_from_db()
    revoked_at = key.revoked_at
    assert revoked_at is not None
    page.post(f"/admin/assistant/apikey/{key.pk}/change/", {"revoked_at_0": "", "revoked_at_1": ""})
    page.post("/admin/assistant/apikey/", call)
    key.refresh_from_db()
    assert key.revoked_at == revoked_at
    assert AuditEvent.objects.filter(action="api_key.revoked").count() == 1
    for other in (None, revoked_at + timedelta(days=900)):
        key.revoked_at = other
        with pytest.raises(RevokedForGood):
            key.save()
    ApiKey.objects.filter(pk=key.pk).update(revoked_at=None)  # somebody with the database
    assert not verify().ok


# --- signing in --------------------------------------------------------------------------------------

AGENT = {"HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux) Éxample", "REMOTE_ADDR": "203.0.113.9"}


def test_signing_in_and_out_carries_address_and_client(mara):
    client = Client(**AGENT)
    client.post("/sign-in/", {"username": "mara", "password": people.PASSWORD})
    actor, data = newest("user.signed_in")
    assert actor == actor_of(mara)
    assert data == {"address": "203.0.113.9", "client": "Mozilla/5.0 (X11; Linux) ?xample"}
    client.post("/sign-out/")
    assert newest("user.signed_out")[1]["address"] == "203.0.113.9"


def test_a_failed_sign_in_names_the_person_or_a_digest_but_never_what_was_typed(mara):
    client = Client(**AGENT)
    client.post("/sign-in/", {"username": "mara", "password": "guessed"})
    assert newest("user.sign_in_failed")[1]["person"] == mara.pk
    for _ in range(2):  # a password in the wrong field
        client.post("/sign-in/", {"username": PASSWORD, "password": "x"})
    data = newest("user.sign_in_failed")[1]
    assert (data["address"], "person" in data) == ("203.0.113.9", False)
    digests = {
        json.loads(event.canonical)["data"].get("name_digest")
        for event in AuditEvent.objects.filter(action="user.sign_in_failed")
    }
    assert digests == {None, data["name_digest"]}
    assert not AuditEvent.objects.filter(canonical__contains=PASSWORD).exists()
    assert not AuditEvent.objects.filter(canonical__contains="guessed").exists()


def test_sign_in_logs_are_not_deleted_in_the_admin_and_unlocking_is_recorded(page, ada, mara):
    Client(**AGENT).post("/sign-in/", {"username": "mara", "password": "wrong"})
    attempt = AccessAttempt.objects.get()
    delete = {"action": "delete_selected", "_selected_action": [attempt.pk], "post": "yes"}
    page.post("/admin/axes/accessattempt/", delete)
    page.post(f"/admin/axes/accessattempt/{attempt.pk}/delete/", {"post": "yes"})
    assert AccessAttempt.objects.filter(pk=attempt.pk).exists()
    page.post("/admin/axes/accessattempt/", delete | {"action": "unlock"})
    assert not AccessAttempt.objects.exists()
    actor, data = newest("sign_in.unlocked")
    assert actor == actor_of(ada)
    assert (data["address"], data["failures"], data["person"]) == ("203.0.113.9", 1, mara.pk)


# --- every page of the admin --------------------------------------------------------------------------


def test_every_table_of_the_admin_records_or_changes_nothing(rf, ada):
    """A new table in the admin has to be thought of: it records its changes, or allows none."""
    records = {"user", "channel", "routingpolicy"}
    request = rf.get("/admin/")
    request.user = ada
    for model, page in admin.site._registry.items():
        name = model._meta.model_name
        may = page.get_model_perms(request)
        if name not in records:
            assert {may["add"], may["change"], may["delete"]} == {False}, name
        elif may["delete"]:
            assert type(page).delete_model is not admin.ModelAdmin.delete_model, name
            assert type(page).delete_queryset is not admin.ModelAdmin.delete_queryset, name
    assert "axes" in {model._meta.app_label for model in admin.site._registry}
    assert apps.is_installed("axes")


# --- whose word it is -----------------------------------------------------------------------------------


def test_a_name_at_the_command_line_is_told_apart_from_that_persons_click(ada):
    actor = at_command_line(ada)
    assert actor == f"cli:{ACCOUNT} as ada"
    assert actor != actor_of(ada)
    out = StringIO()
    call_command("models", "freeze", "all", "--by", "ada", stdout=out)
    event = AuditEvent.objects.filter(action="model.frozen_set_named").first()
    assert event.actor == f"cli:{ACCOUNT} as ada"
    assert events(Filters(person="ada")).first().actor == event.actor
    assert events(Filters(person=actor_of(ada))).count() == 0
    assert events(Filters(person=f"cli:{ACCOUNT}")).count() == 0
    call_command("create_api_key", "--name", "shop", stdout=out)
    assert newest("api_key.created")[0] == f"cli:{ACCOUNT}"


def test_nobody_can_be_named_so_that_a_word_looks_like_a_click(ada):
    ada.username = "x as user:1:ada"
    assert at_command_line(ada).startswith("cli:")
    assert not at_command_line(ada).startswith("user:")
    ada.username = "y" * 150
    assert len(at_command_line(ada)) <= 160
    with pytest.raises(BadEvent):
        record("a.b", actor="cli:")
