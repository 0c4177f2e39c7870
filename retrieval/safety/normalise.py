"""Texts as a reader (or a model) sees them: tricks with Unicode undone, each one noted.

Pure functions; every character of a normalised text remembers where it came from, so that a finding
points into the original.
"""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import lru_cache

# Letters of other scripts that look Latin; mapped only inside words that also hold Latin letters.
_LOOKALIKES = str.maketrans(
    "аеорсухіјѕӏԁькмтвнАВЕКМНОРСТУХІЈЅαοικνρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijsldbkmtbhABEKMHOPCTYXIJSaoiknptuxABEZHIKMNOPTYX",
)
_FOREIGN = re.compile(r"[\u0370-\u03ff\u0400-\u04ff\u0500-\u052f]")
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f")
_LATIN_PAIR = re.compile(r"[A-Za-z]{2}")
_WORD = re.compile(r"\w+")
_LEET = str.maketrans("013457@$!", "oieastasi")
_LEET_WORD = re.compile(
    r"(?<![\w@$!])(?=[\w@$!]{0,40}[a-zA-Z])(?=[\w@$!]{0,40}[013457@$])[\w@$!]{4,40}(?![\w@$!])"
)
# letter and mark have no character in common, so that there is one way to read a run
_SPACED = re.compile(r"(?<!\w)(?:[^\W_][ ._*-]{1,2}){4,400}[^\W_](?!\w)")
_KEPT_CONTROLS = "\n\t"


@dataclass(frozen=True)
class Normalised:
    """`text`, the origin of each of its characters in the original, and what was found hidden."""

    text: str
    origins: tuple[int, ...]
    original_length: int
    notes: tuple[str, ...] = field(default=())

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The half-open span of the original text that a span of the normalised one came from."""
        if start >= end or start >= len(self.origins):
            return self.original_length, self.original_length
        last = self.origins[min(end, len(self.origins)) - 1]
        return self.origins[start], last + 1


@lru_cache(maxsize=4_096)
def width(character: str) -> int:
    """How many characters one becomes: 18 for an Arabic blessing in one sign, mostly 1."""
    return max(1, len(unicodedata.normalize("NFKC", character)))


def normalise(text: str) -> Normalised:
    """Compatibility forms folded, invisible characters dropped, lookalike letters made Latin.

    Characters of Unicode's tag block, which no screen shows but a model reads, are decoded to the
    ASCII letters they stand for.
    """
    characters: list[str] = []
    origins: list[int] = []
    invisible = tags = skipped = 0
    for position, character in enumerate(text):
        code = ord(character)
        if position < skipped:
            continue
        if flag := _FLAG.match(text, position):  # a flag's emoji is spelled with tag characters
            characters.append(character)
            origins.append(position)
            skipped = flag.end()
            continue
        if 0xE0020 <= code <= 0xE007E:
            characters.append(chr(code - 0xE0000))
            origins.append(position)
            tags += 1
            continue
        category = unicodedata.category(character)
        if category in ("Cf", "Cc", "Co", "Cn") and character not in _KEPT_CONTROLS:
            # joiners have their honest use in emoji and in scripts other than Latin
            around = text[max(0, position - 1) : position] + text[position + 1 : position + 2]
            hides = category == "Cf" and character != "\u00ad" and _LATIN_PAIR.match(around)
            invisible += bool(hides)
            continue
        if category == "Zs":
            character = " "
        for folded in unicodedata.normalize("NFKC", character):
            characters.append(folded)
            origins.append(position)
    plain = "".join(characters)
    lookalikes = 0
    if _FOREIGN.search(plain):
        for word in _WORD.finditer(plain):
            if _FOREIGN.search(word[0]) and re.search("[A-Za-z]", word[0]):
                lookalikes += 1
                characters[word.start() : word.end()] = word[0].translate(_LOOKALIKES)
        plain = "".join(characters)
    notes = []
    if tags:
        notes.append("invisible tag characters that spell out text")
    if invisible >= 3:
        notes.append("zero-width or direction characters hidden between letters")
    if lookalikes:
        notes.append("letters of another alphabet that look like Latin ones")
    return Normalised(plain, tuple(origins), len(text), tuple(notes))


def unleet(text: str) -> str:
    """Words written with digits and signs for letters ("1gn0re"), spelled out; same length."""
    return _LEET_WORD.sub(lambda match: match[0].translate(_LEET), text)


def spelled_out(text: str) -> list[tuple[int, int, str]]:
    """Words written letter by letter ("i g n o r e"): each run's span and the letters joined."""
    found = []
    for match in _SPACED.finditer(text):
        words = re.split(r"[ ._*-]{2}", match[0])
        joined = " ".join(re.sub(r"[ ._*-]", "", word) for word in words)
        found.append((match.start(), match.end(), joined))
    return found
