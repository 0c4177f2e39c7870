"""Forward passes with a key/value cache over any causal language model of transformers."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer

_PREFILL_TOKENS = 16384  # in one pass of a GPU, padding included


@dataclass
class State:
    """A batch in the making: the cache, which of its columns are text (1) and the next position."""

    cache: Any
    mask: torch.Tensor  # int64 [rows, columns]
    positions: torch.Tensor  # int64 [rows]

    def repeated(self, repeats: torch.Tensor) -> State:
        """Each row as often as `repeats` (int64 [rows]) says."""
        if bool((repeats == 1).all()):
            return self
        index = torch.arange(len(repeats), device=repeats.device).repeat_interleave(repeats)
        for layer in self.cache.layers:
            layer.keys, layer.values = layer.keys[index], layer.values[index]
        return State(self.cache, self.mask[index], self.positions[index])


class CausalForward:
    """Prefill, one step, and a choice of rows, by calling the model as transformers does.

    Prompts are padded on the left, the padding is masked, and positions count from each prompt's
    own first token; so relative distances, and with them GPT-Neo's local window, are what they
    are without padding.
    """

    def __init__(self, model: Any, pad_token: int) -> None:
        self.model = model
        self.pad_token = pad_token
        names = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in names
        self._last_only = {"logits_to_keep": 1} if "logits_to_keep" in names else {}
        layers = DynamicCache(config=model.config).layers
        self._plain_cache = bool(layers) and all(type(layer) is DynamicLayer for layer in layers)
        self._prefill_tokens = 0 if model.device.type == "cpu" else _PREFILL_TOKENS

    def prefill(
        self, prompts: Sequence[list[int]], copies: Sequence[int], room: int
    ) -> tuple[State, torch.Tensor]:
        """Reads each prompt once, then makes as many rows of it as it has copies.

        Returns the state and the next token's logits, float [sum of copies, vocabulary].
        """
        width = max(map(len, prompts))
        if not self._plain_cache:
            state, logits = self._read(prompts, width + room)
            rows = [number for number, count in enumerate(copies) for _ in range(count)]
            if rows != list(range(len(prompts))):
                self.select(state, rows)
                logits = logits[torch.tensor(rows, device=logits.device)]
            return state, logits
        states, parts = [], []
        for start, end in self._groups(prompts):
            state, logits = self._read(prompts[start:end], max(map(len, prompts[start:end])))
            repeats = torch.tensor(copies[start:end], device=logits.device)
            states.append(state.repeated(repeats))
            parts.append(logits.repeat_interleave(repeats, dim=0))
        return self._joined(states, width, width + room), torch.cat(parts)

    def _groups(self, prompts: Sequence[list[int]]) -> list[tuple[int, int]]:
        """Neighbours that are read together: on a CPU each prompt alone, as padding is lost work."""
        groups, start = [], 0
        for end in range(1, len(prompts) + 1):
            padded = (end + 1 - start) * max(map(len, prompts[start : end + 1]))
            if end == len(prompts) or padded > self._prefill_tokens:
                groups.append((start, end))
                start = end
        return groups

    def _read(self, prompts: Sequence[list[int]], columns: int) -> tuple[State, torch.Tensor]:
        device = self.model.device
        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), self.pad_token)
        mask = torch.zeros((len(prompts), width), dtype=torch.int64)
        for number, prompt in enumerate(prompts):
            ids[number, width - len(prompt) :] = torch.tensor(prompt)
            mask[number, width - len(prompt) :] = 1
        ids, mask = ids.to(device), mask.to(device)
        cache = DynamicCache(config=self.model.config)
        if self._plain_cache:
            cache.layers = [RoomyLayer(columns) for _ in cache.layers]
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        logits = self._call(ids, mask, positions, cache, **self._last_only)
        return State(cache, mask, mask.sum(-1)), logits

    def _joined(self, states: Sequence[State], width: int, columns: int) -> State:
        """One state of all rows, padded on the left to `width` columns."""
        first = states[0]
        cache = DynamicCache(config=self.model.config)
        cache.layers = [
            RoomyLayer.joined([state.cache.layers[number] for state in states], width, columns)
            for number in range(len(first.cache.layers))
        ]
        masks = [
            torch.nn.functional.pad(state.mask, (width - state.mask.shape[1], 0))
            for state in states
        ]
        return State(cache, torch.cat(masks), torch.cat([state.positions for state in states]))

    def step(self, state: State, tokens: Sequence[int]) -> torch.Tensor:
        """Appends a token to each row; the next token's logits, float [rows, vocabulary]."""
        ids = torch.tensor(tokens, device=state.mask.device)[:, None]
        state.mask = torch.cat([state.mask, state.mask.new_ones((len(tokens), 1))], dim=1)
        logits = self._call(ids, state.mask, state.positions[:, None], state.cache)
        state.positions = state.positions + 1
        return logits

    def select(self, state: State, rows: Sequence[int]) -> None:
        """Keeps these rows, in this order; a row named twice is there twice."""
        index = torch.tensor(rows, device=state.mask.device)
        state.cache.batch_select_indices(index)
        state.mask = state.mask[index]
        state.positions = state.positions[index]

    def _call(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor,
        cache: Any,
        **options: Any,
    ) -> torch.Tensor:
        if self._takes_positions:
            options["position_ids"] = positions
        output = self.model(
            input_ids=ids, attention_mask=mask, past_key_values=cache, use_cache=True, **options
        )
        return output.logits[:, -1]


class RoomyLayer(DynamicLayer):
    """A cache layer with room for all columns from the start.

    transformers' own copies the whole cache at every token; at 500 columns that is most of a
    small model's step.
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns

    @classmethod
    def joined(cls, layers: Sequence[Any], width: int, columns: int) -> RoomyLayer:
        """The rows of all layers, each padded with zeros on the left to `width` columns."""
        layer = cls(columns)
        first = layers[0]
        layer.lazy_initialization(first.keys, first.values)
        rows = sum(len(part.keys) for part in layers)
        for name in ("keys", "values"):
            _, heads, _, size = getattr(first, name).shape
            room = getattr(first, name).new_empty((rows, heads, columns, size))
            at = 0
            for part in layers:
                filled = getattr(part, name)
                start = width - filled.shape[2]
                room[at : at + len(filled), :, :start] = 0  # masked, so it must only be finite
                room[at : at + len(filled), :, start:width] = filled
                at += len(filled)
            setattr(layer, f"_all_{name}", room)
            setattr(layer, name, room[:, :, :width])
        return layer

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            rows, heads, _, size = key_states.shape
            self._all_keys = key_states.new_empty((rows, heads, self.columns, size))
            self._all_values = value_states.new_empty(
                (rows, heads, self.columns, value_states.shape[-1])
            )
            at = 0
        else:
            at = self.get_seq_length()
        end = at + key_states.shape[-2]
        self._all_keys[:, :, at:end] = key_states
        self._all_values[:, :, at:end] = value_states
        self.keys, self.values = self._all_keys[:, :, :end], self._all_values[:, :, :end]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keeps the rows `indices` (int64), copying only the columns that are filled."""
        for name in ("keys", "values"):
            filled = getattr(self, name)
            rows = filled[indices]
            room = rows.new_empty((*rows.shape[:2], self.columns, rows.shape[-1]))
            room[:, :, : rows.shape[2]] = rows
            setattr(self, f"_all_{name}", room)
            setattr(self, name, room[:, :, : rows.shape[2]])
