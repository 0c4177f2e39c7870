"""The generator: GPT-Neo, any causal language model, or any language model of LangChain."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from generation.engine.base import Generator

_LOADING = threading.Lock()


def load_generator(setting: str, *, device: str = "auto") -> Generator:
    """The generator that a setting names. Nothing heavy is read until it is used.

    Args:
        setting: `bundled`, a hub's `owner/name@commit`, a folder, or `langchain:provider:model`.
        device: auto, cpu, cuda or cuda:N; a LangChain model has none.

    Raises:
        GeneratorUnavailable: the setting names nothing that could be loaded.
    """
    from generation.engine.base import GeneratorUnavailable

    setting = setting.strip()
    if not setting:
        raise GeneratorUnavailable(
            "COUNTERSIGN_GENERATOR is empty.",
            hint="Write bundled, owner/name@commit, a folder or langchain:provider:model.",
        )
    if setting.startswith("langchain:"):
        from generation.engine.langchain_generator import LangChainGenerator

        return LangChainGenerator.from_setting(setting)
    from generation.engine.transformers_generator import TransformersGenerator

    return TransformersGenerator(setting, device=device)


def get_generator() -> Generator:
    """This process's generator, after COUNTERSIGN_GENERATOR and COUNTERSIGN_DEVICE; made once."""
    from django.conf import settings

    with _LOADING:
        return _cached(settings.GENERATOR, settings.DEVICE)


@lru_cache(maxsize=1)
def _cached(setting: str, device: str) -> Generator:
    return load_generator(setting, device=device)
