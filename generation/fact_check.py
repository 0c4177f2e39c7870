"""What a text that a person wrote or changed says otherwise than its evidence. Pure.

An agent knows more than the articles, so a sentence that no article speaks of is no finding. Two
things are: a figure, date, link, address or name that stands neither in the passages nor in the
thread, and a sentence that says what a passage says but for a figure, a name, a "not" or an opposite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generation.evidence import Embed
from generation.grounding import (
    CONTRADICTED,
    SUPPORT_THRESHOLD,
    Flag,
    GroundedSentence,
    ground,
)
from generation.polarity import is_negator
from generation.sentences import LIST_MARKER, split_sentences
from generation.tokens import tokens_of

MOST_SENTENCES = 150  # that are checked: a page waits for it


@dataclass(frozen=True)
class Departure:
    """Where ``text[start:end]`` departs from the evidence, and in what.

    ``kinds``: number, date, url, address, name, negation or opposite. ``passage`` and
    ``said_start``/``said_end`` are what the evidence says instead; None where it says nothing like it.
    """

    kinds: tuple[str, ...]
    start: int
    end: int
    passage: int | None = None
    said_start: int | None = None
    said_end: int | None = None


def departures_of(
    text: str,
    passages: Sequence[str],
    *,
    embed: Embed,
    question: str = "",
    known: Sequence[str] = (),
    headings: Sequence[str] = (),
) -> tuple[list[Departure], bool]:
    """Where ``text`` departs from the ``passages``, in order, and whether all of it was read.

    ``known`` are further texts whose facts may be repeated (the thread, names, the signature);
    ``headings`` are what each passage stands under: a list under "What cannot be returned" denies.
    ``question`` is what the text answers. ``embed`` is called once, with unit rows as its answer.
    """
    sentences = split_sentences(text)
    whole = len(sentences) <= MOST_SENTENCES
    read = text if whole else text[: sentences[MOST_SENTENCES - 1].end]
    under = _Denying(passages, headings)
    grounded = ground(read, passages, embed=embed, question=question, known=known)
    return [one for sentence in grounded for one in _departures(sentence, under)], whole


@dataclass(frozen=True)
class _Denying:
    """Which spans are items of a list whose heading denies what it lists."""

    passages: Sequence[str]
    headings: Sequence[str]

    def failed(self, sentence: GroundedSentence) -> tuple[str, ...]:
        """The checks that the sentence fails, its "not" held against the heading's."""
        place = sentence.evidence
        if place is None or sentence.evidence_start is None or place >= len(self.headings):
            return sentence.failed
        item = LIST_MARKER.match(self.passages[place][sentence.evidence_start :])
        if not item or not _denies(self.headings[place]) or sentence.support == 1.0:
            return sentence.failed
        others = tuple(kind for kind in sentence.failed if kind != "negation")
        return others if _denies(sentence.text) else (*others, "negation")


def _denies(text: str) -> bool:
    return any(is_negator(token.word) for token in tokens_of(text))


def _departures(sentence: GroundedSentence, under: _Denying) -> list[Departure]:
    failed = under.failed(sentence)
    resembles = bool(failed) and _before_the_checks(sentence) >= SUPPORT_THRESHOLD
    said = (
        (sentence.evidence, sentence.evidence_start, sentence.evidence_end)
        if resembles
        else (None, None, None)
    )
    found = [Departure((_kind(flag),), flag.start, flag.end, *said) for flag in sentence.flags]
    # a fact of the thread, or of another passage, may still be wrong in this sentence
    if resembles and not set(failed) <= {_kind(flag) for flag in sentence.flags}:
        found.append(Departure(failed, sentence.start, sentence.end, *said))
    return found


def _before_the_checks(sentence: GroundedSentence) -> float:
    """How near the wording is, whatever the hard checks say."""
    return (sentence.support or 0.0) / (CONTRADICTED if sentence.failed else 1.0)


def _kind(flag: Flag) -> str:
    return flag.code.removesuffix("_without_evidence")
