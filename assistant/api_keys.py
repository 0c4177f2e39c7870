"""API keys: made once, kept as a hash, looked up by it, limited to scopes."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import OperationalError, transaction

from assistant.audit.log import record
from assistant.models import ApiKey

_USED_EVERY = timedelta(minutes=1)


class BadScope(ValueError):
    """A scope that does not exist."""


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def create_api_key(
    *, name: str, scopes: Iterable[str], actor: str, now: datetime
) -> tuple[ApiKey, str]:
    """A new key and its plain text, which is nowhere kept. Raises BadScope."""
    wanted = sorted(set(scopes))
    known = set(ApiKey.Scope.values)
    unknown = [scope for scope in wanted if scope not in known]
    if unknown or not wanted:
        raise BadScope(
            f"unknown or missing scope {', '.join(unknown)}; known: {', '.join(sorted(known))}"
        )
    plain = "cs_" + secrets.token_urlsafe(32)
    with transaction.atomic():
        key = ApiKey.objects.create(name=name, key_hash=_hash(plain), scopes=wanted, created_at=now)
        record(
            "api_key.created",
            actor=actor,
            data={"key": key.pk, "name": name, "scopes": wanted, "key_sha256": key.key_hash},
            now=now,
        )
    return key, plain


def find_api_key(plain: str, *, now: datetime) -> ApiKey | None:
    """The standing key with this plain text."""
    key = ApiKey.objects.filter(key_hash=_hash(plain), revoked_at__isnull=True).first()
    if key is not None and (key.last_used_at is None or now - key.last_used_at > _USED_EVERY):
        with suppress(OperationalError):  # a busy database is no reason to refuse a reader
            ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
    return key
