"""What a process holds in memory of the models that were chosen, and how it follows a new choice.

A model that fails to load leaves the one before it in place, and the failure is returned in words
for the heartbeat, the readiness page and the console: never a quiet downgrade.
"""

from __future__ import annotations

import gc
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from generation.chosen import BUNDLED_CONFIDENCE, LOCAL_CONFIDENCE, Chosen, Wanted
from generation.confidence import ConfidenceError, ConfidenceModel
from generation.engine import load_generator
from generation.engine.base import Generator, GeneratorError, GeneratorUnavailable
from generation.folders import BadFolder, open_packed
from generation.safety import ScreenUnavailable
from retrieval.reranker import Reranker, RerankerError, named_reranker

if TYPE_CHECKING:
    from generation.safety.toxicity import ToxicityScreen

logger = logging.getLogger(__name__)

RETRY_SECONDS = 300  # after a model could not be loaded


@dataclass(frozen=True)
class Loaded:
    """A generator in memory, and what it was loaded for."""

    wanted: Wanted
    generator: Generator


def load(wanted: Wanted) -> Loaded:
    """Load a generator. Raises GeneratorError, also where its files aren't the registered ones."""
    generator = load_generator(wanted.source, device=settings.DEVICE)
    if wanted.digest and generator.digest != wanted.digest:  # before the weights are read
        raise GeneratorUnavailable(
            f"{wanted.source} has the digest {generator.digest[:12]}, "
            f"{wanted.digest[:12]} was registered.",
            hint="Restore the folder, or register it as a new version.",
        )
    generator.warm_up()
    return Loaded(wanted, generator)


class Generators:
    """The live generator and the canary: at most two are in memory, also while one is replaced."""

    def __init__(self) -> None:
        self.live: Loaded | None = None
        self.canary: Loaded | None = None

    def follow(self, chosen: Chosen) -> list[str]:
        """Load what was chosen; returns what failed, in words.

        Raises GeneratorError where there is none yet and a retry may help.
        """
        problems = []
        if not self._is(self.live, chosen.generator):
            if self._is(self.canary, chosen.generator):
                self.live, self.canary = self.canary, None
            else:
                self.canary = None  # else three would stand in memory while the new one loads
                gc.collect()
                problems += self._load_live(chosen.generator)
        if not self._is(self.canary, chosen.canary):
            self.canary = None
            gc.collect()
            if chosen.canary is not None:
                problems += self._load_canary(chosen.canary)
        return problems

    def _load_live(self, wanted: Wanted) -> list[str]:
        try:
            self.live = load(wanted)
        except Exception as error:
            if self.live is None:
                if not (isinstance(error, GeneratorError) and error.permanent):
                    raise  # the drafts pause, and the next try loads again
                return [f"The generator could not be loaded: {error}"]
            # whatever it is: a bad new version must not cost a ticket its draft
            return [
                f"The generator {wanted.name} could not be loaded: {error} "
                f"{self.live.wanted.name} goes on drafting."
            ]
        return []

    def _load_canary(self, wanted: Wanted) -> list[str]:
        try:
            self.canary = load(wanted)
        except Exception as error:
            return [
                f"The canary {wanted.name} could not be loaded: {error} "
                "The live generator drafts its share."
            ]
        return []

    @staticmethod
    def _is(loaded: Loaded | None, wanted: Wanted | None) -> bool:
        return (loaded.wanted if loaded else None) == wanted


