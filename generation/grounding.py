"""How well each sentence of a draft is supported by the passages that it cites.

A claim's support is a weighted sum of three views of it and its best span of evidence (one sentence
or two adjacent ones of a passage): how much of its wording the span contains, in what order, and
how near the two are in meaning (MiniLM's cosine). Those three hardly notice a swapped number or an
added "not", so hard checks follow: numbers, dates, URLs, addresses and names are compared one by
one, negations by what they deny, and opposites by pairs. A claim that fails one falls under
`SUPPORT_THRESHOLD`, however alike the wording is. The method and its figures: ``docs/grounding.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from functools import partial
from typing import Any, Literal

import numpy as np

from generation.courtesies import courtesies_in
from generation.facts import Fact, agrees, facts_of, implied_ones, names_of
from generation.polarity import has_opposite, same_polarity
from generation.sentences import LIST_MARKER, Sentence, split_sentences
from generation.tokens import Token, stem, tokens_of

GROUNDING_VERSION = "1"
SUPPORT_THRESHOLD = 0.55
ADDED = 0.7  # what a clause without any word of the evidence leaves of it
CONTRADICTED = 0.45  # what a failed hard check leaves of the support
NEARLY_AS_NEAR = 0.12  # support by which a span may seem worse and still be the evidence
DOMINANT = 0.85  # share of what a pair holds of a claim that makes one of its sentences decide
SHORT_CLAIM = 4  # content words
SPANS_COMPARED = 6  # the most promising spans of evidence a claim is aligned with

_JOINS = frozenset(["which", "because", "since", "and", "but", "so", "although", "while"])

Embed = Callable[[Sequence[str]], Any]
Kind = Literal["claim", "courtesy"]


@dataclass(frozen=True)
class Flag:
    """An item of a claim that stands in no passage: ``text[start:end]`` of the draft."""

    code: str
    start: int
    end: int


@dataclass(frozen=True)
class GroundedSentence:
    """A sentence of a draft, ``draft[start:end]``, and what supports it.

    ``support`` is 0 to 1, None for a courtesy. ``evidence`` is the index of the passage, and
    ``evidence_start``/``evidence_end`` the span in it; None where nothing resembles the claim.
    ``failed`` names the hard checks that it did not pass.
    """

    text: str
    start: int
    end: int
    kind: Kind
    support: float | None
    supported: bool
    evidence: int | None = None
    evidence_start: int | None = None
    evidence_end: int | None = None
    flags: list[Flag] = field(default_factory=list)
    failed: tuple[str, ...] = ()


@dataclass
class _Unit:
    """A sentence of a passage, read once for all claims."""

    passage: int
    start: int
    end: int
    text: str
    tokens: list[Token]
    facts: list[Fact]
    names: set[str]
    vector: np.ndarray | None = None


@dataclass
class _Span:
    """One unit, or two adjacent ones of one passage, as evidence for a claim."""

    units: list[_Unit]

    @property
    def tokens(self) -> list[Token]:
        return [token for unit in self.units for token in unit.tokens]

    @property
    def vector(self) -> np.ndarray:
        total = np.sum([unit.vector for unit in self.units if unit.vector is not None], axis=0)
        return np.asarray(total / max(float(np.linalg.norm(total)), 1e-9))


@dataclass
class _Claim:
    text: str
    tokens: list[Token]
    facts: list[Fact]
    names: list[Fact]
    vector: np.ndarray | None = None

    @property
    def words(self) -> set[str]:
        return {token.stem for token in self.tokens}


def ground(
    text: str, evidence: Sequence[str], *, embed: Embed, question: str = ""
) -> list[GroundedSentence]:
    """Each sentence of ``text`` with its support in ``evidence`` (the cited passages).

    ``embed`` maps texts to unit rows, float32 [n, d]; it is called once. ``question`` is what the
    text answers: an opening that only restates it is a courtesy.
    """
    sentences = split_sentences(text)
    units = _units(evidence)
    known = {token.word for unit in units for token in unit.tokens}
    polite = courtesies_in(text, sentences, question=question, known=known)
    return _ground(sentences, polite, evidence, units, embed)


def _ground(
    sentences: Sequence[Sentence],
    polite: Sequence[bool],
    evidence: Sequence[str],
    units: Sequence[_Unit],
    embed: Embed,
) -> list[GroundedSentence]:
    claims = [
        None if courtesy else _claim(sentence.text)
        for sentence, courtesy in zip(sentences, polite, strict=True)
    ]
    _embed(units, [claim for claim in claims if claim], embed)
    stock = _Stock(evidence, units)
    found = []
    for sentence, claim in zip(sentences, claims, strict=True):
        if claim is None:
            found.append(
                GroundedSentence(
                    sentence.text, sentence.start, sentence.end, "courtesy", None, True
                )
            )
            continue
        grounded = _ground_claim(claim, units)
        offset = sentence.end - len(claim.text)
        flags = [
            Flag(f"{fact.kind}_without_evidence", fact.start + offset, fact.end + offset)
            for fact in (*claim.facts, *claim.names)
            if not stock.has(fact)
        ]
        found.append(
            replace(
                grounded,
                text=sentence.text,
                start=sentence.start,
                end=sentence.end,
                flags=flags,
                supported=grounded.supported and not flags,
            )
        )
    return found


def score_pair(evidence: str, text: str, *, embed: Embed) -> float:
    """How far ``evidence`` supports the whole of ``text``, 0 to 1.

    Half of it is the least supported claim (of four words and more, where there is one), half the
    mean over claims by their words. A text of courtesies only is scored as if it claimed them.
    """
    return score_pairs([(evidence, text)], embed=embed)[0]


def score_pairs(pairs: Sequence[tuple[str, str]], *, embed: Embed) -> list[float]:
    """`score_pair` of each (evidence, text); everything is embedded in one call."""
    texts = list(
        dict.fromkeys(
            item
            for evidence, text in pairs
            for item in (
                *(unit.text for unit in _units([evidence])),
                *(_claim(sentence.text).text for sentence in split_sentences(text)),
            )
        )
    )
    vectors = (
        dict(zip(texts, np.asarray(embed(texts), dtype=np.float32), strict=True)) if texts else {}
    )
    embed = partial(_looked_up, vectors)
    scores = []
    for evidence, text in pairs:
        claims = [s for s in ground(text, [evidence], embed=embed) if s.kind == "claim"]
        claims = claims or _ground_all(text, [evidence], embed=embed)
        supports = [(s.support or 0.0, len(s.text.split())) for s in claims]
        if not supports:
            scores.append(0.0)
            continue
        mean = sum(support * words for support, words in supports) / sum(w for _, w in supports)
        least = min([s for s, words in supports if words >= 4] or [s for s, _ in supports])
        scores.append(0.5 * least + 0.5 * mean)
    return scores


def _looked_up(vectors: dict[str, np.ndarray], texts: Sequence[str]) -> np.ndarray:
    return np.stack([vectors[text] for text in texts])


def _ground_all(text: str, evidence: Sequence[str], *, embed: Embed) -> list[GroundedSentence]:
    """Every sentence of ``text`` as a claim."""
    sentences = split_sentences(text)
    return _ground(sentences, [False] * len(sentences), evidence, _units(evidence), embed)


# ---- reading ------------------------------------------------------------------------------------


def _claim(sentence: str) -> _Claim:
    marker = LIST_MARKER.match(sentence)
    text = sentence[marker.end() :] if marker else sentence
    facts = facts_of(text)
    return _Claim(text, tokens_of(text), facts, _names(text, facts))


def _names(text: str, facts: Sequence[Fact]) -> list[Fact]:
    taken = [(fact.start, fact.end) for fact in facts if fact.kind != "number"]
    return [
        name
        for name in names_of(text)
        if not any(start < name.end and name.start < end for start, end in taken)
    ]


def _units(evidence: Sequence[str]) -> list[_Unit]:
    units = []
    for passage, text in enumerate(evidence):
        for sentence in split_sentences(text):
            marker = LIST_MARKER.match(sentence.text)
            start = sentence.start + (marker.end() if marker else 0)
            words = text[start : sentence.end]
            tokens = tokens_of(words)
            if not tokens:
                continue
            facts = facts_of(words)
            names = {str(name.value) for name in _names(words, facts)}
            units.append(_Unit(passage, sentence.start, sentence.end, words, tokens, facts, names))
    return units


def _embed(units: Sequence[_Unit], claims: Sequence[_Claim], embed: Embed) -> None:
    if not units or not claims:
        return
    items: list[_Claim | _Unit] = [*claims, *units]
    texts = list(dict.fromkeys(item.text for item in items))
    vectors = dict(zip(texts, np.asarray(embed(texts), dtype=np.float32), strict=True))
    for item in items:
        item.vector = vectors[item.text]


class _Stock:
    """Every item that stands anywhere in the passages, to tell what stands in none."""

    def __init__(self, evidence: Sequence[str], units: Sequence[_Unit]) -> None:
        self.facts = [fact for text in evidence for fact in facts_of(text)]
        self.ones = {measure for text in evidence for measure in implied_ones(text)}
        self.words = {token.word for unit in units for token in unit.tokens}
        self.stems = {token.stem for unit in units for token in unit.tokens}
        self.parts = {part for word in self.words for part in _parts(word)}

    def has(self, fact: Fact) -> bool:
        if fact.kind == "name":
            return _name_in(str(fact.value), self.words | self.parts, self.stems)
        return any(agrees(fact, other) for other in self.facts) or fact.measure in self.ones


def _parts(word: str) -> list[str]:
    return word.replace("/", "-").replace(".", "-").split("-")


def _name_in(name: str, words: set[str], stems: set[str]) -> bool:
    return name in words or stem(name) in stems or all(p in words for p in _parts(name))


# ---- support ------------------------------------------------------------------------------------


def _ground_claim(claim: _Claim, units: Sequence[_Unit]) -> GroundedSentence:
    spans = [(*_support(claim, span, units), span) for span in _promising(claim, units)]
    if not spans:
        return GroundedSentence("", 0, 0, "claim", 0.0, False)
    nearest = max(raw for raw, _, _ in spans)
    # a span that contradicts the claim isn't outvoted by one that merely resembles it less
    rivals = [item for item in spans if item[0] >= nearest - NEARLY_AS_NEAR]
    raw, failed, span = max(rivals, key=lambda item: (not item[1], item[0]))
    score = raw * (CONTRADICTED if failed else 1.0)
    if score < 0.05:
        return GroundedSentence("", 0, 0, "claim", score, False, failed=failed)
    first, last = span.units[0], span.units[-1]
    return GroundedSentence(
        "", 0, 0, "claim", score, score >= SUPPORT_THRESHOLD, first.passage, first.start, last.end,
        failed=failed,
    )  # fmt: skip


def _promising(claim: _Claim, units: Sequence[_Unit]) -> list[_Span]:
    """The spans most like the claim: single sentences, then pairs around the best of them."""
    if not units or claim.vector is None:
        return []
    similar = np.stack([unit.vector for unit in units if unit.vector is not None]) @ claim.vector
    rough = [_containment(claim.tokens, unit.tokens) + similar[i] for i, unit in enumerate(units)]
    order = sorted(range(len(units)), key=lambda i: -rough[i])[:SPANS_COMPARED]
    spans = [_Span([units[i]]) for i in order]
    seen = set()
    for i in order:
        for a, b in ((i - 1, i), (i, i + 1)):
            inside = a >= 0 and b < len(units) and units[a].passage == units[b].passage
            if inside and (a, b) not in seen:
                seen.add((a, b))
                spans.append(_Span([units[a], units[b]]))
    return spans


def _support(claim: _Claim, span: _Span, units: Sequence[_Unit]) -> tuple[float, tuple[str, ...]]:
    """How near the span is to the claim, 0 to 1, and the hard checks that fail on it."""
    tokens = span.tokens
    contained = _containment(claim.tokens, tokens)
    ordered = _ordered(claim.tokens, tokens)
    cosine = float(np.clip(claim.vector @ span.vector, 0.0, 1.0))
    if sum(token.content for token in claim.tokens) <= SHORT_CLAIM:
        cosine = max(cosine, 0.9 * contained)  # a few words are never near a long sentence
    score = combine(contained=contained, ordered=ordered, cosine=cosine)
    if len(span.units) > 1:
        score -= 0.02  # one sentence is the clearer evidence
    if _adds_a_clause(claim, tokens):
        score *= ADDED
    alike = ordered > 0.6
    return float(min(max(score, 0.0), 1.0)), tuple(_failures(claim, span, units, alike=alike))


def _adds_a_clause(claim: _Claim, evidence: Sequence[Token]) -> bool:
    """Whether a clause of the claim (", which voids the warranty") shares no word with the span."""
    held = {token.stem for token in evidence}
    clauses: list[list[Token]] = [[]]
    end = 0
    for token in claim.tokens:
        if any(mark in claim.text[end : token.start] for mark in ",;:(") or token.word in _JOINS:
            clauses.append([])
        if token.content:
            clauses[-1].append(token)
        end = token.end
    whole = [clause for clause in clauses if len(clause) >= 2]
    return len(whole) > 1 and any(not {t.stem for t in clause} & held for clause in whole)


def combine(*, contained: float, ordered: float, cosine: float) -> float:
    """The three views as one score; a verbatim sentence has 1."""
    return 0.55 * contained + 0.2 * ordered + 0.25 * cosine


def _containment(claim: Sequence[Token], evidence: Sequence[Token]) -> float:
    """Share of the claim's words, by weight, that the evidence holds (each used once)."""
    left: dict[str, int] = {}
    for token in evidence:
        left[token.stem] = left.get(token.stem, 0) + 1
    total = held = 0.0
    for token in claim:
        total += token.weight
        if left.get(token.stem, 0):
            left[token.stem] -= 1
            held += token.weight
    return held / total if total else 0.0


