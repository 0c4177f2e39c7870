"""The auditors' pages: events are found, texts open on the record, files say what the log says."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.urls import reverse

from assistant.audit import triggers
from assistant.audit.log import actor_of, record, system
from assistant.audit.verify import verify
from assistant.models import AuditEvent, AuditHead, OutboundReply, SealedText, User
from assistant.outbox import hold_reply
from assistant.privacy.encryption import seal
from generation.models import Draft, ModelVersion
from retrieval.models import Revision
from review import forgetting
from review.diff import to_json, word_diff
from review.models import Decision
from tests.people import signed_in
from tests.review.factories import REPLY, make_draft, make_ticket

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
FINAL = REPLY.replace("7 years", "2 years")
PROMPT = "Answer the question from these passages."
QUESTION = "Hello,\n\nsince the update my thermostat is offline. What can I do?"


@pytest.fixture
def auditor(otto: User) -> Any:
    return signed_in(otto)


@pytest.fixture
def edited(mara: User, checkpoint_file: Path, django_capture_on_commit_callbacks: Any) -> Draft:
    """A draft that Mara edited and approved, with the events that its steps record."""
    with django_capture_on_commit_callbacks(execute=True):
        ticket = make_ticket(at=NOW)
        message = ticket.messages.get()
        record(
            "message.received",
            actor="api:shop",
            ticket=ticket.pk,
            data={"message": message.pk, "digest": message.body.digest},
            now=NOW,
        )
    with django_capture_on_commit_callbacks(execute=True):
        draft = make_draft(ticket)
        draft.prompt = seal(ticket=ticket, text=PROMPT)
        draft.generator = ModelVersion.objects.create(
            kind="generator", name="tiny-neo", digest="123456789abc" + 52 * "0"
        )
        draft.state, draft.finished_at = Draft.State.EDITED, NOW + timedelta(minutes=1)
        draft.save()
        record(
            "draft.made",
            actor=system("gpu"),
            ticket=ticket.pk,
            draft=draft.pk,
            model="tiny-neo@123456789abc",
            data={
                "prompt_digest": draft.prompt.digest,
                "sources": [[source.rank, source.chunk_id] for source in draft.sources.all()],
                "candidates": [[one.kind, one.text.digest] for one in draft.candidates.all()],
            },
            now=NOW + timedelta(minutes=1),
        )
    with django_capture_on_commit_callbacks(execute=True):
        decision = Decision.objects.create(
            ticket=ticket,
            draft=draft,
            candidate=draft.chosen,
            user=mara,
            verdict=Decision.Verdict.EDIT,
            final_text=seal(ticket=ticket, text=FINAL),
            diff=seal(ticket=ticket, text=to_json(word_diff(REPLY, FINAL))),
            edit_distance=0.02,
            decided_at=NOW + timedelta(minutes=2),
        )
        decision.reply = hold_reply(
            ticket=ticket,
            text=FINAL,
            author=mara,
            idempotency_key=f"draft-{draft.pk}-{decision.pk}",
            now=NOW + timedelta(minutes=2),
        )
        decision.save()
        record(
            "decision.made",
            actor=actor_of(mara),
            ticket=ticket.pk,
            draft=draft.pk,
            data={
                "decision": decision.pk,
                "text_digest": decision.final_text.digest,
                "diff_digest": decision.diff.digest,
            },
            now=NOW + timedelta(minutes=2),
        )
    return draft


SIGNED_IN, RECEIVED, MADE, HELD, DECIDED = range(5)  # the events' places: Otto came first


def shown(page: Any) -> list[int]:
    return [event.index for event in page.context["events"]]


def event_page(index: int) -> str:
    return reverse("audit:event", args=[index])


# --- finding --------------------------------------------------------------------------------


def test_the_log_is_shown_newest_first_with_its_root_and_checkpoint(auditor, edited):
    page = auditor.get("/audit/")
    assert shown(page) == [4, 3, 2, 1, 0]
    text = page.content.decode()
    assert verify().root in text
    assert "The newest covers 5 events" in text
    assert AuditEvent.objects.count() == 5  # looking at the whole log is no search


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"since": "2026-03-04T12:01", "until": "2026-03-05"}, [4, 3, 2]),
        ({"until": "2026-03-04T12:01:00"}, [2, 1]),
        ({"since": "2026-03-04T12:01", "until": "2026-03-04T12:01"}, [2]),
        ({"until": "2026-03-04"}, [4, 3, 2, 1]),
        ({"since": "2026-03-05", "until": "2026-03-06"}, []),
        ({"since": "2026-03-04T13:01:00+01:00", "until": "2026-03-05"}, [4, 3, 2]),
        ({"person": "mara"}, [4]),
        ({"person": "shop"}, [1]),
        ({"person": "api:shop"}, [1]),
        ({"person": "otto"}, [0]),
        ({"person": "gpu"}, [2]),
        ({"person": "nobody"}, []),
        ({"model": "tiny-neo"}, [2]),
        ({"model": "neo"}, []),
        ({"action": "draft.made"}, [2]),
        ({"action": "draft"}, [2]),
        ({"action": "d"}, []),
        ({"ticket": "TICKET"}, [4, 3, 2, 1]),
        ({"ticket": "#TICKET"}, [4, 3, 2, 1]),
        ({"ticket": "99999"}, []),
        ({"draft": "DRAFT"}, [4, 2]),
        ({"draft": "DRAFT", "person": "mara"}, [4]),
    ],
)
def test_events_are_found_by_time_ticket_draft_person_model_and_action(
    auditor, edited, query, expected
):
    places = {"TICKET": str(edited.ticket_id), "DRAFT": str(edited.pk)}
    for word, value in places.items():
        query = {name: text.replace(word, value) for name, text in query.items()}
    assert shown(auditor.get("/audit/", query)) == expected


def test_a_person_who_was_deleted_is_still_found(auditor, edited, db):
    record("user.signed_in", actor="user:4711:gone")
    assert shown(auditor.get("/audit/", {"person": "gone"})) == [5]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("since", "yesterday"),
        ("since", "2026-02-31"),
        ("since", "2026-01-01T25:00"),
        ("until", "0001-01-01T00:00+14:00"),
        ("ticket", "-1"),
        ("ticket", "9" * 30),
        ("ticket", "١"),
        ("draft", "one"),
        ("person", "x" * 201),
        ("model", "a\x00b"),
    ],
)
def test_a_filter_that_is_not_understood_is_named_and_finds_nothing(auditor, edited, field, value):
    page = auditor.get("/audit/", {field: value})
    assert page.status_code == 200
    assert list(page.context["errors"]) == [field]
    assert shown(page) == []
    assert f'aria-describedby="{field}-error"' in page.content.decode()


def test_a_search_is_an_event_and_turning_its_pages_is_not(auditor, edited, otto):
    auditor.get("/audit/", {"ticket": edited.ticket_id})
    event = AuditEvent.objects.last()
    assert (event.action, event.actor) == ("log.searched", actor_of(otto))
    assert json.loads(event.canonical)["data"] == {"filters": {"ticket": edited.ticket_id}}
    auditor.get("/audit/", {"ticket": edited.ticket_id, "before": "3"})
    assert AuditEvent.objects.count() == 6


def test_long_results_are_read_page_by_page(auditor, db):
    for i in range(1, 121):
        record("a.b", actor=system("test"), ticket=i % 2)
    seen: list[int] = []
    url: str | None = "/audit/?ticket=1"
    while url:
        page = auditor.get(url)
        seen += shown(page)
        older = page.context["older"]
        url = f"/audit/?{page.context['query']}&before={older}" if older is not None else None
        assert url is None or url.replace("&", "&amp;") in page.content.decode()
    assert seen == list(range(119, 0, -2))


def test_an_empty_log_says_so(auditor):
    triggers.lift(connection)
    AuditEvent.objects.all().delete()
    AuditHead.objects.update(size=0, frontier=[])
    assert "Nothing has happened yet" in auditor.get("/audit/").content.decode()


# --- an event -------------------------------------------------------------------------------


def test_an_event_shows_its_content_and_its_proof_but_no_text(auditor, edited):
    page = auditor.get(event_page(MADE))
    text = page.content.decode()
    assert AuditEvent.objects.get(index=MADE).leaf_hash in text
    assert page.context["proof"].holds is True
    assert page.context["proof"].size == 5
    assert "Hold the ring for ten seconds until" in text  # the passage: no personal data
    assert PROMPT not in text
    assert "since the update" not in text
    assert AuditEvent.objects.count() == 5  # nothing was read


def test_opened_texts_are_as_they_were_and_each_is_an_event(auditor, edited, otto):
    page = auditor.post(event_page(DECIDED))
    parts = page.context["behind"].parts
    assert {part.role.split()[0]: part.text for part in parts if part.role[0] != "c"} == {
        "message": QUESTION,
        "prompt": PROMPT,
        "final": FINAL,
        "diff": to_json(word_diff(REPLY, FINAL)),
        "reply": FINAL,
    }
    assert next(part.text for part in parts if part.role[0] == "c") == REPLY
    assert {(part.state, part.holds) for part in parts} == {("open", True)}
    text = page.content.decode()
    assert re.search(r"<del>7\s*</del><ins>2\s*</ins>", text)
    read = AuditEvent.objects.filter(action="text.read")
    assert read.count() == len(parts) == 7
    assert {event.actor for event in read} == {actor_of(otto)}
    data = [json.loads(event.canonical)["data"] for event in read]
    assert {one["text"] for one in data} == {part.sealed.pk for part in parts}
    assert {one["digest"] for one in data} == {part.sealed.digest for part in parts}
    assert {(one["event"], one["holds"]) for one in data} == {(DECIDED, True)}


def test_the_passages_are_held_against_the_event(auditor, edited):
    assert auditor.get(event_page(MADE)).context["behind"].sources_hold is True
    revision = edited.sources.first().chunk.revision
    Revision.objects.filter(pk=revision.pk).update(text=revision.text.replace("ten", "two"))
    page = auditor.get(event_page(MADE))
    assert page.context["behind"].sources_hold is False
    assert "not the passages that the event names" in page.content.decode()


def test_a_text_that_was_replaced_is_shown_as_altered(auditor, edited):
    forged = seal(ticket=edited.ticket, text="Answer whatever you like.")
    SealedText.objects.filter(pk=edited.prompt_id).update(
        ciphertext=forged.ciphertext, salt=forged.salt
    )
    page = auditor.post(event_page(MADE))
    part = page.context["behind"].part("prompt")
    assert (part.text, part.holds) == ("Answer whatever you like.", False)
    assert "Altered" in page.content.decode()
    # with its own digest it fits itself, but nothing in the log names it, however often it is read
    SealedText.objects.filter(pk=edited.prompt_id).update(digest=forged.digest)
    for _ in range(2):
        page = auditor.post(event_page(MADE))
        assert page.context["behind"].part("prompt").holds is False
        assert "it cannot be proven" in page.content.decode()


def test_what_the_key_does_not_open_is_said(auditor, edited):
    SealedText.objects.filter(pk=edited.prompt_id).update(ciphertext=bytes(40))
    page = auditor.post(event_page(MADE))
    assert page.context["behind"].part("prompt").state == "locked"
    assert "Cannot be opened" in page.content.decode()


def forget(draft: Draft) -> None:
    OutboundReply.objects.update(state="failed")  # none is on its way
    forgetting.forget(tickets=[draft.ticket], retire_drafts=True, actor="system:forget", now=NOW)


def test_forgotten_texts_are_said_to_be_forgotten_and_the_log_still_holds(auditor, edited):
    forget(edited)
    for page in (auditor.get(event_page(DECIDED)), auditor.post(event_page(DECIDED))):
        assert {part.state for part in page.context["behind"].parts} == {"forgotten"}
        assert (
            "At the customer&#x27;s request, 2026-03-04 12:00:00"
            in page.content.decode().replace("customer's", "customer&#x27;s")
        )
        assert "Open the texts" not in page.content.decode()
    assert not AuditEvent.objects.filter(action="text.read").exists()
    assert verify().ok


def test_an_event_of_a_message_or_a_reply_opens_its_text(auditor, edited):
    page = auditor.post(event_page(RECEIVED))
    assert [part.text for part in page.context["behind"].parts] == [QUESTION]
    page = auditor.post(event_page(HELD))
    assert {p.role.split()[0] for p in page.context["behind"].parts} == {"final", "diff", "reply"}


def test_an_event_outlives_what_it_speaks_of(auditor, db):
    record("draft.made", actor=system("gpu"), ticket=5, draft=6)
    record("message.received", actor=system("gpu"), ticket=5, data={"message": 7})
    record("reply.sent", actor=system("outbox"), ticket=5, data={"reply": 8})
    record("decision.made", actor="user:1:mara", ticket=5, data={"decision": 9})
    for index, gone in enumerate(["draft 6", "message 7", "reply 8", "decision 9"], 1):
        page = auditor.get(event_page(index))
        assert page.context["behind"].missing == [gone]
        assert gone in page.content.decode()


def test_an_altered_event_is_shown_as_not_proven(auditor, edited):
    triggers.lift(connection)
    event = AuditEvent.objects.get(index=MADE)
    AuditEvent.objects.filter(index=MADE).update(canonical=event.canonical.replace("tiny", "huge"))
    page = auditor.get(event_page(MADE))
    assert page.context["proof"].holds is False
    AuditEvent.objects.filter(index=DECIDED).update(leaf_hash="00" * 32)
    assert auditor.get(event_page(0)).context["proof"].holds is False
    AuditEvent.objects.filter(index=DECIDED).update(canonical="no event")
    assert auditor.get(event_page(DECIDED)).status_code == 200


def test_an_event_that_no_checkpoint_covers_is_not_called_proven(auditor, edited, checkpoint_file):
    record("a.b", actor=system("test"))
    assert auditor.get(event_page(5)).context["proof"].holds is None
    checkpoint_file.unlink()
    assert auditor.get(event_page(0)).context["proof"].holds is None


def test_with_many_events_the_proof_is_made_on_demand(auditor, edited, monkeypatch):
    monkeypatch.setattr("review.views.audit.MANY_EVENTS", 3)
    assert auditor.get(event_page(1)).context["proof"] is None
    assert auditor.get(event_page(1), {"prove": "1"}).context["proof"].holds is True


@pytest.mark.parametrize("index", [5, 2**63, 10**30])
def test_an_event_that_is_not_there_is_not_found(auditor, edited, index):
    assert auditor.get(event_page(index)).status_code == 404


# --- verifying ------------------------------------------------------------------------------


def test_verifying_says_what_was_found_and_is_remembered(auditor, edited, otto):
    page = auditor.post("/audit/verify/", follow=True)
    assert "The log holds: 5 events" in page.content.decode()
    event = AuditEvent.objects.last()
    assert (event.action, event.actor) == ("log.verified", actor_of(otto))
    assert page.context["last_data"]["ok"] is True
    triggers.lift(connection)
    AuditEvent.objects.filter(index=2).update(actor="user:1:mara")
    page = auditor.post("/audit/verify/", follow=True)
    text = page.content.decode()
    assert "The log does not hold. Event 2: the event&#x27;s column actor differs" in text
    assert page.context["last_data"]["first_bad"]["index"] == 2


def test_a_broken_head_does_not_break_the_pages(auditor, edited):
    triggers.lift(connection)
    AuditHead.objects.update(frontier=["no hash"])
    assert "The head is damaged" in auditor.get("/audit/").content.decode()
    page = auditor.post("/audit/verify/", follow=True)
    assert "The log does not hold" in page.content.decode()
    assert "run verify_audit" in page.content.decode()
    AuditHead.objects.all().delete()
    assert auditor.get("/audit/").status_code == 200


def test_a_long_log_is_verified_by_the_command(auditor, edited, monkeypatch):
    monkeypatch.setattr("review.views.audit.MANY_EVENTS", 3)
    page = auditor.post("/audit/verify/", follow=True)
    assert "manage.py verify_audit" in page.content.decode()
    assert not AuditEvent.objects.filter(action="log.verified").exists()


# --- exporting ------------------------------------------------------------------------------


def body(response: Any) -> str:
    assert response.status_code == 200, response
    return b"".join(response.streaming_content).decode()


def rows_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_exported_events_are_exact_and_the_export_is_an_event(auditor, edited, otto):
    response = auditor.post(
        "/audit/export/", {"since": "2026-03-04T12:01", "until": "2026-03-05T00:00"}
    )
    rows = rows_of(body(response))
    assert response["Content-Disposition"].startswith('attachment; filename="countersign-events-')
    assert [row["index"] for row in rows] == [2, 3, 4]
    for row, event in zip(rows, AuditEvent.objects.filter(index__in=[2, 3, 4]), strict=True):
        assert row["canonical"] == event.canonical
        assert row["leaf_hash"] == event.leaf_hash
        assert row["data"] == json.loads(event.canonical)["data"]
    event = AuditEvent.objects.last()
    assert (event.action, event.actor) == ("log.exported", actor_of(otto))
    assert json.loads(event.canonical)["data"] == {
        "what": "events",
        "format": "jsonl",
        "filters": {
            "since": "2026-03-04T12:01:00.000000Z",
            "until": "2026-03-05T00:00:00.000000Z",
        },
    }


def test_exported_replies_hold_everything_and_every_text_is_recorded_as_read(auditor, edited, otto):
    [row] = rows_of(body(auditor.post("/audit/export/", {"what": "replies"})))
    assert (row["ticket"], row["draft"], row["decision"]) == (edited.ticket_id, edited.pk, "edit")
    assert (row["message"], row["prompt"], row["final_text"]) == (QUESTION, PROMPT, FINAL)
    assert [source["rank"] for source in row["sources"]] == [1, 2]
    assert row["sources"][0]["text"].startswith("## Steps")
    assert [(one["kind"], one["chosen"]) for one in row["candidates"]] == [
        ("generated", True),
        ("quoted", False),
    ]
    assert row["candidates"][0]["text"] == REPLY
    assert row["prompt_digest"] == edited.prompt.digest
    assert row["replies"][0]["text"] == FINAL
    assert row["decided_by"] == "mara"
    assert (row["digests_hold"], row["forgotten"]) == (True, False)
    assert row["events"] == [1, 2, 3, 4]
    read = AuditEvent.objects.filter(action="text.read")
    assert read.count() == 7
    assert {json.loads(event.canonical)["data"]["export"] for event in read} == {5}
    assert {event.actor for event in read} == {actor_of(otto)}
    # reading is no step of a draft: a range in which it was only read does not name it
    record("a.b", actor=system("test"))
    assert (
        rows_of(body(auditor.post("/audit/export/", {"what": "replies", "person": "otto"}))) == []
    )


def test_forgotten_texts_are_null_in_an_export(auditor, edited):
    forget(edited)
    [row] = rows_of(body(auditor.post("/audit/export/", {"what": "replies"})))
    assert row["forgotten"] is True
    assert row["digests_hold"] is None
    assert (row["message"], row["prompt"], row["final_text"]) == (None, None, None)
    assert row["final_digest"] == edited.decisions.get().final_text.digest


def test_a_reply_without_a_draft_is_exported_too(auditor, mara):
    ticket = make_ticket(at=NOW)
    decision = Decision.objects.create(
        ticket=ticket,
        user=mara,
        verdict=Decision.Verdict.REPLY,
        final_text=seal(ticket=ticket, text="By hand."),
        decided_at=NOW,
    )
    record(
        "decision.made",
        actor=actor_of(mara),
        ticket=ticket.pk,
        data={"decision": decision.pk, "text_digest": decision.final_text.digest},
    )
    [row] = rows_of(body(auditor.post("/audit/export/", {"what": "replies"})))
    assert (row["draft"], row["decision"], row["final_text"]) == (None, "reply", "By hand.")
    assert row["events"] == [1]


def test_a_reply_that_a_policy_approved_is_exported_as_the_final_text(auditor, db):
    draft = make_draft(make_ticket(at=NOW), state="auto_approved")
    hold_reply(
        ticket=draft.ticket,
        text=REPLY,
        author=None,
        idempotency_key=f"draft-{draft.pk}-policy",
        now=NOW,
    )
    record("draft.made", actor=system("gpu"), ticket=draft.ticket_id, draft=draft.pk)
    [row] = rows_of(body(auditor.post("/audit/export/", {"what": "replies"})))
    assert (row["decision"], row["final_text"]) == (None, REPLY)
    assert row["replies"][0]["state"] == OutboundReply.State.HELD


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_no_cell_of_a_csv_is_a_formula(auditor, edited, start):
    edited.prompt = seal(ticket=edited.ticket, text=start)
    edited.category = start
    edited.save()
    text = body(auditor.post("/audit/export/", {"what": "replies", "format": "csv"}))
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert (row["prompt"], row["category"]) == ("'" + start, "'" + start)
    assert row["ticket"] == str(edited.ticket_id)
    assert json.loads(row["candidates"])[0]["text"] == REPLY


def test_events_are_exported_as_csv(auditor, edited):
    text = body(auditor.post("/audit/export/", {"format": "csv"}))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["index"] for row in rows] == ["0", "1", "2", "3", "4", "5"]
    assert rows[3]["canonical"] == AuditEvent.objects.get(index=3).canonical


@pytest.mark.parametrize("wrong", [{"format": "xls"}, {"what": "all"}, {"ticket": "one"}])
def test_a_wrong_export_exports_nothing_and_says_so(auditor, edited, wrong):
    page = auditor.post("/audit/export/", wrong, follow=True)
    assert "Nothing was exported" in page.content.decode()
    assert not AuditEvent.objects.filter(action="log.exported").exists()


def test_nothing_is_exported_or_verified_by_a_link(auditor, edited):
    assert auditor.get("/audit/export/").status_code == 405
    assert auditor.get("/audit/verify/").status_code == 405


# --- the command ----------------------------------------------------------------------------


def test_export_log_writes_the_prompt_and_response_log(edited, tmp_path):
    target = tmp_path / "log.jsonl"
    call_command("export_log", "--out", str(target), "--ticket", str(edited.ticket_id))
    [row] = rows_of(target.read_text())
    assert (row["prompt"], row["final_text"], row["digests_hold"]) == (PROMPT, FINAL, True)
    event = AuditEvent.objects.get(action="log.exported")
    assert (event.actor, event.ticket_number) == ("system:export_log", edited.ticket_id)
    assert target.stat().st_mode & 0o077 == 0  # it holds customers' words
    assert verify().unproven == 0 or verify().ok


def test_export_log_keeps_to_its_range(edited, tmp_path):
    target = tmp_path / "log.csv"
    call_command("export_log", "--out", str(target), "--format", "csv", "--until", "2026-03-03")
    assert target.read_text().count("\n") == 1  # the heading
    call_command("export_log", "--out", str(target), "--format", "csv", "--since", "2026-03-04")
    [row] = csv.DictReader(io.StringIO(target.read_text(), newline=""))
    assert row["final_text"] == FINAL


def test_export_log_that_cannot_run_leaves_nothing_behind(edited, tmp_path):
    for arguments in (
        ["--out", str(tmp_path / "nowhere" / "log.jsonl")],
        ["--out", str(tmp_path / "log.jsonl"), "--since", "yesterday"],
    ):
        with pytest.raises(CommandError) as refused:
            call_command("export_log", *arguments)
        assert refused.value.returncode == 2
    assert list(tmp_path.glob("*log*")) == []
    triggers.lift(connection)
    AuditHead.objects.all().delete()
    with pytest.raises(CommandError):
        call_command("export_log", "--out", str(tmp_path / "log.jsonl"))
    assert list(tmp_path.glob("*log*")) == []


# --- docs/audit.md --------------------------------------------------------------------------


def run_the_documented_verifier(events: str, checkpoints: Path, folder: Path) -> tuple[int, str]:
    guide = (Path(settings.BASE_DIR) / "docs" / "audit.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", guide, re.DOTALL)
    (folder / "verify.py").write_text(code)
    (folder / "events.jsonl").write_text(events)
    done = subprocess.run(
        [sys.executable, "-I", folder / "verify.py", folder / "events.jsonl", checkpoints],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def export_everything(auditor: Any, run_callbacks: Any) -> str:
    """What the page gives for no filter, with the checkpoint that the export itself leaves."""
    with run_callbacks(execute=True):
        return body(auditor.post("/audit/export/", {}))


def test_the_documented_verifier_agrees_with_ours(
    auditor, edited, checkpoint_file, tmp_path, django_capture_on_commit_callbacks
):
    events = export_everything(auditor, django_capture_on_commit_callbacks)
    lines = events.splitlines(keepends=True)
    assert json.loads(lines[-1])["action"] == "log.exported"
    assert verify().ok
    assert run_the_documented_verifier(events, checkpoint_file, tmp_path) == (
        0,
        "6 events hold; 0 are under no checkpoint yet\n",
    )
    altered = events.replace("tiny-neo", "huge-neo")
    for damaged, said in (
        (altered, "the checkpoint of 3 events does not hold"),
        ("".join(lines[:2] + lines[3:]), "event 2 is missing"),
        ("".join(lines[:3]), "events after 3 are"),
    ):
        status, out = run_the_documented_verifier(damaged, checkpoint_file, tmp_path)
        assert (status, said in out) == (1, True), out
    assert run_the_documented_verifier(events, tmp_path / "verify.py", tmp_path)[0] == 1


def test_a_checkpoint_file_that_was_copied_first_as_the_page_says_covers_less_and_holds(
    auditor, edited, checkpoint_file, tmp_path, django_capture_on_commit_callbacks
):
    copied = tmp_path / "copy.jsonl"
    copied.write_bytes(checkpoint_file.read_bytes())
    with django_capture_on_commit_callbacks(execute=True):  # the log goes on meanwhile
        record("part.tested", actor=system("web"), now=NOW)
    events = export_everything(auditor, django_capture_on_commit_callbacks)
    assert run_the_documented_verifier(events, copied, tmp_path) == (
        0,
        "7 events hold; 2 are under no checkpoint yet\n",
    )


def test_a_torn_last_line_of_the_copied_checkpoints_is_named_by_the_documented_verifier(
    auditor, edited, checkpoint_file, tmp_path, django_capture_on_commit_callbacks
):
    events = export_everything(auditor, django_capture_on_commit_callbacks)
    torn = tmp_path / "torn.jsonl"
    torn.write_bytes(checkpoint_file.read_bytes()[:-20])
    status, out = run_the_documented_verifier(events, torn, tmp_path)
    assert status == 0
    assert "the last line of the checkpoint file is incomplete" in out
