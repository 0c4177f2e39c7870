"""How likely a passage answers a question: a cross-encoder that was trained here, or any by name.

Cheap to make and to import; `warm_up()` loads torch and the network. The web process never does.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.utils.module_loading import import_string
from numpy.typing import NDArray

from retrieval import minilm
from retrieval.model_folders import named_folder, weights_digest

if TYPE_CHECKING:
    import torch

    from retrieval.cross_encoder import CrossEncoder

BUNDLED = Path(settings.BASE_DIR) / "models" / "reranker"
BATCH = 20  # pairs that are padded to one length

Scores = NDArray[np.float32]
Score = Callable[[str, Sequence[str]], Scores]
Pieces = Sequence[tuple[Sequence[int], Sequence[int]]]  # token ids of queries and passages
Judge = Callable[[Pieces], "torch.Tensor"]  # logits, float32 [n, 2]


class RerankerError(RuntimeError):
    """The reranker cannot be used: what is wrong, and what to do about it."""


class Reranker:
    """One cross-encoder: the `bundled` one, a folder (of `train reranker`, or as sentence-transformers
    saves them), or a hub's `owner/name@revision`."""

    def __init__(
        self,
        setting: str,
        *,
        device: str = "auto",
        threads: int = 0,
        label: str = "",
        digest: str = "",
    ) -> None:
        """`digest` is the one that the folder has to have, where it was registered as `label`."""
        self.name = label or setting
        self._setting = setting
        self._registered = digest
        self._device = device
        self._threads = threads
        self._loading = threading.Lock()
        self._score: Score | None = None
        self._digest = ""

    @property
    def digest(self) -> str:
        """sha256 of the bundle's manifest, or of a named model's weights (loads it)."""
        self.warm_up()
        return self._digest

    @property
    def version(self) -> str:
        """What to store beside a score: name and the first digits of the digest."""
        return f"{self.name}@{self.digest[:12]}"

    @property
    def is_loaded(self) -> bool:
        return self._score is not None

    def warm_up(self) -> None:
        """Load the network once. Raises `RerankerError` when a file is missing, was changed, or
        doesn't load."""
        if self._score is not None:
            return
        with self._loading:
            if self._score is None:
                folder = BUNDLED if self._setting == "bundled" else Path(self._setting).expanduser()
                ours = bool(self._registered) or (folder / minilm.MANIFEST).is_file()
                try:
                    self._score = self._trained_here(folder) if ours else self._named()
                except RerankerError:
                    raise
                except Exception as error:  # a damaged file raises whatever its library finds first
                    raise RerankerError(f"The reranker could not be loaded: {error}") from error

    def score(self, query: str, passages: Sequence[str]) -> Scores:
        """The probability that each passage answers the query, `float32 [n]`.

        A passage is its title and headings on one line, then its text, as it is embedded. What a
        batch holds beside it never changes a search's scores: a query's passages run by themselves.
        """
        self.warm_up()
        if not passages or self._score is None:
            return np.zeros(0, dtype=np.float32)
        try:
            scores = self._score(query, passages)
        except Exception as error:  # the libraries raise many kinds, a full GPU among them
            raise RerankerError(
                f"The reranker {self.name} could not read the passages: {error}"
            ) from error
        if not np.isfinite(scores).all():
            raise RerankerError(f"The reranker {self.name} gave scores that are no numbers.")
        return scores

    def _trained_here(self, bundle: Path) -> Score:
        import torch

        from retrieval import cross_encoder

        self._digest = minilm.read_manifest(bundle)["digest"]
        if self._registered:
            minilm.check_digest(self._digest, self._registered, bundle)
        tokenizer = cross_encoder.load_tokenizer()
        device = self._torch_device()
        network = cross_encoder.load_network(bundle)
        packs = device.type == "cpu" and torch.backends.mkldnn.is_available()
        judge = _packed(network) if packs else _padded(network, device)

        def score(query: str, passages: Sequence[str]) -> Scores:
            asked = cross_encoder.word_pieces(tokenizer, query)
            pieces = [cross_encoder.word_pieces(tokenizer, passage) for passage in passages]
            with torch.inference_mode():
                logits = judge([(asked, passage) for passage in pieces])
                scores: Scores = logits[:, cross_encoder.ANSWERS].sigmoid().cpu().numpy()
            return scores

        return score

    def _named(self) -> Score:
        folder = named_folder(
            self._setting,
            variable="COUNTERSIGN_RERANKER",
            part="reranker",
            owner="cross-encoder",
        )
        self._digest = weights_digest(folder)
        import torch
        from sentence_transformers import CrossEncoder

        try:
            model = CrossEncoder(
                str(folder),
                device=str(self._torch_device()),
                local_files_only=True,
                trust_remote_code=False,
                model_kwargs={"dtype": torch.float32},
            )
        except Exception as error:  # the libraries raise many kinds; each means "not loadable"
            raise RerankerError(
                f"The reranker {self.name} could not be loaded from {folder.name}: {error}"
            ) from error
        if model.num_labels != 1:
            raise RerankerError(
                f"The reranker {self.name} gives {model.num_labels} numbers a pair: choose a "
                "cross-encoder with one for COUNTERSIGN_RERANKER."
            )

        def score(query: str, passages: Sequence[str]) -> Scores:
            pairs: list[Any] = [(query, passage) for passage in passages]
            scores = model.predict(
                pairs,
                batch_size=BATCH,
                show_progress_bar=False,
                activation_fn=torch.nn.Sigmoid(),
            )
            return np.asarray(scores, dtype=np.float32)

        return score

    def _torch_device(self) -> torch.device:
        import torch

        if self._threads:
            torch.set_num_threads(self._threads)
        if self._device != "auto":
            return torch.device(self._device)
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _packed(network: CrossEncoder) -> Judge:
    """On the CPU: pairs one after the other, as the embedder runs its texts."""
    import torch

    from retrieval.cross_encoder import joined
    from retrieval.packed_embedding import PackedBert, fast_dtype

    packed = PackedBert(network.bert, dtype=fast_dtype())

    def judge(pairs: Pieces) -> torch.Tensor:
        sides = [joined(*pair) for pair in pairs]
        states = torch.empty(3, len(sides), network.bert.config.hidden_size)
        for row, found in packed.states([[*query, *passage] for query, passage in sides]):
            query = len(sides[row][0])
            states[:, row] = torch.stack([found[0], found[:query].mean(0), found[query:].mean(0)])
        return network.judge(*states)

    return judge


