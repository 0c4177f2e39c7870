"""GPT-Neo 125M, 1.3B and 2.7B and GPT-J load and draft by the same path: their real numbers of
layers and heads and their pattern of attention, with widths that a test can afford."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import GPTJConfig

from generation.engine import load_generator
from generation.engine.base import GenerationRequest, Sampling
from generation.prompts import Passage, Turn, build_prompt
from tests.generation.tiny_models import build, gpt_neo_config

# layers, heads, the real size of a head, and the tiny one
NEO = {"125M": (12, 12, 64, 2), "1.3B": (24, 16, 128, 4), "2.7B": (32, 20, 128, 4)}


def config_of(shape: str) -> object:
    if shape == "GPT-J":  # 28 layers, 16 heads of 256, a quarter of each head rotated
        return GPTJConfig(
            vocab_size=384, n_embd=16 * 8, n_layer=28, n_head=16, rotary_dim=2, n_positions=2048,
            initializer_range=0.2, bos_token_id=0, eos_token_id=0,
        )  # fmt: skip
    layers, heads, _, head = NEO[shape]
    return gpt_neo_config(
        hidden_size=heads * head,
        num_layers=layers,
        attention_types=[[["global", "local"], layers // 2]],
        num_heads=heads,
        window_size=256,
        max_position_embeddings=2048,
        intermediate_size=None,
    )


@pytest.mark.parametrize("shape", [*NEO, "GPT-J"])
def test_a_big_models_shape_loads_and_drafts(shape: str, tmp_path: Path):
    folder = build(tmp_path / shape.replace(".", "-"), config_of(shape))
    generator = load_generator(str(folder), device="cpu")
    assert generator.context_tokens == 2048
    prompt = build_prompt(
        template=generator.template,
        thread=[Turn("customer", "How do I restart the thermostat?")],
        passages=[Passage("Thermostat", "Hold the ring for ten seconds. " * 20)],
        count_tokens=generator.count_tokens,
        budget=generator.context_tokens - 4,
    )
    assert prompt.tokens > 256  # more than the local window
    sampled = Sampling(n=2, temperature=0.8, max_new_tokens=4)
    [samples] = generator.generate([GenerationRequest(prompt.text, 5, sampled)])
    assert len(samples) == 2
    assert generator.generate([GenerationRequest(prompt.text, 5, sampled)]) == [samples]
    greedy = Sampling(temperature=0, max_new_tokens=4)
    [[completion]] = generator.generate([GenerationRequest(prompt.text, 0, greedy)])
    assert completion.text.strip() == _by_transformers(generator, prompt.text).strip()


def _by_transformers(generator: object, prompt: str) -> str:
    """What transformers' own greedy search makes of the prompt."""
    tokenizer, model = generator._tokenizer, generator.model  # type: ignore[attr-defined]
    ids = torch.tensor([generator._encode(prompt)])  # type: ignore[attr-defined]
    made = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=4,
        do_sample=False,
        pad_token_id=0,
    )
    text = tokenizer.decode(made[0, ids.shape[1] :], skip_special_tokens=True)
    return str(text)
