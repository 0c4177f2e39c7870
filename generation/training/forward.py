"""GPT-Neo's forward pass for training: PyTorch's fused attention over transformers' own weights.

transformers computes GPT-Neo's attention step by step and the logits of every token; here attention
is fused, only the tokens that carry loss reach the output layer, and the output layer's gradient is
computed with its loss. A test holds both equal.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.func import functional_call
from torch.nn import functional
from transformers import GPTNeoForCausalLM

_OUTPUT_ROWS = 1024


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
        layers = (attention.q_proj, attention.k_proj, attention.v_proj)
        joined = functional.linear(normed, torch.cat([layer.weight for layer in layers]))
        q, k, v = joined.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)
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
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(loss, right, counted) of a batch, each a scalar.

    ``weights`` float [batch, length] is the weight of predicting that very token (zero for none;
    the first token's is ignored). The loss is the weighted mean of the cross-entropies; right and
    counted tell the greedy accuracy over tokens with a weight of at least one.
    """
    hidden = hidden_states(model, ids)[:, :-1].flatten(0, 1)
    chosen = (weights[:, 1:] > 0).flatten().nonzero()[:, 0]
    targets, scale = ids[:, 1:].flatten()[chosen], weights[:, 1:].flatten()[chosen]
    loss, hits = _OutputLoss.apply(
        hidden.index_select(0, chosen), model.lm_head.weight, targets, scale
    )
    reply = scale >= 1
    return loss, hits[reply].sum(), reply.sum()


class WeightedGPTNeo(GPTNeoForCausalLM):
    """A GPT-Neo whose forward pass is `weighted_loss`: what a Trainer steps, and wraps for several
    GPUs. In ``bf16`` copies run forwards and backwards, and the float32 weights take the steps."""

    bf16 = False

    @classmethod
    def around(cls, model: GPTNeoForCausalLM, *, bf16: bool) -> WeightedGPTNeo:
        """The same weights, not a copy of them."""
        with torch.device("meta"):
            shared = cls(model.config)
        shared.transformer, shared.lm_head, shared.bf16 = model.transformer, model.lm_head, bf16
        return shared

    def forward(  # type: ignore[override]
        self, ids: torch.Tensor, weights: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """See `weighted_loss`."""
        if self.bf16 and self.dtype == torch.float32:
            low = {name: weight.bfloat16() for name, weight in self.named_parameters()}
            found: tuple[torch.Tensor, torch.Tensor, torch.Tensor] = functional_call(
                self, low, (ids, weights)
            )
            return found
        return weighted_loss(self, ids, weights)


class _OutputLoss(torch.autograd.Function):
    """Weighted mean cross-entropy of a linear output layer, its gradients made on the way.

    Autograd would keep the float32 logits and walk over them three times more; on a CPU that costs
    as much as three of the model's layers.
    """

    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,  # [tokens, hidden]
        weight: torch.Tensor,  # [vocabulary, hidden]
        targets: torch.Tensor,  # int64 [tokens]
        scale: torch.Tensor,  # float32 [tokens]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        share = scale / scale.sum()
        to_hidden = torch.empty_like(hidden)
        to_weight = torch.zeros_like(weight, dtype=torch.float32)
        loss = torch.zeros((), dtype=torch.float32, device=hidden.device)
        hits = []
        for part in torch.arange(len(targets), device=hidden.device).split(_OUTPUT_ROWS):
            rows, wanted = hidden[part], targets[part]
            logits = functional.linear(rows, weight).float()
            best = logits.max(-1)
            hits.append(best.indices == wanted)
            logits -= best.values[:, None]
            right = logits.gather(1, wanted[:, None])[:, 0]
            total = logits.exp_().sum(-1)
            loss += ((total.log() - right) * share[part]).sum()
            logits *= (share[part] / total)[:, None]
            logits[torch.arange(len(part)), wanted] -= share[part]
            gradient = logits.to(weight.dtype)
            to_hidden[part] = gradient @ weight
            to_weight += gradient.T @ rows
        ctx.save_for_backward(to_hidden, to_weight.to(weight.dtype))
        found = torch.cat(hits)
        ctx.mark_non_differentiable(found)
        return loss, found

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        to_hidden, to_weight = ctx.saved_tensors
        return to_hidden * gradients[0], to_weight * gradients[0], None, None
