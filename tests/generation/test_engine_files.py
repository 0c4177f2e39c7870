"""Model files: checked before use, and every bad case a named error with a hint."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch

from generation.engine import files, load_generator
from generation.engine.base import GenerationRequest, GeneratorUnavailable, Sampling
from generation.prompts import DEFAULT_TEMPLATE, PromptTemplate
from tests.generation.tiny_models import tiny_gpt_neo_folder  # noqa: F401

PINNED = "EleutherAI/gpt-neo-125m@" + "21def0189f5705e2521767faed922f1f15e7d7db"
GREEDY = Sampling(temperature=0, max_new_tokens=12)


@pytest.fixture
def folder(tiny_gpt_neo_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may break, with its template and its manifest."""
    copy = shutil.copytree(tiny_gpt_neo_folder, tmp_path / "generator")
    PromptTemplate(name="trained", version="3", context_tokens=200).save(copy)
    files.write_manifest(copy)
    return copy


@pytest.fixture
def bundled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(files, "BUNDLED", folder)
    return folder


def problem_of(setting: str) -> GeneratorUnavailable:
    with pytest.raises(GeneratorUnavailable) as caught:
        load_generator(setting, device="cpu").warm_up()
    assert caught.value.hint
    return caught.value


def test_the_bundled_folder_loads_with_its_template_and_the_manifests_digest(bundled: Path):
    generator = load_generator("bundled", device="cpu")
    assert generator.name == "bundled"
    assert generator.digest == json.loads((bundled / "manifest.json").read_text())["digest"]
    assert generator.template.name == "trained"
    assert len(generator.generate([GenerationRequest("Reply: [1]", 1, GREEDY)])[0]) == 1


def test_the_trained_length_bounds_the_context_and_so_do_the_positions(
    folder: Path,
    tiny_gpt_neo_folder: Path,
):
    assert load_generator(str(folder)).context_tokens == 200
    PromptTemplate(name="trained", version="3", context_tokens=4000).save(folder)
    files.write_manifest(folder)
    longer = load_generator(str(folder))
    assert longer.context_tokens == 256
    assert longer.template.context_tokens == 256
    foreign = load_generator(str(tiny_gpt_neo_folder))
    assert foreign.context_tokens == 256
    assert foreign.template.name == DEFAULT_TEMPLATE.name


def test_bfloat16_weights_are_read_as_float32_on_a_cpu(folder: Path):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = {name: tensor.to(torch.bfloat16) for name, tensor in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    (folder / "manifest.json").unlink()
    generator = load_generator(str(folder), device="cpu")
    parameters = dict(generator.model.named_parameters())
    assert {parameter.dtype for parameter in parameters.values()} == {torch.float32}
    name = "transformer.h.0.attn.attention.k_proj.weight"
    assert torch.equal(parameters[name], weights[name].float())


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "tokenizer.json", "prompt.json"]
)
def test_an_altered_file_is_named(bundled: Path, file: str):
    path = bundled / file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    problem = problem_of("bundled")
    assert file in str(problem)
    assert "corrupt" in str(problem)
    assert problem.permanent


@pytest.mark.parametrize(
    "file", ["model.safetensors", "config.json", "manifest.json", "prompt.json"]
)
def test_a_missing_file_is_named(bundled: Path, file: str):
    (bundled / file).unlink()
    problem = problem_of("bundled")
    assert ("safetensors" if file == "model.safetensors" else file) in str(problem)
    assert problem.permanent


def test_a_file_beside_the_manifest_is_refused(bundled: Path):
    (bundled / "adapter.safetensors").write_bytes(b"x")
    assert "adapter.safetensors" in str(problem_of("bundled"))


def test_a_broken_manifest_or_template_is_named(bundled: Path):
    (bundled / "manifest.json").write_text("[]")
    assert "manifest.json can't be read" in str(problem_of("bundled"))
    (bundled / "prompt.json").write_text('{"name": "x", "version": "1", "colour": "red"}')
    files.write_manifest(bundled)
    assert "colour" in str(problem_of("bundled"))


def test_corrupt_weights_without_a_manifest_are_still_a_named_error(folder: Path):
    (folder / "manifest.json").unlink()
    (folder / "model.safetensors").write_bytes(b"\x08" + b"\x00" * 100)
    assert "weights" in str(problem_of(str(folder)))


def test_weights_that_lack_a_tensor_are_refused_and_not_filled_with_random_numbers(folder: Path):
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = load_file(path)
    del weights["transformer.h.1.mlp.c_fc.weight"]
    save_file(weights, path, metadata={"format": "pt"})
    (folder / "manifest.json").unlink()
    assert "transformer.h.1.mlp.c_fc.weight" in str(problem_of(str(folder)))


def test_the_digest_follows_the_files_and_not_the_folders_name(folder: Path, tmp_path: Path):
    moved = shutil.copytree(folder, tmp_path / "elsewhere")
    assert load_generator(str(moved)).digest == load_generator(str(folder)).digest
    (moved / "manifest.json").unlink()
    assert load_generator(str(moved)).digest == load_generator(str(folder)).digest
    config = json.loads((moved / "config.json").read_text())
    (moved / "config.json").write_text(json.dumps({**config, "window_size": 8}))
    assert load_generator(str(moved)).digest != load_generator(str(folder)).digest


@pytest.mark.parametrize(
    "setting", ["EleutherAI/gpt-neo-125m", "EleutherAI/gpt-neo-125m@main", "gpt2@v1.0"]
)
def test_a_hub_name_needs_a_pinned_commit(setting: str):
    problem = problem_of(setting)
    assert "pinned" in str(problem)
    assert "40 hex digits" in problem.hint


def test_tests_load_nothing_from_a_hub_unless_they_ask():
    assert "switched off" in str(problem_of(PINNED))


def test_offline_and_not_cached_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The hub's client reads its offline switch at import, so it is set where it keeps it."""
    from huggingface_hub import constants

    monkeypatch.setattr(files, "ALLOW_HUB_MODELS", True)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    problem = problem_of(PINNED)
    assert "HF_HUB_OFFLINE" in str(problem) or "can't be reached" in str(problem)


@pytest.mark.parametrize(
    ("setting", "words"),
    [("", "empty"), ("/no/such/folder", "no folder"), ("./nowhere", "no folder")],
)
def test_a_setting_that_names_nothing_is_an_error_with_a_hint(setting: str, words: str):
    assert words in str(problem_of(setting))


def test_a_device_that_isnt_there_is_an_error_and_never_a_quiet_cpu(folder: Path):
    with pytest.raises(GeneratorUnavailable, match="no device"):
        load_generator(str(folder), device="gpu0").warm_up()
    if not torch.cuda.is_available():
        with pytest.raises(GeneratorUnavailable, match="no GPU"):
            load_generator(str(folder), device="cuda:0").warm_up()
