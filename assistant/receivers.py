"""Signing in and out are events of the audit log too, with the address and the program they came from."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from assistant.audit.content import JSON
from assistant.audit.log import actor_of, record, system
from assistant.models import User
from assistant.sign_in import address_of

LONGEST_CLIENT = 200


@receiver(user_logged_in)
def signed_in(user: Any, request: HttpRequest | None = None, **_: Any) -> None:
    with transaction.atomic():
        record("user.signed_in", actor=actor_of(user), data=_from_where(request))


@receiver(user_logged_out)
def signed_out(user: Any, request: HttpRequest | None = None, **_: Any) -> None:
    if user is not None:
        with transaction.atomic():
            record("user.signed_out", actor=actor_of(user), data=_from_where(request))


@receiver(user_login_failed)
def sign_in_failed(
    credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    """Whose sign-in failed; of a name that nobody has, a keyed digest: people type passwords there."""
    name = str(credentials.get(User.USERNAME_FIELD) or "")
    person = User.objects.filter(username=name).first()
    whose: dict[str, JSON] = (
        {"person": person.pk} if person else {"name_digest": digest_of_name(name)}
    )
    with transaction.atomic():
        record("user.sign_in_failed", actor=system("web"), data=whose | _from_where(request))


def digest_of_name(name: str) -> str:
    """The same for the same name, and by nobody to be found without the installation's secret key."""
    return salted_hmac("countersign.sign_in", name, algorithm="sha256").hexdigest()


def _from_where(request: HttpRequest | None) -> dict[str, JSON]:
    if request is None:
        return {}
    client = request.headers.get("User-Agent", "").encode("ascii", errors="replace").decode()
    return {"address": address_of(request), "client": client[:LONGEST_CLIENT]}
