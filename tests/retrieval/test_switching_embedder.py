"""Another embedder is one setting: the old index answers, embedded as it was built, until the new one
is whole; and back again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from retrieval import building, compacting, intake, snapshots
from retrieval.building import refresh_if_stale
from retrieval.embedder import get_embedder
from retrieval.ingest import IngestReport
from retrieval.models import IndexSnapshot
from retrieval.search import search
from retrieval.under_way import build_under_way
from tests.retrieval.conftest import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real sentence-transformers model: one layer, 32 dimensions, random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel

    parts = tmp_path_factory.mktemp("parts")
    bundled = get_embedder().folder
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        if (bundled / name).is_file():
            shutil.copy(bundled / name, parts)
    torch.manual_seed(0)
    shape = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(**shape, intermediate_size=64)).save_pretrained(parts)
    words = Transformer(str(parts), max_seq_length=64)
    folder = tmp_path_factory.mktemp("other") / "model"
    SentenceTransformer(modules=[words, Pooling(32)]).save(str(folder))
    return folder


def test_the_old_index_answers_with_its_own_embedder_until_the_new_one_is_whole_and_back(
    knowledge: IngestReport, other_model: Path, settings: Any
) -> None:
    query = "put the heating controller into factory state"
    old = search(query, k=3, mode="dense")
    settings.EMBEDDER = str(other_model)
    assert snapshots.is_stale()
    meanwhile = search(query, k=3, mode="dense")
    assert meanwhile == old

    row = refresh_if_stale()
    assert row is not None
    assert (row.state, row.dimensions, row.embedder) == ("active", 32, str(other_model))
    assert not snapshots.is_stale()
    new = search(query, k=3, mode="dense")
    assert new.snapshot == row.pk
    assert new.hits[0].dense_score != pytest.approx(old.hits[0].dense_score)

    snapshots.activate(IndexSnapshot.objects.get(pk=old.snapshot), actor="system:test", now=NOW)
    assert not snapshots.is_stale()  # a roll back stands
    assert search(query, k=3, mode="dense") == old


def test_parts_of_a_new_embedders_index_are_kept_and_not_searched_until_it_is_whole(
    knowledge: IngestReport, other_model: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "SLICE", 0.0)
    monkeypatch.setattr(intake, "_FIRST", 1)
    old = search("reset", k=3, mode="dense")
    settings.EMBEDDER = str(other_model)
    remaining = []
    while (row := building.refresh_slice()) is not None and row.remaining:
        remaining.append(row.remaining)
        assert row.state == "ready"
        assert search("reset", k=3, mode="dense") == old
        under_way = build_under_way()
        assert under_way is not None
        assert under_way.aside
        assert not compacting.is_due(snapshots.open_active())
    assert remaining == [3, 2, 1]
    assert row is not None
    assert (row.state, row.dimensions) == ("active", 32)
    assert not IndexSnapshot.objects.filter(state="ready").exists()


def test_an_index_is_never_searched_with_other_weights_than_it_was_built_with(
    knowledge: IngestReport, other_model: Path
) -> None:
    snapshots._open.clear()
    IndexSnapshot.objects.update(embedder=str(other_model))
    with pytest.raises(snapshots.DamagedSnapshot, match="other weights"):
        search("reset")


def test_an_index_whose_embedder_is_gone_is_not_made_active(
    knowledge: IngestReport, tmp_path: Path
) -> None:
    IndexSnapshot.objects.update(embedder=str(tmp_path / "gone"), state="retired")
    with pytest.raises(snapshots.CannotActivate, match="gone"):
        snapshots.activate(IndexSnapshot.objects.get(), actor="system:test", now=NOW)
