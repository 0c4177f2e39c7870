"""Personal data in texts, found by presidio's patterns; no model is downloaded or loaded.

Importing presidio brings torch along, so it is imported on first use and only by workers; the web
process masks card data with the pure functions of `assistant.privacy.cards`, which are offered here
as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assistant.privacy.cards import card_spans, mask_card_data

if TYPE_CHECKING:
    from presidio_analyzer import AnalyzerEngine

__all__ = [
    "PiiScreenFailed",
    "PiiSpan",
    "find_pii",
    "leaks_in_draft",
    "mask_card_data",
    "plain_value",
    "warm_up",
]

PII_SCREEN_VERSION = "presidio-patterns-2"
_KINDS = {
    "IBAN_CODE": "iban",
    "EMAIL_ADDRESS": "email",
    "PHONE_NUMBER": "phone",
    "US_SSN": "ssn",
}
_LEAST_SCORE = 0.35
_NEVER_ALLOWED = frozenset({"card", "iban", "security_code", "ssn"})
# presidio leaves some out that are written in full, with dashes
_DASHED_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")
_IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_WORTH = {"card": 5, "iban": 5, "security_code": 4, "ssn": 3, "email": 3, "phone": 1}


class PiiScreenFailed(RuntimeError):
    """The analyzer could not be built or failed on a text."""


@dataclass(frozen=True)
class PiiSpan:
    """Personal data at a half-open span of characters; `score` is presidio's, in [0, 1].

    `kind` is `card`, `iban`, `security_code`, `email`, `phone` or `ssn`.
    """

    kind: str
    start: int
    end: int
    score: float


@lru_cache(maxsize=1)
def _analyzer() -> AnalyzerEngine:
    import spacy
    import tldextract
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import (
        EmailRecognizer,
        IbanRecognizer,
        PhoneRecognizer,
        UsSsnRecognizer,
    )

    known_suffixes = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    class OfflineEmailRecognizer(EmailRecognizer):
        """presidio's asks the network for the list of suffixes; this uses the packaged one."""

        def validate_result(self, pattern_text: str) -> bool:
            return known_suffixes(pattern_text.rsplit("@", 1)[-1]).fqdn != ""

    class BlankSpacyEngine(SpacyNlpEngine):
        """Splits words and nothing more."""

        def load(self) -> None:
            self.nlp: Any = {"en": spacy.blank("en")}

    engine = BlankSpacyEngine(models=[{"lang_code": "en", "model_name": "blank"}])
    engine.load()
    registry = RecognizerRegistry(
        recognizers=[
            IbanRecognizer(),
            OfflineEmailRecognizer(),
            PhoneRecognizer(supported_regions=("US", "GB", "DE", "FR", "ES", "IT", "IN")),
            UsSsnRecognizer(),
        ],
        supported_languages=["en"],
    )
    return AnalyzerEngine(registry=registry, nlp_engine=engine, supported_languages=["en"])


def warm_up() -> None:
    """Builds the analyzer (seconds on a cold start: presidio imports torch).

    Raises:
        PiiScreenFailed: presidio can't be loaded.
    """
    try:
        _analyzer()
    except Exception as error:
        raise PiiScreenFailed(f"presidio could not be loaded ({error})") from error


def find_pii(text: str) -> list[PiiSpan]:
    """Cards, accounts, e-mail addresses, phone and social security numbers of a text, in order.

    Spans don't overlap: of two at one place the one that was checked harder stays.

    Raises:
        PiiScreenFailed: presidio can't be loaded or fails.
    """
    # cards by our own rules: presidio's Luhn check alone also takes article numbers for cards
    found = [
        PiiSpan(span.kind, span.start, span.end, 1.0)
        for span in card_spans(text)
        if span.kind != "expiry"
    ]
    warm_up()
    try:
        results = _analyzer().analyze(
            text, language="en", entities=list(_KINDS), score_threshold=_LEAST_SCORE
        )
    except Exception as error:
        raise PiiScreenFailed(f"presidio failed on a text ({error})") from error
    found += [PiiSpan("ssn", m.start(), m.end(), 0.5) for m in _DASHED_SSN.finditer(text)]
    found += [PiiSpan(_KINDS[r.entity_type], r.start, r.end, float(r.score)) for r in results]
    found = [span for span in found if span.kind != "phone" or _is_phone(text, span)]
    kept: list[PiiSpan] = []
    for span in sorted(found, key=lambda s: (-_WORTH[s.kind], -s.score, s.start - s.end)):
        if all(span.end <= other.start or span.start >= other.end for other in kept):
            kept.append(span)
    return sorted(kept, key=lambda span: span.start)


def _is_phone(text: str, span: PiiSpan) -> bool:
    """Not an IP address, an order number, or a part of a web address."""
    number = text[span.start : span.end]
    if _IP_ADDRESS.fullmatch(number):
        return False
    if text[: span.start].rpartition(" ")[2].lower().startswith(("http", "www", "#", "order")):
        return False
    return not number.isdigit() or span.score > 0.4 or len(number) in (10, 11)


def leaks_in_draft(draft: str, allowed_texts: Sequence[str]) -> list[PiiSpan]:
    """Personal data in a draft that stands in none of the allowed texts (the cited passages).

    Cards, accounts, security codes and social security numbers are leaks wherever they come from.

    Raises:
        PiiScreenFailed: presidio can't be loaded or fails.
    """
    spans = find_pii(draft)
    if not spans:
        return []
    allowed = _values(allowed_texts)
    return [
        span
        for span in spans
        if span.kind in _NEVER_ALLOWED or plain_value(draft[span.start : span.end]) not in allowed
    ]


def _values(texts: Iterable[str]) -> set[str]:
    return {plain_value(text[span.start : span.end]) for text in texts for span in find_pii(text)}


def plain_value(value: str) -> str:
    """An address in lower case; a number by its digits alone, the last nine of a phone number."""
    if "@" in value:
        return value.lower()
    return re.sub(r"\W", "", value)[-9:].lower()
