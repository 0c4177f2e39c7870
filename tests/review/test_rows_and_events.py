"""What people read is what is proved: rows are held against their events, and pages show the log's words."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.apps import apps
from django.db import IntegrityError, models, transaction
from django.utils import timezone

from assistant.api_keys import create_api_key
from assistant.audit import rows
from assistant.audit.content import instant
from assistant.audit.facts import said
from assistant.audit.log import actor_of, system
from assistant.audit.verify import verify
from assistant.intake import receive_message
from assistant.models import (
    AuditEvent,
    Message,
    OutboundReply,
    SealedText,
    Ticket,
    TicketKey,
    User,
)  # fmt: skip
from assistant.outbox import deliver_due
from generation import queue, versions
from generation.drafted import Candidate, DraftedReply
from generation.models import Draft, DraftSource, ModelChange
from generation.routing import Route
from generation.saving import save_drafted
from retrieval import collections, publishing
from retrieval.models import Collection, Revision
from review import claims, decisions, undoing
from review.models import Decision
from tests import people
from tests.review.factories import add_message, make_draft, make_ticket

pytestmark = pytest.mark.django_db
TEXT = "Hello Ana,\n\nHold the ring for ten seconds.\n\nThe support team"
ARTICLE = "## Steps\n\nHold the ring for ten seconds."


@pytest.fixture
def run_on_commit(django_capture_on_commit_callbacks: Any) -> Any:
    return lambda: django_capture_on_commit_callbacks(execute=True)


def drafted(ticket: Ticket, *, confidence: float = 0.81) -> Draft:
    """What intake queued, leased and saved as a worker does; only the model's part is made up here."""
    now = timezone.now()
    batch = queue.lease_batch(size=10, now=now)
    assert batch is not None
    [draft] = batch.drafts
    quoted = Candidate(kind="quoted", body=TEXT, text=TEXT, offsets=[], relevance=0.625)
    reply = DraftedReply(
        question=None,  # type: ignore[arg-type]
        candidates=[quoted],
        chosen=quoted,
        confidence=confidence,
        sampling={"temperature": 0.3, "samples": 1},
        screens_record={"toxicity": {"toxicity": 1e-7, "version": "tiny"}},
        category="Devices",
        language="en",
        route=Route("in_review", []),
        timings={"draft": 0.25},
    )
    with_passages(draft)
    assert save_drafted(draft, batch.token, reply, now=timezone.now())
    draft.refresh_from_db()
    return draft


def with_passages(draft: Draft) -> None:
    """Two passages, as retrieval would have saved them."""
    for rank, chunk in enumerate(published().chunks.all()[:1], start=1):
        DraftSource.objects.create(draft=draft, rank=rank, chunk=chunk, score=0.5, in_prompt=True)


def published(text: str = ARTICLE) -> Revision:
    help_centre = Collection.objects.get_or_create(name="help")[0]
    return publishing.publish(
        collection=help_centre, source="ring.md", title="Ring", text=text, category="Devices",
        language="en", now=timezone.now(),
    )  # fmt: skip


def asked(external_id: str) -> Ticket:
    return receive_message(
        channel="email", subject="Ring", body="How do I restart it?", name="Ana",
        email="ana@example.org", external_id=external_id, source="import", actor=system("import"),
        now=timezone.now(),
    ).ticket  # fmt: skip


def approved(draft: Draft, user: User) -> Decision:
    token = claims.claim(ticket=draft.ticket, user=user, now=timezone.now()).token
    return decisions.approve(
        draft=draft, user=user, text=TEXT, base_candidate=draft.chosen, claim_token=token,
        seconds_spent=21.0, score_hidden=False, now=timezone.now(),
    )  # fmt: skip


@pytest.fixture
def a_days_work(mara: User, jonas: User, ada: User, run_on_commit: Any) -> Draft:
    """Real steps of the product, so that the log speaks of rows of many kinds."""
    with run_on_commit():
        answered = drafted(asked("one"))
        approved(answered, mara)
        deliver_due(now=timezone.now() + timedelta(minutes=1))
        undone = drafted(asked("two"))
        undoing.undo(decision=approved(undone, jonas), user=jonas, now=timezone.now())
        rejected = drafted(asked("three"))
        token = claims.claim(ticket=rejected.ticket, user=mara, now=timezone.now()).token
        decisions.reject(
            draft=rejected, user=mara, reason="wrong", note="The ring is another one.",
            claim_token=token, now=timezone.now(),
        )  # fmt: skip
        asked("four")
        create_api_key(
            name="shop", scopes=["tickets:read"], actor=system("command"), now=timezone.now()
        )
        collections.create(
            name="inner", title="Inner", visibility="internal", channels=[], actor=actor_of(ada),
            now=timezone.now(),
        )  # fmt: skip
    found = verify()
    assert found.ok, found.first_bad
    return answered


