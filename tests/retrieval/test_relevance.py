"""A search shows what is near, says how much it leaves out, and finds codes that mean nothing."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from assistant.models import User
from retrieval.ingest import IngestReport
from retrieval.passages import SearchHit
from retrieval.relevance import judged
from retrieval.remote import SearchResults
from retrieval.search import search
from review.views.knowledge import articles as views

pytestmark = pytest.mark.django_db


def hit(
    number: int, cosine: float, *, text: str = "Some words.", lexical: float = 0.0
) -> SearchHit:
    return SearchHit(
        chunk_id=number, document_id=number, revision_id=number, source=f"{number}.md",
        title=f"Article {number}", category="", heading_path=(), text=text, start=0, end=len(text),
        score=0.1, dense_score=cosine, lexical_score=lexical,
    )  # fmt: skip


def test_what_is_far_below_the_best_is_weak() -> None:
    hits = [hit(n, cosine) for n, cosine in enumerate([0.71, 0.44, 0.41, 0.19, 0.12])]
    found = judged("a clear question", hits)
    assert [one.chunk_id for one in found.good] == [0, 1]
    assert [one.chunk_id for one in found.weak] == [2, 3, 4]
    assert found.said == "2 good matches"


def test_the_best_of_what_is_far_away_is_no_good_match() -> None:
    found = judged("How do I bake bread?", [hit(n, 0.18 - n / 100) for n in range(10)])
    assert (found.good, len(found.weak), found.said) == ([], 10, "No good match")
    assert judged("anything", []).said == "No good match"


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("PPR-9084", "Cartridge PPR-9084 fits the small one."),
        ("ppr9084", "Cartridge PPR-9084 fits the small one."),
        ("Muller Zange", "Die Zange von Müller."),
        ("電池", "電池を交換します。"),
    ],
)
def test_a_hit_that_holds_every_word_is_good_however_little_it_means(query: str, text: str) -> None:
    found = judged(query, [hit(1, 0.5), hit(2, 0.05, text=text, lexical=3.0)])
    assert [one.chunk_id for one in found.good] == [1, 2]
    assert judged(query, [hit(1, 0.5), hit(2, 0.05, lexical=3.0)]).good == [hit(1, 0.5)]


def test_the_command_shows_good_matches_and_says_what_it_left_out(
    knowledge: IngestReport, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*words: str) -> str:
        call_command("search", "refund to a closed account", "--k", "5", *words)
        return capsys.readouterr().out

    every = json.loads(command("--json"))
    good = [one for one in every["results"] if one["good"]]
    weaker = len(every["results"]) - len(good)
    assert len(good) > 0
    assert every["weaker"] == weaker > 0
    shown = command()
    assert shown.count("cosine") == len(good)
    assert f"{weaker} weaker, not shown (--all shows them)" in shown
    assert command("--all").count("cosine") == len(every["results"])
    assert len(search("refund to a closed account", k=5).hits) == len(
        every["results"]
    )  # as drafting


def test_the_page_shows_weak_matches_only_when_asked(
    knowledge: IngestReport, mara: User, sign_in: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(query: str, *, k: int) -> SearchResults:
        return search(query, k=k)

    monkeypatch.setattr(views, "ask_search", here)
    client: Client = sign_in(mara)  # type: ignore[operator]
    query = {"q": "refund to a closed account"}
    page = client.get(reverse("knowledge:search"), query).content.decode()
    assert "not shown" in page
    assert "Weak match" not in page
    every = client.get(reverse("knowledge:search"), {**query, "all": "1"}).content.decode()
    assert every.count("Weak match") == len(judged(query["q"], search(query["q"], k=10).hits).weak)
    nothing = client.get(reverse("knowledge:search"), {"q": "capital of France"}).content.decode()
    assert "No good match" in nothing
    assert "Nothing here answers that" in nothing