def _padded(network: CrossEncoder, device: torch.device) -> Judge:
    """On a GPU, and on processors that can't pack."""
    import torch

    from retrieval.cross_encoder import Pairs, padded

    fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    network = network.to(device, torch.bfloat16 if fast else torch.float32)

    def judge(pairs: Pieces) -> torch.Tensor:
        batches = [
            Pairs(*(part.to(device) for part in padded(pairs[start : start + BATCH])))
            for start in range(0, len(pairs), BATCH)
        ]
        return torch.cat([network(batch) for batch in batches])

    return judge


@lru_cache(maxsize=4)
def _reranker(setting: str, device: str, threads: int) -> Reranker:
    return Reranker(setting, device=device, threads=threads)


def named_reranker() -> Reranker | None:
    """What COUNTERSIGN_RERANKER names, one a process; None for `none`."""
    if settings.RERANKER == "none":
        return None
    return _reranker(settings.RERANKER, settings.DEVICE, settings.TORCH_THREADS)


def get_reranker() -> Reranker | None:
    """The reranker that this process searches with, asked anew at every search: the registry of
    models, which lies above this floor, answers where a version was promoted. None: there is none."""
    provide: Callable[[], Reranker | None] = import_string(settings.RERANKER_PROVIDER)
    return provide()
