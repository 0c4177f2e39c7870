"""Forward passes with a key/value cache over any causal language model of transformers."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import DynamicCache, DynamicLayer


@dataclass
class State:
    """A batch in the making: the cache, which of its columns are text (1) and the next position."""

    cache: Any
    mask: torch.Tensor  # int64 [rows, columns]
    positions: torch.Tensor  # int64 [rows]


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

    def prefill(
        self, prompts: Sequence[list[int]], copies: Sequence[int], room: int
    ) -> tuple[State, torch.Tensor]:
        """Reads each prompt once, then makes as many rows of it as it has copies.

        Returns the state and the next token's logits, float [sum of copies, vocabulary].
        """
        device = self.model.device
        width = max(map(len, prompts))
        ids = torch.full((len(prompts), width), self.pad_token)
        mask = torch.zeros((len(prompts), width), dtype=torch.int64)
        for number, prompt in enumerate(prompts):
            ids[number, width - len(prompt) :] = torch.tensor(prompt)
            mask[number, width - len(prompt) :] = 1
        ids, mask = ids.to(device), mask.to(device)
        cache = self._new_cache(width + room)
        positions = (mask.cumsum(-1) - 1).clamp(min=0)
        logits = self._call(ids, mask, positions, cache, **self._last_only)
        state = State(cache, mask, mask.sum(-1))
        if any(count != 1 for count in copies):
            rows = [number for number, count in enumerate(copies) for _ in range(count)]
            self.select(state, rows)
            logits = logits[torch.tensor(rows, device=device)]
        return state, logits

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

    def _new_cache(self, columns: int) -> DynamicCache:
        cache = DynamicCache(config=self.model.config)
        if cache.layers and all(type(layer) is DynamicLayer for layer in cache.layers):
            cache.layers = [RoomyLayer(columns) for _ in cache.layers]
        return cache


class RoomyLayer(DynamicLayer):
    """A cache layer with room for all columns from the start.

    transformers' own copies the whole cache at every token; at 500 columns that is most of a
    small model's step.
    """

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.columns = columns

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
            at = self.keys.shape[-2]
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
