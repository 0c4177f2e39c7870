"""Any causal language model through transformers; the bundled GPT-Neo is the default."""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from generation.engine import files
from generation.engine.base import (
    Completion,
    GenerationRequest,
    GeneratorUnavailable,
    OutOfMemory,
    PromptTooLong,
)
from generation.engine.constrained import ConstrainedDecoder
from generation.engine.decoding import Decoder, Work
from generation.engine.forward import CausalForward
from generation.engine.outline import Composition, Outline
from generation.prompts import PromptTemplate

logger = logging.getLogger(__name__)


class TransformersGenerator:
    """A `Generator` over a model folder or a pinned hub name.

    Args:
        setting: "bundled", a folder, or owner/name@commit.
        device: auto, cpu, cuda or cuda:N. auto takes the first GPU where there is one.
        dtype: auto, float32, bfloat16 or float16. auto is float32 on a CPU, else bfloat16 (or
            float16 where the GPU lacks it). Batched equals single to the token in float32.
        batch_size: prompts in one prefill.
    """

    replayable = True

    def __init__(
        self,
        setting: str = "bundled",
        *,
        device: str = "auto",
        dtype: str = "auto",
        batch_size: int = 16,
    ) -> None:
        self._setting = setting
        self._device = device
        self._dtype = dtype
        self._batch_size = batch_size
        self._lock = threading.RLock()
        self._opened: files.ModelFolder | None = None
        self._tokenizer: Any = None
        self._config: Any = None
        self._decoder: Decoder | None = None

    @property
    def name(self) -> str:
        return self._setting

    @property
    def digest(self) -> str:
        return self._folder.digest

    @property
    def context_tokens(self) -> int:
        """The least of the model's positions and the length that its template was trained on."""
        self._open()
        positions = getattr(self._config, "max_position_embeddings", None)
        trained = self._folder.template.context_tokens if self._folder.own_template else None
        known = [length for length in (positions, trained) if length]
        return min(known) if known else self._folder.template.context_tokens

    @property
    def template(self) -> PromptTemplate:
        """The layout that the model knows, its context no longer than the model's."""
        template = self._folder.template
        return replace(template, context_tokens=min(template.context_tokens, self.context_tokens))

    @property
    def model(self) -> Any:
        """The loaded transformers model."""
        self.warm_up()
        assert self._decoder is not None
        return self._decoder.forward.model

    def warm_up(self) -> None:
        with self._lock:
            if self._decoder is not None:
                return
            self._open()
            device = _device(self._device)
            try:
                loaded: Any = AutoModelForCausalLM.from_pretrained(
                    self._folder.path,
                    config=self._config,
                    dtype=_dtype(self._dtype, device),
                    use_safetensors=True,
                    local_files_only=True,
                    output_loading_info=True,
                )
            except (OSError, ValueError, RuntimeError, KeyError, SafetensorError) as error:
                raise self._unreadable("weights", error) from error
            model, loading = loaded
            # transformers only warns of these, and fills them with random numbers.
            if absent := sorted(map(str, {*loading["missing_keys"], *loading["mismatched_keys"]})):
                raise GeneratorUnavailable(
                    f"the weights of the generator {self._setting} lack {', '.join(absent[:3])}.",
                    hint="Fetch the files anew, or set COUNTERSIGN_GENERATOR.",
                )
            self._decoder = self._make_decoder(model.eval().to(device))

    def count_tokens(self, text: str) -> int:
        self._open()
        return len(self._encode(text))

    def generate(self, requests: Sequence[GenerationRequest]) -> list[list[Completion]]:
        """See `Generator.generate`. Requests with unlike sampling go in batches of their own."""
        self.warm_up()
        encoded = [self._encode(request.prompt) for request in requests]
        self._check_lengths(requests, encoded)
        results: list[list[Completion]] = [[] for _ in requests]
        for batch in self._batches(requests, encoded):
            work = [
                Work(requests[i], encoded[i], tuple(range(requests[i].sampling.n))) for i in batch
            ]
            for i, completions in zip(batch, self._run(work), strict=True):
                results[i] = completions
        return results

    def compose(self, outlines: Sequence[Outline]) -> list[Composition | None]:
        """See `Composer.compose`. Each outline runs alone, so that no batch can change it."""
        self.warm_up()
        assert self._decoder is not None
        ends = self._decoder.end_tokens
        decoder = ConstrainedDecoder(
            self._decoder.forward,
            self._encode,
            end=min(ends) if ends else self._decoder.forward.pad_token,
            line_start=self.template.line_start,
            context=self.context_tokens,
        )
        return [decoder.compose(outline) for outline in outlines]

    def _batches(
        self, requests: Sequence[GenerationRequest], encoded: Sequence[list[int]]
    ) -> list[list[int]]:
        """Indexes of requests that run together: same sampling, prompts of like length."""
        alike: dict[Any, list[int]] = {}
        for index, request in enumerate(requests):
            alike.setdefault(request.sampling, []).append(index)
        batches = []
        for indexes in alike.values():
            indexes.sort(key=lambda i: len(encoded[i]))
            size = self._batch_size
            batches += [indexes[at : at + size] for at in range(0, len(indexes), size)]
        return batches

    def _run(self, work: list[Work]) -> list[list[Completion]]:
        """Runs a batch; out of memory, runs its halves, down to one sample of one request."""
        assert self._decoder is not None
        try:
            return self._decoder.run(work)
        except (torch.OutOfMemoryError, RuntimeError) as error:
            if not _is_out_of_memory(error):
                raise
            problem = str(error).splitlines()[0]
        # Outside of the handler: the traceback keeps the failed batch's tensors alive.
        if torch.cuda.is_available():
            gc.collect()
            torch.cuda.empty_cache()
        if len(work) > 1:
            logger.warning("out of memory with %d prompts, trying halves", len(work))
            middle = len(work) // 2
            return self._run(work[:middle]) + self._run(work[middle:])
        samples = work[0].samples
        if len(samples) > 1:
            logger.warning("out of memory with %d samples, trying halves", len(samples))
            middle = len(samples) // 2
            halves = (samples[:middle], samples[middle:])
            parts = [self._run([replace(work[0], samples=half)])[0] for half in halves]
            return [parts[0] + parts[1]]
        raise OutOfMemory(
            f"one prompt of {len(work[0].ids)} tokens doesn't fit into the memory ({problem}).",
            hint="Use a smaller model, fewer passages or a shorter COUNTERSIGN_MAX_NEW_TOKENS.",
        )

    def _check_lengths(
        self, requests: Sequence[GenerationRequest], encoded: Sequence[list[int]]
    ) -> None:
        context = self.context_tokens
        for index, (request, ids) in enumerate(zip(requests, encoded, strict=True)):
            new = request.sampling.max_new_tokens
            if len(ids) + new > context:
                raise PromptTooLong(
                    index=index, prompt_tokens=len(ids), new_tokens=new, context=context
                )

    @property
    def _folder(self) -> files.ModelFolder:
        self._open()
        assert self._opened is not None
        return self._opened

    def _open(self) -> None:
        """Checks the files and reads the config and tokenizer, which takes no torch weights."""
        with self._lock:
            if self._opened is not None:
                return
            folder = self._find()
            try:
                config = AutoConfig.from_pretrained(folder.path, local_files_only=True)
                tokenizer = AutoTokenizer.from_pretrained(folder.path, local_files_only=True)
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise self._unreadable("config or tokenizer", error) from error
            # The same function in one fused kernel: a tenth of a small model's time on a CPU.
            if getattr(config, "activation_function", None) == "gelu_new":
                config.activation_function = "gelu_pytorch_tanh"
            self._config, self._tokenizer, self._opened = config, tokenizer, folder

    def _find(self) -> files.ModelFolder:
        if self._setting == "bundled":
            return files.open_folder(files.BUNDLED, name="bundled", manifest_required=True)
        path = Path(self._setting).expanduser()
        if path.is_dir():
            return files.open_folder(path, name=self._setting)
        if self._setting.startswith(("/", ".", "~")):
            raise GeneratorUnavailable(
                f"there is no folder {self._setting}.",
                hint="Set COUNTERSIGN_GENERATOR to a folder, owner/name@commit or bundled.",
            )
        return files.open_folder(files.fetch(self._setting), name=self._setting)

    def _unreadable(self, part: str, error: Exception) -> GeneratorUnavailable:
        return GeneratorUnavailable(
            f"the {part} of the generator {self._setting} can't be read: {error}.",
            hint="Fetch the files anew, or set COUNTERSIGN_GENERATOR.",
        )

    def _make_decoder(self, model: Any) -> Decoder:
        ends = model.generation_config.eos_token_id
        ends = ends if ends is not None else self._tokenizer.eos_token_id
        end_tokens = frozenset([ends] if isinstance(ends, int) else ends or [])
        pad = self._tokenizer.pad_token_id
        return Decoder(
            CausalForward(model, pad if pad is not None else 0), self._tokenizer, end_tokens
        )

    def _encode(self, text: str) -> list[int]:
        return list(self._tokenizer(text, verbose=False)["input_ids"])


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise GeneratorUnavailable(
            f"COUNTERSIGN_DEVICE={name!r} is no device.", hint="Write auto, cpu, cuda or cuda:N."
        ) from error
    if device.type == "cuda" and not torch.cuda.is_available():
        raise GeneratorUnavailable(
            f"COUNTERSIGN_DEVICE={name!r}, but torch sees no GPU.",
            hint="Install the GPU build of torch, or set COUNTERSIGN_DEVICE=cpu.",
        )
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype:
    if name != "auto":
        return {
            "float32": torch.float32,
            "bfloat16": torch.bfloat16,
            "float16": torch.float16,
        }[name]
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def _is_out_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
