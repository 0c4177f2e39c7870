"""Numbered system checks: what is wrong with this installation, with a hint."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError, connections


@register()
def data_folder_is_writable(**_: Any) -> list[CheckMessage]:
    if os.access(settings.DATA_DIR, os.W_OK):
        return []
    return [
        Error(
            f"The data folder {settings.DATA_DIR} cannot be written.",
            hint="Set COUNTERSIGN_DATA_DIR to a folder that this user may write.",
            id="assistant.E001",
        )
    ]


@register()
def one_faiss(**_: Any) -> list[CheckMessage]:
    if importlib.util.find_spec("faiss") is not None:
        return []
    return [
        Error(
            "FAISS is not installed: nothing can be searched.",
            hint="Install one of the extras: `make install` (cpu) or `make install EXTRAS=gpu`.",
            id="assistant.E003",
        )
    ]


@register()
def languages_have_codes(**_: Any) -> list[CheckMessage]:
    if settings.COVERED_LANGUAGES:
        return []
    return [
        Error(
            "COUNTERSIGN_LANGUAGES is empty: every draft would go to a person.",
            hint="Name the languages that your models cover, for example en or en,de.",
            id="assistant.E004",
        )
    ]


@register()
def bundled_models_are_there(**_: Any) -> list[CheckMessage]:
    # a warning, since `manage.py train` runs this check before it makes the model
    missing = [
        name
        for name, setting in (
            ("generator", settings.GENERATOR),
            ("toxicity", settings.TOXICITY),
            ("reranker", settings.RERANKER),
        )
        if setting == "bundled" and not (Path(settings.BASE_DIR) / "models" / name).is_dir()
    ]
    return [
        Warning(
            f"The bundled {name} model is missing from models/{name}.",
            hint=f"Restore the folder from the repository, or set COUNTERSIGN_{name.upper()}.",
            id="assistant.W005",
        )
        for name in missing
    ]


@register(Tags.security, deploy=True)
def production_is_meant(**_: Any) -> list[CheckMessage]:
    found: list[CheckMessage] = []
    if not settings.PRODUCTION:
        found.append(
            Warning(
                "COUNTERSIGN_PRODUCTION is off: cookies travel over plain HTTP.",
                hint="Set COUNTERSIGN_PRODUCTION=1 behind HTTPS.",
                id="assistant.W001",
            )
        )
    if settings.PRODUCTION and set(settings.ALLOWED_HOSTS) <= {"localhost", "127.0.0.1", "[::1]"}:
        found.append(
            Warning(
                "COUNTERSIGN_ALLOWED_HOSTS names only this machine.",
                hint="Name the host that people use, for example support.example.com.",
                id="assistant.W002",
            )
        )
    if settings.PRODUCTION and not settings.TRUSTED_PROXIES:
        found.append(
            Warning(
                "COUNTERSIGN_TRUSTED_PROXIES is empty: failed sign-ins are counted by the address of "
                "your proxy, so that one guesser can lock out everybody behind it.",
                hint="Name your proxy's address, for example 127.0.0.1, and let it set X-Forwarded-For.",
                id="assistant.W003",
            )
        )
    return found


@register(Tags.database)
def installation_key_fits(
    *, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """E006: sealed texts would not open, and new ones would be sealed with another key."""
    from assistant.privacy.encryption import CannotOpen, require_own_key

    if "default" not in (databases or []):
        return []
    try:
        require_own_key()
    except CannotOpen as error:
        return [Error("The installation key is another one.", hint=str(error), id="assistant.E006")]
    except DatabaseError:  # no tables yet
        return []
    return []


# --- the audit log: assistant.W10x ----------------------------------------------------------
# Warnings, since `migrate` runs these checks first and is also what mends the triggers.


@register(Tags.database)
def audit_triggers(*, databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
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
