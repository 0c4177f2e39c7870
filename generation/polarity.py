"""Whether a sentence and its evidence say yes or no to the same thing. Pure.

A "not" is one word among twenty: word overlap and embeddings hardly see it. So negations are read
with the words that they deny, and opposites (before, after) by pairs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from generation.tokens import Token

_NEGATORS = frozenset(
    "not no never cannot can't without neither nor none nobody nothing nowhere unable hardly "
    "n't don't doesn't didn't isn't aren't wasn't weren't won't wouldn't shouldn't couldn't "
    "don doesn didn isn aren wasn weren wouldn shouldn couldn hasn haven hadn mustn needn "
    "mustn't haven't hasn't hadn't needn't ain't shan't dont doesnt cant wont isnt".split()
)
_EXCEPTIONS = frozenset(["unless", "except", "excluding", "apart"])
_HEDGED = frozenset(["sur", "know", "worry", "hesitat", "forget", "matter"])
_REACH = 4  # content words after a negation that it may deny
_CLAUSE = re.compile(
    r"[.;:!?,()\n]|\b(?:but|and|or|if|when|because|while|then|so|until|once)\b", re.I
)

_OPPOSITES = (
    "before|after", "enable|disable", "enabled|disabled", "increase|decrease|reduce", "more|less|fewer",
    "minimum|maximum", "least|most", "open|close", "on|off", "accept|reject|refuse|deny",
    "include|exclude", "add|remove|delete", "above|below", "over|under", "required|optional",
    "always|never|sometimes", "all|none|some", "every|no", "first|last", "start|stop", "begin|end",
    "connect|disconnect", "install|uninstall", "lock|unlock", "valid|invalid", "possible|impossible",
    "able|unable", "higher|lower", "inside|outside", "earlier|later", "upload|download", "buy|sell",
    "import|export", "public|private", "internal|external", "true|false", "yes|no", "up|down",
    "left|right", "daily|weekly|monthly|yearly|annually", "allow|prevent|forbid|block|prohibit",
    "allowed|forbidden|prohibited|blocked", "eligible|ineligible", "available|unavailable",
    "supported|unsupported", "online|offline", "free|paid", "early|late", "show|hide",
    "visible|hidden", "encrypt|decrypt", "activate|deactivate", "manual|automatic",
    "manually|automatically", "permanent|temporary", "with|without", "safe|unsafe|dangerous",
    "shorter|longer", "younger|older", "smaller|larger|bigger", "cheaper|dearer", "win|lose",
    "red|green|blue|white|yellow|orange|amber", "north|south|east|west", "increase|lower",
    "can|must", "may|must", "approve|reject", "success|failure", "succeed|fail", "hot|cold",
    "mandatory|optional", "same|different", "single|multiple", "from|until", "husband|wife",
    "mother|father", "son|daughter", "male|female", "man|woman",
)  # fmt: skip
_OPPOSITE: dict[str, set[str]] = {}
for _pair in _OPPOSITES:
    _words = _pair.split("|")
    for _word in _words:
        _OPPOSITE.setdefault(_word, set()).update(set(_words) - {_word})
# may stand anywhere for another reason: compared only where the rest of the two sentences is alike
_COMMON = frozenset(
    "on off over under up down left right with all some more most no from can may must".split()
)


def is_negator(word: str) -> bool:
    return word in _NEGATORS or word.endswith(("n't", "n’t"))


@dataclass(frozen=True)
class _Denial:
    """A negation: the first content word that it denies, and all within its reach."""

    first: str
    reach: frozenset[str]


def _denials(tokens: Sequence[Token], text: str) -> list[_Denial]:
    found = []
    for place, token in enumerate(tokens):
        if not is_negator(token.word):
            continue
        reach: list[str] = []
        for follower in tokens[place + 1 :]:
            if len(reach) >= _REACH or _CLAUSE.search(text, token.end, follower.start):
                break
            if follower.content:
                reach.append(follower.stem)
        if reach and reach[0] in _HEDGED:  # "I'm not sure, but", "no matter": nothing is denied
            continue
        found.append(_Denial(reach[0] if reach else "", frozenset(reach)))
    return found


def same_polarity(
    claim: Sequence[Token], claim_text: str, evidence: Sequence[Token], evidence_text: str
) -> bool:
    """Whether nothing that one sentence denies is affirmed by the other.

    An exception ("unless") on one side only counts as a difference too: it is a condition that the
    claim has dropped or made up.
    """
    ours = {token.stem for token in claim if token.content}
    theirs = {token.stem for token in evidence if token.content}
    unmatched = _denials(evidence, evidence_text)
    for denial in _denials(claim, claim_text):
        same = [d for d in unmatched if denial.first in d.reach or d.first in denial.reach]
        if not same and (denial.first not in theirs):
            # another wording of the denial: it may stand for one whose words the claim lacks
            same = [d for d in unmatched if d.reach & denial.reach or d.first not in ours]
        if not same:
            return False
        unmatched.remove(same[0])
    for denial in unmatched:
        said = denial.reach & ours
        if said and (denial.first in ours or len(said) * 2 >= len(denial.reach)):
            return False
        if not denial.reach and len(ours & theirs) * 2 >= len(theirs):
            return False
    return _same_exceptions(claim, evidence, ours)


def _same_exceptions(claim: Sequence[Token], evidence: Sequence[Token], ours: set[str]) -> bool:
    """No exception made up, and none dropped from a clause that the claim repeats."""
    if any(token.word in _EXCEPTIONS for token in claim):
        return any(token.word in _EXCEPTIONS for token in evidence)
    for place, token in enumerate(evidence):
        if token.word in _EXCEPTIONS:
            excepted = {t.stem for t in evidence if t.content and t.start > token.end}
            clause = {t.stem for t in evidence[max(0, place - 8) : place] if t.content} - excepted
            if clause and len(clause & ours) * 2 > len(clause):
                return False
    return True


def has_opposite(claim: Sequence[Token], evidence: Sequence[Token], *, alike: bool) -> bool:
    """Whether a word of the claim stands as its opposite in the evidence, and not as itself.

    ``alike``: the two are otherwise near in wording, so that small words may be compared too.
    """
    ours = {token.word for token in claim}
    theirs = {token.word for token in evidence}
    for word in ours - theirs:
        if word in _COMMON and not alike:
            continue
        opposites = _OPPOSITE.get(word, set()) | _OPPOSITE.get(_base(word), set())
        for opposite in opposites:
            meant = {opposite, opposite + "s", opposite + "d", opposite + "ed"}
            if _base(word) in {_base(w) for w in theirs}:
                break
            if (opposite not in _COMMON or alike) and meant & theirs and not meant & ours:
                return True
    return False


def _base(word: str) -> str:
    for suffix in ("ing", "ed", "es", "s", "d"):
        if word.endswith(suffix) and word.removesuffix(suffix) in _OPPOSITE:
            return word.removesuffix(suffix)
        if word.endswith(suffix) and word.removesuffix(suffix) + "e" in _OPPOSITE:
            return word.removesuffix(suffix) + "e"
    return word
