"""The injection screen: does a ticket or a passage carry instructions meant for the machine?

Pure Python, no model to load. A text is read as a model would read it (see `normalise`), also with
digits for letters undone, words spelled letter by letter joined, HTML comments opened and base64
decoded; named patterns (`injection_rules`) then look for orders to the machine. The score is
`1 - Π(1 - weight)` over the different rules that match, a rule that matches on different words
counting one and a half times: it is a rank, not a probability.

A passage is read by the narrower `article_rules`. What only a ticket's rules find in it is a hint, and
counts half.
"""

import base64
import binascii
import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from retrieval.safety.article_rules import ARTICLE_RULES
from retrieval.safety.injection_rules import RULES, Rule
from retrieval.safety.normalise import normalise, spelled_out, unleet

INJECTION_SCREEN_VERSION = "rules-4"
# an article may well say "suppose you are …", so a passage needs more than a hint
FLAGGED_FROM = {"ticket": 0.5, "passage": 0.6}
# What a ticket would be flagged for is mostly documentation in an article ("bypass the rule"): it
# counts this share of its weight there, so that only several of them together are a reason
HINT = 0.5
HINTS = tuple(rule for rule in RULES if rule.name != "active markup")

_HIDDEN_OPENING = re.compile(
    r"<!--|<(?:\w{1,20})\b[^<>]{0,200}(?:display\s?:\s?none|font-size\s?:\s?0|"
    r"visibility\s?:\s?hidden|\shidden\b)[^<>]{0,200}>",
    re.IGNORECASE,
)
_HIDDEN_CHARACTERS = 2_000
# Patterns look at windows of this many characters, so that no text makes them slow
_WINDOW, _OVERLAP = 2_000, 300
_BASE64 = re.compile(r"(?<![\w/+=-])(?:[A-Za-z0-9+/_-]{20,}={0,2})(?![\w/+=])")
_HEX = re.compile(r"(?<!\w)(?:[0-9a-fA-F]{2}[ :]?){16,}(?!\w)")
_WORDY = re.compile(r"(?<![A-Za-z])[A-Za-z]{2,30}[ ,.!?'’-]+[A-Za-z]{2,}")


@dataclass(frozen=True)
class InjectionSpan:
    """Where in the original text (half-open, in characters) which rule matched."""

    start: int
    end: int
    rule: str


@dataclass(frozen=True)
class InjectionFinding:
    """`score` in [0, 1], `flagged` from the kind's `FLAGGED_FROM`; spans in the original text."""

    score: float
    flagged: bool
    spans: tuple[InjectionSpan, ...]
    reasons: tuple[str, ...]
    version: str = INJECTION_SCREEN_VERSION


