"""A model whose numbers are none (NaN, infinity) loses its own candidate, never the draft."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generation.engine.base import GenerationRequest, Sampling
from generation.engine.decoding import Row, noise_for, pick
from retrieval.embedder import EmbedderError, get_embedder
from tests.generation.test_engine_constrained import OUTLINE
from tests.generation.tiny_models import tiny_generator, tiny_gpt_neo_folder  # noqa: F401

SAMPLING = Sampling(n=2, temperature=1.0, top_p=0.9, top_k=40, max_new_tokens=8)
BROKEN = [float("nan"), float("inf")]


@pytest.fixture
def damaged(tiny_generator):
    """A function that sets a weight of the last layer, undone at the end."""
    tiny_generator.warm_up()
    weight = tiny_generator.model.get_output_embeddings().weight
    kept = weight.detach().clone()

    def damage(value: float):
        with torch.no_grad():
            weight.fill_(value)
        return tiny_generator

    yield damage
    with torch.no_grad():
        weight.copy_(kept)


@pytest.mark.parametrize("value", BROKEN)
@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_a_damaged_last_layer_writes_nothing_and_raises_nothing(damaged, value, temperature):
    sampling = Sampling(
        n=2 if temperature else 1, temperature=temperature, top_p=0.9, max_new_tokens=8
    )
    answers = damaged(value).generate([GenerationRequest("Reply:", 1, sampling)])
    assert {(c.text, c.finish, c.mean_log_probability) for c in answers[0]} == {
        ("", "broken", None)
    }


@pytest.mark.parametrize("value", BROKEN)
def test_nothing_is_composed_by_numbers_that_are_none(damaged, value):
    assert damaged(value).compose([OUTLINE]) == [None]


@pytest.mark.parametrize("value", [*BROKEN, float("-inf")])
def test_a_broken_row_leaves_the_rows_beside_it_as_they_were(value):
    logits = torch.randn(2, 50, generator=torch.Generator().manual_seed(3))
    alone = pick(logits[1:].clone(), [Row(SAMPLING, noise_for(7, 1))])
    logits[0, :] = value
    tokens, shares = pick(logits, [Row(SAMPLING, noise_for(7, 0)), Row(SAMPLING, noise_for(7, 1))])
    assert np.isnan(shares[0])
    assert (tokens[1], shares[1]) == (alone[0][0], pytest.approx(alone[1][0]))


def test_vectors_that_are_no_numbers_are_refused_with_a_hint(monkeypatch):
    embedder = get_embedder()
    embedder.warm_up()
    whole = embedder._embedded
    monkeypatch.setattr(embedder, "_embedded", lambda windows: whole(windows) * np.nan)
    with pytest.raises(EmbedderError, match="no numbers"):
        embedder.encode(["How do I reset it?"])
