"""The hard facts in a text: numbers, dates, URLs, addresses and names. Pure: no Django, no model.

A sentence whose words all stand in the evidence can still be wrong by one digit. So these items are
read out of claim and evidence alike, in one canonical form ("thirty days" is "30 days", "March 12"
is "12 March"), and compared one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "date", "url", "address", "name"]


@dataclass(frozen=True)
class Fact:
    """One item, ``text[start:end]``.

    ``value`` is canonical: for numbers the plain number as text, for dates a tuple with None for
    what was left out. ``measure`` is (amount, dimension) where a unit was recognised, amounts of
    one dimension being comparable (1 day is 24 hours).
    """

    kind: Kind
    value: object
    start: int
    end: int
    measure: tuple[float, str] | None = None


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TLD = (
    "com|org|net|gov|edu|mil|int|info|biz|io|co|app|dev|example|test|invalid|ai|me|tv|us|uk|de|"
    "fr|es|it|nl|eu|ca|au|nz|ch|at|ie|se|no|dk|fi|pl|pt|br|in|jp|cn|kr|mx"
)
_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_URL = re.compile(
    rf"(?:https?://|www\.)[^\s<>()\[\]\"'“”|]+|\b(?:[a-z0-9-]+\.)+(?:{_TLD})\b(?:/[^\s<>()\[\]\"'“”|]*)?",
    re.I,
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan", "february feb", "march mar", "april apr", "may", "june jun",
            "july jul", "august aug", "september sept sep", "october oct", "november nov",
            "december dec",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_MONTH = "(?P<month>" + "|".join(sorted(_MONTHS, key=len, reverse=True)) + r")\b\.?"
_DAY = r"(?P<day>[0-3]?\d)(?:st|nd|rd|th)?\b"
_YEAR = r"(?P<year>(?:1[5-9]|20|21)\d\d)\b"
_DATES = (
    re.compile(r"\b(?P<year>\d{4})-(?P<month_number>\d\d)-(?P<day>\d\d)\b"),
    re.compile(rf"\b{_DAY}(?:\s+of)?\s+{_MONTH}(?:\s*,?\s+{_YEAR})?", re.I),
    re.compile(rf"\b{_MONTH}\s+{_DAY}(?!\s*[:.]\d)(?:\s*,?\s+{_YEAR})?", re.I),
    re.compile(rf"\b{_MONTH}\s*,?\s+{_YEAR}", re.I),
    re.compile(r"\b(?P<slashes>\d{1,2}[/.]\d{1,2}[/.](?:\d{4}|\d\d))\b"),
    re.compile(
        r"\b(?P<hour>[01]?\d|2[0-3])(?::(?P<minute>[0-5]\d))?\s*(?P<half>[ap])\.?m\b\.?", re.I
    ),
    re.compile(r"\b(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)\b"),
    re.compile(
        r"\b(?P<weekday>Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)(?:s\b|\b)", re.I
    ),
    re.compile(
        r"\b(?P<month>January|February|April|June|July|August|September|October|November|December)\b"
        r"|(?<=\bin )(?P<month_may>March|May)\b"
    ),
)

_SMALL = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
}
_TENS = {
    word: value * 10
    for value, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(),
        start=2,
    )
}
_SCALES = {"dozen": 12, "hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_NUMBER_WORD = "|".join([*_SMALL, *_TENS, *_SCALES])
_WRITTEN = re.compile(rf"\b(?:{_NUMBER_WORD})(?:(?:[\s-]+|\s+and\s+)(?:{_NUMBER_WORD}))*\b", re.I)
_DIGITS = re.compile(
    r"(?<![\w.])(?P<money>[$€£¥]\s?)?"
    r"(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+){2,}|\d+(?:[.,]\d+)?)"
    r"(?P<scale>\s?(?:million|billion|thousand|dozen)\b)?"
)
_UNIT = re.compile(
    r"[\s-]?(?:(?:business|working|calendar|full|consecutive|more|additional|whole)\s+)?"
    r"(%|°\s?[CF]?|[€$£]|[A-Za-z]+)"
)
# what an amount is multiplied by, and its dimension
_UNITS: dict[str, tuple[float, str]] = {}
for _names, _factor, _dimension in (
    ("second seconds sec secs s", 1, "time"), ("minute minutes min mins", 60, "time"),
    ("hour hours hr hrs h", 3600, "time"), ("day days night nights", 86400, "time"),
    ("week weeks", 604800, "time"), ("month months", 1, "months"), ("year years yr yrs", 12, "months"),
    ("percent % pct", 1, "percent"), ("$ dollar dollars usd", 1, "$"), ("€ euro euros eur", 1, "€"),
    ("£ pound pounds gbp", 1, "£"), ("cent cents", 1, "cents"), ("kb", 1, "bytes"),
    ("mb megabyte megabytes", 1e3, "bytes"), ("gb gigabyte gigabytes", 1e6, "bytes"),
    ("tb terabyte terabytes", 1e9, "bytes"), ("mm millimetres millimeters", 0.1, "length"),
    ("cm centimetres centimeters", 1, "length"), ("m metre metres meter meters", 100, "length"),
    ("km kilometres kilometers", 1e5, "length"), ("ft feet foot", 30.48, "length"),
    ("inch inches", 2.54, "length"), ("mile miles", 160934, "length"), ("g gram grams", 1, "weight"),
    ("kg kilogram kilograms", 1e3, "weight"), ("lb lbs", 453.6, "weight"),
    ("w watt watts", 1, "power"), ("kw", 1e3, "power"), ("v volt volts", 1, "voltage"),
    ("a amp amps ampere amperes", 1, "current"), ("° °c degree degrees", 1, "degrees"), ("°f", 1, "°f"),
    ("mbps", 1, "speed"), ("ghz", 1e3, "frequency"), ("mhz", 1, "frequency"),
    ("time times", 1, "times"), ("person people", 1, "people"), ("user users", 1, "users"),
    ("device devices", 1, "devices"), ("step steps", 1, "steps"), ("credit credits", 1, "credits"),
):  # fmt: skip
    for _name in _names.split():
        _UNITS[_name] = (_factor, _dimension)
_ONE_OF = re.compile(r"\b(?:an?|per|each|every|the same)\s+(?:full\s+)?([a-z]+)\b", re.I)
_MARKER = re.compile(r"^[ \t>]*(?:[-*+•–]|\(?\d{1,3}[.)]|#{1,6})[ \t]+", re.M)
_CITATION = re.compile(r"\[\d{1,3}\]")


def facts_of(text: str) -> list[Fact]:
    """Numbers, dates, URLs and addresses in order; step numbers and citations are no facts."""
    free = bytearray(b"\x01" * len(text))
    found: list[Fact] = []

    def take(start: int, end: int) -> bool:
        if not all(free[start:end]):
            return False
        free[start:end] = bytes(end - start)
        return True

    for marker in (*_MARKER.finditer(text), *_CITATION.finditer(text)):
        take(marker.start(), marker.end())
    for match in _ADDRESS.finditer(text):
        if take(match.start(), match.end()):
            found.append(Fact("address", match.group().casefold(), match.start(), match.end()))
    for match in _URL.finditer(text):
        end = match.start() + len(match.group().rstrip(".,;:!?'*_`"))
        if take(match.start(), end):
            found.append(Fact("url", _canonical_url(text[match.start() : end]), match.start(), end))
    for pattern in _DATES:
        for match in pattern.finditer(text):
            if take(match.start(), match.end()):
                found.append(Fact("date", _date_value(match), match.start(), match.end()))
    for fact in (*_digits(text), *_written(text)):
        if take(fact.start, fact.end):
            found.append(fact)
    return sorted(found, key=lambda fact: fact.start)


def _canonical_url(url: str) -> str:
    return re.sub(r"^(?:https?://)?(?:www\.)?", "", url.casefold()).rstrip("/")


def _date_value(match: re.Match[str]) -> tuple[object, ...]:
    groups = match.groupdict()
    if groups.get("weekday"):
        return ("weekday", groups["weekday"].casefold())
    if groups.get("slashes"):
        return ("slashes", *(int(part) for part in re.split(r"[/.]", groups["slashes"])))
    if groups.get("hour"):
        hour = int(groups["hour"])
        if groups.get("half"):
            hour = hour % 12 + (12 if groups["half"].casefold() == "p" else 0)
        return ("time", hour, int(groups.get("minute") or 0))
    name = groups.get("month") or groups.get("month_may")
    month = _MONTHS[name.casefold()] if name else int(groups["month_number"])
    year, day = groups.get("year"), groups.get("day")
    return ("day", int(year) if year else None, month, int(day) if day else None)


def _digits(text: str) -> Iterator[Fact]:
    for match in _DIGITS.finditer(text):
        raw = match.group("number")
        if raw.count(".") > 1:  # a version
            yield Fact("number", raw, match.start("number"), match.end("number"))
            continue
        grouped = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", raw)
        amount = float(raw.replace(",", "") if grouped else raw.replace(",", "."))
        end = match.end("number")
        if scale := (match.group("scale") or "").strip().casefold():
            amount, end = amount * _SCALES[scale], match.end()
        money = (match.group("money") or "").strip()
        yield _number(text, amount, match.start(), end, money)


def _written(text: str) -> Iterator[Fact]:
    for match in _WRITTEN.finditer(text):
        words = re.split(r"[\s-]+(?:and\s+)?", match.group().casefold())
        total = current = 0
        for word in words:
            if word in _SCALES:
                current = max(current, 1) * _SCALES[word]
                if _SCALES[word] >= 1000:
                    total, current = total + current, 0
            else:
                current += _SMALL.get(word, _TENS.get(word, 0))
        fact = _number(text, float(total + current), match.start(), match.end(), "")
        if words == ["one"] and fact.measure is None:
            continue  # a pronoun: "the one that you bought"
        yield fact


def _number(text: str, amount: float, start: int, end: int, money: str) -> Fact:
    unit = money
    if not unit and (match := _UNIT.match(text, end)):
        unit = match.group(1).replace(" ", "").casefold()
    factor, dimension = _UNITS.get(unit, (0.0, ""))
    value = f"{amount:.6g}" if amount < 1e6 else f"{amount:.0f}"
    return Fact("number", value, start, end, (amount * factor, dimension) if dimension else None)


def implied_ones(text: str) -> set[tuple[float, str]]:
    """Measures that an article implies ("an hour", "per day"): evidence for "one hour"."""
    units = (match.group(1).casefold() for match in _ONE_OF.finditer(text))
    return {_UNITS[unit] for unit in units if unit in _UNITS}


def agrees(claim: Fact, evidence: Fact) -> bool:
    """Whether the evidence's item says what the claim's says (and not less)."""
    if claim.kind != evidence.kind:
        return False
    if claim.kind == "date":
        ours, theirs = claim.value, evidence.value
        assert isinstance(ours, tuple)
        assert isinstance(theirs, tuple)
        if ours[0] != theirs[0] or len(ours) != len(theirs):
            return False
        return all(a is None or a == b for a, b in zip(ours[1:], theirs[1:], strict=True))
    if claim.kind == "url":
        return _inside_site(str(claim.value), str(evidence.value))
    if claim.measure and evidence.measure:
        (ours_, dimension), (theirs_, other) = claim.measure, evidence.measure
        if {dimension, other} == {"time", "months"}:
            return False
        return dimension == other and abs(ours_ - theirs_) <= 1e-6 * max(ours_, theirs_, 1)
    return claim.value == evidence.value


def _inside_site(claim: str, evidence: str) -> bool:
    """A claim may name the page itself, or the bare site of it ("ssa.gov" for "ssa.gov/forms")."""
    return claim == evidence or evidence.split("/")[0].split("?")[0] == claim


# ---- names --------------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W_]+(?:[-'’&.+/][^\W_]+)*")
NOT_A_NAME = _set(
    "i i'm i’m i'll i’ll i've i'd a an the this that these those you your we our it its they he she "
    "if when where while after before once then there here please but and so or nor not no never do "
    "don't don’t does did is are was were be can can't can’t cannot could will won't would should "
    "must may might have has had all any some each every most many more only also as at by for from "
    "in into of on off out over to up with without unless until what who whom whose how why which "
    "yes thanks thank hi hello dear regards best kind sincerely sorry note tip important warning ok "
    "okay than via per am pm"
)
_AFTER_BREAK = re.compile(r"(?:^|[.!?:;…|(\[\"“‘•>*#-]|\d[.)])[\s\"“‘(\[*_`]*$")


def names_of(text: str, *, initial: bool = False) -> list[Fact]:
    """Capitalised words inside a sentence, and words such as DS-82, iPhone or USB-C, in order.

    The word that begins a sentence counts only where its form or the next word shows a name
    (``initial=True`` counts it always). ``value`` is the word in lower case.
    """
    found: list[Fact] = []
    matches = list(_WORD.finditer(text))
    for place, match in enumerate(matches):
        word = match.group().removesuffix("'s").removesuffix("’s")
        if word.casefold() in NOT_A_NAME or not any(c.isalpha() for c in word):
            continue
        if word.casefold().rstrip("s") in _CALENDAR or re.fullmatch(r"\d+[a-z]{1,2}", word):
            continue
        inner_capital = any(c.isupper() for c in word[1:])
        if not inner_capital:
            if not word[0].isupper():
                if not (word[0].isalpha() and any(c.isdigit() for c in word)):
                    continue
            elif not initial and _AFTER_BREAK.search(text, 0, match.start()):
                following = matches[place + 1].group() if place + 1 < len(matches) else ""
                gap = text[match.end() : matches[place + 1].start()] if following else ""
                if not (
                    gap == " "
                    and following[:1].isupper()
                    and following.casefold() not in NOT_A_NAME
                ):
                    continue
        found.append(Fact("name", word.casefold(), match.start(), match.start() + len(word)))
    return found


_CALENDAR = frozenset(_MONTHS) | _set("monday tuesday wednesday thursday friday saturday sunday")
