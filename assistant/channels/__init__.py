"""Channel adapters: how an approved reply leaves. And the channels that every installation has."""

from __future__ import annotations

from typing import Any

DEFAULTS = ("email", "web", "phone", "files", "api")


def make_defaults(sender: Any = None, **_: Any) -> None:
    """Make the default channels after a migration (and after a test emptied the tables)."""
    from assistant.models import Channel

    for name in DEFAULTS:
        Channel.objects.get_or_create(name=name)
