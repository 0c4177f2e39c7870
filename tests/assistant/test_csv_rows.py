"""CSV files as spreadsheets write them; a broken one ends where it is broken, and no ticket is made up."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import csv_rows
from assistant.importing import FIELDS
from assistant.models import Contact, Ticket
from assistant.privacy.encryption import unseal
from tests.assistant.test_import_tickets import run

HEADER = "external_id,subject,body,name,email\n"
PHANTOM = "r2,Refund approved,Please send the money to my new account,Mallory,victim@bank.example\n"
BROKEN = {
    "a bare quote in a quoted cell": f'r1,s,"He wrote "ok" and left\n{PHANTOM}last",Ann,a@x.example\n',
    "text behind the closing quote": f'r1,s,"He wrote"x\n{PHANTOM}last",Ann,a@x.example\n',
    "a quote that never closes": f'r1,s,"He wrote\n{PHANTOM}',
    "a byte that is no UTF-8 in a quoted cell": f'r1,s,"He \udcff wrote\n{PHANTOM}last",Ann,a@x.example\n',
    "a byte that is no UTF-8 at the cell's end": f'r1,s,"He wrote\n{PHANTOM}\udcff",Ann,a@x.example\n',
}


@pytest.mark.django_db
@pytest.mark.parametrize("kind", BROKEN)
def test_a_record_that_cannot_be_parsed_ends_the_file_there(
    kind: str, tmp_path: Path, capsys
) -> None:
    path = tmp_path / "t.csv"
    before = "r0,first,good,Ida,ida@x.example\n"
    text = HEADER + before + BROKEN[kind] + "r3,fine,fine,Bob,b@x.example\n"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    report, status = run(path, capsys)
    assert (report["imported"], status) == (1, 1)
    (skipped,) = report["skipped"]
    assert "nothing from here on was read" in skipped["reason"]
    assert skipped["line"] in (3, 5)
    assert list(Ticket.objects.values_list("external_id", flat=True)) == ["r0"]
    assert not Contact.objects.filter(email="victim@bank.example").exists()


@pytest.mark.django_db
def test_a_long_cell_with_a_row_inside_is_one_cell(tmp_path: Path, capsys) -> None:
    path = tmp_path / "t.csv"
    long = "x" * 71_000 + "\n" + PHANTOM + "y" * 20_000
    too_long = "x" * 140_000 + "\n" + PHANTOM
    out = io.StringIO()
    rows = [["r1", "s", long, "Ann", "a@x.example"], ["r4", "s", too_long, "Ann", "a@x.example"],
            ["r5", "s", "fine", "Bob", "b@x.example"]]  # fmt: skip
    csv.writer(out).writerows(rows)
    path.write_text(HEADER + out.getvalue(), newline="")
    report, _ = run(path, capsys)
    assert report["imported"] == 2
    assert [row["field"] for row in report["skipped"]] == ["body"]
    assert set(Ticket.objects.values_list("external_id", flat=True)) == {"r1", "r5"}
    message = Ticket.objects.get(external_id="r1").messages.get()
    assert unseal(message.body).count("\n") == 2


ROWS = [["1", "Grüße; bald", "Es kostet 1,50 EUR,\nsagt er; \"ja\"", "Ann", "a@x.example"],
        ["2", "b", "c | d\te", "", "b@x.example"]]  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize("sign", csv_rows.DELIMITERS.values())
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("told", [False, True])
def test_dialects_are_told_by_the_file_and_said(
    sign: str, encoding: str, told: bool, tmp_path: Path, capsys
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=sign, lineterminator="\r\n")
    writer.writerow(["External_ID", " subject", "body", "name", "email", *([""] if told else [])])
    writer.writerows([*row, *([""] if told else [])] for row in ROWS)
    path = tmp_path / "t.csv"
    path.write_bytes(((f"sep={sign}\r\n" if told else "") + out.getvalue()).encode(encoding))
    report, status = run(path, capsys)
    assert (report["imported"], report["skipped"], status) == (2, [], 0)
    assert report["dialect"].startswith(
        {value: key for key, value in csv_rows.DELIMITERS.items()}[sign]
    )
    first = Ticket.objects.get(external_id="1")
    assert first.subject == "Grüße; bald"
    assert unseal(first.messages.get().body) == ROWS[0][2]


@pytest.mark.django_db
def test_another_encoding_and_delimiter_can_be_named(tmp_path: Path, capsys) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("external_id;body;email\n1;Grüße;a@x.example\n".encode("cp1252"))
    report, _ = run(path, capsys)
    assert report["imported"] == 0
    assert "--encoding" in report["skipped"][0]["reason"]
    report, _ = run(path, capsys, "--encoding", "cp1252", "--delimiter", "semicolon")
    assert report["imported"] == 1


@pytest.mark.django_db
def test_a_row_between_the_parts_of_a_torn_record_is_nobodys(tmp_path: Path, capsys) -> None:
    path = tmp_path / "t.csv"
    path.write_text(
        HEADER
        + "r0,s,good,Ida,ida@x.example\n"
        + f"r1,s,line one\nline two\n\n{PHANTOM}more,Ann,a@x.example\n"
        + "r3,too,few\nr4,fine,fine,Bob,b@x.example\n"
    )
    report, _ = run(path, capsys)
    assert set(Ticket.objects.values_list("external_id", flat=True)) == {"r0", "r4"}
    assert [row["line"] for row in report["skipped"]] == [3, 4, 6, 7, 8]
    assert not Contact.objects.filter(email="victim@bank.example").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("before", ["", "\r\r", "sep=;\r"])
def test_line_ends_of_old_spreadsheets(encoding: str, before: str, tmp_path: Path, capsys) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(f"{before}external_id;body;email\r1;Grüße;a@x.example\r".encode(encoding))
    report, status = run(path, capsys)
    assert (report["imported"], report["skipped"], status) == (1, [], 0)


def test_no_header_breaks_the_detection() -> None:
    for first in ('"body', "x" * 200_000, 'a"b\r"', "\x00;\x00", ""):
        csv_rows.read(f"{first}\nx".encode(), known=FIELDS)


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)


@given(
    st.lists(st.lists(cells, min_size=2, max_size=5), min_size=1, max_size=6),
    st.sampled_from(",;\t|"),
)
def test_what_a_writer_wrote_is_read_back_and_nothing_else(
    rows: list[list[str]], sign: str
) -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=sign, quoting=csv.QUOTE_ALL).writerows(rows)
    _, records = csv_rows.read(out.getvalue().encode(), known=FIELDS, delimiter=sign)
    assert [cells for _, cells in records] == rows


@given(st.lists(st.text(alphabet='a",\n', max_size=30), max_size=8).map("".join))
def test_whatever_is_broken_ends_the_file(text: str) -> None:
    """Every record that comes before the break is one that a strict reader reads of a whole file too."""
    _, records = csv_rows.read(text.encode(), known=FIELDS, delimiter=",")
    read = []
    try:
        for _, row in records:
            read.append(row)
    except csv_rows.BrokenCsv:
        assert read == before_the_break(text)


def before_the_break(text: str) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    found = []
    try:
        for row in reader:
            found += [row] if row else []
    except csv.Error:
        return found
    raise AssertionError("the reference reads it whole")