def told() -> dict[Any, Any]:
    lines = AuditEvent.objects.order_by("index").values_list("canonical", flat=True)
    return rows.told_by(event for line in lines if (event := said(line)))


def another(field: models.Field, value: Any) -> Any:
    """A value of the same type that is not this one; None for a column that is left alone."""
    if isinstance(field, models.ForeignKey):
        return (
            field.related_model._default_manager.exclude(pk=value)
            .values_list("pk", flat=True)
            .first()
        )
    if isinstance(field, models.BooleanField):
        return not value
    if isinstance(field, models.DateTimeField):
        return value + timedelta(seconds=1) if value else timezone.now()
    if isinstance(field, models.FloatField):
        return 0.123 if value is None else value + 0.1
    if isinstance(field, models.IntegerField):
        return (value or 0) + 1
    if isinstance(field, models.JSONField):
        return ["tickets:write"] if isinstance(value, list) else {"sent_anyway": True}
    choices = [one for one, _ in field.choices or () if one not in (value, "")]
    return choices[-1] if choices else f"{value}x"[: field.max_length or 100]


def test_any_column_that_the_log_speaks_of_is_found_when_it_was_changed(a_days_work):
    """Each in turn, past every function of the product, as somebody with the database would."""
    tried: set[tuple[str, str]] = set()
    for (kind, key), row in told().items():
        model = apps.get_model(rows.KINDS[kind].model)
        where = model._default_manager.filter(**dict(zip(rows.KINDS[kind].key, key, strict=True)))
        for column in row.facts:
            if (kind, column) in tried or not rows.is_column(model, column) or "__" in column:
                continue
            field = next(f for f in model._meta.fields if column in {f.name, f.attname})
            was = where.values_list(column, flat=True).get()
            changed = another(field, was)
            if changed is None or field.primary_key or not _is_told(row.facts[column], changed):
                continue
            try:
                with transaction.atomic():
                    where.update(**{column: changed})
            except IntegrityError:  # the database refuses it already
                continue
            found = verify()
            assert not found.ok, (kind, column, was, changed)
            assert f"{kind} " in found.first_bad["what"], found.first_bad
            where.update(**{column: was})
            tried.add((kind, column))
    assert verify().ok
    assert {"decision", "draft", "reply", "message", "API key", "collection", "revision"} <= {
        kind for kind, _ in tried
    }
    assert {
        ("decision", "user_id"), ("decision", "decided_at"), ("decision", "verdict"),
        ("decision", "seconds_spent"), ("draft", "confidence"), ("draft", "state"),
        ("draft", "finished_at"), ("reply", "state"), ("reply", "sent_digest"),
        ("message", "masked"), ("API key", "scopes"), ("API key", "revoked_at"),
    } <= tried  # fmt: skip


def _is_told(fact: Any, changed: Any) -> bool:
    return not fact.holds(changed)


@pytest.mark.parametrize(
    "change",
    [
        lambda draft: draft.candidates.update(support=0.99),
        lambda draft: draft.candidates.update(kind="generated"),
        lambda draft: Draft.objects.filter(pk=draft.pk).update(category="Billing"),
        lambda draft: Draft.objects.filter(pk=draft.pk).update(language="fr"),
        lambda draft: Draft.objects.filter(pk=draft.pk).update(screens={}),
        lambda draft: Draft.objects.filter(pk=draft.pk).update(sampling={"temperature": 0.9}),
        lambda draft: draft.sources.update(score=0.9),
        lambda draft: draft.sources.update(in_prompt=False),
        lambda draft: draft.sources.all().delete(),
        lambda draft: SealedText.objects.filter(pk=draft.chosen.text_id).update(digest="ab" * 32),
        lambda draft: Revision.objects.update(text="Never hold the ring."),
        lambda draft: Revision.objects.update(title="Another"),
    ],
)  # fmt: skip
def test_what_an_event_holds_as_a_digest_is_found_too(a_days_work, change):
    change(a_days_work)
    found = verify()
    assert not found.ok
    assert found.first_bad["what"].split()[0] in {"draft", "revision", "decision"}


