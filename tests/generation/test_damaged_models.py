"""A damaged model file stops no drafting: the draft says what was missing, and so does readiness."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from assistant import heartbeat
from assistant.intake import receive_message
from generation import registry, worker
from generation.models import Draft
from retrieval import minilm, search
from retrieval.reranker import RerankerError
from tests.generation.tiny_models import build, gpt_neo_config

ARTICLE = "---\ntitle: Restart the thermostat\ncategory: Heating\n---\n## Steps\n\nHold the ring.\n"
BUNDLED = Path(__file__).resolve().parents[2] / "models"


def cut(file: Path) -> None:
    """The disk was full when it was written."""
    data = file.read_bytes()
    file.write_bytes(data[: len(data) // 2])


def garble(file: Path) -> None:
    file.write_bytes(b"\x00" * file.stat().st_size)


DAMAGES = {"cut": cut, "garbled": garble, "missing": Path.unlink}


@pytest.fixture
def knowledge(db: None, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    (tmp_path / "articles").mkdir()
    (tmp_path / "articles" / "restart.md").write_text(ARTICLE)
    call_command("ingest", str(tmp_path / "articles"), "--collection", "help")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = gpt_neo_config(max_position_embeddings=2048)
    return build(tmp_path_factory.mktemp("tiny") / "roomy", config)


@pytest.fixture
def process(knowledge: None, settings: Any, tiny: Path) -> Any:
    """A drafting process that begins; a test damages what it begins with first."""
    settings.GENERATOR = str(tiny)
    settings.SAMPLES, settings.MAX_NEW_TOKENS = 1, 4
    settings.RERANKER = "none"
    registry.forget_models()
    heartbeat._details.clear()
    yield settings
    registry.forget_models()
    heartbeat._details.clear()


def copied(name: str, to: Path) -> Path:
    shutil.copytree(BUNDLED / name, to / name)
    return to / name


def drafted() -> Draft:
    """One ticket, and one pass of a worker: no retries."""
    receive_message(
        channel="email", body="How do I restart the thermostat?", source="import", actor="system",
        now=timezone.now(),
    )  # fmt: skip
    worker.draft_waiting()
    draft = Draft.objects.order_by("-pk").first()
    assert draft is not None
    return draft


def reasons(draft: Draft) -> str:
    return " ".join(reason["text"] for reason in draft.reasons)


def told(client: Client) -> bool:
    heartbeat.beat(name="gpu@here:1", queue="gpu", now=timezone.now())
    return bool(client.get("/readyz").json()["models_as_chosen"])


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["weights.safetensors", "config.json", "manifest.json"])
def test_a_damaged_reranker_costs_its_vote_and_no_draft(
    process: Any, tmp_path: Path, client: Client, file: str, damage: str
) -> None:
    folder = copied("reranker", tmp_path)
    DAMAGES[damage](folder / file)
    process.RERANKER = str(folder)
    registry.warm_up()
    assert told(client) is False
    draft = drafted()
    assert draft.state == Draft.State.IN_REVIEW
    assert "The passages were not read by the reranker" in reasons(draft)
    assert draft.reranker == ""
    assert draft.chosen is not None
    assert search.search("restart").problem
    with pytest.raises(RerankerError):
        search.search("restart", mode="reranked")


def test_a_reranker_whose_weights_were_damaged_while_it_was_loaded_works_on(
    process: Any, tmp_path: Path, client: Client
) -> None:
    folder = copied("reranker", tmp_path)
    process.RERANKER = str(folder)
    registry.warm_up()
    cut(folder / "weights.safetensors")
    assert told(client) is True
    assert "reranker" not in reasons(drafted())


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["model.safetensors", "config.json", "tokenizer.json"])
def test_a_damaged_generator_leaves_the_quote(
    process: Any, tiny: Path, tmp_path: Path, client: Client, file: str, damage: str
) -> None:
    folder = tmp_path / "generator"
    shutil.copytree(tiny, folder)
    DAMAGES[damage](folder / file)
    process.GENERATOR = str(folder)
    draft = drafted()
    assert draft.state == Draft.State.IN_REVIEW
    assert draft.kind == "quoted"
    assert "generator" in reasons(draft).lower()
    assert told(client) is False


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_embedder_gives_the_ticket_to_a_person_at_once(
    process: Any, tmp_path: Path, file: str, damage: str
) -> None:
    folder = tmp_path / "embedder"
    shutil.copytree(minilm.package_folder(), folder)
    DAMAGES[damage](folder / file)
    process.EMBEDDER = str(folder)
    draft = drafted()
    assert draft.state in {Draft.State.IN_REVIEW, Draft.State.FAILED}
    assert "embedder" in (reasons(draft) + draft.error).lower()


def test_a_damaged_confidence_model_leaves_the_draft_without_one(
    process: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copied("confidence", tmp_path)
    monkeypatch.setattr("generation.loading.BUNDLED_CONFIDENCE", folder)
    monkeypatch.setattr("generation.loading.LOCAL_CONFIDENCE", tmp_path / "none")
    for damage in (cut, garble, Path.unlink):
        damage(folder / "confidence.json")
        registry.forget_models()
        draft = drafted()
        assert draft.state == Draft.State.IN_REVIEW
        assert draft.confidence is None
        shutil.copy(BUNDLED / "confidence" / "confidence.json", folder)