def _ordered(claim: Sequence[Token], evidence: Sequence[Token]) -> float:
    """The longest common subsequence of content words, as a share of the claim's, by weight."""
    ours = [token for token in claim if token.content]
    theirs = [token.stem for token in evidence if token.content]
    if not ours:
        return 0.0
    row = [0.0] * (len(theirs) + 1)
    for token in ours:
        diagonal = 0.0
        for place, word in enumerate(theirs, start=1):
            above = row[place]
            row[place] = (
                diagonal + token.weight if word == token.stem else max(above, row[place - 1])
            )
            diagonal = above
    return row[-1] / sum(token.weight for token in ours)


# ---- hard checks --------------------------------------------------------------------------------


def _failures(claim: _Claim, span: _Span, units: Sequence[_Unit], *, alike: bool) -> list[str]:
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


def _deciding(claim: _Claim, span: _Span) -> list[_Unit]:
    """The sentence that holds most of the claim alone, or else all of the span's."""
    whole = _containment(claim.tokens, span.tokens)
    for unit in sorted(span.units, key=lambda u: -_containment(claim.tokens, u.tokens)):
        if _containment(claim.tokens, unit.tokens) >= DOMINANT * whole:
            return [unit]
    return span.units


def _names_turned(claim: _Claim, span: _Span) -> bool:
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
        put = {part for token in theirs[c:d] for part in (token.stem, *_parts(token.word))}
        for token in ours[a:b]:
            if token.stem not in put and any(s <= token.start < e for s, e in names):
                return True
    return False


