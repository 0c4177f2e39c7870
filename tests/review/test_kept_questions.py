"""Kept questions: written ones and those of agents' replies, compared in steps on the search worker."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assistant.models import AuditEvent, SealedText, User
from retrieval import comparisons
from retrieval.comparisons import CannotCompare, advance_comparison, request_comparison
from retrieval.evaluation import BadConfiguration
from retrieval.ingest import ingest
from retrieval.kept_models import KeptQuestion, RetrievalComparison
from retrieval.kept_questions import keep_question, read_question
from retrieval.models import Document
from review.cited_questions import keep_cited_questions
from review.models import Decision, SentenceJudgement
from tests.review.factories import NOON, make_draft, make_ticket

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
State = RetrievalComparison.State

ARTICLES = {
    "reset.md": "# Reset\n\nHold the ring of the thermostat for ten seconds.\n",
    "refund.md": "# Refunds\n\nA refund to the card takes three to five working days.\n",
    "invoice.md": "# Invoices\n\nEvery invoice stands under Account.\n",
}


@pytest.fixture
def indexed(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    folder = tmp_path / "articles"
    folder.mkdir()
    for name, text in ARTICLES.items():
        (folder / name).write_text(text)
    ingest(folder, collection="help", now=NOON)


def written(text: str, source: str, by: User) -> KeptQuestion:
    return keep_question(
        text=text, documents=[Document.objects.get(source=source)], by=by, now=NOON
    )


def decided(user: User, **options: Any) -> Decision:
    draft = make_draft(make_ticket(), state="approved")
    values = {"verdict": "approve", "candidate": draft.chosen, **options}
    return Decision.objects.create(
        ticket=draft.ticket, draft=draft, user=user, decided_at=NOON, **values
    )


def test_a_comparison_goes_in_steps_and_names_the_gained_and_lost(
    indexed: None, priya: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparisons, "STEP", 2)
    written("How is the heating controller put into factory state?", "reset.md", priya)
    written("How long until I get my money back?", "refund.md", priya)
    written("invoice", "invoice.md", priya)
    row = request_comparison(
        first={"mode": "lexical"}, second={"mode": "dense"}, by=priya, now=NOON
    )
    assert advance_comparison(now=NOON)
    row.refresh_from_db()
    assert (row.state, row.done, row.total) == (State.RUNNING, 2, 3)
    client = sign_in(priya)
    url = reverse("knowledge:comparison", args=[row.pk])
    assert "2 of 3 questions" in client.get(url).content.decode()
    assert not advance_comparison(now=NOON)
    row.refresh_from_db()
    assert row.state == State.DONE
    assert row.result["n"] == 3
    change = row.result["difference"]["figures"]["hit@1"]
    assert change["gained"] > 0
    assert change["value"] == pytest.approx(
        row.result["second"]["hit@1"] - row.result["first"]["hit@1"]
    )
    assert row.result["difference"]["gained"]
    page = html.unescape(client.get(url).content.decode())
    assert "How is the heating controller put into factory state?" in page
    assert "An answering article comes first" in page
    assert not advance_comparison(now=NOON)


def test_a_step_whose_lease_was_lost_saves_nothing(
    indexed: None, priya: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    written("refund", "refund.md", priya)
    written("invoice", "invoice.md", priya)
    row = request_comparison(first={}, second={"mode": "dense"}, by=priya, now=NOON)
    slow = comparisons._lease(NOON)
    assert slow is not None
    assert comparisons._lease(NOON + timedelta(seconds=1)) is None  # held
    later = NOON + comparisons.LEASE + timedelta(seconds=1)
    advance_comparison(now=later)
    row.refresh_from_db()
    assert row.state == State.DONE
    comparisons._save(slow, state=State.FAILED, error="too late")
    row.refresh_from_db()
    assert row.state == State.DONE


def test_a_comparison_without_an_index_fails_in_words(
    priya: User, settings: Any, tmp_path: Path
) -> None:
    settings.DATA_DIR = tmp_path
    document = make_draft(make_ticket()).sources.get(rank=1).chunk.revision.document
    for text in ("one", "two"):
        keep_question(text=text, documents=[document], by=priya, now=NOON)
    row = request_comparison(first={}, second={"mode": "dense"}, by=priya, now=NOON)
    assert not advance_comparison(now=NOON)
    row.refresh_from_db()
    assert row.state == State.FAILED
    assert "no index" in row.error


def test_what_cannot_be_compared_is_refused(priya: User, indexed: None) -> None:
    with pytest.raises(CannotCompare, match="at least 2"):
        request_comparison(first={}, second={"mode": "dense"}, by=priya, now=NOON)
    with pytest.raises(CannotCompare, match="same"):
        request_comparison(first={}, second={"mode": "fused"}, by=priya, now=NOON)
    with pytest.raises(BadConfiguration, match="unknown configuration: depth"):
        request_comparison(first={}, second={"depth": "5"}, by=priya, now=NOON)
    with pytest.raises(BadConfiguration, match="choose one of"):
        request_comparison(first={}, second={"mode": "x"}, by=priya, now=NOON)


def test_agents_citations_give_questions_that_are_read_sealed_and_go_when_forgotten(
    mara: User, priya: User
) -> None:
    decision = decided(mara)
    assert keep_cited_questions(by=priya, now=NOON) == 1
    assert keep_cited_questions(by=priya, now=NOON) == 0
    kept = KeptQuestion.objects.get()
    assert (kept.origin, kept.text, kept.message) == ("cited", "", decision.draft.message)
    question = read_question(kept)
    assert question is not None
    cited = decision.draft.sources.filter(sentences__supported=True).distinct()
    assert question.gold == tuple(
        sorted({str(source.chunk.revision.document_id) for source in cited})
    )
    assert question.thread[-1].role == "customer"
    assert "question.cited" in AuditEvent.objects.values_list("action", flat=True)
    SealedText.objects.update(ciphertext=None, salt=None)
    assert read_question(kept) is None
    assert not KeptQuestion.objects.exists()


def test_undone_rejected_and_doubted_citations_give_none(mara: User, priya: User) -> None:
    decided(mara, undone_at=NOON)
    decided(mara, verdict="reject")
    doubted = decided(mara)
    for sentence in doubted.candidate.sentences.filter(source__isnull=False):
        SentenceJudgement.objects.create(
            sentence=sentence, user=mara, supported=False, judged_at=NOON
        )
    assert keep_cited_questions(by=priya, now=NOON) == 0


def test_a_question_is_written_chosen_kept_and_dropped_on_the_page(
    indexed: None, priya: User, mara: User, sign_in: SignIn
) -> None:
    client = sign_in(priya)
    assert "No question is kept yet" in client.get(reverse("knowledge:questions")).content.decode()
    asked = {"text": "<b>Where's</b> my bill?", "find": "invoice"}
    page = client.get(reverse("knowledge:question_choose"), asked).content.decode()
    assert "Invoices" in page
    assert "Refunds" not in page
    assert "<b>Where" not in page
    refused = client.post(reverse("knowledge:question_keep"), asked)
    assert refused.status_code == 409
    assert "Choose at least one article" in refused.content.decode()
    article = Document.objects.get(source="invoice.md").pk
    client.post(reverse("knowledge:question_keep"), {**asked, "article": [article]})
    kept = KeptQuestion.objects.get()
    assert (kept.text, kept.documents.get().pk) == (asked["text"], article)
    body = {"first_mode": "", "second_mode": "dense"}
    refused = client.post(reverse("knowledge:question_compare"), body)
    assert refused.status_code == 409
    assert "at least 2 questions" in refused.content.decode()
    client.post(reverse("knowledge:question_drop", args=[kept.pk]))
    assert not KeptQuestion.objects.exists()
    actions = AuditEvent.objects.values_list("action", flat=True)
    assert {"question.kept", "question.dropped"} <= set(actions)
    assert sign_in(mara).get(reverse("knowledge:questions")).status_code == 403
