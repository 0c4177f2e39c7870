"""What is asked for in a message, without what its writer says they don't want or have tried. Pure.

Search and embeddings hardly see a "not": "I do NOT want to cancel, I only want to change the card"
finds how to cancel. So the denied words are left out, where the message says what is wanted instead.
"""

from __future__ import annotations

import re

from retrieval.chunking import sentences
from retrieval.lexical import terms

LONGEST = 16_000  # characters that are looked through
ALONE_TERMS = 4  # from which a rest with an "it" in it stands alone
LEAST_TERMS = 2  # that must be left, or the message stays as it is

_NOT = (
    r"(?:do(?:es)? not|don['’]?t|did not|didn['’]?t|(?:am|are|is) not|['’]m not|will not"
    r"|won['’]?t|would not|wouldn['’]?t|never)"
)
_WANT = (
    r"(?:want(?:ed|ing)?|wish(?:ing)?|need(?:ing)?|like|intend(?:ing)?|plan(?:ning)?|mean|look(?:ing)?"
    r"|try(?:ing)?|ask(?:ing)?|going|interested|talking|after)"
)
# "I do not want to cancel" up to where the wish itself begins
_DENIED_WISH = re.compile(
    rf"(?<!\bif )\b(?:i|we)(?: really| actually| just| certainly"
    rf"| definitely)?[ ]?{_NOT}(?: really| actually| even| yet)? {_WANT}\b"
    r"[^,.;:!?–\n]{0,120}?(?=[,.;:!?–\n]|\bbut\b|\bi (?:only |just )?(?:want|need|would)"
    r"|$)[,;:–]?(?P<but>\s*\bbut\b)?",
    re.IGNORECASE,
)
# "Please don't delete my account, I just want to …"
_PLEASE_DONT = re.compile(
    rf"\b(?:please|pls),? {_NOT} (?!worry|hesitate|forget|mind)[^,.;:!?–\n]{{1,120}}?"
    r"(?=[,.;:!?–\n]|\bbut\b|\bi (?:only |just )?(?:want|need|would)|$)[,;:–]?(?P<but>\s*\bbut\b)?",
    re.IGNORECASE,
)
_NOT_BUT = re.compile(
    r",?\s*\bnot (?:asking |talking |looking )?(?P<kind>to|for|about|the|a|an|my|in|on|with|by"
    r"|from|how to) [^,.;!?\n]{1,80}?,? but (?:rather )?(?=(?P=kind)\b)",
    re.IGNORECASE,
)
_COMMA_NOT = re.compile(
    r",\s*(?:and )?not (?!sure|only|yet|even|just|until|that|because|working|possible|able"
    r"|available|when|if)[^,.;!?\n]{1,60}(?=[,.;!?\n]|$)",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r",?\s*\b(?:instead of|rather than) [^,.;!?\n]{1,60}?(?=[,.;!?\n]|\b(?:when|if|because|so)\b"
    r"|$)",
    re.I,
)
_REMEDY = (
    r"(?:(?:re)?(?:start|boot|install|connect|set(?! my| the pass| your))(?:t?ed|t?ing|s)?"
    r"|power[- ]?cycl\w+|unplug\w+|turn\w* (?:it |everything )?off"
    r"|switch\w* (?:it |everything )?off|clear\w* (?:the |my )?(?:cache|cookies|history)"
    r"|clean(?:ed|ing)|replac\w+ the batter\w+|new batter\w+"
    r"|updat\w+ the (?:app|firmware|software)|(?:another|other|different) (?:browser|cable|device"
    r"|phone|computer|charger|socket|outlet)"
    r"|factory reset|log\w* (?:out|off)|sign\w* out)"
)
_TRIED = re.compile(
    rf"(?:\b(?:and|but|so) )?\b(?:i|we)(?:['’]ve| have| had)?(?: also)? (?:already"
    rf"|tried)\b[^.;!?\n]{{0,40}}?\b{_REMEDY}\b"
    r"[^.;!?\n]{0,80}?(?=[,.;!?\n]|\b(?:but|and (?:it|the|nothing|still|that|now))\b|$)[,;]?"
    rf"|\b{_REMEDY}\b[^,.;!?\n]{{0,60}}?(?:(?:did not|didn['’]?t|does not|doesn['’]?t|has not"
    rf"|hasn['’]?t|never)"
    r" (?:help|work|change anything|fix \w+|solve \w+)"
    r"|(?:did|does|changes?|changed|fixed|solved) nothing|(?:made|makes) no difference|to no avail"
    r"|without (?:success|luck|effect)|(?:had|has) no effect|(?:was|is) (?:no use|useless))"
    r"[^,.;!?\n]{0,30}",
    re.IGNORECASE,
)
_WISH = re.compile(
    r"\b(?:want|would like|['’]d like|need|wish|looking for|trying to|prefer|only|just|instead"
    r"|rather|please|how|can|could|what|where|"
    r"when|is it|do you)\b|\?",
    re.IGNORECASE,
)
_REFERS = re.compile(r"\b(?:it|them|those|these|this|that|ones?)\b", re.IGNORECASE)


def wished(text: str) -> str:
    """The text without what it says is not wanted ("not X but Y", "instead of X", "I don't want X");
    as it is where no other wish stands in it."""
    head = text[:LONGEST]
    left = head
    for denied in (_DENIED_WISH, _PLEASE_DONT):
        without = denied.sub(lambda found: " I want " if found["but"] else " ", left)
        if without != left and _stands_alone(without):
            left = without
    for pattern in (_NOT_BUT, _COMMA_NOT, _INSTEAD):
        left = _where_wished(pattern, left)
    return _tidy(left, head) + text[LONGEST:]


def untried(text: str) -> str:
    """The text without the remedies that its writer has tried; as it is where little else is said."""
    head = text[:LONGEST]
    return _tidy(_TRIED.sub(" ", head), head) + text[LONGEST:]


def _where_wished(pattern: re.Pattern[str], text: str) -> str:
    """Leave the pattern out of the sentences that wish or ask for something."""
    parts: list[str] = []
    end = 0
    for start, stop in sentences(text, 0, len(text)):
        sentence = text[start:stop]
        wishes = _WISH.search(sentence) is not None
        parts += [text[end:start], pattern.sub(" ", sentence) if wishes else sentence]
        end = stop
    return "".join([*parts, text[end:]])


def _stands_alone(left: str) -> bool:
    """Whether what is left is a wish that doesn't lean on what was taken out."""
    leans = _REFERS.search(left) is not None and len(set(terms(left))) < ALONE_TERMS
    return _WISH.search(left) is not None and not leans


def _tidy(left: str, text: str) -> str:
    """What is left without stray marks; the text itself where nothing was taken out, or too much."""
    if left == text or len(set(terms(left))) < LEAST_TERMS:
        return text
    left = re.sub(r"(?<=[.!?])[ \t]+[.,;:]", "", left)  # a sentence that is gone left its mark
    left = re.sub(r"[ \t]+(?=[,.;:!?])", "", re.sub(r"[ \t]{2,}", " ", left))
    return re.sub(r"(?m)^[ \t]*[,.;:!?]+[ \t]*|^[ \t]+", "", left).strip()
