"""The knowledge base's health: what is found, what is left alone, and what becomes of a finding."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from assistant.api_keys import create_api_key
from assistant.models import AuditEvent
from retrieval.building import refresh_if_stale
from retrieval.embedder import get_embedder
from retrieval.ingest import ingest
from retrieval.links import anchors_of
from retrieval.models import Document
from retrieval.publishing import retire
from retrieval.similarity import Near
from review import knowledge_runs
from review.article_use import UseFigures, wilson_lower
from review.disagreements import disagreements
from review.models import Decision, Finding
from tests.retrieval.conftest import write_articles
from tests.review.factories import make_draft, make_ticket

pytestmark = pytest.mark.django_db

RESTART = """# Restart the Ember Mini

Restart the Ember Mini when its display freezes. Your schedules and settings are kept.

Press and hold the side button of the case for {seconds} seconds until the ring blinks amber.

Guests {can} change the heating schedule in the app of the household.
"""


@pytest.fixture
def bring_in(settings: Any, tmp_path: Path) -> Callable[[dict[str, str]], None]:
    settings.DATA_DIR = tmp_path / "data"

    def run(articles: dict[str, str]) -> None:
        folder = write_articles(tmp_path / "articles", articles)
        ingest(folder, collection="help", now=timezone.now() - timedelta(days=60))

    return run


def look() -> list[Finding]:
    run = knowledge_runs.start("health", now=timezone.now())
    run = knowledge_runs.work_to_the_end(run)
    assert run.state == "done", run.error
    return list(Finding.objects.order_by("pk"))


def kinds(found: list[Finding]) -> list[str]:
    return sorted(one.kind for one in found)


def test_two_articles_that_say_different_things_of_one_thing(bring_in):
    bring_in(
        {
            "a.md": RESTART.format(seconds=10, can="can"),
            "b.md": RESTART.format(seconds=15, can="cannot").replace("# Restart", "# Restarting"),
        }
    )
    (found,) = [one for one in look() if one.kind == "contradiction"]
    pairs = {tuple(pair["differs"]): pair for pair in found.details["pairs"]}
    assert "10 seconds" in pairs["number",]["own"]
    assert "15 seconds" in pairs["number",]["other"]
    assert "cannot" in pairs["negation",]["other"]
    # the places are those of the sentences in the revisions, so that the page can show them there
    text = found.document.current.text
    pair = pairs["number",]
    assert "10 seconds" in text[pair["own_start"] : pair["own_end"]]


@pytest.mark.parametrize(
    "other",
    [
        RESTART.format(seconds=15, can="can").replace("Ember Mini", "Ember Pro"),
        RESTART.format(seconds=10, can="can").replace("Press and hold", "Hold"),
        "# Restart the Ember Mini by the app\n\nOpen Devices and tap Restart. It takes 15 seconds.",
    ],
    ids=["another product", "the same in other words", "another way"],
)
def test_articles_that_do_not_contradict_each_other(bring_in, other):
    bring_in({"a.md": RESTART.format(seconds=10, can="can"), "b.md": other})
    assert "contradiction" not in kinds(look())


def test_an_article_that_repeats_another_is_named_once(bring_in):
    text = RESTART.format(seconds=10, can="can")
    bring_in({"a.md": text, "b.md": text, "c.md": "# Invoices\n\nThey stand under Account."})
    (found,) = look()
    assert found.kind == "duplicate"
    assert found.document.source == "a.md"
    assert found.other.source == "b.md"


def test_links_that_lead_nowhere_are_told_from_those_that_lead_on(bring_in):
    bring_in(
        {
            "start/a.md": "# A\n\n"
            "[good](b.md) [by folder](../other/c.md#the-second-part) [own](#a-heading) "
            "[outside](https://example.com/x.md) [mail](mailto:a@example.com) ![picture](no.png) "
            "[download](tool.zip) [site](/en/articles/7)\n\n"
            "[gone](gone.md) [no heading](b.md#nowhere) [own gone](#none) [retired](r.md)\n\n"
            "## A heading\n\nText.",
            "start/b.md": "# B\n\nText of B about invoices.",
            "start/r.md": "# R\n\nText of R about something else.",
            "other/c.md": "# C\n\n## The *second* part!\n\nText of C about keys.",
        }
    )
    retire(Document.objects.get(source="start/r.md"), actor="system:test", now=timezone.now())
    refresh_if_stale()
    (found,) = [one for one in look() if one.kind == "dead_link"]
    assert {link["target"]: link["why"] for link in found.details["links"]} == {
        "gone.md": "article",
        "b.md#nowhere": "heading",
        "#none": "heading",
        "r.md": "retired",
    }


def test_anchors_are_those_that_web_sites_make():
    text = "# Set-up & first use\n\n## Steps\n\n## Steps\n\n### Own {#mine}\n\n<a id='Here'></a>"
    assert anchors_of(text) >= {"set-up--first-use", "set-up-first-use", "steps", "steps-1", "mine", "here"}  # fmt: skip


def test_a_finding_stays_dismissed_and_one_that_is_mended_goes(bring_in, priya, sign_in):
    text = RESTART.format(seconds=10, can="can")
    bring_in({"a.md": text, "b.md": text, "c.md": "# C\n\n[gone](gone.md) about other things."})
    duplicate, dead = sorted(look(), key=lambda one: one.kind, reverse=True)
    url = reverse("knowledge:dismiss_finding", args=[duplicate.pk])
    sign_in(priya).post(url, {"reason": ""})
    duplicate.refresh_from_db()
    assert duplicate.state == "open"  # a reason is asked for
    sign_in(priya).post(url, {"reason": "One is for resellers"})
    assert AuditEvent.objects.filter(action="finding.dismissed").count() == 1
    bring_in({"c.md": "# C\n\nAbout other things."})
    look()
    duplicate.refresh_from_db()
    assert (duplicate.state, duplicate.reason) == ("dismissed", "One is for resellers")
    assert not Finding.objects.filter(pk=dead.pk).exists()


def test_overdue_and_never_cited(bring_in, monkeypatch):
    bring_in({"a.md": RESTART.format(seconds=10, can="can"), "b.md": "# B\n\nAbout invoices."})
    Document.objects.filter(source="a.md").update(review_by=date.today() - timedelta(days=1))
    assert kinds(look()) == ["overdue"]  # without drafts, "never cited" would say nothing
    monkeypatch.setattr("review.article_use.LEAST_DRAFTS", 2)
    chunk = Document.objects.get(source="a.md").current.chunks.first()
    for n in range(2):
        draft = make_draft(make_ticket(email=f"c{n}@example.com"), said=[], text="Hi")
        draft.chosen.sentences.create(
            position=0, kind="claim", start=0, end=2, supported=True,
            source=draft.sources.create(rank=3, chunk=chunk, score=1.0),
        )  # fmt: skip
    cited = [one.document.source for one in look() if one.kind == "uncited"]
    assert cited == ["b.md"]


def test_an_article_is_disliked_only_when_it_is_surely_worse_than_usual():
    def figures(**values: Any) -> UseFigures:
        base = {"cited": 9, "drafts_since": 0, "old_enough": True, "decided": 8, "edited": 4}
        return UseFigures(**(base | {"rejected": 3, "days": 4, "usual": 0.2} | values))

    assert figures().disliked
    assert not figures(days=1).disliked  # one bad day
    assert not figures(usual=0.6).disliked  # everybody's drafts fare so
    assert not figures(decided=4, edited=2, rejected=2).disliked
    assert wilson_lower(7, 8) == pytest.approx(0.529, abs=1e-3)  # Brown, Cai and DasGupta 2001, (4)
    assert wilson_lower(0, 0) == 0


def test_decisions_count_for_the_articles_that_the_drafts_cite(bring_in, mara, settings):
    bring_in({"a.md": RESTART.format(seconds=10, can="can")})
    chunk = Document.objects.get(source="a.md").current.chunks.first()
    for n in range(8):
        draft = make_draft(make_ticket(email=f"c{n}@example.com"), said=[], text="Hi")
        source = draft.sources.create(rank=3, chunk=chunk, score=1.0)
        for position in range(2):  # two sentences of one draft are one decision
            draft.chosen.sentences.create(
                position=position, kind="claim", start=0, end=2, supported=True, source=source
            )
        Decision.objects.create(
            ticket=draft.ticket, draft=draft, candidate=draft.chosen, user=mara, verdict="reject",
            reason="wrong", decided_at=timezone.now() - timedelta(days=n % 3),
        )  # fmt: skip
    for n in range(40):
        draft = make_draft(make_ticket(email=f"d{n}@example.com"), quoted=False)
        Decision.objects.create(
            ticket=draft.ticket, draft=draft, user=mara, verdict="approve",
            decided_at=timezone.now(),
        )  # fmt: skip
    (found,) = [one for one in look() if one.kind == "disliked" and one.document.source == "a.md"]
    assert (found.details["decided"], found.details["rejected"], found.details["days"]) == (8, 8, 3)


def test_without_an_index_the_page_says_what_to_do(bring_in, priya, sign_in):
    run = knowledge_runs.start("health", by=priya, now=timezone.now())
    make_draft(make_ticket())  # articles, but no index
    run = knowledge_runs.work_to_the_end(run)
    assert run.state == "failed"
    page = sign_in(priya).get(reverse("knowledge:health")).content.decode()
    assert "has no index yet" in page
    assert "Look again now" in page


def test_the_page_and_the_api_show_the_same(bring_in, otto, sign_in, client):
    bring_in(
        {
            "a.md": RESTART.format(seconds=10, can="can"),
            "b.md": RESTART.format(seconds=15, can="can") + "\n[<script>](gone.md)",
        }
    )
    found = look()
    page = sign_in(otto).get(reverse("knowledge:health")).content.decode()
    assert "for 10 seconds" in page
    assert "for 15 seconds" in page
    assert "<script>]" not in page
    assert "Dismiss" not in page.split("<main")[1]  # an auditor changes nothing
    key = create_api_key(
        name="k", scopes=["knowledge:read"], actor="system:test", now=timezone.now()
    )[1]
    answer = client.get("/api/v1/knowledge/health", headers={"Authorization": f"Bearer {key}"})
    assert [row["id"] for row in answer.json()["findings"]] == sorted(
        (one.pk for one in found), reverse=True
    )
    bad = client.get("/api/v1/knowledge/health?state=x", headers={"Authorization": f"Bearer {key}"})
    assert bad.status_code == 422


@pytest.mark.parametrize(
    ("own", "other", "differs"),
    [
        ("Returns are free within 30 days of the delivery.", "Returns are free within 14 days of the delivery.", ["number"]),
        ("Guests can change the schedule of the house.", "Guests cannot change the schedule of the house.", ["negation"]),
        ("More is in the log that you named in step 2.", "More is in the log that you named in step 3.", []),
        ("Start the service of Larkmantel Server 2019 now.", "Start the service of Larkmantel Server 2016 now.", []),
        ("| Account No. | Where the truncated cents are posted. |", "| Account | Where the truncated amount is posted. |", []),
        ("Review this field if you work without such routes.", "Review this field if you don't work by such routes.", []),
    ],
)  # fmt: skip
def test_what_makes_two_sentences_a_contradiction(own, other, differs):
    def passage(text: str) -> Any:
        revision = SimpleNamespace(title="About this", text=text, document_id=1)
        return SimpleNamespace(revision=revision, heading_path=[], text=text, start=0)

    found = disagreements(Near(passage(own), passage(other), 0.9), embed=get_embedder().encode)
    assert [kind for one in found for kind in one.differs] == differs
