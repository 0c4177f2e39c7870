"""Many new articles come into the index in slices, the newest first; what stands is searched all the
while, and no snapshot claims what it does not hold yet."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from assistant.models import User
from retrieval import building, compacting, intake, snapshots, tasks
from retrieval.building import refresh_if_stale, refresh_slice
from retrieval.embedder import Embedder
from retrieval.ingest import IngestReport
from retrieval.models import Collection, Document, IndexSnapshot
from retrieval.publishing import publish, retire
from retrieval.search import search
from retrieval.under_way import build_under_way
from tests.retrieval.conftest import NOW

State = IndexSnapshot.State


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice takes one article."""
    monkeypatch.setattr(building, "SLICE", 0.0)
    monkeypatch.setattr(intake, "_FIRST", 1)
    monkeypatch.setattr(tasks, "_next_slice_asked_at", None)


def put(name: str, text: str = "", *, later: int = 0) -> None:
    publish(
        collection=Collection.objects.get(name="help"),
        source=f"{name}.md",
        title=name,
        text=text or f"The {name} hub pairs over the local network.",
        now=NOW + timedelta(seconds=later),
    )


def take_slice() -> IndexSnapshot:
    row = refresh_slice()
    assert row is not None
    return row


def found(query: str) -> list[str]:
    return [hit.title for hit in search(query, k=30).hits]


def active() -> IndexSnapshot:
    return IndexSnapshot.objects.get(state=State.ACTIVE)


def test_the_newest_is_found_first_and_a_part_does_not_claim_the_whole(
    knowledge: IngestReport,
) -> None:
    before = active()
    for number in range(4):
        put(f"import{number}", later=number)
    row = take_slice()
    assert (row.state, row.remaining, row.built_from) == (State.ACTIVE, 3, before.built_from)
    assert snapshots.is_stale()
    assert "import3" in found("import3 hub")
    put("urgent", later=60)
    row = take_slice()
    assert row.remaining == 3
    assert {"urgent", "import3"} <= set(found("hub pairs"))
    assert not {"import0", "import1", "import2"} & set(found("hub pairs"))
    last = refresh_if_stale()
    assert last == active()
    assert (last.remaining, last.built_from) == (0, snapshots.version())
    assert not snapshots.is_stale()
    titles = found("hub pairs over the local network")
    assert sorted(t for t in titles if t.startswith("import")) == [f"import{n}" for n in range(4)]


def test_nothing_is_embedded_twice_over_the_slices(
    knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[str] = []
    encode = Embedder.encode

    def listen(self: Embedder, texts: Any) -> Any:
        embedded.extend(texts)
        return encode(self, texts)

    monkeypatch.setattr(Embedder, "encode", listen)
    for number in range(5):
        put(f"import{number}")
    refresh_if_stale()
    assert len(embedded) == len(set(embedded)) == 5


def test_a_retirement_does_not_wait_behind_an_import(knowledge: IngestReport) -> None:
    for number in range(4):
        put(f"import{number}", later=number)
    retire(
        Document.objects.get(source="devices/battery.md"),
        actor="system:test",
        now=NOW - timedelta(days=1),
    )
    assert take_slice().remaining == 3
    assert "Change the batteries" not in found("batteries of the sensor")


def test_an_article_that_changed_is_found_in_its_old_text_until_the_new_one_is_in(
    knowledge: IngestReport,
) -> None:
    put("fjordlink", "Fjordlink hubs pair by cable.")
    refresh_if_stale()
    put("fjordlink", "Fjordlink hubs pair by radio.", later=1)
    put("import", later=2)

    def texts() -> list[str]:
        hits = search("Fjordlink hubs", k=30).hits
        return [hit.text for hit in hits if hit.title == "fjordlink"]

    assert take_slice().remaining == 1
    assert texts() == ["Fjordlink hubs pair by cable."]
    compacting.compact(nice=0)  # takes in an article too, as any build
    assert active().remaining == 0
    assert texts() == ["Fjordlink hubs pair by radio."]


def test_the_first_articles_of_an_empty_installation_are_found_at_once(
    knowledge: IngestReport,
) -> None:
    IndexSnapshot.objects.all().delete()
    row = take_slice()
    assert row.state == State.ACTIVE
    assert (row.remaining, row.built_from) == (3, 0)
    assert search("thermostat", k=5).hits


def test_a_worker_asks_for_one_slice_at_a_time_however_many_ask(
    knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks, "wake", lambda name, **_: asked.append(name))
    for number in range(3):
        put(f"import{number}", later=number)
    for _ in range(5):
        tasks.refresh_index()
    assert asked == [snapshots.NEXT_SLICE_TASK]
    assert active().remaining == 2
    assert tasks.search_for_page(query="import2 hub")["hits"][0]["title"] == "import2"
    while asked:
        asked.pop()
        tasks.refresh_next_slice()
    assert active().remaining == 0
    put("later")
    tasks.refresh_index()
    assert "later" in found("later hub")


def test_a_worker_does_not_wait_for_another_builder(knowledge: IngestReport) -> None:
    put("import")
    with building.one_builder():
        tasks.refresh_index()
        assert active().remaining == 0
        assert "import" not in found("import hub")
    tasks.refresh_index()
    assert "import" in found("import hub")


def test_an_import_keeps_the_older_indexes_for_rolling_back_and_only_a_few_of_its_own(
    knowledge: IngestReport,
) -> None:
    before = active()
    for number in range(15):
        put(f"import{number}")
    refresh_if_stale()
    folders = {path.name for path in snapshots.index_root().glob("snapshot-*")}
    assert before.folder in folders
    assert len(folders) <= 2 + 3
    assert active().segments <= 6


@pytest.mark.django_db
def test_pages_say_how_many_articles_are_searchable(
    knowledge: IngestReport, sign_in: Callable[[User], Client], priya: User
) -> None:
    client = sign_in(priya)
    assert build_under_way() is None
    for number in range(3):
        put(f"import{number}")
    take_slice()
    words = "5 of 7 articles are searchable"
    pages = [reverse("knowledge:articles"), reverse("knowledge:health")]
    for url in [*pages, reverse("knowledge:under_way")]:
        assert words in client.get(url).content.decode()
    put("afterwards", later=10**9)  # what came since is not in it either
    words = "5 of 8 articles are searchable"
    assert words in client.get(reverse("knowledge:under_way")).content.decode()
    refresh_if_stale()
    assert client.get(reverse("knowledge:under_way")).content.strip() == b""
