"""The language of a customer's message, so that one which the models don't cover goes to a person.

lingua (its models lie in the wheel) compares the languages that customers of a help desk are likely
to write in. A few words say little, so a text counts as English, or what else is expected, until
another language is clearly more likely: a person's time is worth more than a wrong guess about "hi".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from generation.safety import ScreenUnavailable
from retrieval.safety.normalise import normalise

if TYPE_CHECKING:
    from lingua import LanguageDetector

LANGUAGE_SCREEN_VERSION = "lingua-2.1-1"
# ISO 639-1 codes that are told apart; those with a script of their own cost no memory
KNOWN = (
    "en", "de", "fr", "es", "it", "pt", "nl", "pl", "tr", "sv", "ru", "uk", "ar", "zh", "ja", "ko",
    "hi", "el", "he", "th",
)  # fmt: skip
_SURE, _TIMES = 0.5, 3.0
_SAMPLE_CHARACTERS = 2_000
_NO_WORDS = re.compile(r"\S*@\S*|https?://\S+|www\.\S+|\S*\d\S*|[•<>|_#*`]+")


@dataclass(frozen=True)
class Language:
    """An ISO 639-1 code, its probability among `KNOWN`, and the reason in words."""

    code: str
    probability: float
    reason: str


@lru_cache(maxsize=1)
def _detector() -> "LanguageDetector":
    try:
        from lingua import IsoCode639_1, LanguageDetectorBuilder

        codes = [getattr(IsoCode639_1, code.upper()) for code in KNOWN]
        return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).build()
    except Exception as error:
        raise ScreenUnavailable(
            "language",
            f"lingua could not be loaded ({error}).",
            hint="Check that lingua-language-detector is installed.",
        ) from error


def detect_language(text: str, *, expected: Sequence[str] = ("en",)) -> Language:
    """The language of a text; addresses, numbers and links are left out first.

    The first of the `expected` languages is returned where nothing speaks clearly against it, with
    its own probability.

    Raises:
        ScreenUnavailable: lingua can't be loaded or fails.
    """
    sample = _NO_WORDS.sub(" ", normalise(text).text[:_SAMPLE_CHARACTERS])
    if not any(character.isalpha() for character in sample):
        return Language(expected[0], 0.0, "the text holds no words to tell a language by")
    detector = _detector()
    try:
        values = detector.compute_language_confidence_values(sample)
    except Exception as error:
        raise ScreenUnavailable("language", f"lingua failed ({error}).", permanent=False) from error
    ranked = [(str(v.language.iso_code_639_1.name).lower(), float(v.value)) for v in values]
    (best, probability), chances = ranked[0], dict(ranked)
    likeliest = max(expected, key=lambda code: chances.get(code, 0.0))
    if best in expected:
        return Language(best, probability, f"reads as {best} ({probability:.0%})")
    of_expected = chances.get(likeliest, 0.0)
    if probability >= _SURE and probability >= _TIMES * of_expected:
        return Language(best, probability, f"reads as {best} ({probability:.0%})")
    return Language(
        likeliest,
        of_expected,
        f"too few words to tell: {best} {probability:.0%}, {likeliest} {of_expected:.0%}",
    )
