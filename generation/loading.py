"""What a process holds in memory of the models that were chosen, and how it follows a new choice.

A model that fails to load leaves the one before it in place, and the failure is returned in words
for the heartbeat, the readiness page and the console: never a quiet downgrade.
"""

from __future__ import annotations

import gc
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from generation.chosen import Chosen, Wanted
from generation.engine import load_generator
from generation.engine.base import Generator, GeneratorError, GeneratorUnavailable
from generation.safety import ScreenUnavailable

if TYPE_CHECKING:
    from generation.safety.toxicity import ToxicityScreen

logger = logging.getLogger(__name__)


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
