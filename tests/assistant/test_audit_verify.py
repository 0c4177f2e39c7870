"""Whatever is done to the log behind record()'s back is found, and the first bad event named."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from assistant.audit import checkpoint, tree, triggers
from assistant.audit.log import record, system
from assistant.audit.verify import verify
from assistant.models import AuditEvent, AuditHead

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EVENTS = 9


@pytest.fixture
def log(db: None, checkpoint_file: Path, django_capture_on_commit_callbacks: Any) -> None:
    """Nine events of one transaction each, so nine checkpoints, and no triggers any more."""
    for i in range(EVENTS):
        with django_capture_on_commit_callbacks(execute=True):
            record(
                "part.tested",
                actor=system("gpu"),
                ticket=40 + i,
                draft=i,
                model="tiny@1",
                data={"digest": "ab" * 32, "confidence": 0.5},
                now=NOW + timedelta(minutes=i),
            )
    assert verify().ok
    triggers.lift(connection)


def rewrite(index: int, **changes: Any) -> None:
    AuditEvent.objects.filter(index=index).update(**changes)


def changed_content(place: int, /, **changes: Any) -> str:
    content = json.loads(AuditEvent.objects.get(index=place).canonical)
    return json.dumps(content | changes, sort_keys=True, separators=(",", ":"))


def forge_every_hash() -> None:
    """What somebody who owns the database does last: all stored hashes fit again."""
    frontier: list[bytes] = []
    for position, event in enumerate(AuditEvent.objects.order_by("index")):
        leaf = tree.leaf_hash(event.canonical.encode())
        AuditEvent.objects.filter(index=event.index).update(leaf_hash=leaf.hex())
        frontier = tree.grow(frontier, position, leaf)
    AuditHead.objects.update(size=AuditEvent.objects.count(), frontier=[h.hex() for h in frontier])


CONTENT = {
    "v": 2,
    "index": 5,
    "at": "2026-03-04T05:10:07.000001Z",
    "action": "draft.failed",
    "actor": "user:1:mara",
    "ticket": 45,
    "draft": None,
    "model": "tiny@2",
    "data": {"digest": "cd" * 32, "confidence": 0.5},
}
COLUMNS = {
    "canonical": "no event",
    "leaf_hash": "00" * 32,
    "at": NOW,
    "action": "draft.failed",
    "actor": "user:1:mara",
    "ticket_number": None,
    "draft_id": 99,
    "model": "",
}


def test_an_untouched_log_holds_and_says_what_stands_behind_it(log):
    found = verify()
    assert found.ok
    assert found.first_bad is None
    assert (found.events, found.checkpoints, found.unproven) == (EVENTS, EVENTS, 0)
    assert found.root == checkpoint.root_of_head(AuditHead.objects.get())
    assert found.since is not None


def test_every_column_is_covered_by_these_tests():
    fields = {f.name for f in AuditEvent._meta.get_fields()}
    assert fields == set(COLUMNS) | {"index"}


@pytest.mark.parametrize("column", COLUMNS)
def test_an_altered_column_is_found(log, column):
    rewrite(4, **{column: COLUMNS[column]})
    found = verify()
    assert not found.ok
    assert found.first_bad["index"] == 4
    assert found.first_bad["expected"] != found.first_bad["actual"]


@pytest.mark.parametrize("name", CONTENT)
def test_an_altered_field_of_the_content_is_found(log, name):
    rewrite(4, canonical=changed_content(4, **{name: CONTENT[name]}))
    assert verify().first_bad["index"] == 4


@pytest.mark.parametrize("name", CONTENT)
def test_an_altered_field_is_found_with_all_stored_hashes_recomputed(log, name):
    rewrite(4, canonical=changed_content(4, **{name: CONTENT[name]}))
    columns = {"ticket": "ticket_number", "draft": "draft_id"}
    if name in {"action", "actor", "ticket", "draft", "model"}:
        rewrite(4, **{columns.get(name, name): CONTENT[name]})
    elif name == "at":
        rewrite(4, at=datetime.fromisoformat(CONTENT["at"]))
    forge_every_hash()
    found = verify()
    assert not found.ok
    assert found.first_bad["index"] == 4
    if name != "index":
        assert "checkpoint" in found.first_bad["what"]
        assert len(found.first_bad["expected"]) == len(found.first_bad["actual"]) == 64


def test_a_removed_event_is_found(log):
    AuditEvent.objects.filter(index=4).delete()
    assert verify().first_bad == {
        "index": 4, "what": "the event was removed", "expected": 4, "actual": 5,
    }  # fmt: skip


def renumber(index: int, new: int) -> None:
    changed = changed_content(index, index=new)
    AuditEvent.objects.filter(index=index).update(index=new, canonical=changed)


def test_a_removed_event_is_found_when_the_rest_moves_up_and_all_hashes_fit(log):
    AuditEvent.objects.filter(index=4).delete()
    for index in range(5, EVENTS):
        renumber(index, index - 1)
    forge_every_hash()
    assert verify().first_bad["index"] == 4


def insert(index: int) -> None:
    template = AuditEvent.objects.get(index=0)
    template.index = index
    template.canonical = changed_content(0, index=index)
    template.leaf_hash = tree.leaf_hash(template.canonical.encode()).hex()
    template.save(force_insert=True)


@pytest.mark.parametrize("forged", [False, True])
def test_an_inserted_event_is_found(log, forged):
    for index in reversed(range(4, EVENTS)):
        renumber(index, index + 1)
    insert(4)
    if forged:
        forge_every_hash()
        assert verify().first_bad["index"] == 4
    else:  # the inserted one fits by itself; the one that it pushed away does not
        assert verify().first_bad["index"] in {4, 5}


def test_an_event_put_after_the_head_is_found(log):
    insert(EVENTS)
    found = verify()
    assert found.first_bad["index"] == EVENTS
    assert "inserted" in found.first_bad["what"]


@pytest.mark.parametrize("forged", [False, True])
@pytest.mark.parametrize("kept", [0, 4, EVENTS - 1])
def test_a_tail_that_was_cut_off_is_found(log, forged, kept):
    AuditEvent.objects.filter(index__gte=kept).delete()
    if forged:
        forge_every_hash()
    found = verify()
    assert found.first_bad["index"] == kept
    assert "cut off" in found.first_bad["what"]
    assert found.first_bad["expected"] == EVENTS


def test_two_events_that_changed_places_are_found(log):
    renumber(4, 100)
    renumber(5, 4)
    renumber(100, 5)
    forge_every_hash()
    assert verify().first_bad["index"] == 4


@pytest.mark.parametrize(
    "change", [{"size": EVENTS + 3}, {"size": EVENTS - 3}, {"frontier": []}, {"frontier": ["00"]}]
)
def test_an_altered_head_is_found(log, change):
    AuditHead.objects.update(**change)
    assert not verify().ok


def test_a_removed_or_doubled_head_is_found(log):
    AuditHead.objects.create(pk=2, size=EVENTS)
    assert verify().first_bad["what"] == "the head row"
    AuditHead.objects.all().delete()
    assert verify().first_bad["actual"] == "0 rows"


def edit_checkpoints(path: Path, change: Any) -> None:
    lines = path.read_text().splitlines()
    path.write_text("".join(line + "\n" for line in change(lines)))


@pytest.mark.parametrize(
    "entry",
    [
        "not json",
        "[]",
        '{"size": 3}',
        '{"size": 0, "root": "' + "ab" * 32 + '", "at": ""}',
        '{"size": true, "root": "' + "ab" * 32 + '", "at": ""}',
        '{"size": 3, "root": "AB", "at": ""}',
        '{"size": 3, "root": "' + "ab" * 32 + '", "at": ""}',
        '{"size": 30, "root": "' + "ab" * 32 + '", "at": ""}',
    ],
)
def test_every_line_of_the_checkpoint_file_must_hold(log, checkpoint_file, entry):
    edit_checkpoints(checkpoint_file, lambda lines: [*lines[:6], entry, *lines[6:]])
    assert not verify().ok


def test_checkpoints_may_arrive_in_any_order_and_twice(log, checkpoint_file):
    edit_checkpoints(checkpoint_file, lambda lines: [*reversed(lines), lines[3]])
    assert verify().ok


def test_with_fewer_checkpoints_a_forgery_is_found_and_its_span_named(log, checkpoint_file):
    edit_checkpoints(checkpoint_file, lambda lines: [lines[1], lines[6]])
    rewrite(4, canonical=changed_content(4, data={}))
    forge_every_hash()
    found = verify()
    assert found.first_bad["index"] == 2
    assert "events 2 to 6" in found.first_bad["what"]


def test_events_after_the_newest_checkpoint_are_said_to_be_unproven(log, checkpoint_file):
    edit_checkpoints(checkpoint_file, lambda lines: lines[:5])
    found = verify()
    assert found.ok
    assert found.unproven == EVENTS - 5
    rewrite(6, canonical=changed_content(6, data={}))
    forge_every_hash()
    assert verify().ok  # the stated limit: docs/audit.md


@pytest.mark.parametrize("emptied", [False, True])
def test_without_its_checkpoint_file_a_log_does_not_hold(log, checkpoint_file, emptied):
    checkpoint_file.unlink()
    if emptied:
        checkpoint_file.touch()
    found = verify()
    assert not found.ok
    assert "missing or empty" in found.first_bad["what"]
    assert found.first_bad["expected"] == str(checkpoint_file)


def test_an_empty_log_holds_until_a_checkpoint_says_that_it_was_not_empty(db, checkpoint_file):
    found = verify()
    assert (found.ok, found.events, found.root) == (True, 0, tree.EMPTY_ROOT.hex())
    checkpoint.append(size=1, root="ab" * 32, now=NOW)
    assert verify().first_bad["index"] == 0


def test_a_copy_of_the_checkpoints_convicts_who_rewrote_log_and_file(
    log, checkpoint_file, tmp_path
):
    copy = tmp_path / "elsewhere.jsonl"
    copy.write_bytes(checkpoint_file.read_bytes())
    rewrite(4, canonical=changed_content(4, data={}))
    forge_every_hash()
    head = AuditHead.objects.get()
    checkpoint_file.unlink()
    checkpoint.append(size=head.size, root=checkpoint.root_of_head(head), now=NOW)
    assert verify().ok
    assert verify(checkpoints=copy).first_bad["index"] == 4


def test_long_logs_are_read_in_chunks_with_progress(log, monkeypatch):
    monkeypatch.setattr("assistant.audit.verify.CHUNK", 2)
    seen: list[tuple[int, int]] = []
    assert verify(progress=lambda done, total: seen.append((done, total))).ok
    assert seen == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]


# --- the command ----------------------------------------------------------------------------


def run(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("verify_audit", *arguments, stdout=out)
    except SystemExit as end:
        return int(end.code), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def test_the_command_prints_one_json_object_and_exits_by_what_it_found(log):
    status, out = run("--json")
    assert status == 0
    answer = json.loads(out)
    assert (answer["ok"], answer["events"], answer["first_bad"]) == (True, EVENTS, None)
    assert len(answer["root"]) == 64
    rewrite(4, actor="user:1:mara")
    status, out = run("--json")
    assert status == 1
    answer = json.loads(out)
    assert answer["ok"] is False
    assert answer["first_bad"] == {
        "index": 4,
        "what": "the event's column actor differs from its content",
        "expected": "system:gpu",
        "actual": "user:1:mara",
    }
    status, out = run()
    assert status == 1
    assert "does NOT hold. event 4: the event's column actor" in out


def test_the_command_says_what_is_not_proven(log, checkpoint_file):
    edit_checkpoints(checkpoint_file, lambda lines: lines[:5])
    status, out = run()
    assert status == 0
    assert "unproven     4" in out


def test_a_log_that_cannot_be_checked_is_told_from_one_that_does_not_hold(log, settings, tmp_path):
    status, out = run("--checkpoints", str(tmp_path / "nowhere"))
    assert (status, "no checkpoint file" in out) == (2, True)
    settings.CHECKPOINT_FILE = tmp_path  # a folder
    status, out = run()
    assert (status, "could not be checked" in out) == (2, True)
