"""BERT on the CPU at the machine's speed: tokens packed one text after the other, so that hardly
anything is computed for padding, and weights laid out once as the matrix unit wants them.

Only the batch as a whole is filled up, to one of few sizes: oneDNN compiles a matrix product for each
size that it meets, which takes a third as long as a whole batch.

Where the processor multiplies bfloat16 (AMX or AVX-512 BF16) the network runs in it, and what comes
after the last layer in float32: cosines to the float32 network stay above .999 (a test asserts it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer
    from torch import Tensor

TOKENS = 4096  # in one forward pass: more gains nothing, and this fits the caches
_SHORT = 256  # tokens; a batch below is filled up to a multiple of 16, any other to one of this

_mkldnn = torch.ops.mkldnn
# by name: to find the one that is meant, torch would try the other and write its tensors into an error
_linear, _linear_and_add = _mkldnn._linear_pointwise.default, _mkldnn._linear_pointwise.binary


def fast_dtype() -> torch.dtype:
    """bfloat16 where this processor multiplies such matrices itself, else float32."""
    fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if fast else torch.float32


Runs = Sequence[tuple[int, int]]  # how many texts of which length stand one after the other
Mix = Callable[["Tensor", "Tensor"], "Tensor"]  # scores [n, l, l], values [n, l, d] -> [n, l, d]


def _softmax(scores: Tensor, values: Tensor) -> Tensor:
    return torch.bmm(torch.softmax(scores, -1), values)


def _exponential(scores: Tensor, values: Tensor) -> Tensor:
    """The same in half the time, as long as no exponential overflows: the weights' sum comes out of
    the matrix product as one more column, and divides its result."""
    sums = torch.bmm(scores.exp_(), F.pad(values, (0, 1), value=1.0))
    return sums[..., :-1] / sums[..., -1:]


class _Linear:
    """`activation(x @ weight.T + bias)`, or that and a residual, with the weight laid out once."""

    def __init__(self, weight: Tensor, bias: Tensor, activation: str = "none") -> None:
        self._weight = _mkldnn._reorder_linear_weight(weight.contiguous(), TOKENS)
        self._bias = bias.contiguous()
        how = "none" if activation == "gelu" else ""
        self._activation: tuple[str, list[float], str] = (activation, [], how)

    def __call__(self, x: Tensor) -> Tensor:
        return _linear(x, self._weight, self._bias, *self._activation)

    def plus(self, x: Tensor, residual: Tensor) -> Tensor:
        return _linear_and_add(x, residual, self._weight, self._bias, "add")


class _Layer:
    def __init__(self, layer: Any, heads: int) -> None:
        attention = layer.attention.self
        query = attention.query
        scale = (query.out_features // heads) ** -0.5
        weights = [query.weight * scale, attention.key.weight, attention.value.weight]
        biases = [query.bias * scale, attention.key.bias, attention.value.bias]
        self._heads = heads
        self._into_heads = _Linear(torch.cat(weights), torch.cat(biases))
        self._out_of_heads = _Linear(
            layer.attention.output.dense.weight, layer.attention.output.dense.bias
        )
        self._up = _Linear(layer.intermediate.dense.weight, layer.intermediate.dense.bias, "gelu")
        self._down = _Linear(layer.output.dense.weight, layer.output.dense.bias)
        self._norms = layer.attention.output.LayerNorm, layer.output.LayerNorm

    def __call__(self, x: Tensor, runs: Runs, mix: Mix) -> Tensor:
        """`x` is `[tokens, d]`."""
        first, second = self._norms
        x = first(self._out_of_heads.plus(self._attend(self._into_heads(x), runs, mix), x))
        return second(self._down.plus(self._up(x), x))

    def _attend(self, heads: Tensor, runs: Runs, mix: Mix) -> Tensor:
        out = heads.new_zeros(len(heads), heads.shape[1] // 3)  # zeros for what fills up
        begin = 0
        for count, length in runs:  # texts of one length attend together, without a mask
            end = begin + count * length
            split = heads[begin:end].view(count, length, 3, self._heads, -1)
            q, k, v = split.permute(2, 0, 3, 1, 4).reshape(3, count * self._heads, length, -1)
            mixed = mix(torch.bmm(q, k.transpose(1, 2)), v).view(count, self._heads, length, -1)
            out[begin:end] = mixed.transpose(1, 2).reshape(end - begin, -1)
            begin = end
        return out


class PackedBert:
    """The network of a sentence-transformers model, for token ids."""

    def __init__(self, bert: Any, *, dtype: torch.dtype) -> None:
        bert = bert.to(dtype)
        self._words = bert.embeddings.word_embeddings.weight
        self._positions = (
            bert.embeddings.position_embeddings.weight
            + bert.embeddings.token_type_embeddings.weight[0]
        )
        self._norm = bert.embeddings.LayerNorm
        heads = bert.config.num_attention_heads
        with torch.inference_mode():
            self._layers = [_Layer(layer, heads) for layer in bert.encoder.layer]

    @classmethod
    def of(cls, model: SentenceTransformer) -> PackedBert | None:
        """The packed form of a model on the CPU, which takes its weights over; None where it isn't
        a BERT with mean pooling, and sentence-transformers has to run it."""
        from sentence_transformers.models import Normalize, Pooling, Transformer
        from transformers import BertModel

        modules = list(model)
        if model.device.type != "cpu" or not torch.backends.mkldnn.is_available():
            return None
        if len(modules) < 2 or not isinstance(modules[0], Transformer):
            return None
        if not isinstance(modules[1], Pooling) or modules[1].pooling_mode != "mean":
            return None
        if not all(isinstance(module, Normalize) for module in modules[2:]):
            return None
        bert = modules[0].auto_model
        if type(bert) is not BertModel or bert.config.hidden_act != "gelu":
            return None
        if getattr(bert.config, "position_embedding_type", "absolute") != "absolute":
            return None
        return cls(bert, dtype=fast_dtype())

    def encode(self, ids: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Embed texts given as token ids with the special ones: `float32 [n, dimensions]`, unit
        rows, in the order given. No text may be longer than the model's positions."""
        means = torch.empty(len(ids), self._words.shape[1])
        for row, states in self.states(ids):
            means[row] = states.mean(0)
        unit: NDArray[np.float32] = F.normalize(means, dim=1).numpy()
        return unit

    @torch.inference_mode()
    def states(self, ids: Sequence[Sequence[int]]) -> Iterator[tuple[int, Tensor]]:
        """The last layer's states of each text, `float32 [tokens, d]`, with the text's row in `ids`;
        the shortest texts come first."""
        for rows in _batches([len(each) for each in ids]):
            batch = [ids[row] for row in rows]
            x = self._forward(batch, _exponential)
            if not x.isfinite().all():
                x = self._forward(batch, _softmax)
            yield from zip(rows, x.split([len(each) for each in batch]), strict=True)

    def _forward(self, ids: Sequence[Sequence[int]], mix: Mix) -> Tensor:
        lengths = [len(each) for each in ids]
        runs = [(lengths.count(length), length) for length in dict.fromkeys(lengths)]
        filling = (0, -sum(lengths) % (16 if sum(lengths) < _SHORT else _SHORT))
        tokens = F.pad(torch.tensor([token for each in ids for token in each]), filling)
        positions = F.pad(torch.cat([torch.arange(length) for length in lengths]), filling)
        x = self._norm(self._words[tokens] + self._positions[positions])
        for layer in self._layers:
            x = layer(x, runs, mix)
        return x[: sum(lengths)].float()


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Rows in the order of their lengths, cut so that a batch has at most `TOKENS` tokens."""
    batches: list[list[int]] = []
    room = 0
    for row in sorted(range(len(lengths)), key=lengths.__getitem__):
        if not batches or lengths[row] > room:
            batches.append([])
            room = TOKENS
        batches[-1].append(row)
        room -= lengths[row]
    return batches
