"""What a question and a section have in common word for word, and where they speak of different things.

A careful reader goes by these: the error's own words in a heading, the product, system or version that
is named, the rare word. All values are between 0 and 1 and none depends on a model. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retrieval.codes import Code, codes_of, differs
from retrieval.lexical import terms
from retrieval.product_names import tells_of_another

# of a term in the knowledge base, in nats; 0 where it stands nowhere
Weight = Callable[[str], float]

TELLING = 40  # of a long message's terms, the heaviest: a log's other words tell nothing
OPERATING = frozenset({"windows", "mac", "linux", "android", "ios"})  # of `systems_of`
LONG_RUN = 30.0  # nats of a run of words that is surely a quotation
LEAST_RUN = 3  # words
_SYSTEMS = re.compile(
    r"\b(?:(?P<windows>windows|win(?:10|11)|powershell)"
    r"|(?P<mac>mac ?os(?: x)?|os ?x|macs?|macbook\w*|imac)"
    r"|(?P<linux>linux|ubuntu|debian|fedora|centos|rhel|red hat|arch|suse|raspberry pi|raspbian)"
    r"|(?P<android>android|play store)|(?P<ios>ios|iphones?|ipads?|ipados|app store)"
    r"|(?P<web>web ?(?:app|client|version|interface)|browser)"
    r"|(?P<desktop>desktop (?:app|client|version)))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Asked:
    """A question, read once: where each of its terms stands, and the weights of the telling ones."""

    text: str
    places: dict[str, list[int]]
    weights: dict[str, float]
    total: float
    codes: set[Code]
    systems: frozenset[str]

    @classmethod
    def of(cls, text: str, weight: Weight) -> Asked:
        places: dict[str, list[int]] = {}
        for place, term in enumerate(terms(text)):
            places.setdefault(term, []).append(place)
        weighed = {term: weight(term) for term in places}
        heaviest = sorted(weighed, key=lambda term: -weighed[term])[:TELLING]
        kept = {term: weighed[term] for term in heaviest if weighed[term] > 0}
        total = sum(kept.values()) or 1.0
        return cls(text, places, kept, total, codes_of(text, loose=True), systems_of(text))


@dataclass(frozen=True)
class Told:
    """A section, read once for all that is asked: `heading` is its article's title and headings, `over`
    and `own` are the terms of heading and text in order, `above` weighs the heading's."""

    heading: str
    text: str
    over: tuple[str, ...]
    own: tuple[str, ...]
    above: dict[str, float]
    codes: set[Code]
    systems: frozenset[str]

    @classmethod
    def of(cls, heading: str, text: str, weight: Weight) -> Told:
        over = tuple(terms(heading))
        above = {term: weight(term) for term in dict.fromkeys(over)}
        codes = codes_of(f"{heading}\n{text}")
        return cls(heading, text, over, tuple(terms(text)), above, codes, systems_of(heading))


def systems_of(text: str) -> frozenset[str]:
    """The operating systems and kinds of client that a text names."""
    return frozenset(name for found in _SYSTEMS.finditer(text) if (name := found.lastgroup))


def literal_evidence(asked: Asked, told: Told) -> dict[str, float]:
    """What speaks for and against a section.

    `words`, `heading_words`: the share of the question's telling words that stand in it, over it;
    `heading_covered`: the share of the heading's that the question holds; `run`, `heading_run`: how
    much the longest run of words tells that both hold; `code`, `other_code`, `system`,
    `other_system`, `other_product`: whether it names the same, or another one alone.
    """
    inside = {*told.over, *told.own}
    same = told.systems & asked.systems
    return {
        "words": sum(w for term, w in asked.weights.items() if term in inside) / asked.total,
        "heading_words": sum(w for t, w in asked.weights.items() if t in told.above) / asked.total,
        "heading_covered": sum(w for t, w in told.above.items() if t in asked.weights)
        / (sum(told.above.values()) or 1.0),
        "run": _run(asked, told.own),
        "heading_run": _run(asked, told.over),
        "code": float(bool(asked.codes & told.codes)),
        "other_code": float(bool(asked.codes) and differs(asked.codes, told.codes)),
        "system": float(bool(same)),
        "other_system": float(bool(told.systems and asked.systems and not same)),
        "other_product": float(tells_of_another(asked.text, told.heading, told.text)),
    }


def _run(asked: Asked, said: Sequence[str]) -> float:
    """The heaviest run of at least `LEAST_RUN` terms that stand one after the other in both."""
    best = 0.0
    ending: dict[int, tuple[int, float]] = {}  # runs by the place in the question where they end
    for term in said:
        following: dict[int, tuple[int, float]] = {}
        for place in asked.places.get(term, ()):
            length, weight = ending.get(place - 1, (0, 0.0))
            one = (length + 1, weight + asked.weights.get(term, 0.0))
            following[place] = one
            if one[0] >= LEAST_RUN:
                best = max(best, one[1])
        ending = following
    return min(1.0, best / LONG_RUN)
