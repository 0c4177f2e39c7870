"""The models that this process drafts with, as they were chosen, and the rows that name them on
drafts. A change of what is live is followed at the next batch, without a restart.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings

from assistant import heartbeat
from generation.chosen import (
    BUNDLED_CONFIDENCE,
    LOCAL_CONFIDENCE,
    Chosen,
    chosen_now,
    wanted_of,
)
from generation.confidence import ConfidenceError, ConfidenceModel
from generation.engine.base import Generator, Sampling
from generation.loading import Generators, Loaded, Screening
from generation.models import Calibration, ModelVersion, PromptVersion, RoutingPolicy
from generation.prompts import PromptTemplate
from retrieval.reranker import RerankerError, get_reranker

if TYPE_CHECKING:
    from generation.safety.toxicity import ToxicityScreen

logger = logging.getLogger(__name__)

RETRY_SECONDS = 300  # after a model could not be loaded


@dataclass(frozen=True)
class Identity:
    """What names a model for ever: its name and the digest of its files."""

    name: str
    digest: str


@dataclass
class Models:
    """Everything the pipeline calls. A generator that could not be loaded is None, with the reason.

    `canary` is the same with the canary's generator, for its share of the drafts; `problems` says
    in words what was chosen and could not be loaded; `standing_problems` go with every draft.
    """

    generator: Generator | None
    generator_problem: str
    toxicity: ToxicityScreen
    embed: Callable[[Sequence[str]], np.ndarray]
    confidence: ConfidenceModel | None
    sampling: Sampling
    calibrated_here: bool = False
    generator_name: str = ""
    canary: Models | None = None
    canary_share: float = 0.0
    problems: tuple[str, ...] = ()
    standing_problems: tuple[tuple[str, str], ...] = ()
    chosen: Chosen | None = None

    @property
    def generator_identity(self) -> Identity | None:
        if self.generator is None:
            return None
        return Identity(self.generator_name or self.generator.name, self.generator.digest)

    def for_seed(self, seed: int) -> Models:
        """Who drafts with this seed: always the same, by the seed's digest and the share."""
        if self.canary is None or self.canary.generator is None:
            return self
        key = f"canary {self.canary.generator.digest} {seed}".encode()
        place = int.from_bytes(hashlib.sha256(key).digest()[:8], "big") / 2**64
        return self.canary if place < self.canary_share else self

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
_generators = Generators()
_screening = Screening()
_retry_at = 0.0
_instead: ModelVersion | None = None


def get_models() -> Models:
    """This process's models: loaded on first use, and again when another version was chosen."""
    global _models, _retry_at
    chosen = _chosen()
    is_due = _models is None or _models.chosen != chosen
    if not is_due and _models is not None and _models.problems:
        is_due = time.monotonic() >= _retry_at
    if is_due:
        _models = _follow(chosen, _generators, _screening, before=_models)
        _retry_at = time.monotonic() + RETRY_SECONDS
        _tell(_models)
    assert _models is not None
    return _models


def follow() -> None:
    """Look whether another version was chosen, where models are loaded already."""
    if _models is not None:
        get_models()


def forget_models() -> None:
    """Load again at the next use (after a model was changed on disk, and between tests)."""
    global _models, _generators, _screening, _instead
    _models, _generators, _screening, _instead = None, Generators(), Screening(), None


def toxicity_screen() -> ToxicityScreen:
    """The screen that is live, for processes that only screen."""
    screen, problems = _screening.follow(_chosen().toxicity)
    heartbeat.tell(screens={"problems": problems})
    for problem in problems:
        logger.error("%s", problem)
    return screen


def use(version: ModelVersion) -> None:
    """Draft and screen with this version in this process, whatever is live: to measure it."""
    global _instead
    _instead = version


def _chosen() -> Chosen:
    chosen = chosen_now()
    if _instead is None:
        return chosen
    if _instead.kind == ModelVersion.Kind.TOXICITY:
        return replace(chosen, toxicity=wanted_of(_instead), canary=None)
    return replace(chosen, generator=wanted_of(_instead), canary=None)


def _follow(
    chosen: Chosen, generators: Generators, screening: Screening, *, before: Models | None
) -> Models:
    from retrieval.embedder import get_embedder

    problems = generators.follow(chosen)
    generator_problem = problems[0] if problems and generators.live is None else ""
    toxicity, unscreened = screening.follow(chosen.toxicity)
    problems += unscreened
    for problem in problems:
        logger.error("%s", problem)
    for setting, wanted in (("GENERATOR", chosen.generator), ("TOXICITY", chosen.toxicity)):
        if wanted.digest and getattr(settings, setting) != "bundled":
            words = "COUNTERSIGN_%s is not what serves: the promoted version %s is live"
            logger.warning(words, setting, wanted.name)
    confidence, local = load_confidence()
    models = Models(
        generator=None,
        generator_problem=generator_problem,
        toxicity=toxicity,
        embed=before.embed if before else RememberedEmbeddings(get_embedder().encode),
        confidence=confidence,
        sampling=Sampling(),
        calibrated_here=local,
        problems=tuple(problems),
        chosen=chosen,
    )
    canary = None
    if generators.canary is not None:
        words = (
            f"Drafted by the canary {generators.canary.wanted.name}, a model on trial: "
            "a person decides."
        )
        canary = replace(_with(models, generators.canary), standing_problems=(("canary", words),))
    live = _with(models, generators.live) if generators.live else models
    return replace(live, canary=canary, canary_share=chosen.canary_share)


def _with(models: Models, loaded: Loaded) -> Models:
    from generation.pipeline import sampling_from_settings

    return replace(
        models,
        generator=loaded.generator,
        generator_name=loaded.wanted.name if loaded.wanted.digest else "",
        sampling=sampling_from_settings(loaded.generator.template),
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
    try:
        if reranker := get_reranker():
            reranker.warm_up()
    except RerankerError as error:
        logger.error("%s", error)  # each draft that needs it says so too
    _tell(models)


def _tell(models: Models) -> None:
    """Say on this process's heartbeat what it drafts with and what it could not load."""
    heartbeat.tell(
        models={
            "generator": _said(models),
            "canary": _said(models.canary) if models.canary else None,
            "problem": models.generator_problem,
            "problems": list(models.problems),
            "mark": models.chosen.mark if models.chosen else "",
        }
    )


def _said(models: Models) -> str | None:
    identity = models.generator_identity
    return f"{identity.name}@{identity.digest[:12]}" if identity else None


def version_row(kind: str, identity: Identity | None, *, now: datetime) -> ModelVersion | None:
    """The row of this model as it was loaded."""
    if identity is None:
        return None
    row = ModelVersion.objects.get_or_create(
        kind=kind,
        name=identity.name,
        digest=identity.digest,
        defaults={"first_used_at": now},
    )[0]
    if row.first_used_at is None:
        ModelVersion.objects.filter(pk=row.pk, first_used_at=None).update(first_used_at=now)
    return row


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
