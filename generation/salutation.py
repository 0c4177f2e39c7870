"""Whom a reply greets: a given name where it is sure, else nobody by name. Pure.

People type all sorts of things where a form asks for a name, and no rule knows every name. A greeting
without a name offends nobody; "Hi Mrs," does.
"""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

from generation.given_names import (
    COMMON,
    FAMILY_FIRST,
    NO_PERSON,
    PARTICLES,
    SUFFIXES,
    TITLES,
)


def _bare(key: str) -> str:
    """Without accents: Chloé is Chloe."""
    return "".join(c for c in unicodedata.normalize("NFD", key) if not unicodedata.combining(c))


_COMMON = frozenset(map(_bare, COMMON))
_BETWEEN = {"y", "e", "i"}
_LONGEST = 60  # of a person's name; more is a sentence
_ASIDE = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\"[^\"]*\"|“[^“”]*”")  # (she/her), "Annie"
# Latin letters, with what stands inside and after them in names
_WORD = re.compile(
    r"[A-Za-z\u00c0-\u024f\u1e00-\u1eff]+(?:['’-][A-Za-z\u00c0-\u024f\u1e00-\u1eff]+)*\.?"
)


def given_name(name: str) -> str:
    """The given name to greet by, in its usual letters; empty where it isn't sure."""
    name = _ASIDE.sub(" ", name[:200]).strip(" \t'’‘,;")
    if not name or len(name) > _LONGEST:
        return ""
    if name.count(",") == 1:
        return _after_the_comma(*name.split(","))
    words = _words(name)
    return _first(words) if words else ""


def _words(text: str) -> list[str] | None:
    """The words of a person's name without titles; None where it is nobody's, or only a family's."""
    found = text.split()
    if not found or not all(_WORD.fullmatch(word) for word in found):
        return None
    keys = [_key(word) for word in found]
    if any(key in NO_PERSON for key in keys) or len(set(keys)) < len(keys) or _two_people(keys):
        return None
    if any(re.search("['’]s$", key) for key in keys):  # Mary's Kitchen
        return None
    titled = [key in TITLES for key in keys]
    words = [
        w
        for w, key, title in zip(found, keys, titled, strict=True)
        if not title and key not in SUFFIXES
    ]
    if not 1 <= len(words) <= 5 or (any(titled) and len(words) == 1):
        return None
    return words


def _two_people(keys: list[str]) -> bool:
    """Ana e Marco Rossi: a word that also stands inside of one person's family name, then a given name."""
    return any(one in _BETWEEN and _given(then) for one, then in pairwise(keys))


def _first(words: list[str]) -> str:
    """The given name where it stands first."""
    first, key = words[0], _key(words[0])
    if len(key.replace("-", "")) < 2 or first.endswith(".") or key in PARTICLES:
        return ""
    if _given(key):
        return _spelt(first)
    unsure = (
        _bare(key) in FAMILY_FIRST or _given(_key(words[-1])) or not _ends_in_a_family_name(words)
    )
    return "" if unsure or not _written_as_a_name(words) else first


def _given(key: str) -> bool:
    """Whether it is a frequent given name, alone or before a hyphen; with or without its accents."""
    first = _parts(key)[0]
    return key in COMMON or first in COMMON or _bare(key) in _COMMON or _bare(first) in _COMMON


def _ends_in_a_family_name(words: list[str]) -> bool:
    """Whether the last word can be nothing else, so that an unknown first one is a given name: Osei-Tutu,
    O’Brien, van Dijk. Of two unknown words, either may be the family's, or both a firm's."""
    last = _key(words[-1])
    return bool(
        _bare(last) in FAMILY_FIRST
        or re.search("[-'’]|^mc", last)
        or any(_key(word) in PARTICLES for word in words[1:-1])
    )


def _after_the_comma(family: str, given: str) -> str:
    """ "Berg, Anna", as address books write it: two names of one person, not a name and a place or
    title. Sure where the second is a given name, and the first is not another one."""
    before, after = _words(family), given.split()
    if before is None or len(before) > 3 or not after:
        return ""
    after_words = _words(given)
    if after_words is None or len(after_words) > 2:
        return ""
    if not _given(_key(after_words[0])) or (len(before) == 1 and _given(_key(before[0]))):
        return ""
    return _spelt(after_words[0])


def _written_as_a_name(words: list[str]) -> bool:
    """Capital letters where names have them: not typed in one case, and no sign of a firm."""
    names = [word for word in words if _key(word) not in PARTICLES]
    return len(names) > 1 and all(
        word[0].isupper() and (word[1:] != word[1:].upper() or len(word) == 1 or word.endswith("."))
        for word in names
    )


def _parts(key: str) -> list[str]:
    return re.split(r"[-'’]", key)


def _spelt(word: str) -> str:
    """A name typed in one case, as names are written: ANNA-LENA is Anna-Lena."""
    if word.isupper() or not word[0].isupper():
        return re.sub(r"[^-'’]+", lambda part: part.group().capitalize(), word)
    return word


def _key(word: str) -> str:
    return word.casefold().rstrip(".")
