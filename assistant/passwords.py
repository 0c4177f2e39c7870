"""Which passwords people may choose, wherever one is set: Django calls this after its own validators."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from zxcvbn import zxcvbn

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

    Guesses are counted by zxcvbn (Wheeler, USENIX Security 2016), once as the password stands and once
    without the words that everybody knows here: the company's name, the product's, the person's own.
    """

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError, in words that a person can act on."""
        person = [
            getattr(user, field, "") or ""
            for field in ("username", "first_name", "last_name", "email")
        ]
        known = _words([settings.COMPANY_NAME, settings.SIGNATURE, *_OURS, *person])
        for text in (password, _without(password, known)):
            if zxcvbn(_once(text[:_READ]))["score"] < _LEAST_SCORE:
                raise ValidationError(self.get_help_text(), code="password_guessable")

    def get_help_text(self) -> str:
        return (
            "This password is guessed too easily. Take four or more words that have nothing to do with "
            "each other, with you or with the company, or a random one from a password manager."
        )


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