@pytest.mark.parametrize("make", ["draft", "message", "decision", "reply"])
def test_a_row_that_no_event_speaks_of_is_found(a_days_work, mara, make):
    ticket = a_days_work.ticket
    if make == "message":
        add_message(ticket, "I never wrote this.")
    elif make == "draft":
        make_draft(make_ticket(at=timezone.now()))
        Message.objects.filter(ticket__subject__startswith="Thermostat").update(direction="note")
    elif make == "decision":
        Decision.objects.create(
            ticket=ticket, user=mara, verdict="escalate", decided_at=timezone.now()
        )
    else:
        reply = OutboundReply.objects.get(state="sent")
        reply.pk, reply.idempotency_key = None, "another"
        reply.save()
    found = verify()
    assert not found.ok
    assert found.first_bad["what"].startswith(f"no event speaks of {make} ")


def test_a_row_that_is_gone_is_found(a_days_work):
    Message.objects.filter(ticket__external_id="four").first().drafts.all().delete()
    found = verify()
    assert not found.ok
    assert "is not in the database any more" in found.first_bad["what"]


def test_forgetting_a_customer_is_no_difference(a_days_work, run_on_commit):
    from review.forgetting import forget

    with run_on_commit():
        forget(
            tickets=list(Ticket.objects.all()), retire_drafts=True, actor=system("forget"),
            now=timezone.now(),
        )  # fmt: skip
    found = verify()
    assert found.ok, found.first_bad


# --- pages and exports --------------------------------------------------------------------------------


def exported(client: Any, draft: Draft) -> dict[str, Any]:
    answer = client.post("/audit/export/", {"what": "replies", "draft": draft.pk})
    [row] = [json.loads(line) for line in b"".join(answer.streaming_content).decode().splitlines()]
    return row


def test_pages_and_exports_show_the_logs_words_where_the_row_was_changed(
    a_days_work, mara, ada, otto
):
    auditor = people.signed_in(otto)
    decision = Decision.objects.get(draft=a_days_work)
    before = exported(auditor, a_days_work)
    assert before["differs"] == []
    later = datetime(2031, 1, 2, 3, 4, tzinfo=decision.decided_at.tzinfo)
    Decision.objects.filter(pk=decision.pk).update(user=ada, decided_at=later)
    Draft.objects.filter(pk=a_days_work.pk).update(confidence=0.99, state="rejected")
    OutboundReply.objects.filter(decision=decision).update(state="failed", mail_id="<x@y>")
    after = exported(auditor, a_days_work)
    assert len(after.pop("differs")) == 6
    assert {name: value for name, value in after.items() if value != before[name]} == {}
    assert (after["decided_by"], after["decided_at"]) == ("mara", instant(decision.decided_at))
    index = AuditEvent.objects.filter(action="decision.made", draft_id=a_days_work.pk).get().index
    page = auditor.get(f"/audit/events/{index}/").content.decode()
    assert "The database says something else than the log" in page
    assert "<bdi>mara</bdi>, <time" in page
    assert "0.8100" in page
    assert "2031" not in page.split("Below stand the log")[1].split("</ul>")[1]


def test_who_decided_keeps_the_name_of_that_day(a_days_work, mara, otto):
    User.objects.filter(pk=mara.pk).update(username="somebody-else")
    row = exported(people.signed_in(otto), a_days_work)
    assert (row["decided_by"], row["differs"]) == ("mara", [])


def test_a_models_change_is_held_against_its_event(db, ada, run_on_commit):
    with run_on_commit():
        from generation.models import ModelVersion

        version = ModelVersion.objects.create(
            kind="generator", name="tiny", digest="ab" * 32, state="candidate"
        )
        versions.promote(
            version=version, over=None, by=ada, now=timezone.now(),
            reason="It was measured elsewhere and is better by far.",
        )  # fmt: skip
    assert verify().ok
    ModelChange.objects.update(reason="Because I say so.")
    assert "step of a model" in verify().first_bad["what"]


# --- what is gone, elsewhere or destroyed -------------------------------------------------------------


def destroyed_key(draft: Draft) -> None:
    TicketKey.objects.filter(ticket=draft.ticket).update(destroyed_at=timezone.now())


def destroyed_text(draft: Draft) -> None:
    SealedText.objects.filter(pk=draft.message.body_id).update(ciphertext=None)


