"""The toxicity screen: Detoxify on the bundled checkpoint, or on one of Detoxify's own.

Detoxify (the class) loads the model and predicts; around it this adapter checks digests before any
pickle is opened, splits long texts into overlapping windows (Detoxify would cut them silently) and
turns its answers into one dictionary a text.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from assistant.digests import file_sha256
from generation.engine.files import digest_of
from generation.safety import ScreenUnavailable
from generation.safety.checkpoint import assemble, open_checkpoint, read_manifest
from generation.safety.normalise import normalise

if TYPE_CHECKING:
    from detoxify import Detoxify

BUNDLE = Path(__file__).resolve().parents[2] / "models" / "toxicity"
DETOXIFY_SOURCES = ("original", "unbiased", "multilingual")
DEFAULT_POINT = 0.5
_WINDOWS_A_BATCH = 32

Place = Literal["ticket", "draft"]


@dataclass(frozen=True)
class ToxicityFinding:
    """The scores (a probability a label), whether they reach the operating point, and why."""

    scores: dict[str, float]
    flagged: bool
    reasons: tuple[str, ...]
    version: str


class ToxicityScreen:
    """Scores texts for toxicity. Cheap to make; `warm_up` (or the first score) loads the model.

    `source` is `bundled`, or `original`, `unbiased` or `multilingual`: Detoxify's own checkpoints,
    which must already lie in torch's hub folder, since nothing is downloaded here. `label` and
    `digest` are those of a registered version in `bundle`; files with another digest are refused.
    """

    def __init__(
        self,
        source: str = "bundled",
        *,
        data_dir: Path | None = None,
        bundle: Path = BUNDLE,
        device: str = "cpu",
        label: str = "",
        digest: str = "",
    ) -> None:
        if source != "bundled" and source not in DETOXIFY_SOURCES:
            raise ScreenUnavailable(
                "toxicity",
                f"{source!r} is no model of it.",
                hint=f"Set COUNTERSIGN_TOXICITY to bundled, {', '.join(DETOXIFY_SOURCES)}.",
            )
        self.source = source
        self.device = device
        self._data_dir = data_dir
        self._bundle = bundle
        self._label = label
        self._expected = digest
        self._detoxify: Detoxify | None = None
        self._digest = ""
        self._points: dict[str, dict[str, float]] = {}
        self._window, self._overlap = 400, 64

    @property
    def name(self) -> str:
        """`toxicity:bundled`, `toxicity:detoxify-<name>` or `toxicity:<registered name>`."""
        if self._label:
            return f"toxicity:{self._label}"
        return f"toxicity:{'' if self.source == 'bundled' else 'detoxify-'}{self.source}"

    @property
    def digest(self) -> str:
        """SHA-256 of the bundle's manifest, or of Detoxify's own checkpoint file (loads it)."""
        self.warm_up()
        return self._digest

    @property
    def version(self) -> str:
        """What to store beside a score: name and the first digits of the digest."""
        return f"{self.name}@{self.digest[:12]}"

    @property
    def operating_points(self) -> dict[str, dict[str, float]]:
        """For `ticket` and `draft`, the score of each label from which it counts as flagged."""
        self.warm_up()
        return self._points

    def warm_up(self) -> None:
        """Loads the model once.

        Raises:
            ScreenUnavailable: a file is missing, was changed, or doesn't load.
        """
        if self._detoxify is not None:
            return
        try:
            self._detoxify = self._load_bundled() if self.source == "bundled" else self._load_own()
        except ScreenUnavailable:
            raise
        except Exception as error:
            raise ScreenUnavailable(
                "toxicity", f"Detoxify could not load {self.source} ({error})."
            ) from error
        self._detoxify.model.eval()

    def _load_bundled(self) -> "Detoxify":
        from detoxify import Detoxify

        if self._data_dir is None:
            from django.conf import settings

            self._data_dir = Path(settings.DATA_DIR)
        manifest = read_manifest(self._bundle)
        found = digest_of(manifest["files"])
        if self._expected and found != self._expected:
            raise ScreenUnavailable(
                "toxicity",
                f"{self._bundle} has the digest {found[:12]}, "
                f"{self._expected[:12]} was registered.",
                hint="Restore the folder, or register it as a new version.",
            )
        folder = assemble(self._bundle, data_dir=self._data_dir).resolve()
        stream, _ = open_checkpoint(folder)
        self._digest = manifest["digest"]
        config = manifest["config"]
        self._points = config["operating_points"]
        self._window, self._overlap = config["window_tokens"], config["overlap_tokens"]
        return Detoxify(checkpoint=stream, device=self.device, huggingface_config_path=str(folder))

    def _load_own(self) -> "Detoxify":
        import torch
        from detoxify import Detoxify
        from detoxify.detoxify import MODEL_URLS

        file = Path(torch.hub.get_dir()) / "checkpoints" / os.path.basename(MODEL_URLS[self.source])
        if not file.is_file():
            raise ScreenUnavailable(
                "toxicity",
                f"Detoxify's checkpoint {file.name} isn't on this machine.",
                hint=f"Fetch {MODEL_URLS[self.source]} to {file}, and its tokenizer by "
                f"python -c \"from detoxify import Detoxify; Detoxify('{self.source}')\" "
                "where there is a network.",
            )
        digest = file_sha256(file)
        expected = file.stem.rsplit("-", 1)[-1]  # torch's hub puts the digest's start in the name
        if not digest.startswith(expected):
            raise ScreenUnavailable(
                "toxicity",
                f"{file.name} has the digest {digest[:8]}, expected {expected}.",
                hint=f"Delete {file} and fetch it again.",
            )
        self._digest = digest
        return Detoxify(checkpoint=str(file), device=self.device)

    def score(self, texts: Sequence[str]) -> list[dict[str, float]]:
        """For each text, the probability of each label: the highest over the text's windows.

        An empty text scores 0 throughout. Batching changes a score by less than 1e-5.

        Raises:
            ScreenUnavailable: the model can't be loaded or fails on these texts.
        """
        self.warm_up()
        assert self._detoxify is not None
        labels = list(self._detoxify.class_names)
        best = [dict.fromkeys(labels, 0.0) for _ in texts]
        windows = [
            (row, window)
            for row, text in enumerate(texts)
            for window in self._windows(normalise(text).text)
        ]
        windows.sort(key=lambda item: len(item[1]))
        for start in range(0, len(windows), _WINDOWS_A_BATCH):
            batch = windows[start : start + _WINDOWS_A_BATCH]
            for (row, _), scores in zip(batch, self._predict([w for _, w in batch]), strict=True):
                for label in labels:
                    best[row][label] = max(best[row][label], scores[label])
        return best

    def flags(self, scores: dict[str, float], *, kind: Place) -> bool:
        """Whether any score reaches the operating point of a ticket or of a draft."""
        return self.verdict(scores, place=kind).flagged

    def judge(self, text: str, *, place: Place) -> ToxicityFinding:
        """Scores one text and compares it with the operating points of tickets or of drafts."""
        return self.verdict(self.score([text])[0], place=place)

    def verdict(self, scores: dict[str, float], *, place: Place) -> ToxicityFinding:
        """What given scores mean in a ticket or in a draft, with reasons in words.

        A label without a point of its own counts from 0.5.
        """
        points = self.operating_points.get(place, {})
        over = [
            label for label, score in scores.items() if score >= points.get(label, DEFAULT_POINT)
        ]
        reasons = tuple(
            f"{label.replace('_', ' ')} {scores[label]:.2f} "
            f"(the limit in a {place} is {points.get(label, DEFAULT_POINT):.2f})"
            for label in sorted(over, key=lambda label: -scores[label])
        )
        return ToxicityFinding(dict(scores), bool(over), reasons, self.version)

    def _windows(self, text: str) -> list[str]:
        """The text cut between words into pieces of at most `window` tokens, each overlapping."""
        if not text.strip():
            return []
        assert self._detoxify is not None
        encoded = self._detoxify.tokenizer(
            text,
            add_special_tokens=False,
            return_offsets_mapping=True,
            truncation=False,
            verbose=False,
        )
        spans, words = encoded["offset_mapping"], encoded.word_ids()
        if len(spans) <= self._window:
            return [text]
        pieces, start = [], 0
        while True:
            end = min(start + self._window, len(spans))
            pieces.append(text[spans[start][0] : spans[end - 1][1]])
            if end == len(spans):
                return pieces
            following = end - self._overlap
            begin = following
            while begin > start + 1 and words[begin] == words[begin - 1]:
                begin -= 1  # never begin inside a word
            start = begin if begin > start + 1 else following

    def _predict(self, windows: list[str]) -> list[dict[str, float]]:
        assert self._detoxify is not None
        try:
            answer: dict[str, Any] = self._detoxify.predict(windows)
        except Exception as error:
            raise ScreenUnavailable(
                "toxicity", f"Detoxify failed ({error}).", permanent=False
            ) from error
        # for a list of one Detoxify returns bare numbers
        columns = {k: v if isinstance(v, list) else [v] for k, v in answer.items()}
        if any(not math.isfinite(score) for column in columns.values() for score in column):
            raise ScreenUnavailable("toxicity", "Detoxify returned a score that isn't a number.")
        return [{k: column[i] for k, column in columns.items()} for i in range(len(windows))]


@lru_cache(maxsize=1)
def get_toxicity_screen() -> ToxicityScreen:
    """The screen that the settings name (TOXICITY, DEVICE, DATA_DIR), one a process."""
    from django.conf import settings

    return ToxicityScreen(settings.TOXICITY, data_dir=Path(settings.DATA_DIR), device=_device())


def registered_screen(folder: Path, *, name: str, digest: str) -> ToxicityScreen:
    """The screen in a registered version's folder. Loads nothing yet."""
    from django.conf import settings

    return ToxicityScreen(
        bundle=folder,
        data_dir=Path(settings.DATA_DIR),
        device=_device(),
        label=name,
        digest=digest,
    )


def _device() -> str:
    from django.conf import settings

    if settings.DEVICE != "auto":
        return str(settings.DEVICE)
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
