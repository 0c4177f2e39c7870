"""An article changes: waiting drafts are made anew, and nobody's words are lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from assistant.models import AuditEvent
from assistant.privacy.encryption import unseal
from generation.models import Draft
from retrieval import snapshots
from retrieval.models import Collection, IndexSnapshot
from retrieval.publishing import publish, retire
from review import claims, working_copies
from review.blast_radius import blast_radius
from review.decisions import approve
from review.models import ArticleChange, Redraft
from review.redrafting import collection_changed, redraft_stale
from review.undoing import undo
from tests.review.factories import make_article, make_draft, make_ticket

pytestmark = pytest.mark.django_db
NEW_TEXT = "# Reset the thermostat\n\nHold the ring for twelve seconds until the display goes dark."


@pytest.fixture
def chunk():
    return make_article()


@pytest.fixture
def document(chunk):
    return chunk.revision.document


def waiting(chunk, n: int = 0) -> Draft:
    ticket = make_ticket(email=f"customer{n}@example.com", at=timezone.now() - timedelta(hours=1))
    return make_draft(ticket, chunk=chunk)


def change(document) -> None:
    publish(
        collection=document.collection,
        source=document.source,
        title=document.title,
        text=NEW_TEXT,
        category=document.category,
        now=timezone.now(),
    )


def index_holds_it() -> None:
    """The row that a finished build leaves."""
    IndexSnapshot.objects.filter(state="active").update(state="retired")
    now = timezone.now()
    IndexSnapshot.objects.create(
        state="active", embedder="e", embedder_digest="d", chunks=1,
        built_from=snapshots.version(), created_at=now, activated_at=now,
    )  # fmt: skip


def state_of(draft: Draft) -> str:
    draft.refresh_from_db()
    return draft.state


def test_a_draft_that_nobody_works_on_is_drafted_anew_once_the_index_holds_the_new_text(
    chunk, document
):
    draft = waiting(chunk)
    change(document)
    assert redraft_stale(now=timezone.now()) == 0  # no index holds the change yet
    assert state_of(draft) == "in_review"
    assert draft.reasons[0]["code"] == "article_changed"
    index_holds_it()
    assert redraft_stale(now=timezone.now()) == 1
    assert state_of(draft) == "retired"
    new = draft.ticket.drafts.get(state="queued")
    assert Redraft.objects.get().new_draft == new
    assert ArticleChange.objects.get().settled_at is not None
    retired = AuditEvent.objects.get(action="draft.retired")
    assert "an article changed" in retired.canonical


def test_what_somebody_holds_or_has_edited_is_only_marked(chunk, document, mara):
    held, edited, free = (waiting(chunk, n) for n in range(3))
    now = timezone.now()
    claims.claim(ticket=held.ticket, user=mara, now=now)
    working_copies.save(
        ticket=edited.ticket, draft=edited, user=mara, text="My words", revision=0, now=now
    )
    change(document)
    index_holds_it()
    assert redraft_stale(now=timezone.now()) == 1
    assert [state_of(one) for one in (held, edited, free)] == ["in_review", "in_review", "retired"]
    for one in (held, edited):
        assert "redo it" in one.reasons[0]["text"]
    assert working_copies.current(ticket=edited.ticket) is not None


def test_a_claim_that_was_taken_after_the_mark_keeps_the_draft(chunk, document, mara):
    draft = waiting(chunk)
    change(document)
    redraft_stale(now=timezone.now())
    claims.claim(ticket=draft.ticket, user=mara, now=timezone.now())
    index_holds_it()
    assert redraft_stale(now=timezone.now()) == 0
    assert state_of(draft) == "in_review"
    assert Redraft.objects.get().outcome == "kept"
    assert "redo it" in draft.reasons[0]["text"]


def test_a_draft_in_the_making_keeps_the_change_open_until_it_is_looked_at(chunk, document):
    working = make_draft(make_ticket(email="w@example.com"), state="working")
    Draft.objects.filter(pk=working.pk).update(started_at=timezone.now())
    change(document)
    index_holds_it()
    redraft_stale(now=timezone.now())
    assert ArticleChange.objects.get().settled_at is None
    # it was searching the old index, and is saved now
    Draft.objects.filter(pk=working.pk).update(state="in_review")
    working.sources.create(rank=1, chunk=chunk, score=0.1)
    assert redraft_stale(now=timezone.now()) == 1
    assert state_of(working) == "retired"


def test_a_full_queue_takes_redrafts_later(chunk, document, monkeypatch):
    monkeypatch.setattr("review.redrafting.ROOM", 2)
    drafts = [waiting(chunk, n) for n in range(3)]
    change(document)
    index_holds_it()
    assert redraft_stale(now=timezone.now()) == 2
    assert redraft_stale(now=timezone.now()) == 0
    Draft.objects.filter(state="queued").update(state="retired")
    assert redraft_stale(now=timezone.now()) == 1
    assert {state_of(one) for one in drafts} == {"retired"}


def test_a_collection_of_many_articles_is_noted_in_a_few_statements(
    chunk, document, django_assert_max_num_queries
):
    for n in range(40):
        make_article(f"Article {n}", "Some words.")
    draft = waiting(chunk)
    collection = Collection.objects.get(name="help")
    with django_assert_max_num_queries(8):
        assert collection_changed(collection=collection, now=timezone.now()) == 42
    index_holds_it()
    # the draft's two articles are both in the collection: it is drafted anew once
    redraft_stale(now=timezone.now())
    redraft_stale(now=timezone.now())
    assert draft.ticket.drafts.count() == 2
    assert not ArticleChange.objects.filter(settled_at=None).exists()


def test_the_blast_radius_counts_waiting_drafts_and_sent_replies(
    chunk, document, mara, priya, sign_in
):
    waiting(chunk)
    held = waiting(chunk, 1)
    claims.claim(ticket=held.ticket, user=mara, now=timezone.now())
    sent = waiting(chunk, 2)
    approved(sent, mara)
    found = blast_radius(document)
    assert (found.waiting_count, found.held_count, found.reply_count) == (2, 1, 1)
    assert [use.ticket for use in found.replies] == [sent.ticket_id]
    url = reverse("knowledge:uses", args=[document.pk])
    link = reverse("review:ticket", args=[sent.ticket_id])
    assert link in sign_in(mara).get(url).content.decode()
    # who may not review learns how many, not which
    seen = sign_in(priya).get(url).content.decode()
    assert link not in seen
    assert sent.ticket.subject not in seen
    assert sign_in(priya).get(f"{url[:-1]}.csv").status_code == 403
    file = b"".join(sign_in(mara).get(f"{url[:-1]}.csv").streaming_content).decode()
    assert file.splitlines()[0].startswith("use,ticket")
    assert len(file.splitlines()) == 4


def test_a_reply_whose_sentences_rest_on_another_article_is_not_counted(chunk, mara):
    draft = waiting(chunk)
    other = draft.sources.get(rank=2).chunk.revision.document
    found = blast_radius(other)
    assert (found.waiting_count, found.reply_count) == (1, 0)


def test_a_new_draft_says_on_its_page_why_it_was_made(chunk, document, mara, sign_in):
    draft = waiting(chunk)
    retire(document, actor="system:test", now=timezone.now())
    index_holds_it()
    redraft_stale(now=timezone.now())
    page = sign_in(mara).get(reverse("review:ticket", args=[draft.ticket_id])).content.decode()
    assert "Drafted anew" in page
    assert document.title in page


def test_the_part_for_confirmation_pages_needs_the_article_alone(chunk, document, mara):
    for n in range(3):
        waiting(chunk, n)
    claims.claim(ticket=Draft.objects.first().ticket, user=mara, now=timezone.now())
    words = " ".join(
        render_to_string("knowledge/_blast_radius.html", {"document": document}).split()
    )
    assert "<strong>3</strong> drafts wait" in words
    assert "2 are drafted anew, 1 is only marked, because an agent works on it" in words
    assert "No reply was sent on it" in words


def test_a_draft_begun_after_the_change_is_left_alone_while_the_change_is_open(chunk, document):
    """A collection that another channel may use no more: drafts of this one go on citing it."""
    working = make_draft(make_ticket(email="w@example.com"), state="working")
    Draft.objects.filter(pk=working.pk).update(started_at=timezone.now())
    before = waiting(chunk)
    index_holds_it()
    collection_changed(collection=document.collection, now=timezone.now())
    redraft_stale(now=timezone.now())
    assert state_of(before) == "retired"
    assert ArticleChange.objects.filter(settled_at=None).exists()  # one was being drafted
    anew = before.ticket.drafts.get(state="queued")
    anew.sources.create(rank=1, chunk=chunk, score=0.1)
    Draft.objects.filter(pk=anew.pk).update(state="in_review", started_at=timezone.now())
    assert redraft_stale(now=timezone.now()) == 0
    assert state_of(anew) == "in_review"
    assert anew.reasons == []


@pytest.mark.parametrize("settled", [False, True])
def test_an_undone_decision_brings_the_draft_back_marked_when_its_article_changed_meanwhile(
    chunk, document, mara, settled
):
    draft = waiting(chunk)
    decision = approved(draft, mara)
    change(document)
    if settled:
        index_holds_it()
        redraft_stale(now=timezone.now())
        assert ArticleChange.objects.get().settled_at is not None
    undo(decision=decision, user=mara, now=timezone.now())
    assert state_of(draft) == "in_review"
    assert draft.reasons[0]["code"] == "article_changed"
    assert "redo it" in draft.reasons[0]["text"]
    assert Redraft.objects.get().outcome == "kept"
    index_holds_it()
    assert redraft_stale(now=timezone.now()) == 0
    assert state_of(draft) == "in_review"  # the agent's words stand in it


def test_an_undone_decision_on_a_retired_articles_draft_says_so(chunk, document, mara):
    draft = waiting(chunk)
    redraft_stale(now=timezone.now())
    decision = approved(draft, mara)
    retire(document, actor="system:test", now=timezone.now())
    undo(decision=decision, user=mara, now=timezone.now())
    assert state_of(draft) == "in_review"
    assert "was retired" in draft.reasons[0]["text"]


def test_what_changed_before_a_draft_was_begun_does_not_mark_it_when_it_comes_back(
    chunk, document, mara
):
    change(document)
    document.refresh_from_db()
    new = document.current
    retire(document, actor="system:test", now=timezone.now())
    change(document)  # the same text comes back as the revision that it was
    document.refresh_from_db()
    assert document.current == new
    ticket = make_ticket(at=timezone.now())
    draft = make_draft(ticket, chunk=new.chunks.first(), said=[], quoted=False)
    Draft.objects.filter(pk=draft.pk).update(started_at=timezone.now())
    draft.refresh_from_db()
    undo(decision=approved(draft, mara), user=mara, now=timezone.now())
    assert state_of(draft) == "in_review"
    assert draft.reasons[0]["code"] != "article_changed"


def approved(draft: Draft, user):
    token = claims.claim(ticket=draft.ticket, user=user, now=timezone.now()).token
    return approve(
        draft=draft, user=user, text=unseal(draft.chosen.text), base_candidate=draft.chosen,
        claim_token=token, seconds_spent=None, score_hidden=False, now=timezone.now(),
    )  # fmt: skip
