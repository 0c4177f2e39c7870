"""Articles are found whatever their letters' case, accents and form, on the pages and over REST."""

from __future__ import annotations

import unicodedata
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from assistant import folding
from assistant.models import User
from retrieval import article_drafts, article_search, editing
from retrieval.article_drafts import Fields
from retrieval.models import ArticleWords, Collection, Document
from retrieval.publishing import publish
from retrieval.source_models import Source, SourceItem

pytestmark = pytest.mark.django_db
MIGRATION = import_module("retrieval.migrations.0009_article_words")


def article(title: str, text: str, source: str = "a.md") -> Document:
    collection, _ = Collection.objects.get_or_create(name="help")
    return publish(
        collection=collection, source=source, title=title, text=text, now=timezone.now()
    ).document


def found(query: str) -> list[str]:
    return sorted(one.title for one in article_search.find(Document.objects.all(), query))


@pytest.mark.parametrize(
    "query",
    [
        "kündigungsfrist", "KÜNDIGUNGSFRIST", "kundigungsfrist", "ku\u0308ndigung", "strasse", "STRASSE",
        "Straße", "ŁÓDŹ", "lodz", "PPR9084", "ppr-9084", "ppr 9084", "frist łódź", "ёлка", "елка",
        "١٢", "12", "ＰＰＲ",
    ],
)  # fmt: skip
def test_an_article_is_found_in_any_form_of_its_letters(query: str) -> None:
    article("Die Kündigungsfrist in Łódź", "Hauptstraße 12, Ёлка. Teil PPR-9084.")
    article("Something else", "Nothing of it.", "b.md")
    assert found(query) == ["Die Kündigungsfrist in Łódź"]
    assert found(f"{query} nowhere") == []


def test_what_holds_no_word_finds_nothing_and_an_empty_query_everything() -> None:
    article("One", "Text.")
    assert found("!?") == []
    assert found(" ") == ["One"]
    assert found("100%") == []
    assert found("x" * 60_000) == []


@given(st.text(min_size=1, max_size=12))
def test_a_word_finds_the_article_that_holds_it(word: str) -> None:
    folded = article_search.folded("Title", f"before {word} after")
    assert all(chunk in folded for chunk in folding.chunks(word))


def test_the_words_follow_the_article(priya: User) -> None:
    collection = Collection.objects.create(name="help")
    now = timezone.now()
    fields = Fields(title="Éclairs", text="Crème")
    document = editing.start(collection=collection, fields=fields, author=priya, now=now)
    assert found("eclairs") == ["Éclairs"]
    article_drafts.save(
        document=document, user=priya, fields=Fields(title="Brioche", text="Beurre"), base=None,
        version=1, now=now,
    )  # fmt: skip
    assert found("eclairs") == []
    assert found("brioche") == ["Brioche"]
    editing.publish(document=document, fields=fields, over=None, author=priya, now=now)
    assert found("CREME") == ["Éclairs"]
    editing.publish(
        document=document, fields=Fields(title="Éclairs", text="Beurre"),
        over=Document.objects.get().current_id, author=priya, now=now,
    )  # fmt: skip
    assert found("creme") == []


# --- an installation from before --------------------------------------------------------------


def test_articles_from_before_are_found() -> None:
    article("Für Käufer", "Gebühr.")
    ArticleWords.objects.all().delete()
    MIGRATION.index_articles(apps, None)
    assert found("gebuhr kaufer") == ["Für Käufer"]


def test_decomposed_paths_are_composed_and_no_article_is_lost() -> None:
    nfd, taken = (unicodedata.normalize("NFD", name) for name in ("für.md", "grün.md"))
    assert nfd != "für.md"
    old = article("Old", "Text.", "x.md")
    twin = article("Twin", "Text.", "y.md")
    standing = article("Standing", "Text.", "grün.md")
    Document.objects.filter(pk=old.pk).update(source=nfd)
    Document.objects.filter(pk=twin.pk).update(source=taken)
    source = Source.objects.create(
        kind="upload", name="Manuals", collection=old.collection, created_at=timezone.now()
    )
    SourceItem.objects.create(source=source, path=nfd, fingerprint="x")
    MIGRATION.compose_paths(apps, None)
    paths = dict(Document.objects.values_list("pk", "source"))
    assert paths == {old.pk: "für.md", twin.pk: taken, standing.pk: "grün.md"}
    assert SourceItem.objects.get().path == "für.md"
    assert article("Old", "New text.", nfd).pk == old.pk  # no second article
