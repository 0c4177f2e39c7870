"""A snapshot is built aside, checked, switched in one step, and never served when damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from assistant.digests import file_sha256
from assistant.models.audit import AuditEvent
from generation.models import Draft
from retrieval import building, cleaning, intake, sealed, segments, snapshots
from retrieval.building import BuildFailed, refresh_if_stale
from retrieval.embedder import Embedder
from retrieval.ingest import IngestReport
from retrieval.models import Collection, Document, IndexSnapshot
from retrieval.publishing import publish, retire
from retrieval.search import EmptyIndex, search
from retrieval.snapshots import CannotActivate, DamagedSnapshot, is_stale
from tests.retrieval.conftest import NOW
from tests.review.factories import make_ticket

State = IndexSnapshot.State


def add(title: str, text: str) -> None:
    collection = Collection.objects.get(name="help")
    publish(collection=collection, source=f"{title}.md", title=title, text=text, now=NOW)


def active() -> IndexSnapshot:
    return IndexSnapshot.objects.get(state=State.ACTIVE)


def folder_of(row: IndexSnapshot) -> Path:
    return snapshots.index_root() / row.folder


def test_what_is_published_becomes_searchable_with_the_next_snapshot(
    knowledge: IngestReport,
) -> None:
    add("Pairing with Norwegian hubs", "Fjordlink hubs pair over the local network only.")
    assert is_stale()
    assert "Fjordlink" not in search("Fjordlink hubs", k=1).hits[0].text
    row = refresh_if_stale()
    assert row is not None
    assert row.state == State.ACTIVE
    assert not is_stale()
    assert "Fjordlink" in search("Fjordlink hubs", k=1).hits[0].text
    assert refresh_if_stale() is None


def test_what_is_retired_leaves_with_the_next_snapshot(knowledge: IngestReport) -> None:
    retire(Document.objects.get(source="devices/battery.md"), actor="system:test", now=NOW)
    refresh_if_stale()
    assert all(hit.source != "devices/battery.md" for hit in search("batteries", k=20).hits)


def segment_folders(row: IndexSnapshot) -> list[Path]:
    manifest = sealed.read_manifest(folder_of(row), row.digest)
    return [snapshots.index_root() / segments.name_of(each) for each in manifest["segments"]]


def forget_all() -> None:
    """As in a new process."""
    snapshots._open.clear()
    segments.forget()


def test_manifests_name_every_file_and_the_row_names_the_snapshots_manifest(
    knowledge: IngestReport,
) -> None:
    row = active()
    assert row.digest == file_sha256(folder_of(row) / "manifest.json")
    for folder in (folder_of(row), *segment_folders(row)):
        manifest = json.loads((folder / "manifest.json").read_text())
        files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
        assert set(manifest["files"]) == files - {"manifest.json"}
        assert manifest["embedder_digest"] == row.embedder_digest
    assert row.chunks == knowledge.chunks
    assert (row.segments, row.tombstones, row.vector_index, row.recall) == (1, 0, "Flat", 1.0)


SNAPSHOT_FILES = ["manifest.json", "tombstones.npy"]
SEGMENT_FILES = [
    *["manifest.json", "vectors.faiss", "chunk_ids.npy", "digests.npy", "revision_ids.npy"],
    *["words/rows.npy", "articles/words.json"],
]


@pytest.mark.parametrize("name", [*SNAPSHOT_FILES, *(f"segment/{name}" for name in SEGMENT_FILES)])
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove"])
def test_a_damaged_file_is_refused_by_name_and_the_sweep_repairs_it(
    knowledge: IngestReport, name: str, damage: str
) -> None:
    before = active()
    of_segment = name.startswith("segment/")
    folder = segment_folders(before)[0] if of_segment else folder_of(before)
    path = folder / name.removeprefix("segment/")
    if damage == "remove":
        path.unlink()
    else:
        raw = bytearray(path.read_bytes())
        raw[len(raw) // 2] ^= 1
        path.write_bytes(raw if damage == "flip" else raw[:-1])
    forget_all()
    with pytest.raises(DamagedSnapshot, match=name.rsplit("/", 1)[-1]):
        search("thermostat")
    before.refresh_from_db()
    assert before.state == State.BROKEN
    assert is_stale()
    refresh_if_stale()
    assert active().pk != before.pk
    forget_all()
    assert search("How do I reset the thermostat?", k=1).hits[0].title == "Reset your thermostat"


def test_a_file_touched_after_it_was_opened_is_noticed_at_the_next_switch(
    knowledge: IngestReport,
) -> None:
    search("thermostat")
    path = segment_folders(active())[0] / "chunk_ids.npy"
    raw = bytearray(path.read_bytes())
    raw[-8] ^= 1
    path.write_bytes(raw)
    add("One more", "A single new passage.")
    refresh_if_stale()
    found = search("How do I reset the thermostat?", k=1)
    assert found.hits[0].title == "Reset your thermostat"
    assert active().chunks == knowledge.chunks + 1


def test_vectors_of_unchanged_chunks_are_reused(
    knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[str] = []
    encode = Embedder.encode

    def listen(self: Embedder, texts: Any, **options: Any) -> Any:
        embedded.extend(texts)
        return encode(self, texts, **options)

    monkeypatch.setattr(Embedder, "encode", listen)
    add("One more", "A single new passage.")
    refresh_if_stale()
    assert len(embedded) == 1
    assert "A single new passage." in embedded[0]


def test_a_build_that_fails_leaves_the_active_one_and_the_next_sweeps_up_its_files(
    knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = active()
    add("One more", "A single new passage.")

    def fail(*args: Any) -> None:
        raise BuildFailed("a chunk's own vector does not find it")

    monkeypatch.setattr(building, "_check", fail)
    with pytest.raises(BuildFailed):
        refresh_if_stale()
    assert active() == before
    assert search("thermostat", k=1).snapshot == before.pk
    assert is_stale()
    monkeypatch.undo()
    refresh_if_stale()
    kept = [active(), before]
    folders = {p.name for p in snapshots.index_root().iterdir() if p.is_dir()}
    assert folders == {row.folder for row in kept} | {
        folder.name for row in kept for folder in segment_folders(row)
    }


def test_an_index_that_does_not_find_its_own_chunks_is_not_published(
    knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = active()
    add("One more", "A single new passage.")
    monkeypatch.setattr(intake, "_embed", lambda chunks, *_: _zeros(len(chunks)))
    with pytest.raises(BuildFailed, match="unit length"):
        refresh_if_stale()
    assert active() == before


def _zeros(count: int) -> Any:
    import numpy as np

    return np.zeros((count, 384), dtype=np.float32)


def test_a_kill_between_building_and_switching_is_repaired(knowledge: IngestReport) -> None:
    before = active()
    add("One more", "A single new passage.")
    orphan = building.build()  # the process dies here
    leftover = snapshots.index_root() / ".building-99"
    leftover.mkdir()
    assert active() == before
    assert is_stale()
    row = refresh_if_stale()
    assert row is not None
    assert active() == row
    assert not leftover.exists()
    orphan.refresh_from_db()
    assert orphan.state == State.BROKEN
    assert not folder_of(orphan).exists()


def test_a_roll_back_is_searched_at_once_and_stands_until_the_next_change(
    knowledge: IngestReport,
) -> None:
    first = active()
    add("Fjordlink", "Fjordlink hubs pair over the local network only.")
    second = refresh_if_stale()
    assert second is not None
    snapshots.activate(first, actor="user:1:priya", now=NOW)
    assert search("Fjordlink", k=1).snapshot == first.pk
    assert "Fjordlink" not in search("Fjordlink", k=1).hits[0].title
    assert not is_stale()
    assert refresh_if_stale() is None
    add("Third", "Something else.")
    third = refresh_if_stale()
    assert third is not None
    assert "Fjordlink" in search("Fjordlink", k=1).hits[0].title
    actions = AuditEvent.objects.filter(action="snapshot.activated").order_by("index")
    assert [json.loads(event.canonical)["data"]["snapshot"] for event in actions] == [
        first.pk,
        second.pk,
        first.pk,
        third.pk,
    ]


def test_a_slow_build_does_not_replace_a_newer_one(knowledge: IngestReport) -> None:
    add("One", "The first.")
    slow = building.build()
    add("Two", "The second.")
    fast = building.build()
    assert snapshots.activate(fast, actor="system:test", now=NOW)
    assert not snapshots.activate(slow, actor="system:test", now=NOW)
    assert active() == fast


def test_broken_foreign_and_cleaned_snapshots_cannot_be_made_active(
    knowledge: IngestReport,
) -> None:
    first = active()
    add("One more", "A single new passage.")
    refresh_if_stale()
    shutil.rmtree(folder_of(first))
    with pytest.raises(CannotActivate, match="cleaned away"):
        snapshots.activate(first, actor="system:test", now=NOW)
    IndexSnapshot.objects.filter(pk=first.pk).update(embedder_digest="0" * 64)
    with pytest.raises(CannotActivate, match="embedder"):
        snapshots.activate(first, actor="system:test", now=NOW)
    IndexSnapshot.objects.filter(pk=first.pk).update(state=State.BROKEN)
    with pytest.raises(CannotActivate, match="broken"):
        snapshots.activate(first, actor="system:test", now=NOW)


def test_another_embedder_makes_the_index_stale_and_is_not_mixed_with_it(
    knowledge: IngestReport,
) -> None:
    IndexSnapshot.objects.update(embedder_digest="0" * 64)
    assert is_stale()


def test_a_search_that_began_before_a_switch_is_answered_from_the_old_snapshot(
    knowledge: IngestReport,
) -> None:
    old = snapshots.open_active()
    add("Fjordlink", "Fjordlink hubs pair over the local network only.")
    refresh_if_stale()
    new = snapshots.open_active()
    assert (len(old.vectors), len(old.lexical)) == (knowledge.chunks, knowledge.chunks)
    assert (len(new.vectors), len(new.lexical)) == (knowledge.chunks + 1, knowledge.chunks + 1)
    assert len(old.chunk_ids) == knowledge.chunks


def test_cleaning_keeps_the_active_one_the_last_few_and_what_drafts_name(
    knowledge: IngestReport, bring_in: Callable[..., IngestReport]
) -> None:
    rows = [active()]
    ticket = make_ticket()
    Draft.objects.create(
        ticket=ticket, message=ticket.messages.get(), number=1, queued_at=NOW, snapshot=rows[0]
    )
    for number in range(5):
        add(f"More {number}", f"Passage number {number}.")
        row = refresh_if_stale()
        assert row is not None
        rows.append(row)
    left = {p.name for p in snapshots.index_root().glob("snapshot-*")}
    assert left == {row.folder for row in [rows[0], *rows[-cleaning.KEEP :]]}
    assert search("Passage number 4", k=1).snapshot == rows[-1].pk


@pytest.mark.django_db
def test_without_articles_a_search_says_so_in_words(index_folder: Path) -> None:
    with pytest.raises(EmptyIndex, match=r"manage\.py ingest"):
        search("anything")
    assert not is_stale()


def test_when_every_article_is_retired_a_search_says_so_in_words(knowledge: IngestReport) -> None:
    for document in Document.objects.all():
        retire(document, actor="system:test", now=NOW)
    refresh_if_stale()
    with pytest.raises(EmptyIndex, match="no published article"):
        search("thermostat")
    assert not is_stale()
