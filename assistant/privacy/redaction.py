"""Personal data replaced by placeholders, for texts that leave the sealed store as training data.

Patterns (presidio's, `assistant.privacy.pii`) find addresses and numbers; names are found only where
the caller knows them, since no pattern tells a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from assistant.privacy.pii import find_pii, plain_value

_PLACEHOLDER = re.compile(r"\[(?:card|email|iban|name|phone|security code|ssn) \d+\]")
# Everything the patterns find has a digit or an @, so that most texts need no analyzer.
_WORTH_A_LOOK = re.compile(r"[\d@]")
_SHORTEST_NAME = 3
_ALWAYS = frozenset({"card", "iban", "security_code", "ssn"})


class Redactor:
    """Redacts the texts of one record: the same value has the same placeholder in all of them.

    Args:
        names: what customer and agents are called, as far as it is known.
        published: texts whose addresses and numbers stay (a support line in a help article).
            Card, account and social security numbers go wherever they come from.
    """

    def __init__(self, *, names: Iterable[str] = (), published: Iterable[str] = ()) -> None:
        self._name_patterns = _patterns_of(" ".join(n.split()) for n in names if n.strip())
        self._published = [text for text in published if _WORTH_A_LOOK.search(text)]
        self._kept: set[str] | None = None
        self._known: dict[tuple[str, str], str] = {}

    def __call__(self, text: str) -> str:
        """The text with placeholders such as ``[email 1]``. Raises PiiScreenFailed."""
        pieces, at = [], 0
        for span in find_pii(text) if _WORTH_A_LOOK.search(text) else ():
            value = plain_value(text[span.start : span.end])
            if span.kind in _ALWAYS or value not in self._published_values():
                pieces += [text[at : span.start], self._placeholder(span.kind, value)]
                at = span.end
        text = "".join([*pieces, text[at:]])
        for name, pattern in self._name_patterns:
            if pattern.search(text):
                text = pattern.sub(self._placeholder("name", name), text)
        return text

    def _placeholder(self, kind: str, value: str) -> str:
        number = 1 + sum(known == kind for known, _ in self._known)
        return self._known.setdefault((kind, value), f"[{kind.replace('_', ' ')} {number}]")

    def _published_values(self) -> set[str]:
        if self._kept is None:
            self._kept = {
                plain_value(text[span.start : span.end])
                for text in self._published
                for span in find_pii(text)
            }
        return self._kept


def _patterns_of(names: Iterable[str]) -> list[tuple[str, re.Pattern[str]]]:
    """Whole names in any case, then their parts as written: "Will" is a name, "will" is not."""
    whole = [(name, re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.I)) for name in names]
    parts = [
        (name, re.compile(rf"(?<!\w){re.escape(part)}(?!\w)"))
        for name, _ in whole
        for part in re.split(r"[\s,.]+", name)
        if len(part) >= _SHORTEST_NAME and part[0].isupper()
    ]
    return whole + parts


def placeholders(text: str) -> set[str]:
    """The placeholders that stand in a text."""
    return set(_PLACEHOLDER.findall(text))
