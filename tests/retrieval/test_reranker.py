"""The real reranker: it puts the right passage first, and says so when it cannot run."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from generation.chosen import by_setting
from retrieval import minilm, ranking, search, tasks
from retrieval.cross_encoder import (
    ANSWERS,
    load_network,
    load_tokenizer,
    new_network,
    padded,
    word_pieces,
)
from retrieval.ingest import IngestReport
from retrieval.query import Query
from retrieval.reranker import Reranker, RerankerError, get_reranker

PASSAGES = [
    "Reset your thermostat › Steps\nHold the ring for ten seconds. Wait until the light turns amber.",
    "When a refund arrives\nRefunds go back to the card that paid. Banks take three to five days.",
    "Change the batteries\nThe sensor takes two AAA cells. They last about eighteen months.",
    "Invoices\nEvery invoice stands under Account, Invoices. It can be saved as a PDF.",
    "Opening hours\nThe shop is open from Monday to Friday, nine to five.",
]
QUESTIONS = {
    "How do I put my thermostat back to factory settings?": 0,
    "I returned the heater a week ago and still have no money back on my card.": 1,
    "Which batteries do I need for the sensor?": 2,
    "where can i download the bill as pdf": 3,
    "Are you open on Saturday?": 4,
}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `train reranker` writes before its first step: MiniLM, whose cosine is the score."""
    folder = tmp_path_factory.mktemp("models") / "reranker"
    minilm.write_bundle(folder, new_network().state_dict(), {"base": minilm.BASE})
    return folder


@pytest.fixture(scope="module")
def reranker(bundle: Path) -> Reranker:
    """Loaded once."""
    return Reranker(str(bundle), device="cpu")


@pytest.fixture(scope="module")
def bundled() -> Reranker:
    """The one that ships."""
    return Reranker("bundled", device="cpu")


@pytest.mark.parametrize(("question", "right"), QUESTIONS.items())
def test_the_right_passage_comes_first(
    reranker: Reranker, bundled: Reranker, question: str, right: int
) -> None:
    assert int(reranker.score(question, PASSAGES).argmax()) == right
    assert int(bundled.score(question, PASSAGES).argmax()) == right


@pytest.mark.django_db
def test_the_bundled_one_is_registered_by_its_setting(settings: Any, bundled: Reranker) -> None:
    settings.RERANKER = "bundled"
    assert get_reranker().version == bundled.version
    found = by_setting("reranker")
    assert (found.name, found.digest) == ("bundled", bundled.digest)
    assert "support questions" in found.card
    settings.RERANKER = "none"
    assert by_setting("reranker") is None


def test_scores_are_probabilities_in_the_order_of_the_passages(reranker: Reranker) -> None:
    question = "How do I reset the thermostat?"
    scores = reranker.score(question, PASSAGES)
    assert scores.dtype == np.float32
    assert scores.shape == (5,)
    assert ((scores >= 0) & (scores <= 1)).all()
    np.testing.assert_allclose(reranker.score(question, PASSAGES[::-1]), scores[::-1], atol=0.02)
    assert reranker.score(question, []).shape == (0,)


def test_a_question_of_any_length_and_an_endless_passage_are_scored(reranker: Reranker) -> None:
    asked = "The sensor's batteries are empty. Which batteries does the sensor take?"
    long = "Good morning, it rained all day. " * 300 + asked
    scores = reranker.score(long, [*PASSAGES, "word " * 5000])
    assert int(scores[:5].argmax()) == 2


def test_packed_pairs_score_as_the_network_scores_them(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(3)
    network = new_network().eval()
    torch.nn.init.normal_(network.out.weight, std=0.1)
    minilm.write_bundle(tmp_path, network.state_dict(), {"base": minilm.BASE})
    network = load_network(tmp_path)
    tokenizer = load_tokenizer()
    for question in [*QUESTIONS, "It rained all day. " * 60 + "Which batteries?"]:
        asked = word_pieces(tokenizer, question)
        passages = [*PASSAGES, "word " * 900]
        pairs = padded([(asked, word_pieces(tokenizer, passage)) for passage in passages])
        with torch.inference_mode():
            expected = network(pairs)[:, ANSWERS].sigmoid().numpy()
        found = Reranker(str(tmp_path), device="cpu").score(question, passages)
        np.testing.assert_allclose(found, expected, atol=0.03)


def test_its_version_names_the_bundle(reranker: Reranker, bundle: Path) -> None:
    digest = json.loads((bundle / "manifest.json").read_text())["digest"]
    assert reranker.version == f"{bundle}@{digest[:12]}"


@pytest.mark.parametrize("name", ["weights.safetensors", "config.json"])
def test_a_damaged_file_is_named_and_nothing_is_scored(
    tmp_path: Path, bundle: Path, name: str
) -> None:
    damaged = shutil.copytree(bundle, tmp_path / "bundle")
    content = bytearray((damaged / name).read_bytes())
    content[len(content) // 2] ^= 1
    (damaged / name).write_bytes(content)
    broken = Reranker(str(damaged))
    with pytest.raises(RerankerError, match=f"{name} has the digest .* changed or damaged"):
        broken.score("q", ["p"])


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("/no/such/folder", "write the path of a folder"),
        ("someone/cross-encoder", "COUNTERSIGN_RERANKER=.*name@revision"),
        ("someone/cross-encoder@0123abc", "not on this machine.*COUNTERSIGN_ALLOW_HUB=1"),
    ],
)
def test_a_hub_model_needs_its_revision_and_leave_to_be_fetched(setting: str, says: str) -> None:
    with pytest.raises(RerankerError, match=says):
        Reranker(setting).warm_up()


