"""Which language a text is in, by lingua, whose models come in its wheel.

A short or empty text says little: the probability tells, and the pipeline lets a person decide when
the language is not one that the models cover.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from generation.safety import ScreenUnavailable

KNOWN = (
    "ENGLISH", "GERMAN", "FRENCH", "SPANISH", "ITALIAN", "PORTUGUESE", "DUTCH", "SWEDISH", "POLISH",
    "RUSSIAN", "JAPANESE", "CHINESE",
)  # fmt: skip
_LONGEST = 2_000  # characters: more says nothing new
_lock = threading.Lock()


@dataclass(frozen=True)
class Language:
    """An ISO 639-1 code in lower case ("" for a text without words) and its probability, 0 to 1."""

    code: str
    probability: float


@lru_cache(maxsize=1)
def _detector() -> Any:
    import lingua

    languages = [getattr(lingua.Language, name) for name in KNOWN]
    return lingua.LanguageDetectorBuilder.from_languages(*languages).build()


def detect_language(text: str) -> Language:
    """The likeliest of the known languages. Raises ScreenUnavailable when lingua cannot run."""
    if not any(c.isalpha() for c in text):
        return Language("", 0.0)
    try:
        with _lock:
            best = _detector().compute_language_confidence_values(text[:_LONGEST])[0]
    except Exception as error:
        raise ScreenUnavailable("language", f"lingua failed ({type(error).__name__}).") from error
    return Language(best.language.iso_code_639_1.name.lower(), float(best.value))
