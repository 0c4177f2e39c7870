"""The models that this process drafts with, loaded once, and the rows that name them on drafts."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from assistant import heartbeat
from generation.confidence import ConfidenceError, ConfidenceModel
from generation.engine.base import Generator, GeneratorError, Sampling
from generation.models import Calibration, ModelVersion, PromptVersion, RoutingPolicy
from generation.prompts import PromptTemplate

if TYPE_CHECKING:
    from generation.safety.toxicity import ToxicityScreen

logger = logging.getLogger(__name__)

BUNDLED_CONFIDENCE = Path(settings.BASE_DIR) / "models" / "confidence"
LOCAL_CONFIDENCE = Path(settings.DATA_DIR) / "models" / "confidence"


@dataclass(frozen=True)
class Identity:
    """What names a model for ever: its name and the digest of its files."""

    name: str
    digest: str


@dataclass
class Models:
    """Everything the pipeline calls. A generator that could not be loaded is None, with the reason."""

    generator: Generator | None
    generator_problem: str
    toxicity: ToxicityScreen
    embed: Callable[[Sequence[str]], np.ndarray]
    confidence: ConfidenceModel | None
    sampling: Sampling
    calibrated_here: bool = False

    @property
    def generator_identity(self) -> Identity | None:
        return Identity(self.generator.name, self.generator.digest) if self.generator else None

    def policy_of(self, category: str) -> RoutingPolicy | None:
        """The category's own policy, else the one for every category (read afresh each time)."""
        rows = {
            row.category: row for row in RoutingPolicy.objects.filter(category__in=[category, "*"])
        }
        return rows.get(category) or rows.get("*")


class RememberedEmbeddings:
    """Embeddings by text, the latest so many kept: passages' sentences recur from ticket to ticket."""

    def __init__(
        self, encode: Callable[[Sequence[str]], np.ndarray], *, size: int = 20_000
    ) -> None:
        self._encode = encode
        self._size = size
        self._rows: OrderedDict[str, np.ndarray] = OrderedDict()

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """Float32 [n, d], unit rows, as the embedder gives them."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._rows]
        fresh = dict(zip(missing, self._encode(missing), strict=True)) if missing else {}
        rows = [fresh[text] if text in fresh else self._rows[text] for text in texts]
        for text in dict.fromkeys(texts):
            self._rows[text] = fresh.get(text, self._rows.get(text))  # type: ignore[assignment]
            self._rows.move_to_end(text)
        while len(self._rows) > self._size:
            self._rows.popitem(last=False)
        return np.stack(rows) if rows else self._encode([])


_models: Models | None = None


def get_models() -> Models:
    """This process's models; loaded on first use."""
    global _models
    if _models is None:
        _models = _load()
    return _models


def forget_models() -> None:
    """Load again at the next use (after a model was changed on disk, and between tests)."""
    global _models
    _models = None


def _load() -> Models:
    from generation.engine import load_generator
    from generation.pipeline import sampling_from_settings
    from generation.safety.toxicity import get_toxicity_screen
    from retrieval.embedder import get_embedder

    generator: Generator | None = None
    problem = ""
    sampling = Sampling()
    try:
        generator = load_generator(settings.GENERATOR, device=settings.DEVICE)
        generator.warm_up()
        sampling = sampling_from_settings(generator.template)
    except GeneratorError as error:
        if not error.permanent:
            raise  # the drafts pause, and the next try loads again
        generator = None
        problem = f"The generator could not be loaded: {error}"
        logger.error("%s", problem)
    confidence, local = load_confidence()
    return Models(
        generator=generator,
        generator_problem=problem,
        toxicity=get_toxicity_screen(),
        embed=RememberedEmbeddings(get_embedder().encode),
        confidence=confidence,
        sampling=sampling,
        calibrated_here=local,
    )


def load_confidence() -> tuple[ConfidenceModel | None, bool]:
    """The confidence model, and whether it stands on this installation's own decisions."""
    for folder, local in ((LOCAL_CONFIDENCE, True), (BUNDLED_CONFIDENCE, False)):
        if folder.is_dir():
            try:
                return ConfidenceModel.load(folder), local
            except ConfidenceError as error:
                logger.error("%s", error)
    return None, False


def warm_up() -> None:
    """Load everything before the first ticket, and tell the readiness page what was loaded."""
    models = get_models()
    try:
        models.toxicity.warm_up()
    except Exception as error:
        logger.error("the toxicity screen could not be loaded: %s", error)
    identity = models.generator_identity
    heartbeat.tell(
        models={
            "generator": f"{identity.name}@{identity.digest[:12]}" if identity else None,
            "problem": models.generator_problem,
        }
    )


def version_row(kind: str, identity: Identity | None, *, now: datetime) -> ModelVersion | None:
    """The row of this model as it was loaded."""
    if identity is None:
        return None
    return ModelVersion.objects.get_or_create(
        kind=kind,
        name=identity.name,
        digest=identity.digest,
        defaults={"first_used_at": now},
    )[0]


def prompt_row(template: PromptTemplate | None, *, now: datetime) -> PromptVersion | None:
    """The row of this template as it was used."""
    if template is None:
        return None
    return PromptVersion.objects.get_or_create(
        digest=template.digest,
        defaults={
            "name": f"{template.name} {template.version}",
            "text": template.canonical_text(),
            "first_used_at": now,
        },
    )[0]


def calibration_row(
    model: ConfidenceModel | None, *, local: bool, now: datetime
) -> Calibration | None:
    """The row of this confidence model."""
    if model is None:
        return None
    details: dict[str, Any] = model.as_dict()
    return Calibration.objects.get_or_create(
        digest=model.digest,
        defaults={
            "name": model.name,
            "local": local,
            "n": model.n,
            "auroc": model.auroc,
            "ece": model.ece,
            "details": details,
            "created_at": now,
        },
    )[0]
