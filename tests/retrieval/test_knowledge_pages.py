"""The reading pages: the list, an article, a citation on its span, and an honest search box."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assistant.models import User
from retrieval import reading
from retrieval.ingest import IngestReport
from retrieval.models import Collection, Document, Revision
from retrieval.publishing import publish, retire
from retrieval.search import SearchResults, search
from review.views.knowledge import articles as views
from tests.retrieval.conftest import NOW

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]


def text_of(response: Any) -> str:
    return html.unescape(response.content.decode())


def article(text: str, title: str = "An article") -> Revision:
    collection, _ = Collection.objects.get_or_create(name="help")
    return publish(collection=collection, source=f"{title}.md", title=title, text=text, now=NOW)


def cited(client: Client, revision: Revision, start: object, end: object) -> str:
    url = reverse("knowledge:revision", args=[revision.pk])
    return client.get(url, {"start": start, "end": end}).content.decode()


def test_the_list_filters_by_words_collection_category_and_state(
    knowledge: IngestReport, mara: User, sign_in: SignIn
) -> None:
    client = sign_in(mara)
    retire(Document.objects.get(source="billing/invoice.txt"), actor="system:test", now=NOW)

    def titles(**filters: str) -> list[str]:
        page = text_of(client.get(reverse("knowledge:articles"), filters))
        return re.findall(r'<td><a href="/knowledge/\d+/">([^<]+)</a>', page)

    assert titles() == [
        "Change the batteries",
        "Reset your thermostat",
        "When a refund arrives",
        "invoice",
    ]
    assert titles(q="alkaline") == ["Change the batteries"]
    assert titles(category="Billing") == ["When a refund arrives"]
    assert titles(state="retired") == ["invoice"]
    assert titles(collection="other") == []
    assert "No article fits these filters" in text_of(
        client.get(reverse("knowledge:articles"), {"q": "zyzzyva"})
    )


def test_an_empty_knowledge_base_says_what_to_do(mara: User, priya: User, sign_in: SignIn) -> None:
    page = text_of(sign_in(mara).get(reverse("knowledge:articles")))
    assert "The knowledge base is empty" in page
    assert "Write an article" not in page
    assert "Write an article" in text_of(sign_in(priya).get(reverse("knowledge:articles")))


@pytest.mark.parametrize("name", ["mara", "jonas", "priya", "otto", "ada"])
def test_every_role_reads_and_strangers_sign_in_first(
    name: str, request: pytest.FixtureRequest, sign_in: SignIn
) -> None:
    revision = article("Some text.")
    urls = [
        reverse("knowledge:articles"),
        reverse("knowledge:search"),
        reverse("knowledge:article", args=[revision.document_id]),
        reverse("knowledge:revision", args=[revision.pk]),
    ]
    client = sign_in(request.getfixturevalue(name))
    for url in urls:
        assert client.get(url).status_code == 200
        assert Client().get(url).status_code == 302
        assert client.post(url).status_code == 405


def test_a_citation_lands_on_exactly_its_span(
    knowledge: IngestReport, mara: User, sign_in: SignIn
) -> None:
    hit = search("How do I reset the thermostat?", k=1).hits[0]
    page = cited(sign_in(mara), Revision.objects.get(pk=hit.revision_id), hit.start, hit.end)
    marks = re.findall(r'<mark id="cited">(.*?)</mark>', page, re.DOTALL)
    assert [html.unescape(mark) for mark in marks] == [hit.text]


@pytest.mark.parametrize(
    "quote",
    ["Hold <b> & 'ring'", "second item", "| 2 |", "# Title", "run --all", "last words.", "é"],
)
def test_any_span_of_any_block_is_marked_and_nothing_is_lost(
    quote: str, mara: User, sign_in: SignIn
) -> None:
    text = (
        "# Title\n\nHold <b> & 'ring' é.\n\n- first\n- second item\n\n```\nrun --all\n```\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\nThe last words."
    )
    revision = article(text)
    start = revision.text.index(quote)
    page = cited(sign_in(mara), revision, start, start + len(quote))
    marked = re.search(r'<mark id="cited">(.*?)</mark>', page, re.DOTALL)
    assert marked is not None
    assert html.unescape(marked[1]) == quote
    words = html.unescape(re.sub(r"<[^>]+>", " ", page[page.index("<article") :]))
    for word in ("Title", "Hold", "first", "second", "run --all", "last"):
        assert word in words


@pytest.mark.parametrize(
    ("start", "end"), [("x", "3"), ("5", "2"), ("0", "99999"), ("-4", "3"), ("", "")]
)
def test_a_span_that_is_not_there_shows_the_text_and_says_so(
    start: str, end: str, mara: User, sign_in: SignIn
) -> None:
    page = cited(sign_in(mara), article("Some text."), start, end)
    assert "is not in this revision" in page
    assert "Some text." in page
    assert "<mark" not in page


def test_an_old_revision_and_a_retired_article_say_what_they_are(
    mara: User, sign_in: SignIn
) -> None:
    old = article("First text.")
    article("Second text.")
    client = sign_in(mara)
    page = text_of(client.get(reverse("knowledge:revision", args=[old.pk])))
    assert "First text." in page
    assert "This is an old revision." in page
    now = text_of(client.get(reverse("knowledge:article", args=[old.document_id])))
    assert "Second text." in now
    assert "old revision" not in now
    retire(old.document, actor="system:test", now=NOW)
    assert "This article is retired." in text_of(
        client.get(reverse("knowledge:article", args=[old.document_id]))
    )


def test_an_articles_markdown_cannot_run_anything() -> None:
    shown = reading.render(
        "<script>alert(1)</script>\n\n[a](javascript:alert(1)) [b](data:text/html,x) "
        "<img src=x onerror=alert(1)> ![pic](https://tracker.example/p.png)\n\n"
        "<div style='position:fixed'>x</div>\n\n[good](https://example.org)"
    )
    assert not re.search(r"<(script|img|div|style)|javascript:\S*\"|onerror=[^&]*>", shown)
    assert "tracker.example" not in shown
    assert re.findall(r'href="([^"]*)"', shown) == ["https://example.org"]


def test_the_search_box_shows_what_the_worker_found(
    knowledge: IngestReport, mara: User, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(query: str, *, k: int) -> SearchResults:
        return search(query, k=k)  # in this process instead of the worker's

    monkeypatch.setattr(views, "ask_search", here)
    response = sign_in(mara).get(reverse("knowledge:search"), {"q": "refund to a closed account"})
    first = search("refund to a closed account", k=1).hits[0]
    page = text_of(response)
    assert response.status_code == 200
    assert f"/knowledge/revision/{first.revision_id}/?start={first.start}" in page
    assert "When a refund arrives" in page
    assert "Reset your thermostat" not in page  # a weak match


def test_the_search_box_is_honest_when_no_worker_answers(
    mara: User, sign_in: SignIn, settings: Any
) -> None:
    settings.SEARCH_TIMEOUT_SECONDS = 0.2
    response = sign_in(mara).get(reverse("knowledge:search"), {"q": "refund"})
    assert response.status_code == 503
    assert "did not answer within 0.2 seconds" in text_of(response)
