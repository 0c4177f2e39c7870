"""Numbered system checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

# --- the audit log: assistant.W10x ----------------------------------------------------------
# Warnings, since `migrate` runs these checks first and is also what mends the triggers.


@register(Tags.database)
def audit_triggers(
    *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """W101: the database does not refuse changes of the audit log."""
    from assistant.audit import triggers

    found: list[CheckMessage] = []
    for alias in databases or []:
        connection = connections[alias]
        if connection.vendor not in {"sqlite", "postgresql"}:
            continue
        if not triggers.tables_exist(connection):
            continue
        missing = triggers.expected(connection) - triggers.present(connection)
        if missing:
            found.append(
                Warning(
                    f"The audit log is not guarded: triggers missing ({', '.join(sorted(missing))}).",
                    hint="Run manage.py migrate, which puts them back, then manage.py verify_audit.",
                    id="assistant.W101",
                )
            )
    return found


@register(Tags.database)
def audit_checkpoints(
    *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """W102: events that no checkpoint outside the database covers."""
    from assistant.audit import checkpoint, triggers

    if "default" not in (databases or []) or not triggers.tables_exist(connections["default"]):
        return []
    behind = checkpoint.checkpoint_lag()
    if not behind:
        return []
    return [
        Warning(
            f"{behind} events of the audit log are under no checkpoint in {checkpoint.path()}.",
            hint="See that the file can be written (COUNTERSIGN_CHECKPOINT_FILE) and that it is the "
            "one that was written until now; the next event's checkpoint covers these too.",
            id="assistant.W102",
        )
    ]
