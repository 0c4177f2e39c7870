"""Snapshots share segments: a publication adds one, a retirement a tombstone, and what is found is
what an index built anew of the live articles finds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
import pytest
from fsspec.registry import _registry as opened_stores

from retrieval import building, compacting, sealed, segments, snapshots, vector_index
from retrieval.building import refresh_if_stale
from retrieval.ingest import IngestReport
from retrieval.lexical import LexicalIndex, Postings, terms
from retrieval.models import Collection, Document, IndexSnapshot
from retrieval.publishing import publish, retire
from retrieval.search import search
from retrieval.snapshots import OpenSnapshot
from retrieval.vector_index import RecallTooLow, SegmentedVectors, VectorIndex
from tests.retrieval.conftest import NOW

State = IndexSnapshot.State
QUERIES = [
    "How do I reset the thermostat?",
    "When does a refund arrive on a closed account?",
    "batteries of the sensor, and the app",
    "Nothing of the kind stands anywhere",
]


def add(title: str, text: str) -> None:
    collection = Collection.objects.get(name="help")
    publish(collection=collection, source=f"{title}.md", title=title, text=text, now=NOW)


def drop(source: str) -> None:
    retire(Document.objects.get(source=source), actor="system:test", now=NOW)


def active() -> IndexSnapshot:
    return IndexSnapshot.objects.get(state=State.ACTIVE)


def opened() -> OpenSnapshot:
    return snapshots.open_active()


@pytest.fixture
def grown(knowledge: IngestReport) -> OpenSnapshot:
    """Three segments with a tombstone in each of two."""
    for number in range(12):
        add(f"Plan {number}", f"The refund of plan {number} takes {number} days in the app.")
    refresh_if_stale()
    add("Thermostat colours", "The thermostat comes in white. Its ring glows amber at a reset.")
    drop("Plan 3.md")
    refresh_if_stale()
    drop("devices/battery.md")
    refresh_if_stale()
    return opened()


def by_chunk(snapshot: OpenSnapshot, scores: Any) -> dict[int, float]:
    pairs = zip(snapshot.chunk_ids.tolist(), scores.tolist(), strict=True)
    return {chunk: score for chunk, score in pairs if score}


def rebuilt() -> OpenSnapshot:
    """An index of the published articles that builds on nothing."""
    row = building.build(standing=building.Standing([]))
    return snapshots.open_folder(snapshots.index_root() / row.folder, row)


def test_a_publication_adds_a_small_segment_and_a_retirement_only_tombstones(
    knowledge: IngestReport,
) -> None:
    base = opened().parts[0].segment.digest
    add("One more", "A single new passage.")
    refresh_if_stale()
    first = active()
    assert [len(part.segment) for part in opened().parts] == [knowledge.chunks, 1]
    assert opened().parts[0].segment.digest == base
    drop("devices/battery.md")
    refresh_if_stale()
    row = active()
    assert (row.segments, row.tombstones) == (first.segments, 1)
    assert row.chunks == first.chunks - 1


def test_scores_over_segments_and_tombstones_are_those_of_an_index_built_anew(
    grown: OpenSnapshot,
) -> None:
    assert len(grown.parts) > 1
    assert not grown.live.all()
    anew = rebuilt()
    assert len(anew.parts) == 1
    assert anew.live.all()
    for query in QUERIES:
        words, expected = grown.lexical.scores(query), anew.lexical.scores(query)
        assert by_chunk(grown, words) == pytest.approx(by_chunk(anew, expected), rel=1e-5)
        whole = grown.articles.scores(query)[grown.article_rows]
        expected = anew.articles.scores(query)[anew.article_rows]
        assert by_chunk(grown, whole * grown.live) == pytest.approx(
            by_chunk(anew, expected), rel=1e-5
        )
    vectors = anew.vectors.vectors_at(np.arange(len(anew.vectors)))
    found, rows = grown.vectors.search(vectors, 10)
    expected, others = anew.vectors.search(vectors, 10)
    # embedded anew in other batches, whose last digits differ where the network runs in bfloat16
    np.testing.assert_allclose(found, expected, atol=5e-3)
    assert (grown.chunk_ids[rows[:, 0]] == anew.chunk_ids[others[:, 0]]).all()


def test_a_dead_row_is_not_found_even_where_the_caller_allows_it(grown: OpenSnapshot) -> None:
    dead = np.flatnonzero(~grown.live)
    probes = grown.vectors.vectors_at(dead)
    everything = np.ones(len(grown.live), dtype=np.bool_)
    for allowed in (None, everything, ~grown.live):
        _, rows = grown.vectors.search(probes, len(grown.live), allowed=allowed)
        assert not set(rows.ravel().tolist()) & set(dead.tolist())
    assert (grown.lexical.scores("sensor cells plan 3 days")[dead] == 0).all()
    gone = np.setdiff1d(grown.article_rows[dead], grown.article_rows[grown.live])
    assert (grown.articles.scores("sensor cells plan 3 days")[gone] == 0).all()


def test_what_was_retired_and_comes_back_as_it_was_gets_no_new_row(
    knowledge: IngestReport,
) -> None:
    before = opened()
    document = Document.objects.get(source="devices/battery.md")
    assert document.current is not None
    drop("devices/battery.md")
    refresh_if_stale()
    publish(
        collection=document.collection,
        source=document.source,
        title=document.title,
        text=document.current.text,
        category=document.category,
        now=NOW,
    )
    refresh_if_stale()
    assert np.array_equal(opened().chunk_ids, before.chunk_ids)
    assert opened().live.all()


def test_a_compaction_makes_one_segment_that_finds_the_same(grown: OpenSnapshot) -> None:
    before = [[hit.chunk_id for hit in search(query, k=5).hits] for query in QUERIES]
    row = compacting.compact(nice=0)
    assert row == active()
    assert (row.segments, row.tombstones) == (1, 0)
    compacted = opened()
    assert len(compacted.parts) == 1
    assert compacted.live.all()
    for query in QUERIES:
        assert by_chunk(compacted, compacted.lexical.scores(query)) == pytest.approx(
            by_chunk(grown, grown.lexical.scores(query)), rel=1e-5
        )
    after = [[hit.chunk_id for hit in search(query, k=5).hits] for query in QUERIES]
    assert before == after


def test_what_is_published_and_retired_during_a_compaction_is_in_its_snapshot(
    grown: OpenSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = segments.write

    def slow(*args: Any, **options: Any) -> str:
        monkeypatch.setattr(segments, "write", write)
        digest = write(*args, **options)
        add("Meanwhile", "Fjordlink hubs pair over the local network only.")
        drop("Plan 5.md")
        refresh_if_stale()  # not blocked
        assert "Fjordlink" in search("Fjordlink hubs", k=1).hits[0].text
        return digest

    monkeypatch.setattr(segments, "write", slow)
    row = compacting.compact(nice=0)
    assert row == active()
    assert "Fjordlink" in search("Fjordlink hubs", k=1).hits[0].text
    assert all(hit.title != "Plan 5" for hit in search("The refund of plan 5", k=20).hits)
    assert len(opened().parts) == 2


def test_a_compaction_leaves_a_roll_back_alone(grown: OpenSnapshot) -> None:
    older = IndexSnapshot.objects.filter(state=State.RETIRED).latest("pk")
    snapshots.activate(older, actor="user:1:priya", now=NOW)
    assert compacting.compact(nice=0) is None
    assert active() == older


def test_many_publications_keep_the_segments_few(knowledge: IngestReport) -> None:
    for number in range(20):
        add(f"Plan {number}", f"The refund of plan {number} takes {number} days.")
        refresh_if_stale()
    row = active()
    assert row.chunks == knowledge.chunks + 20
    assert row.segments <= 6


def test_an_index_that_finds_too_little_is_refused_and_the_row_says_why(
    grown: OpenSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = active()

    def refuse(*args: Any, **options: Any) -> Any:
        raise RecallTooLow("IVF8,SQ8 finds 0.412 of the 10 nearest at 2 probes of 8.")

    monkeypatch.setattr(vector_index.VectorIndex, "build", refuse)
    with pytest.raises(RecallTooLow):
        compacting.compact(nice=0)
    assert active() == before
    assert search("thermostat", k=1).snapshot == before.pk
    assert "0.412" in IndexSnapshot.objects.latest("pk").problem
    assert not compacting.start_if_due(grown), "a refused index is not built again at once"


# --- the parts by themselves ----------------------------------------------------------------


def test_words_score_as_bm25s_scores_them() -> None:
    texts = [
        "Hold the ring for ten seconds; the ring glows.",
        "",
        "Refunds of refunds take ten days",
        "The ring's colour, and the refund's",
    ]
    reference = bm25s.BM25(k1=1.5, b=0.75, method="lucene")
    reference.index([terms(text) for text in texts], show_progress=False)
    for query in ("ring", "ten refunds ring ring", "colour of days"):
        known = [term for term in terms(query) if term in reference.vocab_dict]
        np.testing.assert_allclose(
            LexicalIndex.build(texts).scores(query), reference.get_scores(known), rtol=1e-5
        )
    assert LexicalIndex.build(texts).scores("unheard").sum() == 0
    assert LexicalIndex.build([]).scores("ring").shape == (0,)


def test_postings_on_the_disk_are_the_ones_that_were_built(tmp_path: Path) -> None:
    built = Postings.build(["one two two", "", "два two"])
    built.save(tmp_path / "words")
    read = Postings.load(tmp_path / "words")
    assert read.words == built.words
    np.testing.assert_array_equal(
        LexicalIndex([read]).scores("two два"), LexicalIndex([built]).scores("two два")
    )


@pytest.fixture(scope="module")
def clustered() -> Any:
    """Unit vectors around centres, enough to be searched approximately: `float32 [12000, 32]`."""
    random = np.random.default_rng(7)
    centres = random.standard_normal((60, 32))
    points = centres[random.integers(0, 60, 12_000)] + 0.5 * random.standard_normal((12_000, 32))
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def approximate(clustered: Any, monkeypatch: pytest.MonkeyPatch) -> VectorIndex:
    index, quality = VectorIndex.build(clustered)
    assert quality.index.startswith("IVF")
    assert quality.recall >= vector_index.LEAST_RECALL
    return index


def test_a_large_segment_is_searched_approximately_with_exact_cosines_after_reading_it_back(
    approximate: VectorIndex, clustered: Any, tmp_path: Path
) -> None:
    approximate.save(tmp_path)
    read = VectorIndex.load(tmp_path, probes=8)
    scores, rows = read.search(clustered[:50], 10)
    np.testing.assert_allclose(scores[:, 0], 1.0, atol=1e-5)
    best = np.sort(clustered[:50] @ clustered.T, axis=1)[:, ::-1][:, :10]
    assert np.isclose(scores, best, atol=1e-5).mean() > 0.9
    np.testing.assert_allclose(read.vectors_at(rows[0]), clustered[rows[0]], atol=1e-6)


@pytest.mark.parametrize("share", [0.9, 0.3, 0.002])
def test_a_filter_works_inside_the_index_and_never_empties_the_answer(
    approximate: VectorIndex, clustered: Any, share: float
) -> None:
    allowed = np.random.default_rng(1).random(len(clustered)) < share
    _, rows = approximate.search(clustered[:40], 10, allowed=allowed)
    assert rows.shape == (40, 10)
    assert allowed[rows].all()
    assert all(len(set(row)) == 10 for row in rows.tolist())


@pytest.mark.parametrize("share", [0.5, 0.2, 0.11, 0.05])
def test_a_filter_finds_the_nearest_of_what_it_leaves(
    approximate: VectorIndex, clustered: Any, share: float
) -> None:
    allowed = np.random.default_rng(2).random(len(clustered)) < share
    queries = clustered[:100]
    _, rows = approximate.search(queries, 10, allowed=allowed)
    nearest = np.argsort(-np.where(allowed, queries @ clustered.T, -2.0), axis=1)[:, :10]
    found = [len(np.intersect1d(a, b)) for a, b in zip(rows, nearest, strict=True)]
    assert np.mean(found) >= 9.5


@pytest.mark.parametrize("rows", [5_001, 9_999, 100_000, 1_000_000])
def test_each_list_of_the_inverted_file_has_rows_enough_to_be_trained_on(rows: int) -> None:
    lists = vector_index._lists(rows)
    assert rows // lists >= 39
    assert lists >= np.sqrt(rows)


def test_segments_together_find_what_one_index_finds(
    approximate: VectorIndex, clustered: Any
) -> None:
    small, _ = VectorIndex.build(clustered[:300] * 1.0)
    dead = np.zeros(300, dtype=np.bool_)
    both = SegmentedVectors([approximate, small], [None, dead])
    _, rows = both.search(clustered[:5], 3)
    assert (rows < len(clustered)).all()
    both = SegmentedVectors([approximate, small])
    scores, rows = both.search(clustered[:5], 2)
    np.testing.assert_allclose(scores, 1.0, atol=1e-5)
    assert {tuple(sorted(row)) for row in rows.tolist()} == {
        (n, len(clustered) + n) for n in range(5)
    }
    np.testing.assert_allclose(both.vectors_at(rows[0]), clustered[[0, 0]], atol=1e-6)


def test_recall_under_the_bound_is_refused(clustered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_index, "LEAST_RECALL", 1.01)
    with pytest.raises(RecallTooLow, match="IVF"):
        VectorIndex.build(clustered)


# --- several machines ------------------------------------------------------------------------


def test_another_machine_fetches_what_it_lacks_and_checks_it(
    knowledge: IngestReport, settings: Any, tmp_path: Path
) -> None:
    settings.INDEX_STORE = (tmp_path / "store").as_uri()
    add("Fjordlink", "Fjordlink hubs pair over the local network only.")
    refresh_if_stale()
    settings.DATA_DIR = tmp_path / "another-machine"
    forget_all()
    assert "Fjordlink" in search("Fjordlink hubs", k=1).hits[0].text
    add("Second", "Brimstone valves close by themselves.")
    refresh_if_stale()  # builds on what it fetched
    settings.DATA_DIR = tmp_path / "data"
    assert "Brimstone" in search("Brimstone valves", k=1).hits[0].text


def test_a_damaged_local_segment_is_fetched_again_and_a_damaged_store_is_refused(
    knowledge: IngestReport, settings: Any, tmp_path: Path
) -> None:
    settings.INDEX_STORE = (tmp_path / "store").as_uri()
    add("Fjordlink", "Fjordlink hubs pair over the local network only.")
    refresh_if_stale()
    name = segments.name_of(opened().parts[0].segment.digest)
    spoil(snapshots.index_root() / name / "vectors.faiss")
    forget_all()
    assert search("thermostat", k=1).hits
    spoil(snapshots.index_root() / name / "vectors.faiss")
    spoil(tmp_path / "store" / name / "vectors.faiss")
    forget_all()
    with pytest.raises(sealed.DamagedSnapshot, match=r"COUNTERSIGN_INDEX_STORE.*vectors"):
        search("thermostat", k=1)


@pytest.mark.parametrize(
    ("address", "words"),
    [("s3://bucket/no-package", "pip install s3fs"), ("/a/folder", "file:///folder")],
)
def test_a_store_that_cannot_be_used_is_an_error_with_a_hint(
    knowledge: IngestReport,
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    words: str,
) -> None:
    before = active()
    monkeypatch.setitem(sys.modules, "s3fs", None)  # as where it isn't installed
    monkeypatch.delitem(opened_stores, "s3", raising=False)
    settings.INDEX_STORE = address
    add("One more", "A single new passage.")
    with pytest.raises(segments.snapshot_store.StoreError, match=words):
        refresh_if_stale()
    assert active() == before


def spoil(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)


def forget_all() -> None:
    """As in a new process."""
    snapshots._open.clear()
    segments.forget()
