"""The seam between the drafting pipeline and a language model. Imports no torch.

A generator turns prompts into completions. Each request carries its own seed, and a completion
depends on the prompt, the seed, the sampling and the sample's number only: never on what else was
in the batch. So a draft can be replayed alone. (A hosted model can't promise this; it says so by
`replayable = False`.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, Protocol, runtime_checkable

from generation.prompts import PromptTemplate

Finish = Literal["stop", "length", "empty"]
_MAX_SAMPLES = 64
_INT64 = range(-(2**63), 2**63)


class GeneratorError(Exception):
    """Something that kept a generator from answering. `permanent`: the same again would fail too."""

    permanent = False

    def __init__(self, problem: str, *, hint: str = "", permanent: bool | None = None) -> None:
        super().__init__(f"{problem} {hint}".strip())
        self.problem = problem
        self.hint = hint
        if permanent is not None:
            self.permanent = permanent


class GeneratorUnavailable(GeneratorError):
    """The model can't be loaded or reached: files missing or altered, no such name, no package."""

    permanent = True


class PromptTooLong(GeneratorError):
    """A prompt and its new tokens don't fit into the context. Nothing of the batch was generated."""

    permanent = True

    def __init__(self, *, index: int, prompt_tokens: int, new_tokens: int, context: int) -> None:
        super().__init__(
            f"request {index}: {prompt_tokens} prompt tokens and {new_tokens} new ones are over "
            f"the model's context of {context}.",
            hint="Build the prompt with a budget of context_tokens less the new tokens.",
        )
        self.index = index
        self.prompt_tokens = prompt_tokens


class OutOfMemory(GeneratorError):
    """One sample of one request is too much for the device's memory."""

    permanent = True


@dataclass(frozen=True)
class Sampling:
    """How tokens are picked. Unknown names and impossible values are refused.

    Attributes:
        n: completions a request.
        temperature: 0 is greedy.
        top_p: the smallest set of tokens with at least this probability is kept; 1 keeps all.
        top_k: only so many likeliest tokens are kept; 0 keeps all.
        max_new_tokens: the longest completion.
        stop: texts before which a completion is cut.
        no_repeat_ngram: no run of so many tokens comes twice in a completion; 0 is off. Only the
            completion counts: the prompt's passages are there to be repeated.
    """

    n: int = 1
    temperature: float = 0.5
    top_p: float = 0.9
    top_k: int = 40
    max_new_tokens: int = 160
    stop: tuple[str, ...] = ()
    no_repeat_ngram: int = 0

    def __post_init__(self) -> None:
        for name in ("n", "top_k", "max_new_tokens", "no_repeat_ngram"):
            _require(type(getattr(self, name)) is int, name, getattr(self, name), "a whole number")
        for name in ("temperature", "top_p"):
            value = getattr(self, name)
            is_number = type(value) in (int, float) and math.isfinite(value)
            _require(is_number, name, value, "a finite number")
        _require(1 <= self.n <= _MAX_SAMPLES, "n", self.n, f"1 to {_MAX_SAMPLES}")
        _require(self.temperature >= 0, "temperature", self.temperature, "0 or more")
        _require(0 < self.top_p <= 1, "top_p", self.top_p, "over 0 and at most 1")
        _require(self.top_k >= 0, "top_k", self.top_k, "0 or more")
        _require(self.max_new_tokens >= 1, "max_new_tokens", self.max_new_tokens, "1 or more")
        _require(
            self.no_repeat_ngram == 0 or self.no_repeat_ngram >= 2,
            "no_repeat_ngram",
            self.no_repeat_ngram,
            "0, or 2 or more",
        )
        are_texts = isinstance(self.stop, tuple) and all(
            isinstance(text, str) and text for text in self.stop
        )
        _require(are_texts, "stop", self.stop, "a tuple of texts that aren't empty")

    @property
    def greedy(self) -> bool:
        return self.temperature == 0

    def as_dict(self) -> dict[str, Any]:
        """The values as JSON keeps them; `from_dict` reads them back."""
        return {**asdict(self), "stop": list(self.stop)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Sampling:
        """Raises ValueError on an unknown name, so that a typing slip can't pass."""
        if unknown := sorted(set(data) - {field.name for field in fields(cls)}):
            raise ValueError(f"unknown sampling parameters: {', '.join(unknown)}")
        values = dict(data)
        if isinstance(values.get("stop"), list):
            values["stop"] = tuple(values["stop"])
        return cls(**values)


def _require(condition: bool, name: str, value: object, wanted: str) -> None:
    if not condition:
        raise ValueError(f"{name}={value!r}: write {wanted}")


@dataclass(frozen=True)
class GenerationRequest:
    """One prompt to complete `sampling.n` times. `seed` is any 64-bit whole number."""

    prompt: str
    seed: int
    sampling: Sampling

    def __post_init__(self) -> None:
        _require(type(self.seed) is int and self.seed in _INT64, "seed", self.seed, "64-bit whole")
        _require(isinstance(self.prompt, str) and bool(self.prompt), "prompt", self.prompt, "text")


@dataclass(frozen=True)
class Completion:
    """One completion, as the model wrote it (white space and all), cut before the stop text.

    Attributes:
        tokens: how many tokens stand in `text`; an end-of-text token isn't counted.
        mean_log_probability: natural logarithm, mean over those tokens, in the model's own
            distribution (untempered, unfiltered); None where the model doesn't tell it.
        finish: "stop" at an end-of-text token or a stop text, "length" at max_new_tokens, "empty"
            where nothing but white space was written.
    """

    text: str
    tokens: int
    mean_log_probability: float | None
    finish: Finish


@runtime_checkable
class Generator(Protocol):
    """A language model that completes prompts.

    Attributes:
        name: what the setting calls it.
        digest: 64 hex digits over all that decides its output (weights, tokenizer, template).
        context_tokens: prompt and completion together.
        template: the prompt layout that the model knows.
        replayable: equal requests give equal completions, alone or in a batch.
    """

    @property
    def name(self) -> str: ...
    @property
    def digest(self) -> str: ...
    @property
    def context_tokens(self) -> int: ...
    @property
    def template(self) -> PromptTemplate: ...
    @property
    def replayable(self) -> bool: ...

    def warm_up(self) -> None:
        """Loads the model if it isn't. Raises GeneratorUnavailable."""

    def count_tokens(self, text: str) -> int:
        """How many tokens a prompt of this text takes."""

    def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """`sampling.n` completions for each request, in the order of the requests.

        Raises PromptTooLong, OutOfMemory, GeneratorUnavailable.
        """
