"""`export_decisions`: corrections as training records, redacted, erasable, on the record."""

from __future__ import annotations

import hashlib
import io
import json
import os
import stat
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from assistant.models import AuditEvent, TicketKey
from assistant.privacy.encryption import ticket_digest
from generation.training.prepared import read_decisions
from generation.training.record_files import read_records, tombstones_beside
from review import claims, decisions, undoing
from review.training_export import group_of, split_of_ticket
from tests.review.factories import (
    NOON,
    REPLY,
    SAID,
    add_message,
    make_article,
    make_draft,
    make_ticket,
)

pytestmark = pytest.mark.django_db
BODY = (
    "Hold the ring for ten seconds until the display goes dark. "
    "The thermostat restarts and keeps its schedules. It is covered for 7 years."
)


def decided(mara, *, verdict="approve", text=REPLY, body=None, number=0, **ticket):
    """A ticket whose draft was approved (or edited, rejected) by Mara."""
    words = body or "Hello,\n\nsince the update my thermostat is offline. What can I do?"
    ticket = make_ticket(body=words, at=NOON - timedelta(hours=2), **ticket)
    draft = make_draft(ticket)
    token = claims.claim(ticket=ticket, user=mara, now=NOON).token
    now = NOON + timedelta(minutes=number)
    if verdict == "reject":
        return decisions.reject(
            draft=draft, user=mara, reason="wrong", note="", claim_token=token, now=now
        )
    return decisions.approve(
        draft=draft, user=mara, text=text, base_candidate=draft.chosen, claim_token=token,
        seconds_spent=9.0, score_hidden=False, now=now, send_anyway=True,
    )  # fmt: skip


def export(path, **options):
    printed = io.StringIO()
    call_command("export_decisions", out=path, json=True, stdout=printed, **options)
    return json.loads(printed.getvalue()), [json.loads(line) for line in path.open()]


def forget(ticket):
    TicketKey.objects.filter(ticket=ticket).update(wrapped=None, destroyed_at=NOON)


def test_approved_and_edited_replies_become_records_with_the_passages_as_they_were(mara, tmp_path):
    edited = REPLY.replace("It is covered for 7 years.", "It takes two minutes.")
    decided(mara)
    decided(mara, text=edited)
    decided(mara, verdict="reject")
    figures, rows = export(tmp_path / "d.jsonl")
    assert (figures["records"], figures["approved"], figures["edited"]) == (2, 1, 1)
    assert figures["rejected"] == {"wrong": 1}
    assert [row["body"] for row in rows] == [
        BODY,
        BODY.replace("It is covered for 7 years.", "It takes two minutes."),
    ]
    for row in rows:
        assert [p["title"] for p in row["passages"]] == [
            "Reset the thermostat",
            "Thermostat warranty",
        ]
        assert row["right"] == 0
        assert row["passages"][0]["text"].startswith("## Steps")
        assert row["source"] == "decisions"
        assert not row["synthetic"]
        assert row["thread"][-1]["role"] == "customer"
    assert rows[0]["provenance"].startswith("approved unchanged: generated draft")
    assert rows[1]["provenance"].startswith("edited and approved")


def test_the_right_passage_is_the_one_that_the_text_rests_on(mara, tmp_path):
    ticket = make_ticket(at=NOON - timedelta(hours=2))
    draft = make_draft(ticket)
    second = draft.sources.get(rank=2)
    draft.chosen.sentences.filter(source__isnull=False).update(source=second)
    token = claims.claim(ticket=ticket, user=mara, now=NOON).token
    decisions.approve(
        draft=draft, user=mara, text=REPLY, base_candidate=draft.chosen, claim_token=token,
        seconds_spent=1.0, score_hidden=False, now=NOON,
    )  # fmt: skip
    _, (row,) = export(tmp_path / "d.jsonl")
    assert row["right"] == 1
    assert row["passages"][1]["title"] == "Thermostat warranty"


