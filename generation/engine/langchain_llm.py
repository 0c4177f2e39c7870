"""Our generator as a LangChain language model, for chains and callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseLLM
from langchain_core.outputs import Generation, LLMResult
from pydantic import Field

from generation.engine.base import GenerationRequest, Sampling


class CountersignLLM(BaseLLM):
    """A `Generator` behind LangChain's `BaseLLM`.

    All prompts of a call run in one batch. `invoke(prompt, seed=7, temperature=0)` overrides the
    seed and any sampling parameter; an unknown name is an error. A prompt with a seed gives the
    same text alone and in a batch. Each generation's `generation_info` holds finish, tokens,
    mean_log_probability and seed.
    """

    generator: Any
    sampling: Sampling = Field(default_factory=Sampling)
    seed: int = 0

    @property
    def _llm_type(self) -> str:
        return "countersign"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return {
            "model": self.generator.name,
            "digest": self.generator.digest,
            "sampling": self.sampling.as_dict(),
            "seed": self.seed,
        }

    def get_num_tokens(self, text: str) -> int:
        return int(self.generator.count_tokens(text))

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        seed = kwargs.pop("seed", self.seed)
        if stop is not None:
            kwargs["stop"] = tuple(stop)
        sampling = replace(self.sampling, **kwargs)  # TypeError names an unknown parameter
        answers = self.generator.generate(
            [GenerationRequest(prompt, seed, sampling) for prompt in prompts]
        )
        generations = [
            [
                Generation(
                    text=completion.text,
                    generation_info={
                        "finish": completion.finish,
                        "tokens": completion.tokens,
                        "mean_log_probability": completion.mean_log_probability,
                        "seed": seed,
                    },
                )
                for completion in completions
            ]
            for completions in answers
        ]
        model = {"model": self.generator.name, "digest": self.generator.digest}
        return LLMResult(generations=generations, llm_output=model)  # type: ignore[arg-type]
