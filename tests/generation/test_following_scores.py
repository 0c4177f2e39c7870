"""Rerankers and confidence models of the registry: followed without a restart, and rolled back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from assistant import heartbeat
from assistant.models import AuditEvent, User
from generation import registry, versions, worker
from generation.chosen import BUNDLED_CONFIDENCE
from generation.confidence import ConfidenceModel
from generation.models import Draft, ModelVersion
from retrieval import minilm, search
from retrieval.cross_encoder import new_network
from retrieval.reranker import RerankerError, get_reranker
from tests.generation.packed import CARD
from tests.generation.test_pipeline import (  # noqa: F401
    articles,
    codes,
    drafted,
    knowledge,
    models,
    receive,
    tiny_gpt_neo,
)

pytestmark = pytest.mark.django_db
REASON = "A model of the tests; nobody measures it."


def promote(version: ModelVersion, ada: User) -> None:
    over = ModelVersion.objects.filter(kind=version.kind, state="live").first()
    versions.promote(version=version, over=over, by=ada, now=timezone.now(), reason=REASON)


# --- the reranker ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `train reranker` writes before its first step, with a card."""
    folder = tmp_path_factory.mktemp("models") / "reranker"
    minilm.write_bundle(folder, new_network().state_dict(), {"base": minilm.BASE})
    (folder / "README.md").write_text(CARD)  # as `train reranker` writes one
    return folder


@pytest.fixture
def reranker(bundle: Path, tmp_path: Path) -> ModelVersion:
    registry.forget_models()
    folder = shutil.copytree(bundle, tmp_path / "first")
    yield versions.register(kind="reranker", folder=folder, by=None, now=timezone.now())
    registry.forget_models()


def test_a_promoted_reranker_reads_the_next_search_and_a_rolled_back_one_none(
    knowledge: None, reranker: ModelVersion, ada: User
) -> None:
    assert get_reranker() is None
    assert search.search("restart the thermostat").hits[0].rerank_score is None
    promote(reranker, ada)
    found = get_reranker()
    assert found is not None
    assert found.digest == reranker.digest
    assert found.version == f"first@{reranker.digest[:12]}"
    assert search.search("restart the thermostat").hits[0].rerank_score is not None
    assert get_reranker() is found  # loaded once
    versions.roll_back(live=reranker, by=ada, now=timezone.now())
    assert search.search("restart the thermostat").hits[0].rerank_score is None


def test_a_draft_and_its_event_name_the_reranker_that_read_its_passages(
    knowledge: None, models: registry.Models, reranker: ModelVersion, ada: User
) -> None:
    before = drafted(receive())
    assert before.reranker == ""
    assert "reranker" not in AuditEvent.objects.get(action="draft.made").canonical
    promote(reranker, ada)
    draft = drafted(receive(email="ben@example.org"))
    assert draft.reranker == f"first@{reranker.digest[:12]}"
    event = AuditEvent.objects.get(action="draft.made", draft_id=draft.pk)
    assert draft.reranker in event.canonical


def test_a_reranker_that_was_altered_leaves_what_was_before_and_the_readiness_page_says_so(
    knowledge: None, reranker: ModelVersion, ada: User, client: Client
) -> None:
    assert get_reranker() is None
    (Path(reranker.source) / "config.json").write_text("{}")
    minilm.write_manifest(Path(reranker.source))  # whole, but not what was registered
    promote(reranker, ada)
    assert search.search("restart the thermostat").hits[0].rerank_score is None
    (problem,) = heartbeat._details["reranker"]["problems"]
    assert "Searches go on without" in problem
    heartbeat.beat(name="search@here:1", queue="search", now=timezone.now())
    assert client.get("/readyz").json()["models_as_chosen"] is False
    versions.roll_back(live=reranker, by=ada, now=timezone.now())
    get_reranker()
    assert heartbeat._details["reranker"] == {"problems": []}


