"""The network that reads a question, or a claim, and a passage together, from all-MiniLM-L6-v2.

Cross-encoder after Nogueira and Cho 2019 with two outputs: whether the passage answers the question,
and whether it supports the claim. Its head begins where the embedder stands: at the start of training
a pair's logit is the cosine between the mean of the question's tokens and the mean of the passage's,
and what the pair's tokens see of each other is learned on top of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import BertConfig, BertModel

from retrieval import minilm

QUERY_TOKENS = 160  # of a longer query its first FIRST_TOKENS are kept, and its end
FIRST_TOKENS = 32  # the subject and the first words
PASSAGE_TOKENS = 254  # chunks are never longer (the embedder's window); others are cut at the end
_CLS, _SEP = 101, 102
ANSWERS, SUPPORTS = 0, 1  # the outputs


class Pairs(NamedTuple):
    """Padded pairs, each `int64 [n, length]`: token ids, 1 where a token is real, and whose the
    token is (0 the question's, 1 the passage's)."""

    ids: Tensor
    mask: Tensor
    side: Tensor


def load_tokenizer() -> Tokenizer:
    """MiniLM's word pieces, without padding or truncation."""
    tokenizer = Tokenizer.from_file(str(minilm.package_folder() / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def word_pieces(tokenizer: Tokenizer, text: str) -> list[int]:
    """The text's token ids, without special ones."""
    ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
    return ids


def bounded(query: Sequence[int]) -> list[int]:
    """A query's ids within `QUERY_TOKENS`: a thread's subject and beginning, and its last turns."""
    if len(query) <= QUERY_TOKENS:
        return list(query)
    return [*query[:FIRST_TOKENS], *query[FIRST_TOKENS - QUERY_TOKENS :]]


def joined(query: Sequence[int], passage: Sequence[int]) -> tuple[list[int], list[int]]:
    """Both sides of a pair as the network reads them, end to end: `[CLS] question [SEP]`, and
    `passage [SEP]`."""
    return [_CLS, *bounded(query), _SEP], [*passage[:PASSAGE_TOKENS], _SEP]


def padded(pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> Pairs:
    """Question and passage ids as one batch."""
    rows = [joined(query, passage) for query, passage in pairs]
    width = max(len(query) + len(passage) for query, passage in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    mask, side = torch.zeros_like(ids), torch.zeros_like(ids)
    for row, (query, passage) in enumerate(rows):
        end = len(query) + len(passage)
        ids[row, :end] = torch.tensor([*query, *passage])
        mask[row, :end] = 1
        side[row, len(query) : end] = 1
    return Pairs(ids, mask, side)


class CrossEncoder(nn.Module):
    """Pairs to logits, `float32 [n, 2]`: the log-odds that the passage answers the question, and
    that it supports the claim (of the two, the one that the pair's first text is matters)."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.bert = BertModel(config, add_pooling_layer=False)
        self.cosine = nn.Parameter(torch.tensor([[12.0, -6.0], [12.0, -6.0]]))  # weight and bias
        self.mix = nn.Linear(3 * size, size)
        self.out = nn.Linear(size, 2)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, pairs: Pairs) -> Tensor:
        hidden = self.bert(input_ids=pairs.ids, attention_mask=pairs.mask).last_hidden_state
        query = _mean(hidden, pairs.mask * (1 - pairs.side))
        return self.judge(hidden[:, 0].float(), query, _mean(hidden, pairs.side))

    def judge(self, first: Tensor, query: Tensor, passage: Tensor) -> Tensor:
        """Logits from the last layer's states, each `float32 [n, d]`: of the first token, and the
        means of both sides."""
        seen = torch.cat([first, query * passage, (query - passage).abs()], dim=1)
        learned = self.out(F.gelu(self.mix(seen.to(self.mix.weight.dtype))))
        scale, bias = self.cosine.float().unbind(dim=1)
        return F.cosine_similarity(query, passage)[:, None] * scale + bias + learned.float()


def _mean(hidden: Tensor, chosen: Tensor) -> Tensor:
    weights = chosen.float()[..., None]
    return (hidden.float() * weights).sum(dim=1) / weights.sum(dim=1).clamp(min=1.0)


def _config(attention: str) -> BertConfig:
    config = BertConfig.from_pretrained(str(minilm.package_folder()), local_files_only=True)
    # Drawing dropout masks costs a CPU more than the network itself, and one pass over the data
    # has little to overfit.
    config.hidden_dropout_prob = config.attention_probs_dropout_prob = 0.0
    config._attn_implementation = attention
    return config


def new_network() -> CrossEncoder:
    """To train: float32, the encoder that of the packaged MiniLM, its embeddings without gradients."""
    # PyTorch's fused attention takes half of a step on the CPU in its backward pass
    network = CrossEncoder(_config("eager"))
    state = {f"bert.{name}": t for name, t in minilm.package_state().items()}
    missing, unknown = network.load_state_dict(state, strict=False)
    if unknown or any(name.startswith("bert.") for name in missing):
        raise minilm.BundleError(
            f"MiniLM's weights don't fit the network ({[*unknown, *missing][:3]}).",
            hint="Install the pinned version of transformers.",
        )
    network.bert.embeddings.requires_grad_(False)
    return network


def load_network(bundle: Path) -> CrossEncoder:
    """The network of a bundle, float32, for evaluation. Raises `BundleError`."""
    minilm.read_manifest(bundle)
    network = CrossEncoder(_config("sdpa"))
    network.load_state_dict(minilm.whole_state(bundle))
    return network.eval()
