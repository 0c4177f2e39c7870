"""The database itself refuses to change the log, and a check says when it does not."""

from __future__ import annotations

import threading

import pytest
from django.core.checks import Tags, run_checks
from django.core.management.sql import emit_post_migrate_signal
from django.db import IntegrityError, connection, connections, transaction

from assistant.audit import triggers
from assistant.audit.log import AuditLogBroken, record, system
from assistant.audit.verify import verify
from assistant.models import AuditEvent, AuditHead


@pytest.fixture
def log(db) -> None:
    for i in range(3):
        record("a.b", actor=system("test"), ticket=i)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE assistant_auditevent SET actor = 'user:1:mara' WHERE \"index\" = 1",
        "UPDATE assistant_auditevent SET actor = actor",
        'DELETE FROM assistant_auditevent WHERE "index" = 2',
        "DELETE FROM assistant_auditevent",
        "DELETE FROM assistant_audithead",
        "UPDATE assistant_audithead SET size = size - 1",
        "UPDATE assistant_audithead SET frontier = '[]'",
        # a second event at a taken place, or past a gap
        "INSERT INTO assistant_auditevent SELECT 1, canonical, leaf_hash, at, action, actor,"
        ' ticket_number, draft_id, model FROM assistant_auditevent WHERE "index" = 1',
        "INSERT INTO assistant_auditevent SELECT 9, canonical, leaf_hash, at, action, actor,"
        ' ticket_number, draft_id, model FROM assistant_auditevent WHERE "index" = 1',
    ],
)
def test_the_database_refuses(log, statement):
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)
    record("a.b", actor=system("test"))
    assert AuditEvent.objects.count() == 4


def test_the_database_refuses_its_own_short_cuts(log):
    statements = {
        "postgresql": [
            "TRUNCATE assistant_auditevent",
            "TRUNCATE assistant_audithead",
            'INSERT INTO assistant_auditevent SELECT * FROM assistant_auditevent WHERE "index" = 1'
            " ON CONFLICT (\"index\") DO UPDATE SET actor = 'user:1:mara'",
        ],
        "sqlite": [
            'INSERT OR REPLACE INTO assistant_auditevent SELECT "index", canonical, leaf_hash, at,'
            " action, 'user:1:mara', ticket_number, draft_id, model FROM assistant_auditevent"
            ' WHERE "index" = 1',
            "REPLACE INTO assistant_auditevent SELECT * FROM assistant_auditevent"
            ' WHERE "index" = 1',
        ],
    }[connection.vendor]
    for statement in statements:
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert set(AuditEvent.objects.values_list("actor", flat=True)) == {"system:test"}


def test_all_triggers_stand_after_the_migrations(db):
    assert triggers.present(connection) == triggers.expected(connection)


def audit_warnings() -> set[str]:
    found = run_checks(tags=[Tags.database], databases=["default"])
    return {m.id for m in found if m.id.startswith("assistant.W10")}


def after_migrate() -> None:
    emit_post_migrate_signal(verbosity=0, interactive=False, db="default")


def test_a_missing_trigger_is_reported_and_put_back_after_migrations(log):
    assert audit_warnings() == set()
    for name in sorted(triggers.expected(connection)):
        table = "assistant_audithead" if "head" in name else "assistant_auditevent"
        on = f" ON {table}" if connection.vendor == "postgresql" else ""
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TRIGGER {name}{on}")
        assert audit_warnings() == {"assistant.W101"}
        after_migrate()
        assert audit_warnings() == set()


def test_a_disabled_trigger_is_reported(db):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite cannot disable a trigger")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE assistant_auditevent DISABLE TRIGGER audit_event_not_deleted")
    assert audit_warnings() == {"assistant.W101"}


def test_events_that_no_checkpoint_covers_are_reported(db, settings, tmp_path):
    record("a.b", actor=system("test"))
    settings.CHECKPOINT_FILE = tmp_path / "another.jsonl"
    assert audit_warnings() == set()  # it may still be on its way
    triggers.lift(connection)
    AuditEvent.objects.update(at="2026-01-01T00:00:00Z")
    triggers.put_back(connection)
    assert audit_warnings() == {"assistant.W102"}


def test_migrate_does_not_paper_over_a_lost_head(db):
    record("a.b", actor=system("test"))
    triggers.lift(connection)
    AuditHead.objects.all().delete()
    after_migrate()
    with pytest.raises(AuditLogBroken, match="no head row"), transaction.atomic():
        record("a.b", actor=system("test"))
    assert not verify().ok


def test_nothing_is_recorded_onto_a_damaged_head(db):
    record("a.b", actor=system("test"))
    triggers.lift(connection)
    AuditHead.objects.update(frontier=[])
    with pytest.raises(AuditLogBroken, match="damaged"), transaction.atomic():
        record("a.b", actor=system("test"))


@pytest.mark.django_db(transaction=True)
def test_writers_at_once_leave_no_gap_and_every_checkpoint_holds(checkpoint_file):
    threads, each = 4, 8
    start = threading.Barrier(threads)
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            start.wait(10)
            for i in range(each):
                with transaction.atomic():
                    record("a.b", actor=system(f"writer {number}"), ticket=i)
        except BaseException as error:
            failures.append(error)
        finally:
            connections.close_all()

    running = [threading.Thread(target=write, args=[n]) for n in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(60)
    assert failures == []
    assert list(AuditEvent.objects.values_list("index", flat=True)) == list(range(threads * each))
    found = verify()
    assert found.ok, found.first_bad
    assert found.unproven == 0