def _fact_in(fact: Fact, claim: _Claim, span: _Span) -> bool:
    """The item stands in a sentence that speaks of what the claim speaks of."""
    taken = [(item.start, item.end) for item in claim.facts]
    words = [t for t in claim.tokens if not any(s <= t.start < e for s, e in taken)]
    held = [_containment(words, unit.tokens) for unit in span.units]
    return any(
        any(agrees(fact, other) for other in unit.facts)
        or (fact.measure is not None and fact.measure in implied_ones(unit.text))
        for unit, share in zip(span.units, held, strict=True)
        if share >= 0.5 * max(held)
    )


def _numbers_turned(claim: _Claim, span: _Span) -> bool:
    """Two numbers that have changed places in otherwise like wording."""
    ours = [fact.value for fact in claim.facts if fact.kind == "number"]
    theirs = [fact.value for unit in span.units for fact in unit.facts if fact.kind == "number"]
    if len(set(ours)) < 2 or len(ours) != len(set(ours)) or len(theirs) != len(set(theirs)):
        return False
    order = [value for value in theirs if value in ours]
    return order != [value for value in ours if value in theirs]


def _bound(fact: Fact, claim: _Claim, span: _Span) -> bool:
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


def _names_hold(claim: _Claim, span: _Span, units: Sequence[_Unit]) -> bool:
    """Each name stands in the span, or earlier in its passage while the span names no other."""
    words = {token.word for token in span.tokens}
    words |= {part for word in words for part in _parts(word)}
    stems = {token.stem for token in span.tokens}
    others = {name for unit in span.units for name in unit.names}
    others -= {str(name.value) for name in claim.names}
    passage = span.units[0].passage
    for name in claim.names:
        if _name_in(str(name.value), words, stems):
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
