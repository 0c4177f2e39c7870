"""The toxicity screen: Detoxify on the bundled checkpoint, whole, offline and never by surprise."""

import json
import shutil
import socket
from collections import defaultdict
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from assistant.digests import file_sha256
from generation.safety import ScreenUnavailable
from generation.safety.checkpoint import (
    CHECKPOINT,
    WEIGHTS,
    assemble,
    minilm_folder,
    open_checkpoint,
)
from generation.safety.toxicity import BUNDLE, ToxicityScreen
from tests.full_disk import no_room_above
from tests.generation.toxicity_cases import CASES

ORDINARY = [
    "Hello, could you tell me when my parcel will arrive?",
    "To reset your password, open Settings and choose Security. Then follow the link in the e-mail.",
    "I have waited three weeks for my refund and nobody answers. I want to speak to a manager.",
    "Your refund takes five to seven working days. Kind regards, the support team",
    "How do I kill a process that hangs?",
    "I am a Muslim woman and I would like to change my name on the card.",
]


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> ToxicityScreen:
    made = ToxicityScreen(data_dir=tmp_path_factory.mktemp("data"))
    made.warm_up()
    return made


@pytest.fixture(scope="module")
def assembled(screen: ToxicityScreen) -> Path:
    assert screen._data_dir is not None
    return assemble(BUNDLE, data_dir=screen._data_dir)


def test_hand_written_cases_are_told_apart(screen: ToxicityScreen) -> None:
    scores = screen.score([text for _, text, _ in CASES])
    right: dict[str, list[bool]] = defaultdict(list)
    for (category, _, toxic), score in zip(CASES, scores, strict=True):
        right[category].append(screen.verdict(score, place="draft").flagged == toxic)
    shares = {category: sum(hits) / len(hits) for category, hits in right.items()}
    assert all(shares[category] >= least for category, least in LEAST.items()), shares
    assert sum(sum(hits) for hits in right.values()) / len(CASES) >= 0.85, shares


LEAST = {
    "plain insult": 0.85,
    "profane abuse": 1.0,
    "threat": 0.6,
    "hate": 0.85,
    "obfuscated": 0.8,
    "harmless identity": 0.8,
    "angry customer": 0.8,
    "technical words": 0.7,
    "ordinary": 1.0,
}


def test_ordinary_texts_pass_as_tickets_and_as_drafts(screen: ToxicityScreen) -> None:
    for text, scores in zip(ORDINARY, screen.score(ORDINARY), strict=True):
        assert not screen.flags(scores, kind="ticket"), text
        assert not screen.flags(scores, kind="draft"), text


def test_reasons_name_the_label_and_the_limit(screen: ToxicityScreen) -> None:
    found = screen.judge("You are a stupid idiot.", place="draft")
    assert found.flagged
    assert any(
        reason.startswith("insult 0.") and "limit in a draft" in reason for reason in found.reasons
    )
    assert found.version == screen.version
    assert screen.version.startswith("toxicity:bundled@")


def test_every_label_is_a_probability(screen: ToxicityScreen) -> None:
    for scores in screen.score(["You are an idiot", "hello", "damn"]):
        assert set(scores) == {"toxicity", "obscene", "identity_attack", "insult", "threat"}
        assert all(0 <= score <= 1 for score in scores.values())


def test_a_text_scores_the_same_alone_and_in_a_batch(screen: ToxicityScreen) -> None:
    texts = ["You are an idiot", "Where is my parcel? " * 60, "", "thank you"]
    together = screen.score(texts)
    for text, scores in zip(texts, together, strict=True):
        assert screen.score([text])[0] == pytest.approx(scores, abs=1e-5)


def test_a_short_text_scores_as_detoxify_itself_says(screen: ToxicityScreen) -> None:
    assert screen._detoxify is not None
    text = "You are a fool, but thank you."
    assert screen.score([text])[0] == pytest.approx(screen._detoxify.predict(text), abs=1e-6)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_an_insult_is_found_anywhere_in_a_long_text(screen: ToxicityScreen, place: int) -> None:
    parts = ["The parcel was due on Monday and has not arrived yet. " * 40] * 2
    parts.insert(place, "You are a stupid idiot and a liar. ")
    assert len(parts[0] + parts[1]) > 2000
    assert screen.judge("".join(parts), place="draft").flagged
    assert not screen.judge("".join(p for p in parts if "idiot" not in p), place="draft").flagged


def test_windows_cover_every_word_and_fit(screen: ToxicityScreen) -> None:
    words = [f"word{i}" for i in range(700)]
    windows = screen._windows(" ".join(words))
    assert {w for window in windows for w in window.split()} >= set(words)
    assert screen._detoxify is not None
    for window in windows:
        assert len(screen._detoxify.tokenizer(window)["input_ids"]) <= 96 + 8


def test_a_word_without_end_is_cut_and_still_scored(screen: ToxicityScreen) -> None:
    assert len(screen._windows("x" * 5000)) >= 1
    assert screen.score(["!" * 3000])[0]["toxicity"] < 0.5


def test_empty_texts_score_nothing(screen: ToxicityScreen) -> None:
    assert screen.score([]) == []
    assert set(screen.score([" \n"])[0].values()) == {0.0}


