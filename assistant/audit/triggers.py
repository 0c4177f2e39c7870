"""Database triggers that keep the audit log append-only, on SQLite and PostgreSQL alike.

Events are never updated or deleted and enter only at the end; the head only grows. A later
migration that rebuilds the table on SQLite drops its triggers silently, so `connect` puts them back
after every migration and a system check looks for them.
"""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.signals import post_migrate

from assistant.models.audit import AuditEvent, AuditHead

_EVENTS = "assistant_auditevent"
_HEAD = "assistant_audithead"
_REFUSAL = "the audit log is append-only"
_OUT_OF_ORDER = "an audit event enters at the end of the log"
_SHRINKS = "the audit log''s head only grows"

# name -> (table, SQLite body)
_SQLITE = {
    "audit_event_not_updated": f"""
        BEFORE UPDATE ON {_EVENTS} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    "audit_event_not_deleted": f"""
        BEFORE DELETE ON {_EVENTS} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    # INSERT OR REPLACE would delete without firing the trigger above.
    "audit_event_at_the_end": f"""
        BEFORE INSERT ON {_EVENTS}
        WHEN NEW."index" IS NOT (SELECT coalesce(max("index") + 1, 0) FROM {_EVENTS})
        BEGIN SELECT RAISE(ABORT, '{_OUT_OF_ORDER}'); END""",  # noqa: S608 (our own names)
    "audit_head_not_deleted": f"""
        BEFORE DELETE ON {_HEAD} BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END""",
    "audit_head_only_grows": f"""
        BEFORE UPDATE ON {_HEAD} WHEN NEW.size <= OLD.size
        BEGIN SELECT RAISE(ABORT, '{_SHRINKS}'); END""",
}

_POSTGRESQL_FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION countersign_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'restrict_violation'; END $$;
CREATE OR REPLACE FUNCTION countersign_audit_at_the_end() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW."index" IS DISTINCT FROM (SELECT coalesce(max("index") + 1, 0) FROM {_EVENTS}) THEN
    RAISE EXCEPTION '{_OUT_OF_ORDER}' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION countersign_audit_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.size <= OLD.size THEN
    RAISE EXCEPTION '{_SHRINKS}' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""  # noqa: S608 (our own names)
# name -> (table, timing, function)
_POSTGRESQL = {
    "audit_event_not_updated": (_EVENTS, "BEFORE UPDATE", "FOR EACH ROW", "refuse"),
    "audit_event_not_deleted": (_EVENTS, "BEFORE DELETE", "FOR EACH ROW", "refuse"),
    "audit_event_not_truncated": (_EVENTS, "BEFORE TRUNCATE", "FOR EACH STATEMENT", "refuse"),
    "audit_event_at_the_end": (_EVENTS, "BEFORE INSERT", "FOR EACH ROW", "at_the_end"),
    "audit_head_not_deleted": (_HEAD, "BEFORE DELETE", "FOR EACH ROW", "refuse"),
    "audit_head_not_truncated": (_HEAD, "BEFORE TRUNCATE", "FOR EACH STATEMENT", "refuse"),
    "audit_head_only_grows": (_HEAD, "BEFORE UPDATE", "FOR EACH ROW", "grows"),
}


def expected(connection: BaseDatabaseWrapper) -> set[str]:
    """The names of the triggers that this database must have."""
    return set(_SQLITE if connection.vendor == "sqlite" else _POSTGRESQL)


def present(connection: BaseDatabaseWrapper) -> set[str]:
    """The names of ours that it has and that are enabled."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        else:
            cursor.execute(
                "SELECT tgname FROM pg_trigger WHERE tgrelid IN (%s::regclass, %s::regclass)"
                " AND tgenabled IN ('O', 'A')",
                [_EVENTS, _HEAD],
            )
        return {row[0] for row in cursor.fetchall()} & expected(connection)


def tables_exist(connection: BaseDatabaseWrapper) -> bool:
    return {_EVENTS, _HEAD} <= set(connection.introspection.table_names())


def put_back(connection: BaseDatabaseWrapper) -> None:
    """Create every trigger anew, in one transaction, so that no moment is unguarded."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        lift(connection)
        if connection.vendor == "sqlite":
            for name, body in _SQLITE.items():
                cursor.execute(f"CREATE TRIGGER {name} {body}")
        else:
            cursor.execute(_POSTGRESQL_FUNCTIONS)
            for name, (table, timing, each, function) in _POSTGRESQL.items():
                cursor.execute(
                    f"CREATE TRIGGER {name} {timing} ON {table} {each}"
                    f" EXECUTE FUNCTION countersign_audit_{function}()"
                )


def lift(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers: for the tests' teardown, which empties tables, and for nothing else."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            for name in _SQLITE:
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}")
        else:
            for name, (table, *_) in _POSTGRESQL.items():
                cursor.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")


def _after_migration(sender: AppConfig, using: str, **kwargs: Any) -> None:
    connection = connections[using]
    if connection.vendor not in {"sqlite", "postgresql"} or not tables_exist(connection):
        return
    put_back(connection)
    # An emptied log gets its head again; a log that lost its head keeps the damage visible.
    if not AuditHead.objects.using(using).exists() and not AuditEvent.objects.using(using).exists():
        AuditHead.objects.using(using).create(pk=1)


def connect() -> None:
    """Put the triggers back, and an empty log's head row, after every migration."""
    from django.apps import apps

    post_migrate.connect(
        _after_migration,
        sender=apps.get_app_config("assistant"),
        dispatch_uid="assistant.audit.triggers",
    )
