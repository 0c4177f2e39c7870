"""Which passwords people may choose, wherever one is set: Django calls this after its own validators."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

from assistant.guessed_words import GUESSED_WORDS

_LEAST_SCORE = 3  # zxcvbn's "safely unguessable": 10^8 guesses and more
_READ = 72  # characters; zxcvbn's time grows with the square
_LEAST_WORD = 3
_OURS = (
    "countersign",
    "support",
    "helpdesk",
    "agent",
    "admin",
    "administrator",
    "knowledge",
    "auditor",
)
_FEW = 2  # kinds of punctuation that only part what they stand between: `p.a.s.s`, `31.12.1990 …`
_PATTERNS = {"spatial", "sequence", "repeat", "date"}  # zxcvbn's: rows of keys, and the like
_LEAST_REST = 4  # characters that belong to none of them
_JCUKEN = str.maketrans(  # the keys of a Russian keyboard by what a Latin one has there
    "йцукенгшщзхъфывапролджэячсмитьбю", "qwertyuiop[]asdfghjkl;'zxcvbnm,."
)
_LOOKALIKES = str.maketrans("@013457$!l", "aoieastsii")


def _plain(text: str) -> str:
    """Character by character: without case, accents and the usual disguises."""
    return "".join(
        (unicodedata.normalize("NFKD", c)[:1].casefold()[:1] or c).translate(_LOOKALIKES)
        for c in text
    )


def _words(texts: Iterable[str]) -> list[str]:
    """The words of names and addresses, and each name as one word; the longest first."""
    found: set[str] = set()
    for text in texts:
        parts = re.findall(r"[^\W_]+", _plain(text))
        found |= {*parts, "".join(parts)}
    return sorted((word for word in found if len(word) >= _LEAST_WORD), key=len, reverse=True)


class Unguessable:
    """Refuses what is guessed soon: repetitions, rows of keys, known passwords, and what anybody knows.

    Guesses are counted by zxcvbn (Wheeler, USENIX Security 2016), as the password stands and in every
    way in which a guesser sees through it (`_seen_through`), with and without the words that everybody
    knows: of calendars and password lists, the company's name, the product's, the person's own.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError, in words that a person can act on."""
        person = [
            getattr(user, field, "") or ""
            for field in ("username", "first_name", "last_name", "email")
        ]
        known = _words([settings.COMPANY_NAME, settings.SIGNATURE, *_OURS, *GUESSED_WORDS, *person])
        seen = [*_seen_through(password)]
        for text in dict.fromkeys([*seen, *(_without(one, known) for one in seen)]):
            if text.isdigit() or _is_guessed(_once(text[:_READ])):
                raise ValidationError(self.get_help_text(), code="password_guessable")

    def get_help_text(self) -> str:
        return (
            "This password is guessed too easily. Take four or more words that have nothing to do with "
            "each other, with you or with the company, or a random one from a password manager."
        )


def _is_guessed(text: str) -> bool:
    found = zxcvbn(text)
    rest = "".join(one["token"] for one in found["sequence"] if one["pattern"] not in _PATTERNS)
    return found["score"] < _LEAST_SCORE or len(rest) < _LEAST_REST


def _seen_through(password: str) -> Iterator[str]:
    """The password, and what is left of it without the usual ways to make one look longer."""
    yield password
    text = unicodedata.normalize("NFKC", password)  # full width
    if len({c for c in text if not c.isalnum()}) <= _FEW:
        text = "".join(c for c in text if c.isalnum()) or "-"
    yield text
    yield re.sub(r"(.)\1+", r"\1", text)  # aaaabbbbcccc
    yield text[::2] + text[1::2]  # a1b2c3d4
    yield text.casefold().translate(_JCUKEN)


def _once(text: str) -> str:
    """A text that only repeats itself, said once."""
    for size in range(1, len(text) // 2 + 1):
        if text[size:] == text[:-size]:
            return text[:size]
    return text


def _without(password: str, known: Iterable[str]) -> str:
    """What a guesser who knows these words has still to guess."""
    plain = _plain(password)
    for word in known:
        while (at := plain.find(word)) >= 0:
            plain = plain[:at] + plain[at + len(word) :]
            password = password[:at] + password[at + len(word) :]
    return password or "-"
