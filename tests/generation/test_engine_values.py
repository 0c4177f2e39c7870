"""Sampling and requests refuse what makes no sense, loudly and by name."""

import json
import subprocess
import sys

import pytest

from generation.engine.base import GenerationRequest, Sampling


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n", 0),
        ("n", 65),
        ("n", 1.0),
        ("n", True),
        ("temperature", -0.1),
        ("temperature", float("nan")),
        ("temperature", float("inf")),
        ("temperature", "0.5"),
        ("top_p", 0),
        ("top_p", 1.01),
        ("top_k", -1),
        ("max_new_tokens", 0),
        ("stop", "\n"),
        ("stop", ("",)),
        ("stop", ["\n"]),
        ("no_repeat_ngram", 1),
    ],
)
def test_an_impossible_value_is_refused_by_name(name, value):
    with pytest.raises(ValueError, match=rf"^{name}="):
        Sampling(**{name: value})


def test_an_unknown_parameter_is_refused():
    with pytest.raises(TypeError, match="temprature"):
        Sampling(temprature=0.5)
    with pytest.raises(ValueError, match="temprature"):
        Sampling.from_dict({"temprature": 0.5})


def test_sampling_survives_being_stored_as_json():
    sampling = Sampling(n=3, temperature=0.7, stop=("\nCustomer:", "\n["), no_repeat_ngram=4)
    assert Sampling.from_dict(json.loads(json.dumps(sampling.as_dict()))) == sampling


def test_sampling_is_frozen():
    with pytest.raises(AttributeError):
        Sampling().n = 2


@pytest.mark.parametrize("seed", [2**63, -(2**63) - 1, 1.5, None])
def test_a_seed_is_a_64_bit_number(seed):
    with pytest.raises(ValueError, match=r"^seed="):
        GenerationRequest("Reply:", seed, Sampling())


def test_naming_a_generator_loads_no_torch():
    """The web process may ask what a setting means; it never pays for torch."""
    code = (
        "import sys; import generation.engine, generation.engine.base, generation.engine.files; "
        "sys.exit(any(m.split('.')[0] in {'torch', 'transformers'} for m in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