def test_the_whole_thread_is_there_in_order_and_no_internal_note(mara, tmp_path):
    ticket = make_ticket(at=NOON - timedelta(hours=2), body="My thermostat is off.")
    add_message(ticket, "Is it on the wall?", direction="outbound", author=mara)
    add_message(ticket, "Careful: he shouts.", direction="note", author=mara)
    add_message(ticket, "Yes it is.")
    draft = make_draft(ticket)
    token = claims.claim(ticket=ticket, user=mara, now=NOON).token
    decisions.approve(
        draft=draft, user=mara, text=REPLY, base_candidate=draft.chosen, claim_token=token,
        seconds_spent=1.0, score_hidden=False, now=NOON,
    )  # fmt: skip
    _, (row,) = export(tmp_path / "d.jsonl")
    assert [(t["role"], t["text"]) for t in row["thread"]] == [
        ("customer", "My thermostat is off."),
        ("agent", "Is it on the wall?"),
        ("customer", "Yes it is."),
    ]


def test_names_addresses_and_numbers_are_placeholders_and_greeting_and_signature_go(mara, tmp_path):
    body = (
        "I'm Mara Ilves (mara.ilves@example.com, +49 89 2312010), order of Ilves. "
        "Does my thermostat reset?"
    )
    text = REPLY.replace("It is covered for 7 years.", "We write to mara.ilves@example.com then.")
    decided(mara, body=body, text=text)
    path = tmp_path / "d.jsonl"
    _, (row,) = export(path)
    raw = path.read_text()
    for private in ("Mara", "Ilves", "example.com", "2312010", "Lindqvist"):
        assert private not in raw
    said = row["thread"][0]["text"]
    assert said.startswith("I'm [name 1] ([email 1], [phone 1]), order of [name 1].")
    assert row["body"].endswith("We write to [email 1] then.")
    assert "Hi" not in row["reply"]
    assert "support team" not in row["reply"]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_an_address_of_the_agents_own_is_no_example_to_learn_from(mara, tmp_path):
    text = REPLY.replace("It is covered for 7 years.", "Call my mobile, +49 171 2345678.")
    decided(mara, text=text)
    figures, rows = export(tmp_path / "d.jsonl")
    assert rows == []
    assert figures["left_out"] == {"personal_data_of_the_agents_own": 1}


def test_what_was_undone_or_rests_on_nothing_is_left_out(mara, tmp_path):
    undone = decided(mara)
    undoing.undo(decision=undone, user=mara, now=NOON + timedelta(seconds=1))
    ticket = make_ticket(at=NOON - timedelta(hours=2))
    draft = make_draft(ticket, said=[s for s in SAID if s.courtesy], chunk=make_article())
    token = claims.claim(ticket=ticket, user=mara, now=NOON).token
    decisions.approve(
        draft=draft, user=mara, text=REPLY, base_candidate=draft.chosen, claim_token=token,
        seconds_spent=1.0, score_hidden=False, now=NOON,
    )  # fmt: skip
    figures, rows = export(tmp_path / "d.jsonl")
    assert rows == []
    assert figures["left_out"] == {"no_evidence": 1}


def test_a_forgotten_ticket_is_gone_from_the_next_export_and_named_in_the_tombstones(
    mara, tmp_path
):
    kept, gone = decided(mara), decided(mara)
    path = tmp_path / "d.jsonl"
    _, rows = export(path)
    groups = [group_of(kept.ticket_id), group_of(gone.ticket_id)]
    assert [row["group"] for row in rows] == groups
    assert tombstones_beside(path).read_text() == ""
    old = path.read_text()

    forget(gone.ticket)
    figures, rows = export(path)
    assert [row["group"] for row in rows] == groups[:1]
    assert figures["left_out"] == {"forgotten": 1}
    assert tombstones_beside(path).read_text() == groups[1] + "\n"

    path.write_text(old)  # somebody's copy from before: the list beside it still holds
    train, never, left_out = read_decisions(path)
    assert {r.group for r in train + never} <= {groups[0]}
    assert left_out["forgotten"] == 1


