"""How well each sentence of a draft is supported by the passages that it cites.

A claim's support is a weighted sum of three views of it and its best span of evidence (one sentence
or two adjacent ones of a passage): how much of its wording the span contains, in what order, and
how near the two are in meaning (MiniLM's cosine). Those three hardly notice a swapped number or an
added "not", so hard checks follow: numbers, dates, URLs, addresses and names are compared one by
one, negations by what they deny, and opposites by pairs. A claim that fails one falls under
`SUPPORT_THRESHOLD`, however alike the wording is. The method and its figures: ``docs/grounding.md``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import numpy as np

from generation.contradictions import failures_of
from generation.courtesies import courtesies_in
from generation.evidence import (
    Claim,
    Embed,
    Span,
    Stock,
    Unit,
    claim_of,
    containment,
    embed_all,
    ordered_share,
    units_of,
)
from generation.sentences import Sentence, split_sentences
from generation.tokens import Token

GROUNDING_VERSION = "1"
SUPPORT_THRESHOLD = 0.55
ADDED = 0.7  # what a clause without any word of the evidence leaves of it
CONTRADICTED = 0.45  # what a failed hard check leaves of the support
NEARLY_AS_NEAR = 0.12  # support by which a span may seem worse and still be the evidence
SHORT_CLAIM = 4  # content words
SPANS_COMPARED = 6  # the most promising spans of evidence a claim is aligned with

_JOINS = frozenset(["which", "because", "since", "and", "but", "so", "although", "while"])

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


def ground(
    text: str, evidence: Sequence[str], *, embed: Embed, question: str = ""
) -> list[GroundedSentence]:
    """Each sentence of ``text`` with its support in ``evidence`` (the cited passages).

    ``embed`` maps texts to unit rows, float32 [n, d]; it is called once. ``question`` is what the
    text answers: an opening that only restates it is a courtesy.
    """
    sentences = split_sentences(text)
    units = units_of(evidence)
    known = {token.word for unit in units for token in unit.tokens}
    polite = courtesies_in(text, sentences, question=question, known=known)
    return _ground(sentences, polite, evidence, units, embed)


def _ground(
    sentences: Sequence[Sentence],
    polite: Sequence[bool],
    evidence: Sequence[str],
    units: Sequence[Unit],
    embed: Embed,
) -> list[GroundedSentence]:
    claims = [
        None if courtesy else claim_of(sentence.text)
        for sentence, courtesy in zip(sentences, polite, strict=True)
    ]
    embed_all(units, [claim for claim in claims if claim], embed)
    stock = Stock(evidence, units)
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
                *(unit.text for unit in units_of([evidence])),
                *(claim_of(sentence.text).text for sentence in split_sentences(text)),
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
    return _ground(sentences, [False] * len(sentences), evidence, units_of(evidence), embed)


# ---- support ------------------------------------------------------------------------------------


def _ground_claim(claim: Claim, units: Sequence[Unit]) -> GroundedSentence:
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


def _promising(claim: Claim, units: Sequence[Unit]) -> list[Span]:
    """The spans most like the claim: single sentences, then pairs around the best of them."""
    if not units or claim.vector is None:
        return []
    similar = np.stack([unit.vector for unit in units if unit.vector is not None]) @ claim.vector
    rough = [containment(claim.tokens, unit.tokens) + similar[i] for i, unit in enumerate(units)]
    order = sorted(range(len(units)), key=lambda i: -rough[i])[:SPANS_COMPARED]
    spans = [Span([units[i]]) for i in order]
    seen = set()
    for i in order:
        for a, b in ((i - 1, i), (i, i + 1)):
            inside = a >= 0 and b < len(units) and units[a].passage == units[b].passage
            if inside and (a, b) not in seen:
                seen.add((a, b))
                spans.append(Span([units[a], units[b]]))
    return spans


def _support(claim: Claim, span: Span, units: Sequence[Unit]) -> tuple[float, tuple[str, ...]]:
    """How near the span is to the claim, 0 to 1, and the hard checks that fail on it."""
    tokens = span.tokens
    contained = containment(claim.tokens, tokens)
    ordered = ordered_share(claim.tokens, tokens)
    cosine = float(np.clip(claim.vector @ span.vector, 0.0, 1.0))
    if sum(token.content for token in claim.tokens) <= SHORT_CLAIM:
        cosine = max(cosine, 0.9 * contained)  # a few words are never near a long sentence
    score = combine(contained=contained, ordered=ordered, cosine=cosine)
    if len(span.units) > 1:
        score -= 0.02  # one sentence is the clearer evidence
    if _adds_a_clause(claim, tokens):
        score *= ADDED
    alike = ordered > 0.6
    return float(min(max(score, 0.0), 1.0)), tuple(failures_of(claim, span, units, alike=alike))


def _adds_a_clause(claim: Claim, evidence: Sequence[Token]) -> bool:
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
