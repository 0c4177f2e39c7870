"""What a question and a section have in common word for word, and where they speak of different things.

A careful reader goes by these: the error's own words in a heading, the product, system or version that
is named, the rare word. All values are between 0 and 1 and none depends on a model. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retrieval.codes import codes_of, differs
from retrieval.lexical import terms
from retrieval.product_names import tells_of_another

Weight = Callable[
    [str], float
]  # of a term in the knowledge base, in nats; 0 where it stands nowhere

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
    """A question, read once: its terms in order, and the weights of the telling ones."""

    text: str
    order: tuple[str, ...]
    weights: dict[str, float]
    total: float
    systems: frozenset[str]

    @classmethod
    def of(cls, text: str, weight: Weight) -> Asked:
        order = tuple(terms(text))
        weighed = {term: weight(term) for term in dict.fromkeys(order)}
        heaviest = sorted(weighed, key=lambda term: -weighed[term])[:TELLING]
        kept = {term: weighed[term] for term in heaviest if weighed[term] > 0}
        return cls(text, order, kept, sum(kept.values()) or 1.0, systems_of(text))


def systems_of(text: str) -> frozenset[str]:
    """The operating systems and kinds of client that a text names."""
    return frozenset(name for found in _SYSTEMS.finditer(text) if (name := found.lastgroup))


def literal_evidence(asked: Asked, heading: str, text: str, weight: Weight) -> dict[str, float]:
    """What speaks for and against a section: `heading` is its article's title and headings, `text` its
    own words.

    `words`, `heading_words`: the share of the question's telling words that stand in it, over it;
    `heading_covered`: the share of the heading's that the question holds; `run`, `heading_run`: how
    much the longest run of words tells that both hold; `code`, `other_code`, `system`,
    `other_system`, `other_product`: whether it names the same, or another one alone.
    """
    over = tuple(terms(heading))
    own = tuple(terms(text))
    inside = {*over, *own}
    above = {term: asked.weights.get(term) or weight(term) for term in dict.fromkeys(over)}
    codes = codes_of(asked.text, loose=True)
    told = codes_of(f"{heading}\n{text}")
    named = systems_of(heading)
    return {
        "words": sum(w for term, w in asked.weights.items() if term in inside) / asked.total,
        "heading_words": sum(w for t, w in asked.weights.items() if t in above) / asked.total,
        "heading_covered": sum(w for t, w in above.items() if t in asked.weights)
        / (sum(above.values()) or 1.0),
        "run": _run(asked, own),
        "heading_run": _run(asked, over),
        "code": float(bool(codes & told)),
        "other_code": float(bool(codes) and differs(codes, told)),
        "system": float(bool(named & asked.systems)),
        "other_system": float(bool(named and asked.systems and not named & asked.systems)),
        "other_product": float(tells_of_another(asked.text, heading, text)),
    }


def _run(asked: Asked, said: Sequence[str]) -> float:
    """The heaviest run of at least `LEAST_RUN` terms that stand one after the other in both."""
    places: dict[str, list[int]] = {}
    for place, term in enumerate(asked.order):
        places.setdefault(term, []).append(place)
    best = 0.0
    ending: dict[int, tuple[int, float]] = {}  # runs by the place in the question where they end
    for term in said:
        following: dict[int, tuple[int, float]] = {}
        for place in places.get(term, ()):
            length, weight = ending.get(place - 1, (0, 0.0))
            one = (length + 1, weight + asked.weights.get(term, 0.0))
            following[place] = one
            if one[0] >= LEAST_RUN:
                best = max(best, one[1])
        ending = following
    return min(1.0, best / LONG_RUN)
