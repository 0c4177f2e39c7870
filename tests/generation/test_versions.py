"""A version's life: registered, measured, tried, promoted, rolled back, retired; each on the record."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from assistant.models import AuditEvent, User
from generation import comparing, versions
from generation.chosen import by_setting, chosen_now, live_version
from generation.comparing import BadEvaluation, compare
from generation.folders import BadFolder, front_matter, open_packed, peek
from generation.models import ModelChange, ModelEvaluation, ModelVersion
from generation.paired import difference, parts_of_auroc
from generation.versions import AlreadyRegistered, NeedsReason, Overtaken, VersionError
from tests import people
from tests.generation.packed import (
    CARD,
    candidate,
    frozen_file,
    live_now,
    measured,
    pack,
    result,
    write_manifest,
)

pytestmark = pytest.mark.django_db
REASON = "It answers in the customer's tone, which token F1 doesn't see."


def promote(version: ModelVersion, **more: Any) -> ModelVersion:
    values: dict[str, Any] = {"over": live_version(version.kind), "by": None, "now": timezone.now()}
    return versions.promote(version=version, **values | more)


def state_of(version: ModelVersion) -> str:
    return ModelVersion.objects.get(pk=version.pk).state


def last_event(action: str) -> dict[str, Any]:
    return json.loads(AuditEvent.objects.filter(action=action).latest("index").canonical)


# --- registering ----------------------------------------------------------------------------


def test_a_folder_becomes_a_candidate_with_its_card_figures_data_and_size(
    tmp_path: Path, ada: User
):
    folder = pack(tmp_path / "drafter")
    made = versions.register(kind="generator", folder=folder, by=ada, now=timezone.now())
    assert (made.name, made.state, made.source) == ("drafter", "candidate", str(folder))
    assert made.digest == json.loads((folder / "manifest.json").read_text())["digest"]
    assert (made.license, made.base, made.card) == ("mit", "somebody/something", CARD)
    assert made.metrics["figures"]["all"]["body_f1"] == 0.42
    assert made.data_manifest["licenses"] == {"articles": "CC BY 4.0"}
    assert made.size_bytes == sum(file.stat().st_size for file in folder.iterdir())
    event = last_event("model.registered")
    assert event["actor"] == f"user:{ada.pk}:ada"
    assert event["data"]["digest"] == made.digest


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / "model.safetensors").write_text("altered"), "model.safetensors has the"),
        (lambda f: (f / "model.safetensors").unlink(), "model.safetensors is listed"),
        (lambda f: (f / "manifest.json").unlink(), "manifest.json is missing"),
        (lambda f: (f / "manifest.json").write_text("[]"), "manifest.json is missing"),
        (lambda f: (f / "README.md").unlink(), "README.md is missing"),
        (lambda f: (f / "README.md").write_text("# No front matter"), "names no license"),
        (lambda f: (f / "extra.safetensors").write_text("x"), "extra.safetensors"),
    ],
)
def test_a_folder_that_its_manifest_or_card_does_not_fit_is_refused(
    tmp_path: Path, spoil: Any, words: str
):
    folder = pack(tmp_path / "drafter")
    spoil(folder)
    with pytest.raises(BadFolder, match=words):
        versions.register(kind="generator", folder=folder, by=None, now=timezone.now())
    assert not ModelVersion.objects.exists()


def test_a_manifest_with_another_digest_or_a_file_outside_is_refused(tmp_path: Path):
    folder = pack(tmp_path / "drafter")
    manifest = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(manifest | {"digest": "0" * 64}))
    with pytest.raises(BadFolder, match="isn't the one of the files"):
        open_packed(folder, kind="generator")
    outside = {"../secret": "0" * 64}
    (folder / "manifest.json").write_text(json.dumps({"digest": "0" * 64, "files": outside}))
    with pytest.raises(BadFolder, match="isn't a file of the folder"):
        open_packed(folder, kind="generator")


def test_metrics_that_no_database_takes_are_left_out(tmp_path: Path):
    folder = pack(tmp_path / "drafter")
    (folder / "metrics.json").write_text('{"loss": NaN}')
    assert peek(folder).metrics == {}


def test_a_cards_front_matter_that_grows_without_bounds_is_not_read():
    bomb = "---\na: &a [x, x]\nb: [*a, *a]\nlicense: mit\n---\nbody"
    assert front_matter(bomb) == ({}, "body")


def test_the_same_files_are_registered_once_and_a_retired_one_comes_back(tmp_path: Path):
    made = candidate(tmp_path, "drafter")
    folder = Path(made.source)
    with pytest.raises(AlreadyRegistered, match="candidate"):
        versions.register(kind="generator", folder=folder, by=None, now=timezone.now())
    versions.retire(version=made, by=None, now=timezone.now())
    again = versions.register(kind="generator", folder=folder, by=None, now=timezone.now())
    assert (again.pk, again.state) == (made.pk, "candidate")


# --- promoting ------------------------------------------------------------------------------


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    return frozen_file(tmp_path)


@pytest.fixture
def live(tmp_path: Path, ada: User) -> ModelVersion:
    return live_now(candidate(tmp_path, "first"), ada)


def test_not_worse_on_the_frozen_set_goes_live_and_the_one_before_it_retires(
    tmp_path: Path, frozen: Path, live: ModelVersion
):
    better = candidate(tmp_path, "better")
    measured(live, frozen, 0.41)
    measured(better, frozen, 0.41)
    assert promote(better).state == "live"
    assert (state_of(better), state_of(live)) == ("live", "retired")
    event = last_event("model.promoted")
    assert event["data"]["evaluation_suffices"] is True
    assert event["data"]["over_digest"] == live.digest
    assert chosen_now().generator.digest == better.digest


def test_without_a_frozen_set_nothing_is_compared(tmp_path: Path, live: ModelVersion):
    with pytest.raises(NeedsReason, match="No frozen set"):
        promote(candidate(tmp_path, "second"))


@pytest.mark.parametrize(
    ("mine", "theirs", "words"),
    [
        (None, {"token_f1": 0.4}, "It has no evaluation on the frozen set"),
        ({"token_f1": 0.4}, None, "What is live has no evaluation"),
        ({"token_f1": 0.39}, {"token_f1": 0.4}, "worse on the frozen set"),
        ({"token_f1": None}, {"token_f1": 0.4}, "It has no evaluation"),
        ({"token_f1": 0.5, "n": 20}, {"token_f1": 0.4}, "measured on 20 records"),
        ({"token_f1": 0.5, "file_digest": "e" * 64}, {"token_f1": 0.4}, "It has no evaluation"),
    ],
)
def test_a_missing_worse_or_incomparable_evaluation_is_refused_and_says_why(
    tmp_path: Path, frozen: Path, live: ModelVersion, mine: Any, theirs: Any, words: str
):
    second = candidate(tmp_path, "second")
    for version, figures in ((second, mine), (live, theirs)):
        if figures:
            measured(version, frozen, figures.pop("token_f1"), **figures)
    with pytest.raises(NeedsReason, match=words):
        promote(second)
    assert (state_of(second), state_of(live)) == ("candidate", "live")
    assert not AuditEvent.objects.filter(action="model.promoted", model=str(second)).exists()


def test_an_administrators_reason_is_kept_on_the_row_and_its_salted_digest_in_the_log(
    tmp_path: Path, live: ModelVersion, ada: User
):
    second = candidate(tmp_path, "second")
    promote(second, by=ada, reason=REASON)
    change = ModelChange.objects.get(version=second, action="promoted")
    assert (change.by, change.reason) == (ada, REASON)
    event = AuditEvent.objects.filter(action="model.promoted").latest("index")
    data = json.loads(event.canonical)["data"]
    assert data["reason_digest"] == hashlib.sha256((change.salt + REASON).encode()).hexdigest()
    assert len(change.salt) == 32
    assert data["evaluation_suffices"] is False
    assert "tone" not in event.canonical


@pytest.mark.parametrize("reason", ["", "because", "   because   "])
def test_a_reason_that_says_nothing_is_none(
    tmp_path: Path, live: ModelVersion, ada: User, reason: str
):
    with pytest.raises(NeedsReason, match="written reason"):
        promote(candidate(tmp_path, "second"), by=ada, reason=reason)


def test_only_an_administrators_reason_counts(tmp_path: Path, live: ModelVersion, otto: User):
    second = candidate(tmp_path, "second")
    for by in (None, otto):
        with pytest.raises(NeedsReason, match="Only an administrator"):
            promote(second, by=by, reason=REASON)
    assert state_of(second) == "candidate"


def test_the_one_that_the_setting_names_is_what_the_first_is_compared_with(
    tmp_path: Path, frozen: Path, settings: Any
):
    settings.GENERATOR = str(pack(tmp_path / "by-hand", weights="by hand"))
    call_command("models", "store-evaluation", "generator", str(_file(tmp_path, frozen, 0.5)))
    first = candidate(tmp_path, "first")
    measured(first, frozen, 0.49)
    with pytest.raises(NeedsReason, match="worse"):
        promote(first)
    measured(first, frozen, 0.5, measured_at="2026-11-24T11:00:00+00:00")
    assert promote(first).previous is None


def _file(tmp_path: Path, frozen: Path, token_f1: float) -> Path:
    file = tmp_path / "result.json"
    file.write_text(json.dumps(result(frozen, token_f1)))
    return file


@pytest.mark.parametrize("kind", ["reranker", "confidence"])
def test_a_folder_of_another_kind_is_not_registered(tmp_path: Path, kind: str):
    with pytest.raises(BadFolder, match=r"train (reranker|confidence)"):
        versions.register(kind=kind, folder=pack(tmp_path / "drafter"), by=None, now=timezone.now())


def test_a_reranker_serves_whole_or_not_at_all(tmp_path: Path):
    made = ModelVersion.objects.create(kind="reranker", name="x", digest="a", state="candidate")
    with pytest.raises(VersionError, match="whole or not at all"):
        versions.start_canary(version=made, share=0.1, by=None, now=timezone.now())


def paired(values: list[float]) -> dict[str, Any]:
    return {"paired": {"figure": "token_f1", "values": values}, "n": len(values)}


def test_what_is_a_little_lower_within_the_sampling_error_is_not_worse(
    tmp_path: Path, frozen: Path, live: ModelVersion
):
    second = candidate(tmp_path, "second")
    before = [0.4 + 0.01 * (i % 7) for i in range(200)]
    after = [value + (0.02 if i % 2 else -0.022) for i, value in enumerate(before)]
    measured(live, frozen, 0.43, **paired(before))
    measured(second, frozen, 0.429, **paired(after))
    found = compare(second, live)
    assert found.interval is not None
    assert found.interval[0] < 0 < found.interval[1]
    assert promote(second).state == "live"


@pytest.mark.parametrize(
    ("change", "n", "words"),
    [
        (lambda i: -0.01 if i % 5 else 0.0, 200, "It is worse on the frozen set"),
        (lambda i: 0.5 if i % 2 else -0.48, 20, "doesn't tell"),  # better, by chance alone
    ],
)
def test_a_small_sure_loss_is_worse_and_a_gain_that_a_few_records_show_decides_nothing(
    tmp_path: Path, frozen: Path, live: ModelVersion, change: Any, n: int, words: str
):
    second = candidate(tmp_path, "second")
    before = [0.4 + 0.01 * (i % 7) for i in range(n)]
    after = [value + change(i) for i, value in enumerate(before)]
    for version, values in ((live, before), (second, after)):
        measured(version, frozen, sum(values) / n, **paired(values))
    with pytest.raises(NeedsReason, match=words):
        promote(second)


def test_areas_under_the_curve_are_compared_on_the_same_texts():
    labels = [i % 2 for i in range(300)]
    good = parts_of_auroc(
        "auroc", [t + (i % 9) / 8 for i, t in enumerate(labels)], labels, groups=None
    )
    bad = parts_of_auroc(
        "auroc", [t * 0.2 + (i % 9) / 8 for i, t in enumerate(labels)], labels, groups=None
    )
    _, high = difference(bad, good) or [0, 0]
    assert high < 0
    assert difference(good, good) == [0, 0]
    assert difference(good, bad | {"labels": labels[::-1]}) is None


# --- racing ---------------------------------------------------------------------------------


def test_a_promotion_over_something_that_is_no_longer_live_is_overtaken(
    tmp_path: Path, live: ModelVersion, ada: User
):
    second, third = candidate(tmp_path, "second"), candidate(tmp_path, "third")
    promote(second, by=ada, reason=REASON)
    with pytest.raises(Overtaken):
        promote(third, over=live, by=ada, reason=REASON)
    with pytest.raises(Overtaken):
        promote(third, over=None, by=ada, reason=REASON)
    with pytest.raises(Overtaken):  # it is live already
        promote(second, over=second, by=ada, reason=REASON)
    assert (state_of(second), state_of(third)) == ("live", "candidate")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_live", [False, True])
def test_of_two_racing_promotions_exactly_one_wins(tmp_path: Path, has_live: bool):
    ada = people.person("ada")
    over = live_now(candidate(tmp_path, "first"), ada) if has_live else None
    racers = [candidate(tmp_path, name) for name in ("left", "right")]
    start = threading.Barrier(2)
    results: list[str] = []

    def race(version: ModelVersion) -> None:
        start.wait()
        try:
            promote(version, over=over, by=ada, reason=REASON)
            results.append("won")
        except Overtaken:
            results.append("overtaken")
        except Exception as error:
            results.append(repr(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=race, args=(version,)) for version in racers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["overtaken", "won"]
    assert sorted(map(state_of, racers)) == ["candidate", "live"]
    assert AuditEvent.objects.filter(action="model.promoted").count() == 1 + has_live
    if over:
        assert state_of(over) == "retired"


# --- rolling back, canaries, retiring -------------------------------------------------------


def test_rolling_back_goes_step_by_step_to_what_the_setting_names(
    tmp_path: Path, live: ModelVersion, ada: User
):
    second = promote(candidate(tmp_path, "second"), by=ada, reason=REASON)
    back = versions.roll_back(live=second, by=ada, now=timezone.now())
    assert back == live
    assert (state_of(live), state_of(second)) == ("live", "retired")
    assert last_event("model.rolled_back")["data"]["to_digest"] == live.digest
    with pytest.raises(Overtaken):  # the second click of a double one
        versions.roll_back(live=second, by=ada, now=timezone.now())
    assert versions.roll_back(live=live, by=ada, now=timezone.now()) is None
    assert live_version("generator") is None
    assert chosen_now().generator.digest == ""


def test_a_canary_has_a_share_and_there_is_one(tmp_path: Path):
    now = timezone.now()
    first, second = candidate(tmp_path, "first"), candidate(tmp_path, "second")
    versions.start_canary(version=first, share=0.1, by=None, now=now)
    versions.start_canary(version=first, share=0.25, by=None, now=now)
    chosen = chosen_now()
    assert chosen.canary is not None
    assert (chosen.canary.digest, chosen.canary_share) == (first.digest, 0.25)
    assert last_event("model.canary")["data"]["share"] == "0.2500"
    with pytest.raises(Overtaken, match="canary already"):
        versions.start_canary(version=second, share=0.1, by=None, now=now)
    versions.start_canary(version=first, share=0, by=None, now=now)
    assert (state_of(first), chosen_now().canary) == ("candidate", None)
    for share in (1, -0.1, 1.5):
        with pytest.raises(VersionError, match="share"):
            versions.start_canary(version=second, share=share, by=None, now=now)


def test_a_screen_is_no_canary(tmp_path: Path):
    screen = ModelVersion.objects.create(kind="toxicity", name="x", digest="a", state="candidate")
    with pytest.raises(VersionError, match="a screen sees every text"):
        versions.start_canary(version=screen, share=0.1, by=None, now=timezone.now())


def test_retiring_ends_a_trial_and_is_not_for_what_is_live(
    tmp_path: Path, live: ModelVersion, ada: User
):
    tried = candidate(tmp_path, "tried")
    versions.start_canary(version=tried, share=0.5, by=ada, now=timezone.now())
    versions.retire(version=tried, by=ada, now=timezone.now())
    assert (state_of(tried), chosen_now().canary) == ("retired", None)
    with pytest.raises(Overtaken, match="is live now"):
        versions.retire(version=live, by=ada, now=timezone.now())


# --- evaluations ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"task": "toxicity"}, "task"),
        ({"n": 0}, "n:"),
        ({"n": "400"}, "n:"),
        ({"command": " "}, "command"),
        ({"file_digest": "abc"}, "file_digest"),
        ({"measured_at": "2026-11-24T10:00:00"}, "time zone"),
        ({"token_f1": float("nan")}, "token_f1"),
        ({"model": "other@ffffffffffff"}, "figures are of other"),
    ],
)
def test_an_evaluation_that_does_not_say_what_it_stands_on_is_refused(
    tmp_path: Path, frozen: Path, change: dict[str, Any], words: str
):
    version = candidate(tmp_path, "first")
    with pytest.raises(BadEvaluation, match=words):
        measured(version, frozen, 0.4, **change)
    assert not ModelEvaluation.objects.exists()


def test_the_newest_evaluation_on_the_frozen_set_counts(
    tmp_path: Path, frozen: Path, live: ModelVersion
):
    version = candidate(tmp_path, "second")
    measured(live, frozen, 0.4)
    measured(version, frozen, 0.3, measured_at="2026-11-23T10:00:00+00:00")
    measured(version, frozen, 0.5, measured_at="2026-11-24T10:00:00+00:00")
    measured(version, frozen, 0.2, measured_at="2026-11-22T10:00:00+00:00")
    assert compare(version, live).my_figure == 0.5
    assert compare(version, live).suffices


def test_another_frozen_set_makes_older_figures_count_no_more(
    tmp_path: Path, frozen: Path, live: ModelVersion
):
    measured(live, frozen, 0.4)
    assert compare(live, live).my_figure == 0.4
    other = tmp_path / "other.jsonl"
    other.write_text('{"id": 2}\n')
    for is_new in (True, False):
        assert (
            comparing.name_frozen_set(
                kind="generator",
                task="generation",
                file=other,
                actor="system:test",
                now=timezone.now(),
            )[1]
            is is_new
        )
    assert compare(live, live).mine is None
    assert AuditEvent.objects.filter(action="model.frozen_set_named").count() == 2


# --- what serves without a promotion --------------------------------------------------------


def test_the_bundled_models_are_live_by_setting_without_a_row():
    for kind in ("generator", "toxicity", "confidence"):
        found = by_setting(kind)
        assert found is not None
        assert found.pk is None
        assert len(found.digest) == 64
        assert found.card.startswith("---")
    assert not ModelVersion.objects.exists()


# --- the command ----------------------------------------------------------------------------


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    capsys.readouterr()
    call_command("models", *arguments, "--json")
    return json.loads(capsys.readouterr().out)


def test_the_command_goes_all_the_way(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ada: User, frozen: Path
):
    folder = pack(tmp_path / "drafter")
    made = run(capsys, "register", "generator", str(folder), "--by", "ada")
    number = str(made["version"])
    listed = run(capsys, "list")["versions"]
    states = {(row["name"], row["state"], row.get("by_setting", False)) for row in listed}
    assert {("drafter", "candidate", False), ("bundled", "live", True)} <= states
    with pytest.raises(CommandError, match="no evaluation") as caught:
        run(capsys, "promote", number)
    assert caught.value.returncode == 1
    kept = run(capsys, "store-evaluation", number, str(_file(tmp_path, frozen, 0.4)))
    assert kept["n"] == 400
    assert run(capsys, "canary", made["digest"][:10], "--share", "0.2")["canary_share"] == 0.2
    live = run(capsys, "promote", number, "--reason", REASON, "--by", "ada")
    assert live["state"] == "live"
    assert run(capsys, "rollback", "generator") == {"rolled_back": int(number), "live": None}
    with pytest.raises(CommandError, match="No version was promoted"):
        run(capsys, "rollback", "generator")
    run(capsys, "register", "generator", str(folder))
    assert run(capsys, "retire", number)["state"] == "retired"


@pytest.mark.parametrize("given", ["0", "nothing", "abcdef123456", "9" * 30])
def test_a_version_that_is_none_is_named(given: str):
    with pytest.raises(CommandError, match="is no version"):
        call_command("models", "retire", given)


def test_a_toxicity_bundle_registers_with_its_own_check(tmp_path: Path):
    folder = tmp_path / "screen"
    folder.mkdir()
    (folder / "weights.safetensors").write_text("x")
    (folder / "config.json").write_text('{"training": {"steps": 3}}')
    (folder / "README.md").write_text(CARD)
    write_manifest(folder, "weights.safetensors", "config.json")
    made = versions.register(kind="toxicity", folder=folder, by=None, now=timezone.now())
    assert made.metrics == {"training": {"steps": 3}}