@pytest.fixture(scope="module")
def other_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny cross-encoder as transformers saves them."""
    return _saved(tmp_path_factory.mktemp("models") / "tiny", labels=1)


def _saved(folder: Path, *, labels: int) -> Path:
    from transformers import BertConfig, BertForSequenceClassification, BertTokenizerFast

    config = BertConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        num_labels=labels,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    BertTokenizerFast.from_pretrained(str(minilm.package_folder())).save_pretrained(folder)
    return folder


def test_any_cross_encoder_in_a_folder_can_be_used(other_model: Path) -> None:
    other = Reranker(str(other_model), device="cpu")
    scores = other.score("Which batteries?", PASSAGES)
    assert scores.dtype == np.float32
    assert scores.shape == (5,)
    assert ((scores > 0) & (scores < 1)).all()
    assert other.version.startswith(str(other_model))


def test_a_model_with_several_numbers_a_pair_is_refused(tmp_path: Path) -> None:
    folder = _saved(tmp_path / "three", labels=3)
    with pytest.raises(RerankerError, match="gives 3 numbers a pair"):
        Reranker(str(folder), device="cpu").warm_up()


class Prefers:
    """A reranker with one taste."""

    version = "one-taste@1"

    def __init__(self, words: str) -> None:
        self.words = words
        self.read: list[str] = []

    def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
        self.read = list(passages)
        return np.array([float(self.words in text) for text in passages], dtype=np.float32)


@pytest.mark.django_db
class TestSearch:
    def test_what_the_reranker_prefers_rises_above_what_was_fused(
        self, knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fused = search.search("reset the thermostat", k=10, mode="fused").hits
        last = fused[-1]
        taste = Prefers(last.text)
        monkeypatch.setattr(ranking, "get_reranker", lambda: taste)
        monkeypatch.setattr(ranking, "RERANK_WEIGHT", 1.0)
        found = search.search("reset the thermostat", k=10, mode="reranked").hits
        assert [hit.chunk_id for hit in found] == [
            last.chunk_id,
            *(hit.chunk_id for hit in fused[:-1]),
        ]
        assert found[0].rerank_score == 1
        assert found[0].score == pytest.approx(last.score + 1.0)
        assert {hit.rerank_score for hit in found[1:]} == {0.0}
        # it reads what was embedded: titles and headings before the text
        assert "Reset your thermostat › Steps\n1. Hold the ring for ten seconds." in "\n".join(
            taste.read
        )

    def test_it_reads_only_the_best_and_the_rest_keeps_its_place_behind(
        self, knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fused = search.search("reset the thermostat", k=10, mode="fused").hits
        monkeypatch.setattr(ranking, "RERANK_DEPTH", 2)
        monkeypatch.setattr(ranking, "RERANK_WEIGHT", 1.0)
        monkeypatch.setattr(ranking, "get_reranker", lambda: Prefers(fused[1].text))
        found = search.search("reset the thermostat", k=10, mode="reranked").hits
        assert [h.chunk_id for h in found[:2]] == [fused[1].chunk_id, fused[0].chunk_id]
        assert [h.chunk_id for h in found[2:]] == [h.chunk_id for h in fused[2:]]
        assert [h.rerank_score for h in found[2:]] == [None] * len(found[2:])

    def test_the_thread_and_its_last_message_are_both_asked(
        self, knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked = []

        class Doubts(Prefers):
            def score(self, query: str, passages: Sequence[str]) -> NDArray[np.float32]:
                asked.append(query)
                return np.full(len(passages), 1.0 if query == "and my refund?" else 0.5)

        monkeypatch.setattr(ranking, "get_reranker", lambda: Doubts(""))
        query = Query("My thermostat is frozen.\nand my refund?", last="and my refund?")
        hits = search.search_many([query], k=3, mode="reranked")[0].hits
        assert asked == [query.text, query.last]
        assert [hit.rerank_score for hit in hits] == [0.75] * 3

    def test_what_a_person_types_into_a_page_is_not_reranked_unless_asked_for(
        self, knowledge: IngestReport, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ranking, "get_reranker", lambda: Prefers("refund"))
        found = tasks.search_for_page(query="my refund")["hits"]
        assert {hit["rerank_score"] for hit in found} == {None}
        again = tasks.search_for_page(query="my refund", mode="reranked")["hits"]
        assert None not in {hit["rerank_score"] for hit in again}

    def test_with_a_reranker_searches_are_reranked_and_a_hits_other_scores_stay_its_own(
        self,
        knowledge: IngestReport,
        settings: Any,
        reranker: Reranker,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        settings.RERANKER = reranker.name
        named = get_reranker()
        assert named is not None
        assert named.name == reranker.name
        monkeypatch.setattr(ranking, "get_reranker", lambda: reranker)
        fused = {h.chunk_id: h for h in search.search("my refund", k=20, mode="fused").hits}
        for hit in search.search("my refund", k=10).hits:
            assert hit.dense_score == pytest.approx(fused[hit.chunk_id].dense_score)
            assert hit.lexical_score == pytest.approx(fused[hit.chunk_id].lexical_score)
            assert hit.rerank_score is not None

    def test_without_a_reranker_searches_are_fused_and_asking_for_it_is_an_error(
        self, knowledge: IngestReport, settings: Any
    ) -> None:
        settings.RERANKER = "none"
        assert get_reranker() is None
        assert all(hit.rerank_score is None for hit in search.search("refund").hits)
        with pytest.raises(RerankerError, match="COUNTERSIGN_RERANKER=none"):
            search.search("refund", mode="reranked")