def screen_injection(
    text: str, *, kind: Literal["ticket", "passage"] = "ticket"
) -> InjectionFinding:
    """Looks for planted instructions in a ticket (the default) or in a knowledge-base passage.

    A passage is read by `article_rules`: help articles show code and speak of rules and modes.
    """
    reading = normalise(text)
    rules = RULES if kind == "ticket" else ARTICLE_RULES
    weights: dict[str, float] = {}
    reasons: dict[str, str] = {}
    spans: list[InjectionSpan] = []

    def note(name: str, weight: float, reason: str, start: int, end: int) -> None:
        weights[name] = max(weights.get(name, 0.0), weight)
        reasons.setdefault(name, reason)
        if end > start:
            spans.append(InjectionSpan(*reading.original_span(start, end), name))

    matched_at: list[tuple[int, int]] = []
    wordings: list[tuple[str, str]] = []
    for rule, start, end in _matches(rules, reading.text):
        note(rule.name, rule.weight, rule.reason, start, end)
        matched_at.append((start, end))
        wordings.append((rule.name, reading.text[start:end].lower()))
    if kind == "passage":
        whole, counted = set(weights), _touching(matched_at)
        for rule, start, end in _matches(HINTS, reading.text):
            matched_at.append((start, end))
            # the same words are not two reasons
            if rule.name not in whole and not counted(start, end):
                note(rule.name, rule.weight * HINT, rule.reason, start, end)
    plain = unleet(reading.text)
    if plain != reading.text:
        for rule, start, end in _matches(rules, plain):
            if weights.get(rule.name, 0.0) < rule.weight:
                note(rule.name, rule.weight, f"{rule.reason} (in disguised spelling)", start, end)
    for start, end, joined in spelled_out(reading.text):
        for rule, _, _ in _matches(rules, joined):
            note(rule.name, rule.weight, f"{rule.reason} (spelled letter by letter)", start, end)
    matched = _touching(matched_at)
    for start, end in _hidden(reading.text):
        if matched(start, end):
            note("hidden text", 0.5, "the instruction is hidden from a reader", start, end)
    for start, end, decoded in _decoded(reading.text):
        said_in_it = [rule for rule, _, _ in _matches(rules, decoded)]
        for rule in said_in_it:
            note(rule.name, rule.weight, f"{rule.reason} (encoded)", start, end)
        note(
            "encoded text",
            0.5 if said_in_it else 0.35,
            "holds readable text in an encoding",
            start,
            end,
        )
    for number, remark in enumerate(reading.notes):
        # invisible letters have an honest use in some scripts: they count beside another reason,
        # except for tag characters, which have none
        alone = 0.7 if "tag characters" in remark else 0.3
        note(f"disguise {number}", alone, f"uses {remark}", 0, 0)
    said: dict[str, set[str]] = {}
    for name, words in wordings:
        said.setdefault(name, set()).add(words)
    score = 1.0
    for name, weight in weights.items():
        score *= 1 - weight
        if len(said.get(name, ())) > 1:
            score *= 1 - weight / 2
    score = round(1 - score, 4)
    ordered = sorted(reasons, key=lambda name: -weights[name])
    return InjectionFinding(
        score=score,
        flagged=score >= FLAGGED_FROM[kind],
        spans=tuple(sorted(set(spans), key=lambda span: (span.start, span.end, span.rule))),
        reasons=tuple(reasons[name] for name in ordered),
    )


def _matches(rules: Sequence[Rule], text: str) -> Iterator[tuple[Rule, int, int]]:
    """Each rule that matches in each window of the text, once a place."""
    for offset in range(0, max(1, len(text) - _OVERLAP), _WINDOW - _OVERLAP):
        window = text[offset : offset + _WINDOW]
        for rule in rules:
            for match in rule.pattern.finditer(window):
                if match.end() > match.start():
                    yield rule, offset + match.start(), offset + match.end()


def _touching(places: list[tuple[int, int]]) -> Callable[[int, int], bool]:
    """Whether a stretch shares a character with one of these places."""
    ordered = sorted(places)
    begins = [start for start, _ in ordered]
    reached = list(accumulate((end for _, end in ordered), max))

    def touches(start: int, end: int) -> bool:
        before = bisect_left(begins, end)
        return bool(before) and reached[before - 1] > start  # one that begins before its end

    return touches


def _hidden(text: str) -> Iterator[tuple[int, int]]:
    """HTML comments and elements that a page does not show, each up to its end or a length."""
    reached = 0
    for opening in _HIDDEN_OPENING.finditer(text):
        if opening.start() < reached:
            continue
        closing = "-->" if opening[0] == "<!--" else "</"
        found = text.find(closing, opening.end(), opening.end() + _HIDDEN_CHARACTERS)
        reached = min(len(text), opening.end() + _HIDDEN_CHARACTERS) if found < 0 else found
        yield opening.start(), reached


def _decoded(text: str) -> list[tuple[int, int, str]]:
    """Runs of base64 or hex that decode to readable words, with what they say."""
    found = []
    for match in _BASE64.finditer(text):
        padded = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        try:
            raw = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
        except (binascii.Error, ValueError):
            continue
        if (words := _readable(raw)) is not None:
            found.append((match.start(), match.end(), words))
    for match in _HEX.finditer(text):
        raw = bytes.fromhex(re.sub(r"[^0-9a-fA-F]", "", match[0]))
        if (words := _readable(raw)) is not None:
            found.append((match.start(), match.end(), words))
    return found


def _readable(raw: bytes) -> str | None:
    try:
        words = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return words if words.isprintable() and _WORDY.search(words) else None
