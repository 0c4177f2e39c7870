"""Words of a text with their spans, stems and weights, as evidence is compared by. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"[^\W_]+(?:['’.,:/@&+-][^\W_]+)*%?|[$€£](?=\d)")
_LINK_TARGET = re.compile(r"(?<=\])\([^()\s]*(?:\s+\"[^\"]*\")?\)")
FUNCTION_WORDS = frozenset(
    "a an the this that these those i you he she it we they me him her us them my your his its our "
    "their is are was were be been being am do does did have has had having will would shall should "
    "can could may might must to of in on at by for from with into onto about as and or but if then "
    "than so such there here also just only very too please when while where which who whom whose "
    "what how why not no nor any some all each every both either neither own same other out up down "
    "over under again once more most own s t d ll re ve m let us per via etc any yes well".split()  # noqa: SIM905
)
_LIGHT = frozenset(
    "get gets got make makes made go goes going take takes use used using need needs want wants "
    "help helps see find give gives know like able way ways thing things able one two".split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Token:
    """``text[start:end]``; ``word`` is in lower case, ``stem`` without its ending."""

    word: str
    stem: str
    start: int
    end: int
    weight: float
    content: bool


def tokens_of(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The words of ``text[start:end]`` with spans in ``text``; targets of Markdown links are left."""
    stop = len(text) if end is None else end
    hidden = [match.span() for match in _LINK_TARGET.finditer(text, start, stop)]
    found: list[Token] = []
    for match in _WORD.finditer(text, start, stop):
        if any(first <= match.start() < last for first, last in hidden):
            continue
        word = match.group().casefold().replace("’", "'")
        content = word not in FUNCTION_WORDS and not word.endswith("n't")
        weight = 1.0 if content else 0.15
        if word in _LIGHT:
            weight = 0.5
        elif any(c.isdigit() for c in word):
            weight = 1.6
        elif content and len(word) >= 8:
            weight = 1.2
        found.append(Token(word, stem(word), match.start(), match.end(), weight, content))
    return found


def stem(word: str) -> str:
    """The word without a plural, past or -ing ending: near enough to compare sentences by."""
    word = word.removesuffix("'s").rstrip("'")
    if len(word) <= 3 or not word.isalpha():
        return word
    for suffix, replacement in (
        ("ies", "y"), ("sses", "ss"), ("xes", "x"), ("ches", "ch"), ("shes", "sh"),
        ("ied", "y"), ("ingly", ""), ("edly", ""), ("ing", ""), ("ed", ""), ("ly", ""), ("s", ""),
    ):  # fmt: skip
        if word.endswith(suffix) and len(word) - len(suffix) + len(replacement) >= 3:
            if suffix == "s" and word.endswith(("ss", "us", "is")):
                break
            word = word.removesuffix(suffix) + replacement
            if (
                suffix in ("ing", "ed", "ingly", "edly")
                and word[-1] == word[-2]
                and word[-1] not in "lsz"
            ):
                word = word[:-1]
            break
    return word.removesuffix("e") if len(word) > 3 else word
