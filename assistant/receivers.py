"""Signing in and out are events of the audit log too."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import transaction
from django.dispatch import receiver

from assistant.audit.log import actor_of, record, system


@receiver(user_logged_in)
def signed_in(user: Any, **_: Any) -> None:
    with transaction.atomic():
        record("user.signed_in", actor=actor_of(user))


@receiver(user_logged_out)
def signed_out(user: Any, **_: Any) -> None:
    if user is not None:
        with transaction.atomic():
            record("user.signed_out", actor=actor_of(user))


@receiver(user_login_failed)
def sign_in_failed(**_: Any) -> None:
    """Without the name that was tried: people type passwords into the wrong field."""
    with transaction.atomic():
        record("user.sign_in_failed", actor=system("web"))