def test_a_ticket_with_one_destroyed_text_is_forgotten_too(mara, tmp_path):
    decision = decided(mara)
    message = decision.ticket.messages.get()
    type(message.body).objects.filter(pk=message.body_id).update(ciphertext=None, salt=None)
    figures, rows = export(tmp_path / "d.jsonl")
    assert rows == []
    assert figures["left_out"] == {"forgotten": 1}
    assert figures["forgotten_tickets"] == 1


def test_the_never_train_split_is_a_tenth_of_the_tickets_and_the_same_in_every_export(
    mara, tmp_path
):
    numbers = range(1, 3001)
    splits = [split_of_ticket(number) for number in numbers]
    assert 0.08 < splits.count("never") / len(splits) < 0.12
    assert splits == [split_of_ticket(number) for number in numbers]
    tickets = [decided(mara, number=number).ticket_id for number in range(2)]
    export(tmp_path / "first.jsonl")
    export(tmp_path / "second.jsonl")
    first, second = (
        [(record.group, split) for record, split in read_records(tmp_path / name)]
        for name in ("first.jsonl", "second.jsonl")
    )
    assert first == second
    assert [split for _, split in first] == [split_of_ticket(t) for t in tickets]


def test_a_tickets_name_in_files_needs_the_installations_key(settings):
    here = ticket_digest(7)
    assert here != ticket_digest(8)
    assert len(here) == 32
    settings.INSTALLATION_KEY = "another" * 8
    assert ticket_digest(7) != here


def test_since_takes_only_later_decisions_and_still_names_every_forgotten_ticket(mara, tmp_path):
    early, late = decided(mara), decided(mara, number=60)
    forget(early.ticket)
    path = tmp_path / "d.jsonl"
    figures, rows = export(path, since=(NOON + timedelta(minutes=30)).isoformat())
    assert [row["group"] for row in rows] == [group_of(late.ticket_id)]
    assert figures["left_out"] == {}
    assert tombstones_beside(path).read_text() == group_of(early.ticket_id) + "\n"
    with pytest.raises(CommandError, match="--since") as refused:
        call_command("export_decisions", out=path, since="yesterday")
    assert refused.value.returncode == 2


def test_the_export_every_text_in_it_and_its_digest_are_on_the_record(mara, tmp_path):
    decision = decided(mara)
    before = AuditEvent.objects.count()
    path = tmp_path / "d.jsonl"
    figures, _ = export(path)
    made = list(AuditEvent.objects.order_by("index")[before:])
    assert [event.action for event in made] == [
        "log.exported", "text.read", "text.read", "log.export_written",
    ]  # fmt: skip
    begun, *read, written = (json.loads(event.canonical) for event in made)
    assert begun["data"]["what"] == "decisions"
    assert begun["actor"] == "system:export_decisions"
    assert {event["ticket"] for event in read} == {decision.ticket_id}
    assert {event["data"]["export"] for event in read} == {begun["index"]} == {figures["export"]}
    assert written["data"]["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert written["data"]["records"] == 1


def test_an_export_that_fails_leaves_the_last_one_as_it_was(mara, tmp_path, monkeypatch):
    from assistant.privacy import redaction
    from assistant.privacy.pii import PiiScreenFailed

    decided(mara)
    path = tmp_path / "d.jsonl"
    export(path)
    before = path.read_bytes()

    def broken(text):
        raise PiiScreenFailed("no analyzer")

    decided(mara, body="My number is 5551234 and my thermostat is off.")
    monkeypatch.setattr(redaction, "find_pii", broken)
    with pytest.raises(CommandError, match="nothing was exported") as refused:
        call_command("export_decisions", out=path)
    assert refused.value.returncode == 2
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.glob("*d.jsonl*")) == ["d.jsonl", "d.jsonl.forgotten"]
