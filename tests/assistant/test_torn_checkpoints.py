"""A power cut in the middle of the checkpoint file's last line is told apart from tampering."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.audit import checkpoint
from assistant.audit.log import record, system
from assistant.audit.verify import verify
from assistant.models import AuditEvent

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
EVENTS = 3


@pytest.fixture
def happen(db: None, django_capture_on_commit_callbacks: Any) -> Callable[[], None]:
    """One more event, in a transaction of its own and with the checkpoint that follows it."""

    def one() -> None:
        with django_capture_on_commit_callbacks(execute=True):
            record("part.tested", actor=system("web"), now=NOW)

    for _ in range(EVENTS):
        one()
    assert verify().ok
    return one


def cut(file: Path, left: int) -> bytes:
    """Leave so many bytes of the last line; returns them."""
    whole = file.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    file.write_bytes(whole[: start + left])
    return whole[start : start + left]


def length_of_the_last_line(file: Path) -> int:
    return len(file.read_bytes().splitlines()[-1])


def test_wherever_it_is_cut_the_log_holds_before_and_after_the_next_event(happen, checkpoint_file):
    whole = checkpoint_file.read_bytes()
    for left in range(1, length_of_the_last_line(checkpoint_file)):
        checkpoint_file.write_bytes(whole)
        cut(checkpoint_file, left)
        found = verify()
        assert (found.ok, found.torn) == (True, [{"line": 3, "bytes": left, "healed_at": None}])
        assert checkpoint.append(size=EVENTS, root=found.root, now=NOW).bytes == left
        found = verify()
        assert found.ok, found.first_bad
        assert [(one["line"], one["bytes"]) for one in found.torn] == [(3, left)]
        assert found.torn[0]["healed_at"]


def test_the_next_event_puts_it_right_and_the_log_keeps_that_it_did(
    happen, checkpoint_file, capsys
):
    fragment = cut(checkpoint_file, 40)
    call_command("verify_audit")
    assert "line 3 of the checkpoint file" in capsys.readouterr().out
    happen()
    assert fragment in checkpoint_file.read_bytes()  # the file is only ever appended to
    healed = AuditEvent.objects.get(action="log.checkpoint_healed")
    assert json.loads(healed.canonical)["data"] == {"bytes": 40}
    happen()
    found = verify()
    assert (found.ok, found.unproven) == (True, 0)
    assert found.torn[0]["line"] == 3


def test_a_line_that_lacks_its_line_end_only_is_whole(happen, checkpoint_file):
    cut(checkpoint_file, length_of_the_last_line(checkpoint_file))
    assert verify().torn == []
    happen()
    found = verify()
    assert (found.ok, found.torn, found.unproven) == (True, [], 0)


def test_a_cut_while_another_one_is_put_right_is_put_right_too(happen, checkpoint_file):
    cut(checkpoint_file, 30)
    before = checkpoint_file.read_bytes()
    checkpoint.append(size=EVENTS, root=verify().root, now=NOW)
    healing = checkpoint_file.read_bytes()[len(before) :]
    for left in range(1, len(healing)):
        checkpoint_file.write_bytes(before + healing[:left])
        assert verify().ok, healing[:left]
        checkpoint.append(size=EVENTS, root=verify().root, now=NOW)
        found = verify()
        assert found.ok, (healing[:left], found.first_bad)
        assert found.torn


def test_zeros_that_the_disk_left_are_no_tampering(happen, checkpoint_file):
    cut(checkpoint_file, 25)
    with checkpoint_file.open("ab") as file:
        file.write(b"\0" * 60)
    assert verify().ok
    happen()
    assert verify().ok


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 400), byte=st.integers(0, 255), line=st.integers(0, EVENTS - 1))
def test_a_changed_byte_of_a_whole_line_does_not_hold(happen, checkpoint_file, place, byte, line):
    """Except where it reads the same, or is of the time, which nothing is computed from."""
    if not checkpoint_file.with_suffix(".kept").exists():
        checkpoint_file.with_suffix(".kept").write_bytes(checkpoint_file.read_bytes())
    lines = checkpoint_file.with_suffix(".kept").read_bytes().splitlines(keepends=True)
    changed = bytearray(lines[line])
    changed[place % (len(changed) - 1)] = byte
    checkpoint_file.write_bytes(b"".join([*lines[:line], bytes(changed), *lines[line + 1 :]]))
    found = verify()
    if found.ok:
        was, now = json.loads(lines[line]), json.loads(bytes(changed).decode())
        assert (was["root"], was["size"]) == (now["root"], now["size"])
    checkpoint_file.write_bytes(b"".join(lines))


def test_an_incomplete_line_that_nothing_says_is_void_does_not_hold(happen, checkpoint_file):
    lines = checkpoint_file.read_bytes().splitlines(keepends=True)
    lines.insert(1, b'{"at": "2026-03-04T05:06:07.000000Z", "ro\n')
    checkpoint_file.write_bytes(b"".join(lines))
    assert not verify().ok
    happen()
    assert not verify().ok


@pytest.mark.parametrize(
    "tampered",
    [
        b"nothing of ours\n",
        b'{"at": "2026-03-04T05:06:07.000000Z", "sha256": "' + b"ab" * 32 + b'", "torn": 5}\n',
    ],
)
@pytest.mark.parametrize("place", [0, 1, EVENTS])
def test_a_bad_whole_line_does_not_hold(happen, checkpoint_file, tampered, place):
    lines = checkpoint_file.read_bytes().splitlines(keepends=True)
    checkpoint_file.write_bytes(b"".join([*lines[:place], tampered, *lines[place:]]))
    assert not verify().ok
    happen()
    assert not verify().ok


@pytest.mark.parametrize("end", [b"nothing of ours", b'{"at": "yesterday', b'{"size": 3'])
def test_an_end_that_no_append_can_have_left_does_not_hold(happen, checkpoint_file, end):
    with checkpoint_file.open("ab") as file:
        file.write(end)
    assert not verify().ok
    happen()
    assert not verify().ok
