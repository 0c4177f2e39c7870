"""People's rights and passwords: each change is an event, and one administrator is always left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction

from assistant.audit.content import JSON
from assistant.audit.log import record
from assistant.models import User


def create(*, username: str, password: str, role: str, actor: str, now: datetime) -> User:
    """A new person who may sign in."""
    with transaction.atomic():
        person = User.objects.create_user(username=username, password=password, role=role)
        record_person("person.created", person, actor=actor, now=now)
    return person


def set_password(person: User, password: str, *, actor: str, now: datetime) -> None:
    """Set another password; the person is signed out everywhere by it."""
    with transaction.atomic():
        person.set_password(password)
        person.save(update_fields=["password"])
        record("person.password_set", actor=actor, data={"person": person.pk}, now=now)


def make_administrator(person: User, *, actor: str, now: datetime) -> None:
    """Give this person every right, and switch them on if they were off."""
    with transaction.atomic():
        person.role, person.is_active = User.Role.ADMINISTRATOR, True
        person.save(update_fields=["role", "is_active", "is_staff"])
        record_person("person.changed", person, actor=actor, now=now, changed=["role", "is_active"])


def record_person(
    action: str, person: User, *, actor: str, now: datetime, changed: Iterable[str] = ()
) -> None:
    """Record what this person may do from now on; `changed` names the columns, not their values."""
    data: dict[str, JSON] = {
        "person": person.pk,
        "username": person.username,
        "role": str(person.role),
        "active": person.is_active,
        "changed": sorted(changed),
    }
    record(action, actor=actor, data=data, now=now)