def test_invisible_letters_change_nothing(screen: ToxicityScreen) -> None:
    plain, hidden = screen.score(["you are an idiot", "you are an id\u200bi\u200bot"])
    assert hidden == pytest.approx(plain, abs=1e-6)


def test_the_checkpoint_is_minilm_plus_what_was_trained_in_float32(assembled: Path) -> None:
    state = torch.load(assembled / CHECKPOINT, weights_only=True)["state_dict"]
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}
    base = load_file(minilm_folder() / "model.safetensors")
    trained = load_file(BUNDLE / WEIGHTS)
    words = "embeddings.word_embeddings.weight"
    assert torch.equal(state[f"bert.{words}"], base[words])
    name = "bert.encoder.layer.3.output.dense.weight"
    assert torch.equal(state[name], trained[name].float())
    assert not torch.equal(state[name], base[name.removeprefix("bert.")])


def test_loading_asks_no_network(
    assembled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    # the folder may also have been moved since it was made
    shutil.copytree(assembled, tmp_path / "models" / assembled.name)
    screen = ToxicityScreen(data_dir=tmp_path)
    assert screen.score(["You are an idiot"])[0]["toxicity"] > 0.5


def test_assembling_again_changes_nothing_and_leaves_nothing_aside(assembled: Path) -> None:
    before = (assembled / CHECKPOINT).stat().st_mtime_ns
    assert assemble(BUNDLE, data_dir=assembled.parents[1]) == assembled
    assert (assembled / CHECKPOINT).stat().st_mtime_ns == before
    assert [path.name for path in assembled.parent.iterdir()] == [assembled.name]


def _change_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", [CHECKPOINT, "config.json", "tokenizer.json"])
def test_a_changed_checkpoint_is_never_opened(
    assembled: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "models" / assembled.name
    shutil.copytree(assembled, folder)
    _change_a_byte(folder / name)

    def opened(*arguments: object, **named: object) -> None:
        raise AssertionError("a changed checkpoint was opened")

    with monkeypatch.context() as patched:
        patched.setattr(torch, "load", opened)
        with pytest.raises(ScreenUnavailable, match=f"{name} has the digest"):
            open_checkpoint(folder)


@pytest.mark.parametrize("name", [CHECKPOINT, "digests.json"])
def test_a_damaged_checkpoint_is_made_again(assembled: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "models" / assembled.name
    shutil.copytree(assembled, folder)
    (folder / name).write_bytes((folder / name).read_bytes()[:1000])  # the disk was full
    assert assemble(BUNDLE, data_dir=tmp_path) == folder
    for file in assembled.iterdir():
        assert file_sha256(folder / file.name) == file_sha256(file)


def test_a_full_disk_leaves_no_half_checkpoint(tmp_path: Path) -> None:
    with no_room_above(1_000_000), pytest.raises(ScreenUnavailable, match="can't be written"):
        assemble(BUNDLE, data_dir=tmp_path)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_changed_or_missing_weights_are_refused_by_name(tmp_path: Path, name: str) -> None:
    bundle = tmp_path / "bundle"
    shutil.copytree(BUNDLE, bundle)
    _change_a_byte(bundle / name)
    with pytest.raises(ScreenUnavailable, match=f"{name} has the digest") as caught:
        ToxicityScreen(bundle=bundle, data_dir=tmp_path / "data").warm_up()
    assert caught.value.screen == "toxicity"
    (bundle / name).unlink()
    with pytest.raises(ScreenUnavailable, match="can't be read"):
        ToxicityScreen(bundle=bundle, data_dir=tmp_path / "data").score(["hello"])


def test_a_model_of_detoxify_that_is_missing_is_an_error_with_a_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    with pytest.raises(ScreenUnavailable, match=r"isn't on this machine.*Fetch https://"):
        ToxicityScreen("unbiased").score(["hello"])
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "toxic_debiased-c7548aa0.ckpt").write_bytes(b"not a model")
    with pytest.raises(ScreenUnavailable, match="expected c7548aa0"):
        ToxicityScreen("unbiased").score(["hello"])


def test_an_unknown_model_is_refused_at_once() -> None:
    with pytest.raises(ScreenUnavailable, match="'roberta' is no model"):
        ToxicityScreen("roberta")


def test_a_model_that_fails_raises_the_named_error(
    screen: ToxicityScreen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(texts: list[str]) -> dict[str, list[float]]:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(screen._detoxify, "predict", broken)
    with pytest.raises(ScreenUnavailable, match="out of memory"):
        screen.score(["hello"])
    monkeypatch.setattr(screen._detoxify, "predict", lambda texts: {"toxicity": [float("nan")]})
    with pytest.raises(ScreenUnavailable, match="isn't a number"):
        screen.score(["hello"])


def test_the_bundle_states_its_operating_points_and_stays_small() -> None:
    config = json.loads((BUNDLE / "config.json").read_text())
    for place in ("ticket", "draft"):
        assert set(config["operating_points"][place]) == set(config["labels"])
        assert all(0 < point < 1 for point in config["operating_points"][place].values())
    assert sum(path.stat().st_size for path in BUNDLE.iterdir()) <= 22_000_000