def test_a_process_that_starts_on_a_broken_reranker_searches_without_and_says_why(
    knowledge: None, reranker: ModelVersion, ada: User
) -> None:
    promote(reranker, ada)
    (Path(reranker.source) / "manifest.json").unlink()
    found = search.search("restart the thermostat")
    assert "could not be loaded" in found.problem
    assert found.hits[0].rerank_score is None
    with pytest.raises(RerankerError, match="could not be loaded"):
        search.search("restart the thermostat", mode="reranked")
    assert "could not be loaded" in heartbeat._details["reranker"]["problems"][0]


# --- confidence -----------------------------------------------------------------------------


@pytest.fixture
def other(tmp_path: Path) -> ModelVersion:
    """The bundled confidence model with another intercept, registered as fitted here."""
    model = ConfidenceModel.load(BUNDLED_CONFIDENCE)
    changed = model.as_dict() | {"intercept": model.intercept + 1, "name": "ours"}
    folder = tmp_path / "ours"
    ConfidenceModel.from_dict(changed).save(folder)
    (folder / "README.md").write_text(CARD)
    return versions.register(
        kind="confidence", folder=folder, by=None, now=timezone.now(), fitted_here=True
    )


def test_a_promoted_confidence_model_scores_the_next_draft_and_only_its_operator_says_it_is_local(
    knowledge: None, models: registry.Models, other: ModelVersion, ada: User
) -> None:
    before = drafted(receive())
    promote(other, ada)
    after = drafted(receive(email="b@example.org"))
    assert (before.calibration.local, after.calibration.local) == (False, True)
    assert after.calibration.name == "ours"
    assert after.confidence > before.confidence
    event = AuditEvent.objects.get(action="model.registered")
    assert '"fitted_here":true' in event.canonical
    versions.roll_back(live=other, by=ada, now=timezone.now())
    back = drafted(receive(email="c@example.org"))
    assert back.calibration == before.calibration


def test_a_confidence_model_on_trial_scores_its_share_and_a_person_decides_on_each(
    knowledge: None, models: registry.Models, other: ModelVersion
) -> None:
    versions.start_canary(version=other, share=0.4, by=None, now=timezone.now())
    now = registry.get_models()
    tried = [seed for seed in range(1000) if now.for_seed(seed) is now.scored_anew]
    assert 330 < len(tried) < 470
    other_seed = next(seed for seed in range(1000) if now.for_seed(seed) is now)
    made = [receive(email=f"{n}@example.org") for n in range(2)]
    for draft, seed in zip(made, (tried[0], other_seed), strict=True):
        Draft.objects.filter(pk=draft.pk).update(seed=seed)
    while worker.draft_waiting():
        pass
    trial, plain = (Draft.objects.get(pk=draft.pk) for draft in made)
    assert (trial.calibration.name, plain.calibration.name) == ("ours", models.confidence.name)
    assert "canary" in codes(trial)
    assert "canary" not in codes(plain)
    assert trial.generator == plain.generator


def test_a_confidence_model_that_is_not_the_registered_one_leaves_the_one_before_it(
    knowledge: None, models: registry.Models, other: ModelVersion, ada: User
) -> None:
    ConfidenceModel.load(BUNDLED_CONFIDENCE).save(other.source)
    promote(other, ada)
    now = registry.get_models()
    assert now.confidence == models.confidence
    assert "was registered" in now.problems[0]


def test_a_confidence_model_is_measured_on_labels_and_the_figures_stand_with_it(
    other: ModelVersion, tmp_path: Path, settings: Any
) -> None:
    import io
    import json

    model = ConfidenceModel.load(BUNDLED_CONFIDENCE)
    features = dict(zip(model.features, model.means, strict=True))
    rows = [
        {"features": features | {model.features[0]: n / 40}, "label": int(n > 12), "group": str(n)}
        for n in range(40)
    ]
    file = tmp_path / "labels.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = io.StringIO()
    call_command("models", "evaluate", str(other.pk), "confidence", str(file), "--json", stdout=out)
    registry.forget_models()
    figures = other.evaluations.get().figures
    assert figures["auroc"] == 1
    assert len(figures["paired"]["scores"]) == 40
    assert 0 <= figures["ece"] <= 1