def key_without_its_value(draft: Draft) -> None:
    TicketKey.objects.filter(ticket=draft.ticket).update(wrapped=None)


@pytest.mark.parametrize("destroy", [destroyed_key, destroyed_text, key_without_its_value])
def test_a_text_that_was_destroyed_is_not_shown_as_forgotten(a_days_work, otto, destroy):
    destroy(a_days_work)
    found = verify()
    assert not found.ok
    assert found.first_bad["what"].startswith(f"texts of ticket {a_days_work.ticket_id}")
    auditor = people.signed_in(otto)
    for action in ("message.received", "draft.made"):
        event = AuditEvent.objects.filter(action=action).order_by("index")[0]
        page = auditor.get(f"/audit/events/{event.index}/").content.decode()
        assert "somebody destroyed it" in page
        assert "Forgotten" not in page
        assert "The database says something else than the log" in page
    row = exported(auditor, a_days_work)
    assert row["differs"]
    assert (row["forgotten"], row["digests_hold"]) == (False, False)


def test_a_text_that_does_not_open_does_not_hold(a_days_work, otto):
    text = a_days_work.message.body
    SealedText.objects.filter(pk=text.pk).update(ciphertext=bytes(text.ciphertext) + b"x")
    assert exported(people.signed_in(otto), a_days_work)["digests_hold"] is False


@pytest.mark.parametrize(
    "change",
    [
        lambda draft: draft.candidates.update(kind="generated"),
        lambda draft: SealedText.objects.filter(pk=draft.chosen.text_id).update(digest="ab" * 32),
        lambda draft: draft.sources.update(rank=7),
        lambda draft: draft.sources.all().delete(),
        lambda draft: draft.sources.first().chunk.__class__.objects.update(text="Never hold it."),
        lambda draft: draft.sources.first().chunk.__class__.objects.update(heading_path=["Lies"]),
        lambda draft: Revision.objects.update(title="Another"),
        lambda draft: Draft.objects.filter(pk=draft.pk).update(reranker="none@1"),
        lambda draft: Draft.objects.filter(pk=draft.pk).update(error="It was the customer."),
        lambda draft: Draft.objects.filter(pk=draft.pk).update(
            reasons=[{"code": "policy", "text": "Ada wished it."}]
        ),
        lambda draft: Draft.objects.filter(pk=draft.pk).update(reasons=[7, {"x": []}, ["y"]]),
        lambda draft: Decision.objects.filter(draft=draft).update(screens=["x"], edit_distance=9.0),
        lambda draft: Decision.objects.filter(draft=draft).update(draft=None),
        lambda draft: Decision.objects.filter(draft=draft).delete(),
        lambda draft: Decision.objects.filter(draft=draft).update(reply=None),
        lambda draft: OutboundReply.objects.update(author=None, state="cancelled"),
        lambda draft: Message.objects.filter(pk=draft.message_id).update(masked=3),
    ],
)  # fmt: skip
def test_each_page_and_export_says_so_and_none_breaks(a_days_work, otto, change):
    auditor = people.signed_in(otto)
    assert exported(auditor, a_days_work)["differs"] == []
    change(a_days_work)
    assert not verify().ok
    assert exported(auditor, a_days_work)["differs"]
    index = AuditEvent.objects.get(action="draft.made", draft_id=a_days_work.pk).index
    page = auditor.get(f"/audit/events/{index}/").content.decode()
    assert "The database says something else than the log" in page


def test_the_page_of_a_message_says_so_too(a_days_work, otto):
    event = AuditEvent.objects.filter(action="message.received").order_by("index")[0]
    other = Message.objects.exclude(pk=a_days_work.message_id)[0].body
    Message.objects.filter(pk=a_days_work.message_id).update(body=other)
    page = people.signed_in(otto).get(f"/audit/events/{event.index}/").content.decode()
    assert "The database says something else than the log" in page


def test_a_draft_that_is_gone_has_a_row_in_the_export(a_days_work, otto):
    gone = Draft.objects.get(ticket__external_id="four")
    number = gone.pk
    gone.delete()
    answer = people.signed_in(otto).post("/audit/export/", {"what": "replies"})
    lines = b"".join(answer.streaming_content).decode().splitlines()
    [row] = [row for row in map(json.loads, lines) if row["draft"] == number]
    assert row["differs"] == [f"draft {number} is not in the database any more"]
