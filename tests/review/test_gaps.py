"""Gaps: which tickets are unanswered, which belong together, who sees what, the article from one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from assistant.models import AuditEvent, SealedText
from assistant.privacy.encryption import unseal
from generation.models import Draft
from retrieval import article_drafts, snapshots
from retrieval.models import Collection, IndexSnapshot
from retrieval.publishing import publish
from review import clusters, gaps, knowledge_runs
from review.models import Decision, Gap, GapTicket, KnowledgeRun
from review.redrafting import redraft_stale
from review.unanswered import unanswered
from tests.review.factories import make_draft, make_ticket

pytestmark = pytest.mark.django_db

VACUUM = (
    "Does the vacuum robot work with the hub? I am {name}, call me on +1 415 555 0132.",
    "Can I connect my vacuum robot to the hub? {name} here, {name}@example.com.",
    "I want to pair a robot vacuum with my hub. Is that possible? Regards {name}",
)
SOLAR = ("How do I show my solar panels in the app?", "Can the app show what my solar panels make?")


def ask(body: str, name: str = "Ines Falk", **draft: Any) -> Draft:
    email = f"{name.replace(' ', '.').lower()}@example.com"
    ticket = make_ticket(
        subject="A question", body=body.format(name=name), name=name, email=email,
        at=timezone.now() - timedelta(days=3),
    )  # fmt: skip
    return make_draft(ticket, **({"text": ""} | draft))


def look() -> None:
    run = knowledge_runs.start("gaps", now=timezone.now())
    assert knowledge_runs.work_to_the_end(run).state == "done", run.error


@pytest.fixture
def asked() -> list[Draft]:
    names = ("Ines Falk", "Tom Reiter", "Ana Lund")
    vacuum = [ask(body, name) for body, name in zip(VACUUM, names, strict=True)]
    return vacuum + [ask(body, name) for body, name in zip(SOLAR, names[:2], strict=True)]


def test_signs_of_a_question_without_an_answer(mara):
    found, weak, rejected, approved, wordless = (ask("Hello?", f"Person {n}") for n in range(5))
    for draft in (found, weak, rejected, approved):
        Draft.objects.filter(pk=draft.pk).delete()
    at = timezone.now()
    found = make_draft(found.ticket)
    weak = make_draft(weak.ticket)
    weak.sources.update(dense_score=0.2)
    rejected = make_draft(rejected.ticket)
    approved = make_draft(approved.ticket)
    approved.sources.update(dense_score=0.2)
    for draft, verdict, reason in ((rejected, "reject", "off_topic"), (approved, "approve", "")):
        Decision.objects.create(
            ticket=draft.ticket, draft=draft, user=mara, verdict=verdict, reason=reason,
            decided_at=at,
        )  # fmt: skip
    signs = {one.ticket: one.sign for one in unanswered(now=at)}
    assert signs == {
        weak.ticket_id: "weak", rejected.ticket_id: "rejected", wordless.ticket_id: "no_draft",
    }  # fmt: skip


def test_questions_of_one_meaning_become_one_gap_that_keeps_its_number(asked):
    look()
    vacuum, solar = Gap.objects.order_by("-size")
    assert (vacuum.size, solar.size) == (3, 2)
    assert "vacuum" in vacuum.words
    assert "solar" in solar.words
    assert vacuum.weeks == [0, 0, 0, 3]
    more = ask("Will the robot vacuum ever be supported by the hub?", "Bo Berg")
    look()
    assert Gap.objects.count() == 2
    vacuum.refresh_from_db()
    assert vacuum.size == 4
    assert more.ticket.gap_ticket.gap == vacuum


def test_a_gap_holds_no_readable_word_of_a_single_customer(asked):
    look()
    stored = repr(list(Gap.objects.values()) + list(GapTicket.objects.values())).lower()
    for word in ("ines", "falk", "reiter", "415", "example.com"):
        assert word not in stored


def test_dismissed_stays_dismissed_and_what_is_answered_leaves(asked, priya, mara):
    look()
    vacuum, solar = Gap.objects.order_by("-size")
    gaps.dismiss(gap=vacuum, reason="We make no vacuums", by=priya, now=timezone.now())
    texts = SealedText.objects.count()
    for draft in asked[3:]:
        Decision.objects.create(
            ticket=draft.ticket, user=mara, verdict="approve", decided_at=timezone.now()
        )
    look()
    vacuum.refresh_from_db()
    assert (vacuum.state, vacuum.size) == ("dismissed", 3)
    assert not Gap.objects.filter(pk=solar.pk).exists()
    assert SealedText.objects.count() == texts - 2  # their sealed questions went with them


def test_who_edits_reads_redacted_questions_and_who_only_reads_the_typical_words(
    asked, priya, otto, mara, sign_in
):
    look()
    gap = Gap.objects.order_by("-size").first()
    url = reverse("knowledge:gap", args=[gap.pk])
    seen = main_of(sign_in(priya).get(url))
    assert "[phone 1]" in seen
    assert "[email 1]" in seen
    assert "[name 1]" in seen
    for word in ("Ines", "Falk", "Reiter", "555 0132", "example.com", "/review/"):
        assert word not in seen, word
    assert AuditEvent.objects.filter(action="gap.read").count() == 1
    only_words = main_of(sign_in(otto).get(url))
    assert gap.name in only_words
    assert "Is that possible" in seen
    assert "Is that possible" not in only_words
    assert AuditEvent.objects.filter(action="gap.read").count() == 1
    assert f"/review/{asked[0].ticket_id}/" in sign_in(mara).get(url).content.decode()


def main_of(response: Any) -> str:
    return response.content.decode().split("<main")[1].split("</main>")[0]


def test_an_article_from_a_gap_closes_it_and_its_tickets_are_drafted_anew(
    asked, priya, mara, sign_in
):
    decision = Decision.objects.create(
        ticket=asked[0].ticket, user=mara, verdict="reply", decided_at=timezone.now()
    )
    from assistant.outbox import hold_reply
    from assistant.privacy.encryption import seal

    words = (
        "Hi Ines,\n\nThe hub works with vacuums of the Matter kind, Ines Falk.\n\nMara Lindqvist"
    )
    decision.final_text = seal(ticket=decision.ticket, text=words)
    decision.reply = hold_reply(
        ticket=decision.ticket, text=words, author=mara, idempotency_key="k", now=timezone.now()
    )
    decision.save()
    look()
    gap = Gap.objects.order_by("-size").first()
    collection = Collection.objects.get_or_create(name="help")[0]
    answer = sign_in(priya).post(
        reverse("knowledge:start_article", args=[gap.pk]), {"collection": collection.pk}
    )
    assert answer.status_code == 302
    gap.refresh_from_db()
    document = gap.document
    assert (document.state, document.current) == ("draft", None)
    begun = article_drafts.of(document=document, user=priya)
    assert "Matter kind" in begun.text
    assert "> " in begun.text
    for word in ("Ines", "Falk", "Lindqvist", "555"):
        assert word not in begun.text, word
    with pytest.raises(gaps.GapRefused):
        gaps.start_article(gap=gap, collection=collection, by=priya, now=timezone.now())

    publish(
        collection=collection, source=document.source, title="Vacuum robots",
        text="The hub works with vacuum robots of the Matter kind.", author=priya,
        now=timezone.now(),
    )  # fmt: skip
    gap.refresh_from_db()
    assert gap.state == "closed"
    now = timezone.now()
    IndexSnapshot.objects.create(
        state="active", embedder="e", embedder_digest="d", chunks=1,
        built_from=snapshots.version(), created_at=now, activated_at=now,
    )  # fmt: skip
    assert redraft_stale(now=now) == 3
    look()  # its old tickets open no second gap
    assert list(Gap.objects.exclude(pk=gap.pk).values_list("size", flat=True)) == [2]


def test_forgetting_a_ticket_destroys_what_a_gap_keeps_of_it(asked):
    look()
    row = asked[0].ticket.gap_ticket
    assert "[name 1]" in unseal(row.question)
    SealedText.objects.filter(ticket=asked[0].ticket).update(ciphertext=None, salt=None)
    gap = row.gap
    assert len(gaps.samples_of(gap, reader=_reader(), now=timezone.now())) == 2
    look()
    assert not GapTicket.objects.filter(ticket=asked[0].ticket).exists()


def _reader() -> Any:
    from tests.people import person

    return person("priya")


def test_clusters_are_known_again_by_what_they_share():
    again = clusters.known_again([[1, 2, 3, 9], [7, 8], [4, 5]], {10: {1, 2, 3}, 11: {4, 6, 8}})
    assert again == {0: 10, 1: 11}


def test_a_typical_word_needs_two_customers():
    texts = ["secretword lamp lamp", "secretword lamp", "lamp blinks"]
    spread = clusters.spread_of(texts)
    words = clusters.typical_words(texts, ["a", "a", "b"], spread=spread, total=3)
    assert words == ["lamp"]


def test_one_look_at_a_time(priya, sign_in):
    knowledge_runs.start("gaps", by=priya, now=timezone.now())
    with pytest.raises(knowledge_runs.AlreadyRunning):
        knowledge_runs.start("gaps", now=timezone.now())
    page = sign_in(priya).get(reverse("knowledge:gaps")).content.decode()
    assert "<progress" in page
    fragment = sign_in(priya).get(reverse("knowledge:run_progress", args=["gaps"]))
    assert "HX-Refresh" not in fragment


def test_the_daily_looks_begin_once_a_day_and_not_before_there_is_an_index():
    now = timezone.now()
    knowledge_runs.start_daily(now=now)
    assert not KnowledgeRun.objects.exists()
    IndexSnapshot.objects.create(
        state="active", embedder="e", embedder_digest="d", chunks=1, created_at=now
    )
    for _ in range(2):
        knowledge_runs.start_daily(now=now)
    KnowledgeRun.objects.update(state="done")
    knowledge_runs.start_daily(now=now + timedelta(hours=2))
    assert sorted(KnowledgeRun.objects.values_list("kind", flat=True)) == ["gaps", "health"]
    knowledge_runs.start_daily(now=now + timedelta(days=1))
    assert KnowledgeRun.objects.filter(state="running").count() == 2
