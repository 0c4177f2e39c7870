"""Which candidate stands in the composer. Pure arithmetic over grounded candidates."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Protocol, TypeVar

from generation.prompts import PromptTemplate, parse_reply
from generation.sentences import split_sentences

LEAST_MATCH = 0.5  # cosine to the question that the best passage or the quote needs to be an answer
AT_LEAST_AS_WELL = 0.02  # cosine by which a generated reply may seem less relevant than the quote
LOOP_TOKENS = 8
SHORTEST_BODY = 12  # characters
SPLICE_WORDS = 4
SPLICE_SHARE = 0.85  # of a sentence's words that stand in the passages
_WORD = re.compile(r"[^\W_]+")


class Weighed(Protocol):
    kind: str
    finish: str
    relevance: float

    @property
    def supported(self) -> bool: ...
    @property
    def support(self) -> float: ...
    @property
    def flags(self) -> int: ...
    @property
    def spliced(self) -> bool: ...


C = TypeVar("C", bound=Weighed)


def has_loop(text: str) -> bool:
    """Whether a run of eight words comes twice."""
    words = text.lower().split()
    runs = Counter(tuple(words[i : i + LOOP_TOKENS]) for i in range(len(words) - LOOP_TOKENS + 1))
    return any(count > 1 for count in runs.values())


def is_splice(claim: str, passages: Sequence[str]) -> bool:
    """Whether a sentence is made of a passage's words without being a run of them.

    A small model joins halves of sentences into one that reads as if it were true and holds none of
    the signs that grounding looks for. A sentence in words of its own is grounding's business.
    """
    words = _words(claim)
    if len(words) < SPLICE_WORDS:
        return False
    run = f" {' '.join(words)} "
    there = [_words(passage) for passage in passages]
    if any(run in f" {' '.join(passage)} " for passage in there):
        return False
    known = {word for passage in there for word in passage}
    return sum(word in known for word in words) >= SPLICE_SHARE * len(words)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def usable_body(text: str, *, template: PromptTemplate | None, finish: str) -> str:
    """A completion as reply text, or nothing where it is no reply.

    What the length limit cut off ends at its last whole sentence; loops and scraps are dropped.
    """
    body = parse_reply(text, template=template)
    if finish == "length" and body:
        whole = [s for s in split_sentences(body) if s.text.rstrip().endswith((".", "!", "?", ":"))]
        body = body[: whole[-1].end].rstrip() if whole else ""
    if len(body) < SHORTEST_BODY or has_loop(body):
        return ""
    return body


def is_answered(passages: Sequence[float], quote: float) -> bool:
    """Whether what was found is near enough to the question to answer it: one of the passages, given by
    their cosines, or the quote by its own. How `LEAST_MATCH` was chosen: ``docs/grounding.md``."""
    return max([*passages, quote]) >= LEAST_MATCH


def choose(candidates: Sequence[C]) -> tuple[list[C], C | None]:
    """The candidates worth keeping (the best of each kind, the quote last), and the chosen one.

    A model's candidate wins when every claim in it is supported, nothing is flagged, no sentence is
    a splice, and it answers the question at least as well as the quote. The constrained one goes
    before the free one, since it is evidence by construction. (By relevance the free one would often
    win for no more than restating the topic, which lies in its body and outside of the others'.)
    """
    best = {
        kind: max((c for c in candidates if c.kind == kind), key=_merit, default=None)
        for kind in ("generated", "constrained", "quoted")
    }
    kept = [c for c in best.values() if c is not None]
    free, constrained, quoted = best.values()
    if quoted is None:
        return kept, constrained or free
    for ours in (constrained, free):
        if (
            ours is not None
            and ours.supported
            and ours.flags == 0
            and not ours.spliced
            and ours.relevance >= quoted.relevance - AT_LEAST_AS_WELL
        ):
            return kept, ours
    return kept, quoted


def _merit(candidate: Weighed) -> tuple[bool, bool, float, float]:
    sound = candidate.supported and not candidate.spliced
    return sound, candidate.flags == 0, round(candidate.relevance, 3), candidate.support
