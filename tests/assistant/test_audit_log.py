"""record(): gapless, inside the transaction, no content, one checkpoint a commit."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.db import transaction

from assistant.audit import checkpoint, tree
from assistant.audit.log import SYSTEM, BadEvent, actor_of, record, system
from assistant.models import AuditEvent, AuditHead

NOW = datetime(2026, 3, 4, 5, 6, 7, 891, tzinfo=UTC)


def test_an_event_has_the_canonical_bytes_that_its_leaf_hash_covers(db):
    event = record(
        "draft.made",
        actor=system("gpu"),
        ticket=7,
        draft=9,
        model="tiny@abc",
        data={"b": [1, 2.5, None], "a": "ä"},
        now=NOW,
    )
    event.refresh_from_db()
    assert event.canonical == (
        '{"action":"draft.made","actor":"system:gpu","at":"2026-03-04T05:06:07.000891Z",'
        '"data":{"a":"ä","b":[1,2.5,null]},"draft":9,"index":0,"model":"tiny@abc","ticket":7,"v":1}'
    )
    assert event.leaf_hash == hashlib.sha256(b"\0" + event.canonical.encode()).hexdigest()
    assert (event.at, event.ticket_number, event.draft_id) == (NOW, 7, 9)


def test_the_head_is_the_compact_range_of_all_leaves(db):
    leaves = [bytes.fromhex(record("a.b", actor=SYSTEM).leaf_hash) for _ in range(11)]
    head = AuditHead.objects.get()
    assert head.size == 11
    assert checkpoint.root_of_head(head) == tree.root_of_leaves(leaves).hex()
    assert list(AuditEvent.objects.values_list("index", flat=True)) == list(range(11))


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded():
    with pytest.raises(RuntimeError, match="transaction"):
        record("a.b", actor=SYSTEM)
    assert not AuditEvent.objects.exists()


def record_and_fail() -> None:
    with transaction.atomic():
        record("a.lost", actor=SYSTEM)
        raise ZeroDivisionError


@pytest.mark.django_db(transaction=True)
def test_a_rolled_back_transaction_leaves_no_gap_and_no_checkpoint(checkpoint_file: Path):
    with transaction.atomic():
        record("a.b", actor=SYSTEM)
    with pytest.raises(ZeroDivisionError):
        record_and_fail()
    with transaction.atomic():
        record("a.c", actor=SYSTEM)
        with pytest.raises(ZeroDivisionError):
            record_and_fail()  # a savepoint
    assert list(AuditEvent.objects.values_list("index", "action")) == [(0, "a.b"), (1, "a.c")]
    assert [c.size for c in checkpoint.read(checkpoint_file)] == [1, 2]
    assert checkpoint.newest().root == checkpoint.root_of_head(AuditHead.objects.get())


@pytest.mark.django_db(transaction=True)
def test_many_events_of_one_commit_have_one_checkpoint(checkpoint_file: Path):
    with transaction.atomic():
        for _ in range(5):
            record("a.b", actor=SYSTEM)
        assert not checkpoint_file.exists()
    assert [json.loads(line)["size"] for line in checkpoint_file.read_text().splitlines()] == [5]


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("data.text", {"data": {"text": "x" * 501}}),
        ("data.p", {"data": {"p": float("nan")}}),
        ("data.p", {"data": {"p": float("inf")}}),
        ("data.n", {"data": {"n": 2**53}}),
        ("data.d", {"data": {"d": NOW}}),
        ("data.s", {"data": {"s": {1, 2}}}),
        ("data.b", {"data": {"b": b"bytes"}}),
        (r"data\.l\[1\]", {"data": {"l": ["fine", "\ud800"]}}),
        ("data: the key", {"data": {1: "x"}}),
        ("data: a key", {"data": {"k" * 101: 1}}),
        ("nested", {"data": {"a": [[[[[[[1]]]]]]]}}),
        ("bytes", {"data": {"many": ["y" * 400] * 50}}),
        ("data", {"data": ["no", "object"]}),
        ("action", {"action": "Made a draft"}),
        ("actor", {"actor": "mara"}),
        ("actor", {"actor": "user:1:ma\nra"}),
        ("ticket", {"ticket": "7"}),
        ("ticket", {"ticket": True}),
        ("draft", {"draft": -1}),
        ("model", {"model": "m" * 201}),
        ("at", {"now": datetime(2026, 1, 1)}),
    ],
)
def test_what_is_no_identifier_stays_out_of_the_log(db, field, change):
    action = change.pop("action", "a.b")
    with pytest.raises(BadEvent, match=field):
        record(action, **({"actor": SYSTEM} | change))
    assert not AuditEvent.objects.exists()


def test_people_are_named_by_id_and_name(mara):
    assert actor_of(mara) == f"user:{mara.pk}:mara"
    mara.username = "m" * 150
    assert record("a.b", actor=actor_of(mara)).actor == f"user:{mara.pk}:" + "m" * 120


@pytest.mark.django_db(transaction=True)
def test_a_checkpoint_that_cannot_be_written_is_seen_and_caught_up(
    settings, tmp_path, caplog, monkeypatch
):
    blocked = tmp_path / "a file"
    blocked.write_text("no folder")
    settings.CHECKPOINT_FILE = blocked / "checkpoints.jsonl"
    with transaction.atomic():
        record("a.b", actor=SYSTEM, now=NOW)
    assert "checkpoint could not be written" in caplog.text
    assert AuditEvent.objects.count() == 1
    assert checkpoint.checkpoint_lag() == 1
    settings.CHECKPOINT_FILE = tmp_path / "now writable" / "checkpoints.jsonl"
    assert checkpoint.catch_up()
    assert checkpoint.checkpoint_lag() == 0
    assert not checkpoint.catch_up()


def test_a_torn_line_does_not_swallow_the_next_checkpoint(checkpoint_file: Path):
    checkpoint_file.write_bytes(b'{"at": "2026')
    torn = checkpoint.append(size=3, root="ab" * 32, now=NOW)
    assert torn is not None
    assert torn.bytes == 12
    assert checkpoint.newest().size == 3
    first, second = checkpoint.read(checkpoint_file)
    assert (first.line, first.bytes, bool(first.healed_at)) == (1, 12, True)
    assert second.size == 3
