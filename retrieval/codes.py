"""Exact codes in a text: error codes, models, versions. Pure.

`PPR-9087`, `ppr9087` and `PPR 9087` are one code, `HTTP 503` and `error 503` too. Two codes of one
family that differ are about different things, however alike the sentences around them are.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from typing import NamedTuple


class Code(NamedTuple):
    """`family` "ppr" and `value` "9087"; numbers behind a word for it are of the families "error" and
    "version" (or the name of an operating system)."""

    family: str
    value: str

    @property
    def term(self) -> str:
        """What an index holds for it beside the words: no word can be taken for it."""
        return f"#{self.family}{self.value}"


_FAMILIES = {
    **dict.fromkeys("error errors fault http status fehler".split(), "error"),
    **dict.fromkeys("version versions release firmware build v".split(), "version"),
    **{name: name for name in "windows android ios macos ubuntu iphone".split()},
}
_NUMBER = r"\d{1,8}(?:\.\d{1,6}){0,4}"
_NAMED = re.compile(
    rf"(?<![\w/@.-])(?:{'|'.join(_FAMILIES)})(?:[ \t]+(?:code|number|no\.?|status))?[ \t]*[:#]?[ \t]*"
    rf"v?{_NUMBER}(?![\w%]|\.\d)",
    re.IGNORECASE,
)
_TAIL = r"\d{1,10}[A-Za-z]{0,2}(?:[-_.]\d{1,10}[A-Za-z]{0,2}){0,3}(?!\w|%|\.\d)"
_JOINED = re.compile(rf"(?<![\w.@/-])(?:0x[0-9a-fA-F]{{2,16}}(?!\w)|[A-Za-z]{{1,8}}[-_]?{_TAIL})")
_APART = re.compile(rf"(?<![\w.@/-])[A-Z]{{2,6}} {_TAIL}")
_LOOSE = re.compile(rf"(?<![\w.@/-])[A-Za-z]{{1,8}}[-_ ]{{0,2}}{_TAIL}")
# what is written so and tells no code: "our order LM-48213" is one of the customer's own things
_OWN = re.compile(
    r"\b(?:order|invoice|ticket|case|tracking|serial|customer|account|reference|booking|parcel|receipt)s?"
    r"(?:\W+(?:number|no|id|nr|is|was|it|#)){0,3}\W*$",
    re.IGNORECASE,
)
_NO_FAMILY = frozenset(
    "eur usd gbp chf jpy kg mm cm km gb mb kb tb am pm bis ca ab um at in on to by of or and the no nr a i an"
    " page step day days about for from than over under only just"
    " within after before until every add up least most first last next each per".split()
)


def codes_of(text: str, *, loose: bool = False) -> set[Code]:
    """The codes of a text. `loose` also takes what only a question may mean as one ("ppr 9087"), and
    leaves the numbers of what is the customer's own."""
    found: set[Code] = set()
    for pattern in (_NAMED, _JOINED, _LOOSE if loose else _APART):
        for match in pattern.finditer(text):
            if loose and _OWN.search(text, max(0, match.start() - 40), match.start()):
                continue
            if code := _code(match.group()):
                found.add(code)
    return found


def _code(written: str) -> Code | None:
    low = written.lower()
    if low.startswith("0x"):
        return Code("0x", low[2:].lstrip("0") or "0")
    letters = re.match(r"[a-z]+", low)
    number = re.search(r"\d.*", low)
    if letters is None or number is None:
        return None
    family = _FAMILIES.get(letters[0], letters[0])
    if family in _NO_FAMILY:
        return None
    value = re.sub(r"[-_]", "", number[0]).rstrip(".")
    return Code(family, value)


def differs(asked: Collection[Code], told: Iterable[Code]) -> bool:
    """Whether a text tells of another code of an asked family, and of none that is asked."""
    others = False
    for code in told:
        alike = [one for one in asked if one.family == code.family]
        if any(_same(one.value, code.value) for one in alike):
            return False
        others = others or bool(alike)
    return others


def _same(one: str, other: str) -> bool:
    """Whether two numbers may mean the same: 3 and 3.1 may, 3.1 and 3.10 don't."""
    shorter, longer = sorted((one, other), key=len)
    return longer == shorter or longer.startswith(f"{shorter}.")
