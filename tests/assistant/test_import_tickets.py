"""Files of tickets: good rows go in beside bad ones, which are named by line and field."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import call_command

from assistant.models import Ticket

GOOD = {
    "external_id": "1",
    "subject": "Hi",
    "body": "It beeps.",
    "name": "Ana",
    "email": "ana@example.org",
    "created_at": "2026-01-15T09:00:00Z",
    "language": "en",
}


def run(path: Path, capsys, *options: str) -> tuple[dict, int]:
    status = 0
    try:
        call_command("import_tickets", str(path), "--json", *options)
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    return json.loads(capsys.readouterr().out), status


@pytest.mark.django_db
def test_json_lines_keep_good_rows_and_name_bad_ones(tmp_path: Path, capsys) -> None:
    rows = [
        json.dumps(GOOD).encode(),
        b"{not json",
        json.dumps({**GOOD, "external_id": "2", "body": None}).encode(),
        json.dumps({**GOOD, "external_id": "3", "priority": "high"}).encode(),
        b'{"body": "\xff"}',
        b'["a list"]',
        b"",
        json.dumps({**GOOD, "external_id": "4", "created_at": "yesterday"}).encode(),
        b'{"body": "lone \\ud800", "external_id": "5"}',
        json.dumps(GOOD).encode(),
        json.dumps({**GOOD, "external_id": "6", "channel": "pigeon"}).encode(),
        json.dumps({**GOOD, "external_id": "7", "channel": "web", "body": 5}).encode(),
        b'{"body": ' + b"9" * 5000 + b"}",
        b'{"body": "x", "\\ud800": 1}',
    ]
    path = tmp_path / "tickets.jsonl"
    path.write_bytes(b"\n".join(rows))
    report, status = run(path, capsys)
    assert (report["imported"], report["duplicates"], status) == (1, 1, 1)
    assert [(row["line"], row["field"]) for row in report["skipped"]] == [
        (2, "row"),
        (3, "body"),
        (4, "priority"),
        (5, "row"),
        (6, "row"),
        (8, "created_at"),
        (9, "body"),
        (11, "channel"),
        (12, "body"),
        (13, "row"),
        (14, "\\ud800"),
    ]
    assert Ticket.objects.get().created_at.isoformat() == "2026-01-15T09:00:00+00:00"


@pytest.mark.django_db
def test_csv_rows_are_read_and_broken_ones_named(tmp_path: Path, capsys) -> None:
    path = tmp_path / "tickets.csv"
    path.write_text(
        "external_id,subject,body,email\n"
        '1,Hello,"two\nlines",a@example.org\n'
        "2,too,few\n"
        "3,ok,it works,b@example.org\n"
        '4,"unclosed,body,x\n'
    )
    report, status = run(path, capsys, "--channel", "web")
    assert (report["imported"], status) == (2, 1)
    assert [row["line"] for row in report["skipped"]] == [4, 6]
    assert set(Ticket.objects.values_list("channel__name", flat=True)) == {"web"}


@pytest.mark.django_db
def test_a_clean_file_exits_with_0_and_again_imports_nothing(tmp_path: Path, capsys) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_text(json.dumps(GOOD) + "\n")
    assert run(path, capsys) == ({"imported": 1, "duplicates": 0, "skipped": []}, 0)
    assert run(path, capsys) == ({"imported": 0, "duplicates": 1, "skipped": []}, 0)


@pytest.mark.django_db
def test_a_missing_file_could_not_run(tmp_path: Path) -> None:
    from django.core.management.base import CommandError

    with pytest.raises(CommandError) as caught:
        call_command("import_tickets", str(tmp_path / "none.jsonl"))
    assert caught.value.returncode == 2
