"""Workers follow what is live without a restart; what can't be loaded leaves the one before it."""

from __future__ import annotations

import shutil
import weakref
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from assistant import heartbeat
from assistant.models import AuditEvent, Heartbeat, User
from generation import loading, registry, versions, worker
from generation.chosen import Chosen, Wanted, chosen_now, workers_behind
from generation.engine import files
from generation.engine.base import GeneratorUnavailable
from generation.models import Draft, ModelVersion
from tests.generation.packed import CARD
from tests.generation.test_pipeline import (  # noqa: F401
    articles,
    ask,
    codes,
    drafted,
    knowledge,
    models,
    receive,
    tiny_gpt_neo,
)
from tests.generation.tiny_models import build, gpt_neo_config

pytestmark = pytest.mark.django_db
REASON = "A tiny model of the tests; nobody measures it."


def packed(folder: Path) -> Path:
    (folder / "README.md").write_text(CARD)
    files.write_manifest(folder)
    return folder


@pytest.fixture(scope="module")
def other_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Another tiny real GPT-Neo, packed."""
    folder = tmp_path_factory.mktemp("other") / "other"
    return packed(build(folder, gpt_neo_config(max_position_embeddings=2048), seed=7))


@pytest.fixture
def other(other_folder: Path, tmp_path: Path) -> ModelVersion:
    """It as a candidate, in a folder that a test may spoil."""
    folder = shutil.copytree(other_folder, tmp_path / "other")
    return versions.register(kind="generator", folder=folder, by=None, now=timezone.now())


def promote(version: ModelVersion, ada: User) -> None:
    over = ModelVersion.objects.filter(kind=version.kind, state="live").first()
    versions.promote(version=version, over=over, by=ada, now=timezone.now(), reason=REASON)


def told() -> dict[str, Any]:
    return heartbeat._details["models"]


def test_a_promotion_is_followed_by_the_next_draft_without_a_restart_and_so_is_the_roll_back(
    knowledge: None, models: registry.Models, other: ModelVersion, ada: User
) -> None:
    before = drafted(receive("How do I restart the thermostat?"))
    promote(other, ada)
    after = drafted(receive("How do I return a parcel?", email="b@example.org"))
    versions.roll_back(live=other, by=ada, now=timezone.now())
    back = drafted(receive("I forgot my password.", email="c@example.org"))
    assert before.generator.digest == models.generator.digest
    assert after.generator == other
    assert back.generator == before.generator
    other.refresh_from_db()
    assert other.first_used_at is not None
    event = AuditEvent.objects.filter(action="draft.made", draft_id=after.pk).get()
    assert event.model == str(other)


def test_an_idle_worker_follows_when_it_is_woken(
    models: registry.Models, other: ModelVersion, ada: User
) -> None:
    promote(other, ada)
    assert worker.draft_waiting() == 0
    assert told()["generator"] == str(other)
    assert told()["mark"] == chosen_now().mark


def test_the_embeddings_that_were_remembered_stay(
    models: registry.Models, other: ModelVersion, ada: User
) -> None:
    promote(other, ada)
    after = registry.get_models()
    assert after is not models
    assert after.embed is models.embed


def test_a_version_that_was_altered_after_it_was_registered_leaves_the_one_before_it(
    knowledge: None, models: registry.Models, other: ModelVersion, ada: User, client: Client
) -> None:
    config = Path(other.source) / "config.json"
    config.write_text(config.read_text().replace('"window_size": 16', '"window_size": 8'))
    files.write_manifest(Path(other.source))  # the folder is whole; it isn't the registered one
    promote(other, ada)
    draft = drafted(receive())
    assert draft.generator.digest == models.generator.digest
    (problem,) = registry.get_models().problems
    assert "was registered" in problem
    assert "goes on drafting" in problem
    assert told()["problems"] == [problem]
    assert told()["generator"] == str(draft.generator)
    heartbeat.beat(name="gpu@here:1", queue="gpu", now=timezone.now())
    ready = client.get("/readyz").json()
    assert ready["models"] is True
    assert ready["models_as_chosen"] is False


def test_what_could_not_be_loaded_is_tried_again_later(
    models: registry.Models, other: ModelVersion, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    aside = Path(other.source).with_name("aside")
    shutil.move(other.source, aside)
    promote(other, ada)
    assert registry.get_models().generator is models.generator
    shutil.move(aside, other.source)
    assert registry.get_models().generator is models.generator  # not at every batch
    monkeypatch.setattr(registry, "_retry_at", 0.0)
    assert registry.get_models().generator_identity == registry.Identity(other.name, other.digest)
    assert registry.get_models().problems == ()


def test_a_worker_that_starts_on_a_broken_live_version_says_so_and_does_not_fall_back_quietly(
    knowledge: None, other: ModelVersion, ada: User, client: Client
) -> None:
    (Path(other.source) / "model.safetensors").write_bytes(b"broken")
    promote(other, ada)
    registry.forget_models()
    try:
        draft = drafted(receive())
        heartbeat.beat(name="gpu@here:1", queue="gpu", now=timezone.now())
    finally:
        registry.forget_models()
    assert draft.generator is None
    assert draft.kind == "quoted"
    assert any("could not be loaded" in row["text"] for row in draft.reasons)
    assert client.get("/readyz").json()["models"] is False


# --- the canary -----------------------------------------------------------------------------


def test_a_canarys_share_is_drawn_by_the_seed_alone(
    models: registry.Models, other: ModelVersion
) -> None:
    versions.start_canary(version=other, share=0.3, by=None, now=timezone.now())
    now = registry.get_models()
    assert now.canary is not None
    chosen = [now.for_seed(seed) is now.canary for seed in range(2000)]
    assert 0.26 < sum(chosen) / 2000 < 0.34
    assert chosen == [registry.get_models().for_seed(seed) is now.canary for seed in range(2000)]
    versions.start_canary(version=other, share=0.6, by=None, now=timezone.now())
    wider = registry.get_models()
    assert wider.canary is not None
    assert wider.canary.generator is now.canary.generator  # another share loads nothing
    still = [wider.for_seed(seed) is wider.canary for seed in range(2000)]
    assert all(after for before, after in zip(chosen, still, strict=True) if before)


def test_a_batch_is_split_each_draft_names_its_maker_and_a_canarys_goes_to_a_person(
    knowledge: None, models: registry.Models, other: ModelVersion
) -> None:
    versions.start_canary(version=other, share=0.5, by=None, now=timezone.now())
    now = registry.get_models()
    made = [receive("How do I restart the thermostat?", email=f"{i}@example.org") for i in range(6)]
    expected = {}
    for place, draft in enumerate(made):  # seeds of both kinds, whatever was drawn
        wanted = now.canary if place % 2 else now
        seed = next(s for s in range(10_000 * place, 10_000_000) if now.for_seed(s) is wanted)
        Draft.objects.filter(pk=draft.pk).update(seed=seed)
        expected[draft.pk] = wanted.generator.digest
    while worker.draft_waiting():
        pass
    for draft in Draft.objects.filter(pk__in=expected):
        assert draft.generator.digest == expected[draft.pk]
        assert ("canary" in codes(draft)) == (draft.generator.digest == other.digest)
        assert draft.state == Draft.State.IN_REVIEW


def test_a_draft_that_failed_once_is_not_the_canarys_any_more(
    knowledge: None, models: registry.Models, other: ModelVersion
) -> None:
    versions.start_canary(version=other, share=0.99, by=None, now=timezone.now())
    draft = receive()
    seed = next(
        s for s in range(1000) if registry.get_models().for_seed(s).generator.digest == other.digest
    )
    Draft.objects.filter(pk=draft.pk).update(seed=seed, attempts=1)
    assert drafted(draft).generator.digest == models.generator.digest


def test_a_canary_that_cannot_be_loaded_leaves_its_share_to_the_live_one_and_says_so(
    knowledge: None, models: registry.Models, other: ModelVersion
) -> None:
    (Path(other.source) / "model.safetensors").write_bytes(b"broken")
    versions.start_canary(version=other, share=0.99, by=None, now=timezone.now())
    draft = drafted(receive())
    assert draft.generator.digest == models.generator.digest
    assert "The live generator drafts its share" in told()["problems"][0]


# --- memory ---------------------------------------------------------------------------------


class Weights:
    """Stands for a generator in memory; how many there are is what is tested."""

    alive: weakref.WeakSet[Weights] = weakref.WeakSet()

    def __init__(self) -> None:
        Weights.alive.add(self)


def test_never_more_than_two_generators_are_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    most = []

    def load(wanted: Wanted) -> loading.Loaded:
        if wanted.name == "broken":
            raise GeneratorUnavailable("broken")
        made = loading.Loaded(wanted, Weights())  # type: ignore[arg-type]
        most.append(len(Weights.alive))
        return made

    monkeypatch.setattr(loading, "load", load)
    held = loading.Generators()
    a, b, c, d, broken = (Wanted(name, name, name) for name in ("a", "b", "c", "d", "broken"))
    screen = Wanted("screen", "screen")
    steps = [(a, None), (a, b), (c, b), (c, d), (d, None), (d, a), (broken, b), (b, c), (a, d)]
    for live, canary in steps:
        problems = held.follow(Chosen(live, screen, canary))
        assert held.canary is None or held.canary.wanted == canary
        assert held.live is not None
        assert (held.live.wanted == live) == (not problems)
    assert max(most) == 2


def test_a_canary_that_is_promoted_is_not_loaded_again(
    models: registry.Models, other: ModelVersion, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions.start_canary(version=other, share=0.1, by=None, now=timezone.now())
    tried = registry.get_models().canary
    assert tried is not None
    monkeypatch.setattr(loading, "load", None)
    promote(other, ada)
    assert registry.get_models().generator is tried.generator
    assert registry.get_models().standing_problems == ()


# --- waking ---------------------------------------------------------------------------------


def test_the_sweep_finds_workers_that_have_not_followed(other: ModelVersion, ada: User) -> None:
    now = timezone.now()
    row = Heartbeat.objects.create(
        name="gpu@here:1",
        queue="gpu",
        started_at=now,
        beat_at=now,
        details={"models": {"mark": ""}},
    )
    assert not workers_behind(now=now)
    promote(other, ada)
    assert workers_behind(now=now)
    row.details = {"models": {"mark": chosen_now().mark, "problems": ["could not be loaded"]}}
    row.save()
    assert not workers_behind(now=now)  # it knows, and waking it again would change nothing


# --- measuring ------------------------------------------------------------------------------


def test_a_version_is_measured_in_the_place_of_what_is_live_and_the_figures_are_kept(
    models: registry.Models, other: ModelVersion, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    from django.core.management import call_command

    file = tmp_path / "records.jsonl"
    passage = {"title": "Thermostat", "text": "Hold the ring for ten seconds. Let go then."}
    thread = [{"role": "customer", "text": "How do I restart it?"}]
    row = {"id": 1, "thread": thread, "passages": [passage], "reply": "Hold the ring."}
    file.write_text(json.dumps(row) + "\n")
    call_command("models", "evaluate", str(other.pk), "generation", str(file), "--json")
    printed = json.loads(capsys.readouterr().out)
    kept = other.evaluations.get()
    assert registry.get_models().generator.digest == other.digest
    assert (kept.n, kept.task, kept.file_name) == (1, "generation", "records.jsonl")
    assert kept.figures["token_f1"] == printed["token_f1"]
    assert kept.file_digest == printed["file_digest"]


# --- the toxicity screen --------------------------------------------------------------------


def test_a_promoted_screen_screens_and_a_broken_one_leaves_it(
    tmp_path: Path, settings: Any, ada: User
) -> None:
    from generation.safety.checkpoint import write_manifest
    from generation.safety.toxicity import BUNDLE

    settings.DATA_DIR = tmp_path
    registry.forget_models()
    folder = shutil.copytree(BUNDLE, tmp_path / "stricter")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"format": 1', '"format":  1'))
    write_manifest(folder)
    stricter = versions.register(kind="toxicity", folder=folder, by=None, now=timezone.now())
    promote(stricter, ada)
    try:
        screen = registry.toxicity_screen()
        assert screen.version == f"toxicity:stricter@{stricter.digest[:12]}"
        assert screen.judge("You are a stupid idiot.", place="draft").flagged
        broken = shutil.copytree(folder, tmp_path / "broken")
        config = broken / "config.json"
        config.write_text(config.read_text().replace('"format":  1', '"format":   1'))
        write_manifest(broken)
        worse = versions.register(kind="toxicity", folder=broken, by=None, now=timezone.now())
        (broken / "weights.safetensors").write_bytes(b"broken")
        promote(worse, ada)
        assert registry.toxicity_screen() is screen
        (problem,) = heartbeat._details["screens"]["problems"]
        assert "toxicity:stricter goes on screening" in problem
    finally:
        registry.forget_models()
