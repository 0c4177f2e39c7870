"""Public addresses of articles: what templates, files and odd paths make, and what is never told."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from hypothesis import example, given
from hypothesis import strategies as st

from assistant.audit import rows
from assistant.models import AuditEvent
from retrieval import collections
from retrieval.editing import publish as publish_edited
from retrieval.ingest import CannotIngest, IngestReport
from retrieval.models import Collection, Document, Revision
from retrieval.public_links import (
    LONGEST,
    BadAddress,
    address_of,
    checked_template,
    filled,
    stated,
)
from retrieval.publishing import BadArticle, publish
from retrieval.search import search
from tests.retrieval.conftest import NOW, write_articles

SITE = "https://help.example.com"
TEMPLATE = f"{SITE}/articles/{{path}}"
ALLOWED = set(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/?#[]@!$&'()*+,;=%"
)


def article(source: str = "guides/reset.md", **more: Any) -> Any:
    """As much of a document as its address is made from."""
    collection = {"public_address": TEMPLATE, "visibility": "public"}
    document = {"source": source, "state": "published", "trust": 3, "stated_address": ""}
    for name, value in more.items():
        (collection if name in collection else document)[name] = value
    return SimpleNamespace(**document, collection=SimpleNamespace(**collection))


@pytest.mark.parametrize(
    ("template", "source", "address"),
    [
        (TEMPLATE, "guides/reset.md", f"{SITE}/articles/guides/reset"),
        (f"{SITE}/{{slug}}.html", "guides/reset.md", f"{SITE}/reset.html"),
        (f"{SITE}/a/{{path}}/", "reset.html", f"{SITE}/a/reset/"),
        (f"{SITE}/?page={{path}}", "a/b c.txt", f"{SITE}/?page=a/b%20c"),
        (f"{SITE}/#/{{slug}}", "a/über uns.md", f"{SITE}/#/%C3%BCber%20uns"),
        (TEMPLATE, "release-1.2", f"{SITE}/articles/release-1.2"),
        (TEMPLATE, "a?b=c#d/50%.md", f"{SITE}/articles/a%3Fb%3Dc%23d/50%25"),
        (TEMPLATE, "{slug}.md", f"{SITE}/articles/%7Bslug%7D"),
        (TEMPLATE, "guides/_index.md", f"{SITE}/articles/guides"),
        (TEMPLATE, "guides/README.MD", f"{SITE}/articles/guides"),
        (TEMPLATE, "index", f"{SITE}/articles/"),
        (f"{SITE}/{{path}}/?v=1", "index.html", f"{SITE}/?v=1"),
        (f"{SITE}/{{path}}.html", "index.md", ""),
        (f"{SITE}/{{slug}}", "index.md", ""),
        (f"{SITE}/{{slug}}", "guides/index.md", f"{SITE}/guides"),
        (TEMPLATE, "//a//b.md", f"{SITE}/articles/a/b"),
        (TEMPLATE, "../secret.md", ""),
        (TEMPLATE, "a/./b.md", ""),
        (TEMPLATE, "a/" + "ü" * 200 + ".md", ""),
        ("", "guides/reset.md", ""),
    ],
)
def test_a_template_makes_the_address_from_the_path(
    template: str, source: str, address: str
) -> None:
    assert filled(template, source) == address


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("", ""),
        (f" {SITE}/articles/ ", TEMPLATE),
        (SITE, f"{SITE}/{{path}}"),
        ("http://Wiki:8080/{slug}", "http://wiki:8080/{slug}"),
        ("https://müller.example/ä b/{path}", "https://xn--mller-kva.example/%C3%A4%20b/{path}"),
        (f"{SITE}/?id={{slug}}", f"{SITE}/?id={{slug}}"),
    ],
)
def test_a_public_address_is_kept_in_one_form(typed: str, kept: str) -> None:
    assert checked_template(typed) == kept
    assert checked_template(kept) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "help.example.com", "//help.example.com", "ftp://help.example.com/", "javascript:alert(1)",
        "https://", "https:///x", "https://me:secret@help.example.com/", "https://help.example.com\\@x.example/",
        "https://{path}.example.com/", f"{SITE}/{{name}}", f"{SITE}/{{path", f"{SITE}/?page=", f"{SITE}/#/",
        f"{SITE}:99999/", "https://a..b/", "https://a_%/", f"{SITE}/\n", f"{SITE}/a\tb", f"{SITE}/" + "x" * LONGEST,
        f"{SITE}/" + "x" * (LONGEST - len(SITE) - 2), "https://[::g]/",
    ],
)  # fmt: skip
def test_what_is_no_public_address_is_refused(typed: str) -> None:
    with pytest.raises(BadAddress):
        checked_template(typed if typed.strip() == typed else f"{typed}x")


@pytest.mark.parametrize(
    ("front", "address"),
    [
        ({"permalink": "/help/reset/"}, f"{SITE}/help/reset/"),
        ({"permalink": "help/reset"}, f"{SITE}/help/reset"),
        ({"url": "/a b/ü?x=ö#ß"}, f"{SITE}/a%20b/%C3%BC?x=%C3%B6#%C3%9F"),
        ({"canonical_url": "https://docs.example.org/a%20b"}, "https://docs.example.org/a%20b"),
        ({"url": "https://x.example/api/1.json", "html_url": "https://x.example/hc/1"}, "https://x.example/hc/1"),
        ({"Source-URL": "http://docs.example.org/1"}, "http://docs.example.org/1"),
        ({"slug": "hold-the-ring"}, f"{SITE}/articles/guides/hold-the-ring"),
        ({"slug": "über"}, f"{SITE}/articles/guides/%C3%BCber"),
        ({"slug": 2024}, f"{SITE}/articles/guides/2024"),
        ({"slug": "/docs/ring"}, f"{SITE}/docs/ring"),
        ({"permalink": "pretty", "slug": "ring"}, f"{SITE}/articles/guides/ring"),
        ({"title": "Reset"}, f"{SITE}/articles/guides/reset"),
    ],
)  # fmt: skip
def test_what_an_article_states_itself_comes_first(front: dict[str, Any], address: str) -> None:
    assert address_of(article(stated_address=stated(front).address)) == address


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)", "//evil.example/x", "https://me:pw@help.example.com/x", "pretty", "/:categories/:title",
        "/{{ page.slug }}/", "../up", "/a/%2e%2e/b", "/", "ftp://x.example/", "/a\\b", ["a"], "/" + "x" * LONGEST,
        "https://exa mple.com/", "/a\ud800b", "https://[x/",
    ],
)  # fmt: skip
def test_what_cannot_be_an_address_is_ignored_with_a_note(value: Any) -> None:
    found = stated({"permalink": value, "title": "T"})
    assert found.address == ""
    assert len(found.notes) == 1
    assert found.notes[0].startswith("its permalink ")
    assert address_of(article(stated_address=found.address)) == f"{SITE}/articles/guides/reset"


@pytest.mark.parametrize("value", [None, False, True, ""])
def test_a_field_that_says_nothing_is_no_fault(value: Any) -> None:
    assert stated({"permalink": value}) == stated({})


def test_only_published_articles_of_public_collections_have_an_address() -> None:
    own = {"stated_address": f"{SITE}/own"}
    assert address_of(article(**own)) == f"{SITE}/own"
    assert address_of(article(**own, visibility="internal")) == ""
    assert address_of(article(**own, state="retired")) == ""
    assert address_of(article(**own, state="draft")) == ""
    assert address_of(article(public_address="", stated_address="/path")) == ""
    assert address_of(article(public_address="", stated_address="name")) == ""


def test_an_article_that_was_read_on_the_web_is_where_it_was_read() -> None:
    page = "https://www.example.org/help/Überblick"
    seen = "https://www.example.org/help/%C3%9Cberblick"
    assert address_of(article(page)) == seen
    assert address_of(article(page, public_address="")) == seen
    assert (
        address_of(article(page, public_address="", stated_address="/b"))
        == "https://www.example.org/b"
    )


@pytest.mark.parametrize(
    "inside", ["http://wiki/a", "http://10.0.0.7/a", "http://docs.internal/a", "http://[::1]/a", "http://localhost/a"]
)  # fmt: skip
def test_addresses_that_customers_cannot_reach_are_not_told_unless_an_admin_named_the_host(
    inside: str,
) -> None:
    assert address_of(article(inside, public_address="")) == ""
    assert address_of(article(inside)) == f"{SITE}/articles/a"
    assert address_of(article(stated_address=inside, public_address="")) == ""
    template = checked_template(inside.removesuffix("a"))
    assert address_of(article(inside, public_address=template)) == inside


def test_an_origin_of_low_trust_leads_to_the_collections_own_site_only() -> None:
    foreign = {"stated_address": "https://evil.example/reset", "trust": 1}
    assert address_of(article(**foreign)) == f"{SITE}/articles/guides/reset"
    assert address_of(article(**foreign, public_address="")) == ""
    assert address_of(article(stated_address=f"{SITE}/own", trust=1)) == f"{SITE}/own"


@given(source=st.text(max_size=80), name=st.text(max_size=30), tail=st.sampled_from(["{path}", "{slug}", "?p={path}#{slug}"]))  # fmt: skip
@example(source="a/..", name="..", tail="{path}")
@example(source="\ud800.md", name="", tail="{path}")
@example(source="a/b.md/.", name="", tail="{slug}")
def test_whatever_a_path_is_its_address_stays_below_the_prefix(
    source: str, name: str, tail: str
) -> None:
    own = stated({"slug": name}).address
    found = filled(f"{SITE}/kb/{tail}", source, "" if own.startswith(("/", "http")) else own)
    if not found:
        return
    assert found.startswith(f"{SITE}/kb/")
    assert len(found) <= LONGEST
    assert set(found) <= ALLOWED
    assert ".." not in unquote(urlsplit(found).path).split("/")


@given(value=st.one_of(st.text(max_size=60), st.text(max_size=40).map(lambda t: f"https://{t}"), st.text(max_size=40).map(lambda t: f"/{t}")), field=st.sampled_from(["permalink", "slug", "url"]))  # fmt: skip
def test_whatever_a_file_states_no_odd_address_comes_of_it(value: str, field: str) -> None:
    found = address_of(article(stated_address=stated({field: value}).address))
    parts = urlsplit(found)
    assert set(found) <= ALLOWED
    assert parts.scheme in {"http", "https"}
    assert parts.hostname
    assert "@" not in parts.netloc
    assert len(found) <= LONGEST


@given(st.text(max_size=60))
@example("{path}{slug}")
def test_a_template_that_is_kept_is_kept_the_same_again(rest: str) -> None:
    try:
        kept = checked_template(f"{SITE}/{rest}")
    except BadAddress:
        return
    assert checked_template(kept) == kept
    assert filled(kept, "guides/reset.md").startswith(f"{SITE}/")


# --- in the knowledge base -------------------------------------------------------------------------

RESET = "---\ntitle: Reset the thermostat\n{more}---\nHold the ring for ten seconds.\n"


def test_a_search_hit_carries_its_articles_public_address(
    bring_in: Callable[..., IngestReport], tmp_path: Path
) -> None:
    files = {"guides/reset.md": RESET.format(more=""), "own.md": "---\npermalink: /own/\n---\nBatteries last long.\n"}  # fmt: skip
    bring_in(write_articles(tmp_path / "files", files), public_address=f"{SITE}/articles/")
    assert Collection.objects.get().public_address == TEMPLATE
    urls = {hit.source: hit.url for hit in search("hold the ring", k=5).hits}
    assert urls == {"guides/reset.md": f"{SITE}/articles/guides/reset", "own.md": f"{SITE}/own/"}
    Collection.objects.update(public_address="")
    assert {hit.url for hit in search("hold the ring", k=5).hits} == {""}


def test_an_address_that_changes_alone_is_followed_without_a_new_revision(
    bring_in: Callable[..., IngestReport], tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    write_articles(folder, {"reset.md": RESET.format(more="")})
    bring_in(folder)
    document = Document.objects.get()
    assert document.stated_address == ""
    write_articles(folder, {"reset.md": RESET.format(more="url: https://docs.example.org/reset\n")})
    report = bring_in(folder)
    document.refresh_from_db()
    assert (report.unchanged, Revision.objects.count()) == (1, 1)
    assert address_of(document) == "https://docs.example.org/reset"
    event = AuditEvent.objects.get(action="document.address_changed")
    data = json.loads(event.canonical)["data"]
    assert (data["stated_address_before"], data["stated_address"]) == ("", document.stated_address)
    bring_in(folder)
    assert AuditEvent.objects.filter(action="document.address_changed").count() == 1
    assert rows.first_wrong() is None


def test_ingestion_says_which_address_it_ignores(
    bring_in: Callable[..., IngestReport], tmp_path: Path
) -> None:
    report = bring_in(
        write_articles(tmp_path / "files", {"reset.md": RESET.format(more="permalink: pretty\n")})
    )
    (warning,) = report.warnings
    assert warning["path"] == "reset.md"
    assert warning["reason"].startswith("its permalink is a pattern")
    assert report.added == 1


def test_a_wrong_public_address_ends_ingestion_before_it_begins(
    bring_in: Callable[..., IngestReport], articles: Path
) -> None:
    with pytest.raises(CannotIngest, match="public address"):
        bring_in(articles, public_address="ftp://help.example.com/")
    assert not Collection.objects.exists()
    with pytest.raises(CommandError) as refused:
        call_command("ingest", str(articles), collection="help", public_address="nothing")
    assert refused.value.returncode == 2


@pytest.mark.django_db
def test_an_edit_in_the_console_leaves_the_address_that_the_file_states() -> None:
    from retrieval.article_drafts import begin

    collection = Collection.objects.create(name="help")
    revision = publish(collection=collection, source="a.md", title="A", text="One.", now=NOW)
    Document.objects.update(stated_address=f"{SITE}/a")
    document = Document.objects.get()
    publish_edited(
        document=document, fields=begin(document), over=revision.pk, author=None, actor="system:test",
        now=NOW,
    )  # fmt: skip
    document.refresh_from_db()
    assert document.stated_address == f"{SITE}/a"


@pytest.mark.django_db
def test_a_collections_public_address_is_changed_with_an_event_that_the_log_checks() -> None:
    actor = {"actor": "user:1:ada", "now": datetime(2026, 12, 1, tzinfo=UTC)}
    made = collections.create(name="help", title="Help", public_address=SITE, **actor)
    same = {"title": "Help", "visibility": "public", "channels": []}
    assert not collections.change(made, **same, **actor)
    assert not collections.change(made, **same, public_address=f"{SITE}/{{path}}", **actor)
    assert collections.change(made, **same, public_address=TEMPLATE, **actor)
    data = json.loads(AuditEvent.objects.order_by("index").last().canonical)["data"]
    assert data["public_address_before"] == f"{SITE}/{{path}}"
    assert data["public_address"] == TEMPLATE
    assert rows.first_wrong() is None
    Collection.objects.update(public_address="https://evil.example/{path}")
    wrong = rows.first_wrong()
    assert wrong is not None
    assert (wrong.expected, wrong.actual) == (TEMPLATE, "https://evil.example/{path}")
    with pytest.raises(BadArticle) as refused:
        collections.change(made, **same, public_address="ftp://x", **actor)
    assert refused.value.field == "public_address"


@pytest.mark.django_db
def test_the_migration_fills_in_what_stored_front_matters_state() -> None:
    collection = Collection.objects.create(name="help")
    fronts = {"a.md": {"permalink": "/a/"}, "b.md": {"permalink": "pretty"}, "c.md": {}}
    for source, front in fronts.items():
        publish(
            collection=collection, source=source, title=source, text="One.", front_matter=front, now=NOW
        )  # fmt: skip
    import_module("retrieval.migrations.0010_public_addresses").fill_in(apps, None)
    found = dict(Document.objects.values_list("source", "stated_address"))
    assert found == {"a.md": "/a/", "b.md": "", "c.md": ""}
