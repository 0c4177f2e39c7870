"""A structured initialisation, with which a small GPT-Neo can copy before its first step.

With ordinary initialisation a model of this size spends most of a short training on discovering
induction (copying what followed the last time). Here it is written in by hand, following the
two-step circuit of Olsson et al., "In-context Learning and Induction Heads" (2022):

- the embedding has three regions: position (sinusoids, in ``wpe`` only), content (random, in
  ``wte`` only) and two reserved regions, zero at first;
- in layer 0, two heads attend to the token before and to the one before that, and write what they
  see into the reserved regions;
- in layer 2, three heads look for the place whose predecessors are the current token and its
  predecessor, and add the content of the token there: together they cover the whole content
  region, so that the tied output layer predicts it.

All other output projections are zero: those heads and layers add nothing until they have learned.
"""

from __future__ import annotations

import math

import torch
from transformers import GPTNeoConfig, GPTNeoForCausalLM

CONTENT_SCALE = 0.05
POSITION_SCALE = 0.05
PREVIOUS_SHARPNESS = 1.0
NEAR_SHARPNESS = 0.7
FAR_SHARPNESS = 0.4
COPY_GAIN = 3.0


def generator_config(
    *, vocab_size: int, hidden: int = 384, layers: int = 6, context_tokens: int = 1024
) -> GPTNeoConfig:
    """A GPT-Neo with heads of 64 (fewer where hidden is small), global and local layers in turn."""
    heads = max(6, hidden // 64)
    return GPTNeoConfig(
        vocab_size=vocab_size,
        hidden_size=hidden,
        num_layers=layers,
        num_heads=heads,
        attention_types=[[["global", "local"], layers // 2]],
        window_size=256,
        max_position_embeddings=context_tokens,
        intermediate_size=4 * hidden,
        activation_function="gelu_new",
        resid_dropout=0.0,
        embed_dropout=0.0,
        attention_dropout=0.0,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
        tie_word_embeddings=True,
    )


def new_model(config: GPTNeoConfig, *, seed: int) -> GPTNeoForCausalLM:
    """A float32 model with the structured initialisation; the same seed gives the same weights."""
    torch.manual_seed(seed)
    model = GPTNeoForCausalLM(config).float()
    with torch.no_grad():
        _structure(model, torch.Generator().manual_seed(seed))
    return model


def _structure(model: GPTNeoForCausalLM, generator: torch.Generator) -> None:
    config = model.config
    hidden, heads = config.hidden_size, config.num_heads
    head = hidden // heads
    if heads < 6 or config.num_layers < 3:
        raise ValueError("the structured initialisation needs six heads and three layers")
    position = slice(0, head)
    content = slice(head, 4 * head)
    before = (slice(4 * head, 5 * head), slice(5 * head, 6 * head))

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    wte, wpe = model.transformer.wte.weight, model.transformer.wpe.weight
    wte.zero_()
    wte[:, content] = noise(wte.shape[0], 3 * head)
    wte[:, content] *= CONTENT_SCALE * math.sqrt(3 * head) / wte.norm(dim=1, keepdim=True)
    angles = _frequencies(head // 2, generator)
    steps = torch.arange(wpe.shape[0])[:, None] * angles[None]
    wpe.zero_()
    wpe[:, position] = torch.stack((steps.sin(), steps.cos()), dim=2).flatten(1) * POSITION_SCALE

    for block in model.transformer.h:
        block.attn.attention.out_proj.weight.zero_()
        block.mlp.c_proj.weight.zero_()

    # After layer normalisation both regions are scaled by the same factor.
    sigma = math.sqrt((3 * head * CONTENT_SCALE**2 + head * POSITION_SCALE**2 / 2) / hidden)
    first = model.transformer.h[0].attn.attention
    view = _orthogonal(head, 3 * head, generator)
    for number, region in enumerate(before):
        rows = slice(number * head, (number + 1) * head)
        scale = PREVIOUS_SHARPNESS * (sigma / POSITION_SCALE) ** 2
        first.q_proj.weight[rows] = 0
        first.k_proj.weight[rows] = 0
        first.q_proj.weight[rows, position] = _rotation(angles, -(number + 1)) * scale
        first.k_proj.weight[rows, position] = torch.eye(head)
        first.v_proj.weight[rows] = 0
        first.v_proj.weight[rows, content] = view
        first.out_proj.weight[region, rows] = torch.eye(head) * sigma

    second = model.transformer.h[2].attn.attention
    half = head // 2
    # The content's view has unit variance after normalisation: a match of `half` dimensions gives
    # about `half`, an accidental one is within a few times sqrt(half).
    for number in range(3):
        rows = slice(number * head, (number + 1) * head)
        near = slice(number * head, number * head + half)
        far = slice(number * head + half, (number + 1) * head)
        pick = slice(0, half) if number % 2 == 0 else slice(half, head)
        second.q_proj.weight[rows] = 0
        second.k_proj.weight[rows] = 0
        now = slice(pick.start, pick.stop)
        near_key = slice(before[0].start + now.start, before[0].start + now.stop)
        far_key = slice(before[1].start + now.start, before[1].start + now.stop)
        # The key's predecessor against the query's own token, and one step further back.
        second.q_proj.weight[near, content] = view[now] * NEAR_SHARPNESS
        second.k_proj.weight[near, near_key] = torch.eye(half)
        second.q_proj.weight[far, near_key] = torch.eye(half) * FAR_SHARPNESS
        second.k_proj.weight[far, far_key] = torch.eye(half)
        chunk = slice(content.start + number * head, content.start + (number + 1) * head)
        second.v_proj.weight[rows] = 0
        second.v_proj.weight[rows, chunk] = torch.eye(head)
        second.out_proj.weight[chunk, rows] = torch.eye(head) * COPY_GAIN * CONTENT_SCALE


def _frequencies(count: int, generator: torch.Generator) -> torch.Tensor:
    """Mostly fast ones, which tell neighbours apart, and a few slow ones for the rough place."""
    slow = count // 4
    fast = torch.rand(count - slow, generator=generator) * (math.pi - 0.1) + 0.1
    return torch.cat((fast, torch.logspace(-3, -1, slow)))


def _rotation(angles: torch.Tensor, steps: int) -> torch.Tensor:
    """The matrix that moves a vector of (sin, cos) pairs by a number of positions."""
    matrix = torch.zeros(2 * len(angles), 2 * len(angles))
    for i, angle in enumerate(angles.tolist()):
        c, s = math.cos(angle * steps), math.sin(angle * steps)
        matrix[2 * i, 2 * i], matrix[2 * i, 2 * i + 1] = c, s
        matrix[2 * i + 1, 2 * i], matrix[2 * i + 1, 2 * i + 1] = -s, c
    return matrix


def _orthogonal(rows: int, columns: int, generator: torch.Generator) -> torch.Tensor:
    """``rows`` orthonormal directions in ``columns`` dimensions."""
    q, _ = torch.linalg.qr(torch.randn(columns, rows, generator=generator))
    return q.T.contiguous()
