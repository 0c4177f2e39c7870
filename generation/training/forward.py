"""GPT-Neo's forward pass for training: PyTorch's fused attention over transformers' own weights.

transformers computes GPT-Neo's attention step by step and the logits of every token; here attention
is fused and only the tokens that carry loss reach the output layer. A test holds both equal.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from transformers import GPTNeoForCausalLM


def hidden_states(model: GPTNeoForCausalLM, ids: torch.Tensor) -> torch.Tensor:
    """Final hidden states, float [batch, length, hidden], of right-padded ``ids`` [batch, length].

    Padding stands right of every real token, so that the causal mask hides it. Attention scores
    are not scaled, as in GPT-Neo; local layers see ``window_size`` tokens, their own included.
    """
    transformer: Any = model.transformer
    length = ids.shape[1]
    x = transformer.wte(ids) + transformer.wpe(torch.arange(length, device=ids.device))
    heads, window = model.config.num_heads, model.config.window_size
    band = None
    if length > window:
        causal = torch.ones(length, length, dtype=torch.bool, device=ids.device).tril()
        band = causal & ~causal.tril(-window)
    for block in transformer.h:
        attention = block.attn.attention
        normed = block.ln_1(x)
        q, k, v = (
            layer(normed).unflatten(-1, (heads, -1)).transpose(1, 2)
            for layer in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        local = block.attn.attention_type == "local" and band is not None
        mixed = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=band if local else None, is_causal=not local, scale=1.0
        )
        x = x + attention.out_proj(mixed.transpose(1, 2).flatten(2))
        inner = block.mlp.c_fc(block.ln_2(x))
        x = x + block.mlp.c_proj(functional.gelu(inner, approximate="tanh"))
    return transformer.ln_f(x)


def weighted_loss(
    model: GPTNeoForCausalLM, ids: torch.Tensor, weights: torch.Tensor
) -> tuple[torch.Tensor, float, int, int]:
    """(loss, sum of weights, right, counted) of a batch.

    ``weights`` float [batch, length] is the weight of predicting that very token (zero for none;
    the first token's is ignored). The loss is the weighted mean of the cross-entropies; right and
    counted tell the greedy accuracy over tokens with a weight of at least one.
    """
    hidden = hidden_states(model, ids)
    chosen = weights[:, 1:] > 0
    targets, scale = ids[:, 1:][chosen], weights[:, 1:][chosen]
    logits = functional.linear(hidden[:, :-1][chosen], model.lm_head.weight).float()
    losses = functional.cross_entropy(logits, targets, reduction="none")
    total = float(scale.sum())
    reply = scale >= 1
    right = int((logits.argmax(-1)[reply] == targets[reply]).sum())
    return (losses * scale).sum() / scale.sum(), total, right, int(reply.sum())
