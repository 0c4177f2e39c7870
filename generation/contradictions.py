"""What makes a claim wrong although its wording is that of the evidence: the hard checks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from generation.evidence import Claim, Span, Unit, containment, name_in, parts_of
from generation.facts import Fact, agrees, implied_ones
from generation.polarity import has_opposite, same_polarity
from generation.tokens import Token

DOMINANT = 0.85  # share of what a pair holds of a claim that makes one of its sentences decide


def failures_of(claim: Claim, span: Span, units: Sequence[Unit], *, alike: bool) -> list[str]:
    """The kinds of check that the claim fails on this span; empty where it passes all.

    ``alike``: the wording is otherwise near, so that places can be compared word by word.
    """
    failed: list[str] = [fact.kind for fact in claim.facts if not _fact_in(fact, claim, span)]
    if alike and _numbers_turned(claim, span):
        failed.append("number")
    if any(not _bound(fact, claim, span) for fact in claim.facts):
        failed.append("name")
    if not _names_hold(claim, span, units):
        failed.append("name")
    if alike and _names_turned(claim, span):
        failed.append("name")
    relevant = _deciding(claim, span)
    text = "\n".join(unit.text for unit in relevant)
    tokens: list[Token] = []
    offset = 0
    for unit in relevant:
        tokens += [replace(t, start=t.start + offset, end=t.end + offset) for t in unit.tokens]
        offset += len(unit.text) + 1
    if not same_polarity(claim.tokens, claim.text, tokens, text):
        failed.append("negation")
    if has_opposite(claim.tokens, tokens, alike=alike):
        failed.append("opposite")
    return list(dict.fromkeys(failed))


def _deciding(claim: Claim, span: Span) -> list[Unit]:
    """The sentence that holds most of the claim alone, or else all of the span's."""
    whole = containment(claim.tokens, span.tokens)
    for unit in sorted(span.units, key=lambda u: -containment(claim.tokens, u.tokens)):
        if containment(claim.tokens, unit.tokens) >= DOMINANT * whole:
            return [unit]
    return span.units


def _names_turned(claim: Claim, span: Span) -> bool:
    """A name at a place where the otherwise like evidence has another word."""
    names = {(name.start, name.end) for name in claim.names}
    ours = [token for token in claim.tokens if token.content]
    theirs = [token for token in span.tokens if token.content]
    matcher = SequenceMatcher(
        None, [token.stem for token in ours], [token.stem for token in theirs], autojunk=False
    )
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "replace" or b - a > 2 or d - c > 2:
            continue
        put = {part for token in theirs[c:d] for part in (token.stem, *parts_of(token.word))}
        for token in ours[a:b]:
            if token.stem not in put and any(s <= token.start < e for s, e in names):
                return True
    return False


def _fact_in(fact: Fact, claim: Claim, span: Span) -> bool:
    """The item stands in a sentence that speaks of what the claim speaks of."""
    taken = [(item.start, item.end) for item in claim.facts]
    words = [t for t in claim.tokens if not any(s <= t.start < e for s, e in taken)]
    held = [containment(words, unit.tokens) for unit in span.units]
    return any(
        any(agrees(fact, other) for other in unit.facts)
        or (fact.measure is not None and fact.measure in implied_ones(unit.text))
        for unit, share in zip(span.units, held, strict=True)
        if share >= 0.5 * max(held)
    )


def _numbers_turned(claim: Claim, span: Span) -> bool:
    """Two numbers that have changed places in otherwise like wording."""
    ours = [fact.value for fact in claim.facts if fact.kind == "number"]
    theirs = [fact.value for unit in span.units for fact in unit.facts if fact.kind == "number"]
    if len(set(ours)) < 2 or len(ours) != len(set(ours)) or len(theirs) != len(set(theirs)):
        return False
    order = [value for value in theirs if value in ours]
    return order != [value for value in ours if value in theirs]


def _bound(fact: Fact, claim: Claim, span: Span) -> bool:
    """In two sentences about two products, a figure must come from the claim's product."""
    if len(span.units) < 2 or not claim.names:
        return True
    named = {str(name.value) for name in claim.names}
    holders = [unit for unit in span.units if any(agrees(fact, other) for other in unit.facts)]
    for unit in holders:
        words = {token.word for token in unit.tokens}
        if not unit.names or named <= words | unit.names or not unit.names - named:
            return True
    return not holders


def _names_hold(claim: Claim, span: Span, units: Sequence[Unit]) -> bool:
    """Each name stands in the span, or earlier in its passage while the span names no other."""
    words = {token.word for token in span.tokens}
    words |= {part for word in words for part in parts_of(word)}
    stems = {token.stem for token in span.tokens}
    others = {name for unit in span.units for name in unit.names}
    others -= {str(name.value) for name in claim.names}
    passage = span.units[0].passage
    for name in claim.names:
        if name_in(str(name.value), words, stems):
            continue
        before = {
            token.word
            for unit in units
            if unit.passage == passage and unit.start < span.units[0].start
            for token in unit.tokens
        }
        if str(name.value) not in before or others:
            return False
    return True
