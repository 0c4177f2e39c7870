"""Greeting, thanks, apology, closing: the words of a reply that claim nothing. Pure.

The texts that the pipeline puts around a draft stand here beside the rules that recognise them, so
that grounding never asks for evidence of "Kind regards".
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from generation.facts import facts_of, names_of
from generation.sentences import Sentence, split_sentences

GREETING = "Hi {first_name},"
GREETING_WITHOUT_NAME = "Hello,"
CLOSING = "I hope this helps. Just reply to this message if anything is still unclear."
SIGN_OFF = "Kind regards,"

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
_END = r"[\s.!,:…-]*$"
_GREETING = re.compile(
    r"(?:hi|hello|hey|dear|greetings|good (?:morning|afternoon|evening|day))"
    r"(?:\s+(?:there|all|team))?(?:[\s,]+[^\W\d_][\w.'’-]*){0,4}" + _END,
    re.I,
)
_THANKS = re.compile(
    r"(?:many thanks|thanks|thank you)(?: again| so much| very much| a lot)*"
    r"(?: (?:for|in advance)\b.{0,120})?" + _END,
    re.I,
)
_APOLOGY = re.compile(
    r"(?:(?:we|i)(?: are|'re|’re| am|'m|’m) (?:very |so |really |truly )?sorry|(?:we |i )?apologi[sz]e|"
    r"sorry|(?:my|our) apologies)\b(?: (?:to hear|for|about|that|if)\b.{0,120})?" + _END,
    re.I,
)
_CLOSING = re.compile(
    r"(?:(?:i|we) (?:really |do )?hope (?:that )?(?:this|that|it|you)\b.{0,60}"
    r"|(?:please |just |feel free to |do not hesitate to |don['’]t hesitate to )*"
    r"(?:let (?:us|me) know|reply|write|ask|contact (?:us|me)|get (?:back|in touch)|reach out|come back)\b"
    r"[^,;]{0,40}?(?: if\b.{0,80}| whenever\b.{0,60}| when you\b.{0,60}| with any\b.{0,60}| anytime)?"
    r"|if (?:anything|something|you (?:have|need)|there (?:is|are)|that|this)\b.{0,60}?,? "
    r"(?:please |just |feel free to )*"
    r"(?:let (?:us|me) know|reply|write|ask|contact us|get back|reach out)\b.{0,50}"
    r"|(?:is|was) there anything else\b.{0,60}\??"
    r"|have a (?:nice|great|good|lovely|wonderful)\b.{0,40}"
    r"|(?:we(?: are|'re|’re)|i(?: am|'m|’m)) (?:always )?(?:here|happy|glad) (?:to help|for you)\b.{0,60}"
    r"|(?:happy|glad) to help\b.{0,60}"
    r"|(?:sure|of course|certainly|absolutely|great question|good question))"
    r"[\s.!,:;?…-]*$",
    re.I,
)
_INTERJECTION = re.compile(
    r"(?:wow|yeah|yea|oh|ok|okay|great|nice|cool|maybe|perhaps|good|perfect|excellent|right|indeed|"
    r"interesting|haha|lol|got it|i see|no problem|no worries|you['’]re welcome|welcome)"
    r"(?:[\s,.!]+(?:wow|yeah|yea|oh|ok|okay|great|nice|cool|good|lol))*" + _END,
    re.I,
)
_SIGN_OFF = re.compile(
    r"(?:(?:kind|best|warm|many)(?:est)? (?:regards|wishes)|best|regards|all the best|(?:yours )?sincerely|"
    r"yours(?: truly| faithfully)?|cheers|take care|thanks|thank you)" + _END,
    re.I,
)
_OPENING = re.compile(
    r"(?:here(?: is|'s|’s| are)|below (?:is|are)|this is|these are) "
    r"(?:how|what|why|where|when|the|some|our)\b"
    r"|you (?:asked|wrote|want|wanted|would like|are asking|wish)\b"
    r"|(?:thank you|thanks) for (?:asking|your (?:question|message|request))\b"
    r"|(?:regarding|about|concerning|as for|on) your (?:question|message|request)\b"
    r"|(?:i|we) (?:understand|see|know)(?: that)? you\b"
    r"|(?:i(?:'d|’d| would)|we(?:'d|’d| would)|(?:i|we) (?:can|will)|i['’]ll|we['’]ll) "
    r"(?:be (?:happy|glad) to |gladly )?"
    r"(?:help|explain|assist|show)\b"
    r"|(?:our|the) (?:help )?(?:articles?|pages?|help centre|guides?) (?:says?|explains?|describes?)\b",
    re.I,
)
_STOCK = frozenset(
    "here is are how what why where when the a an to of for on in with about your you our we i it "
    "this that these do does can will would like want asked asking question message request thanks "
    "thank and or steps step way ways answer information details help helps happy glad explain "
    "explains understand see know that's article articles page pages say says describe describes "
    "guide need needs be some my me us s at by from re as if below following get getting "
    "be centre center please so let just show assist".split()
)
_ADVERSE = re.compile(
    r"\b(?:but|however|although|unless|because|can(?:not|['’]t)?|won['’]t|will|must|may|not|never|no|"
    r"only|which|costs?|free)\b|n['’]t\b",
    re.I,
)
_ASIDE = re.compile(
    r"[,;]\s*(?:which|and|but|so|because|since|as|it|you|we|they|this|that)\b", re.I
)
_QUESTION = re.compile(
    r"(?:do|does|did|are|is|have|has|would|could|can|may|what|which|when|where|who|how|why|shall|"
    r"should|and|or|so|was|were)\b.*\b(?:you|your|i|we|us|me)\b.*\?\s*$",
    re.I | re.S,
)
_DID_YOU_KNOW = re.compile(
    r"(?:and |so )?did you (?:know|realise|realize)\b|(?:isn|aren|don|can)['’]t\b", re.I
)


def courtesies_in(
    text: str, sentences: Sequence[Sentence], *, question: str = "", known: Set[str] = frozenset()
) -> list[bool]:
    """For each sentence, whether it is a courtesy: it claims nothing that could be wrong.

    An opening such as "Here is how to reset the hub." is one while it only repeats words of the
    ``question`` or ``known`` ones (lower case, those of the cited passages); a number, date, URL or
    address that the question lacks always makes a claim. The lines after a sign-off are a
    signature while they are short and carry no such item.
    """
    asked = {word.casefold() for word in _WORD.findall(question)}
    asked_facts = {fact.value for fact in facts_of(question)} if question else set()
    kinds: list[bool] = []
    signing = 0
    for place, sentence in enumerate(sentences):
        line = re.sub(r"^[\s>*_#-]+|[*_]+$", "", sentence.text).strip()
        facts = [fact for fact in facts_of(line) if fact.value not in asked_facts]
        whole_line = _alone_on_line(text, sentence)
        if facts:
            kinds.append(False)
            signing = 0
        elif signing and whole_line and len(line.split()) <= 6 and not _ADVERSE.search(line):
            kinds.append(True)
            signing -= 1
        elif whole_line and place and _SIGN_OFF.match(line):
            kinds.append(True)
            signing = 3
        else:
            kinds.append(_says_nothing(line, asked, known))
            signing = 0
    return kinds


def _alone_on_line(text: str, sentence: Sentence) -> bool:
    before = text[: sentence.start].rstrip(" \t>*_")
    after = text[sentence.end :].lstrip(" \t*_")
    return (not before or before.endswith("\n")) and (not after or after[0] in "\r\n")


def _says_nothing(line: str, asked: Set[str], known: Set[str]) -> bool:
    if not line or not any(c.isalnum() for c in line):
        return True
    if any(rule.match(line) for rule in (_GREETING, _SIGN_OFF, _INTERJECTION)):
        return True
    if _CLOSING.match(line) and not _ASIDE.search(line):
        return True
    if (found := _THANKS.match(line) or _APOLOGY.match(line)) and not _ASIDE.search(line):
        adverse = {m.group().casefold() for m in _ADVERSE.finditer(found.group())}
        if adverse <= asked and "but" not in adverse:
            return True
    if _OPENING.match(line) and not _ASIDE.search(line):
        return _only_restates(line, asked, known)
    if _QUESTION.match(line) and not _DID_YOU_KNOW.match(line):
        names = {str(name.value) for name in names_of(line)}
        return names <= (asked | known)
    return False


def _only_restates(line: str, asked: Set[str], known: Set[str]) -> bool:
    words = {word.casefold() for word in _WORD.findall(line)}
    allowed = _stems(asked | known)
    new = {word for word in words - _STOCK if _stem(word) not in allowed}
    if {str(name.value) for name in names_of(line)} & new:
        return False
    adverse = {match.group().casefold() for match in _ADVERSE.finditer(line)} - {"can", "will"}
    if not adverse <= asked:
        return False
    return len(new) <= max(1, len(words - _STOCK) // 5)


def _stem(word: str) -> str:
    for suffix in ("'s", "’s", "ing", "es", "ed", "s"):
        if word.endswith(suffix) and len(word) - len(suffix) >= 3:
            word = word.removesuffix(suffix)
            break
    return word.removesuffix("e")


def _stems(words: Set[str]) -> set[str]:
    return {_stem(word) for word in words}


def dress(body: str, *, first_name: str, signature: str) -> str:
    """A body as a whole message: greeting, body, closing, sign-off and signature.

    What the body already has (a greeting at its top, a closing at its end) isn't said twice.
    """
    body = body.strip()
    sentences = split_sentences(body)
    parts = []
    if not (sentences and _GREETING.match(sentences[0].text)):
        name = " ".join(first_name.split())
        parts.append(GREETING.format(first_name=name) if name else GREETING_WITHOUT_NAME)
    parts.append(body)
    if not (sentences and _CLOSING.match(sentences[-1].text)):
        parts.append(CLOSING)
    parts.append(f"{SIGN_OFF}\n{signature.strip()}")
    return "\n\n".join(parts)