class Reranking:
    """The reranker of this process: the promoted version, or what the setting names."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self._held: Reranker | None = None
        self._held_for: Wanted | None = None
        self._failed: Wanted | None = None
        self._retry_at = 0.0
        self._is_first = True

    def follow(self, wanted: Wanted | None) -> Reranker | None:
        """The reranker that was chosen, or the one before it (maybe none) where that one fails.

        A process that begins with a broken one gets it unloaded: each search says why it fails.
        """
        is_first, self._is_first = self._is_first, False
        if wanted is None:
            self.problems, self._held, self._held_for = [], named_reranker(), None
            return self._held
        if wanted == self._held_for:
            self.problems = []
            return self._held
        if wanted == self._failed and time.monotonic() < self._retry_at:
            return self._held
        made = Reranker(
            wanted.source,
            device=settings.DEVICE,
            threads=settings.TORCH_THREADS,
            label=wanted.name,
            digest=wanted.digest,
        )
        try:
            made.warm_up()
        except RerankerError as error:
            if not is_first:
                before = f"{self._held.name} goes on." if self._held else "Searches go on without."
                self.problems = [f"{error} {before}"]
                self._failed, self._retry_at = wanted, time.monotonic() + RETRY_SECONDS
                return self._held
        self.problems, self._held, self._held_for = [], made, wanted
        return made


@dataclass(frozen=True)
class Scorer:
    """A confidence model, and whether it stands on this installation's own decisions."""

    model: ConfidenceModel
    local: bool


def load_scorer(wanted: Wanted) -> Scorer:
    """A registered confidence model. Raises ConfidenceError, also where it isn't the registered one."""
    try:
        packed = open_packed(Path(wanted.source), kind="confidence")
    except BadFolder as error:
        raise ConfidenceError(str(error)) from error
    if packed.digest != wanted.digest:
        raise ConfidenceError(
            f"{wanted.source} has the digest {packed.digest[:12]}, {wanted.digest[:12]} was "
            "registered: restore the folder, or register it as a new version."
        )
    return Scorer(ConfidenceModel.load(packed.path), wanted.fitted_here)


def default_scorer() -> Scorer | None:
    """The model that was fitted here, else the bundled one; None where neither can be read."""
    for folder, local in ((LOCAL_CONFIDENCE, True), (BUNDLED_CONFIDENCE, False)):
        if folder.is_dir():
            try:
                return Scorer(ConfidenceModel.load(folder), local)
            except ConfidenceError as error:
                logger.error("%s", error)
    return None


class Scoring:
    """The live confidence model of this process, and the one on trial."""

    def __init__(self) -> None:
        self.live: Scorer | None = None
        self.canary: Scorer | None = None
        self._canary_for: Wanted | None = None
        self._live_for: Wanted | None = None

    def follow(self, chosen: Chosen) -> list[str]:
        """Load what was chosen; returns what failed, in words."""
        problems = []
        if chosen.confidence is None:
            self.live = default_scorer()
        elif chosen.confidence != self._live_for:
            try:
                self.live = load_scorer(chosen.confidence)
            except ConfidenceError as error:
                rest = f"{self.live.model.name} goes on." if self.live else "Drafts have none."
                return [f"The confidence model could not be loaded: {error} {rest}"]
        self._live_for = chosen.confidence
        if chosen.confidence_canary != self._canary_for or self.canary is None:
            self.canary = None
            if chosen.confidence_canary is not None:
                try:
                    self.canary = load_scorer(chosen.confidence_canary)
                except ConfidenceError as error:
                    problems = [f"The confidence model on trial could not be loaded: {error}"]
            self._canary_for = chosen.confidence_canary
        return problems


class Screening:
    """The toxicity screen of this process."""

    def __init__(self) -> None:
        self.screen: ToxicityScreen | None = None
        self._loaded_for: Wanted | None = None

    def follow(self, wanted: Wanted) -> tuple[ToxicityScreen, list[str]]:
        """The screen that was chosen, or the one before it and why the chosen one failed.

        Where there is none before it, the screen comes back unloaded and says so at each text.
        """
        if self.screen is not None and self._loaded_for == wanted:
            return self.screen, []
        screen = self._make(wanted)
        problems: list[str] = []
        if self.screen is not None or wanted.digest:
            try:
                screen.warm_up()
            except ScreenUnavailable as error:
                problems = [str(error)]
                if self.screen is not None:
                    kept = f"{self.screen.name} goes on screening."
                    return self.screen, [f"{error} {kept}"]
        self.screen, self._loaded_for = screen, wanted
        return screen, problems

    @staticmethod
    def _make(wanted: Wanted) -> ToxicityScreen:
        from generation.safety.toxicity import get_toxicity_screen, registered_screen

        if not wanted.digest:
            return get_toxicity_screen()
        return registered_screen(Path(wanted.source), name=wanted.name, digest=wanted.digest)
