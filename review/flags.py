"""A draft's routing reasons as short words for a list, and how grave each is. Pure: no Django."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Tone = Literal["harm", "check", "plain"]

WITHHOLDING = frozenset({"toxic_draft", "injection", "leak"})
_SHORT: dict[str, tuple[str, Tone]] = {
    "toxic_draft": ("hurtful draft", "harm"),
    "injection": ("injected instruction", "harm"),
    "leak": ("personal data", "harm"),
    "failed": ("no draft", "harm"),
    "harsh_quote": ("harsh words", "check"),
    "toxic_customer": ("hostile customer", "check"),
    "language": ("other language", "check"),
    "no_reply_needed": ("no reply needed", "plain"),
    "nothing_open": ("no open article", "check"),
    "only_closed": ("internal article", "check"),
    "all_excluded": ("article left out", "check"),
    "nothing_found": ("nothing found", "check"),
    "empty_index": ("no articles yet", "check"),
    "unsupported": ("no evidence", "check"),
    "no_generator": ("model away", "check"),
    "article_changed": ("article changed", "check"),
    "source_closed": ("internal article", "check"),
    "passage_excluded": ("article left out", "check"),
    "sentence_excluded": ("sentence left out", "check"),
    "not_read_whole": ("not read whole", "check"),
    "toxicity_customer_unavailable": ("not screened", "check"),
    "toxicity_draft_unavailable": ("not screened", "check"),
    "injection_unavailable": ("not screened", "check"),
    "leaks_unavailable": ("not screened", "check"),
    "language_covered_unavailable": ("language unknown", "check"),
}
_SENTENCE_FLAGS = {
    "number": "a number",
    "date": "a date",
    "url": "a web address",
    "email": "an e-mail address",
    "address": "an address",
    "product": "a product name",
    "name": "a name",
}

_DEPARTURES = {
    "negation": "a “not” more or less",
    "opposite": "the opposite",
}


@dataclass(frozen=True)
class Flag:
    """A short word for a list, with its tone and its full sentence."""

    label: str
    tone: Tone
    text: str


def flags_of(reasons: Sequence[dict[str, Any]]) -> list[Flag]:
    """The reasons that an agent should know before opening the ticket; routine ones are left out."""
    found: dict[str, Flag] = {}
    for reason in reasons:
        short = _SHORT.get(str(reason.get("code", "")))
        if short is not None and short[0] not in found:
            found[short[0]] = Flag(short[0], short[1], str(reason.get("text", "")))
    return list(found.values())


def withholding(reasons: Sequence[dict[str, Any]]) -> list[str]:
    """Why a withheld draft is withheld, in words."""
    grave = [str(row.get("text", "")) for row in reasons if row.get("code") in WITHHOLDING]
    return grave or [str(row.get("text", "")) for row in reasons] or ["The draft was withheld."]


def sentence_flag(code: str) -> str:
    """What a flagged piece of a sentence is, in words."""
    code = code.removeprefix("unsupported_")
    return _SENTENCE_FLAGS.get(code, code.replace("_", " "))


def departure(kinds: Sequence[str]) -> str:
    """What of a person's words departs from the articles, in words."""
    named = [_DEPARTURES.get(kind, sentence_flag(kind)) for kind in kinds]
    return " and ".join(dict.fromkeys(named))
