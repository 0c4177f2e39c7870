"""Card and account numbers, masked before anything is stored. Pure: the web process loads no model.

Cards by the issuers' prefixes and lengths and the Luhn check (ISO/IEC 7812-1), accounts by the
country's length and mod 97 (ISO 13616), security codes by the words before them. A number that is
called a card but fails the Luhn check (a slip of the finger) is masked too.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Literal

MASK = "•"
_KEPT = 4
# what people and mail programs put between groups of digits
_GAP = r"[ \u00a0\u2002-\u200d\u202f\u2060\ufeff.\u2010-\u2015_\-]"
_GROUPS = re.compile(rf"(?<![\d.])\d+(?:{_GAP}{{1,3}}\d+)*(?!\d)")
_CALLED_CARD = re.compile(
    r"(?i)\b(?:card|visa|mastercard|maestro|amex|american express|debit|credit|discover|"
    r"karte\w*|carte|tarjeta)\b[^\d\n]{0,40}$"
)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \u00a0\-]?[A-Za-z0-9])")
_CODE = re.compile(
    r"(?i)\b(?:cvv2?|cvc2?|cvn|csc|cid|(?<!social )security (?:code|number)|card code|"
    r"(?:card )?verification (?:code|value|number)|(?:3|4|three|four)[- ]digits?(?: code| number)?"
    r"(?: on the back)?)\b(?:[^\w\n]|is|number|no|code|on|the|back|my|card|of|it|it's|s){0,24}?"
    r"(?<!\d)(?P<code>\d{3,4})(?![-.,]?\d)"
)
# prefixes and lengths of the large issuers
_ISSUERS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"3(?:0[0-5]|095|[689])"), (14, 16)),
    (re.compile(r"35|6011|64[4-9]|65|62|81"), (16, 17, 18, 19)),
    (re.compile(r"1800|2131"), (15,)),
    (re.compile(r"50|5[6-9]|6[0-9]"), (13, 14, 15, 16, 17, 18, 19)),
)
_IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30, "NL": 18,
    "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22, "SA": 24,
    "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23, "TN": 24,
    "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip


@dataclass(frozen=True)
class CardSpan:
    """Where in a text (half-open, in characters) a card, an IBAN or a security code stands."""

    kind: Literal["card", "iban", "security_code"]
    start: int
    end: int


def is_card(number: str) -> bool:
    """Whether the digits are 13 to 19, not all the same, and pass the Luhn check."""
    digits = [unicodedata.digit(c) for c in number if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(number: str) -> bool:
    """Whether it has the length of its country and a right check number."""
    plain = re.sub(r"[\s\-]", "", number).upper()
    if not (plain.isascii() and plain.isalnum()) or _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def card_spans(text: str) -> list[CardSpan]:
    """Every card, IBAN and security code of a text, in order, none overlapping."""
    found = [*_ibans(text)]
    taken = [(span.start, span.end) for span in found]
    for candidate in [*_cards(text), *_codes(text)]:
        if all(candidate.end <= start or candidate.start >= end for start, end in taken):
            found.append(candidate)
            taken.append((candidate.start, candidate.end))
    return sorted(found, key=lambda span: span.start)


def _issued(digits: str) -> bool:
    return any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _ISSUERS)


def _cards(text: str) -> list[CardSpan]:
    found = []
    for run in _GROUPS.finditer(text):
        groups = [
            (match.start() + run.start(), match.end() + run.start())
            for match in re.finditer(r"\d+", run[0])
        ]
        digits = [
            "".join(str(unicodedata.digit(c)) for c in text[start:end]) for start, end in groups
        ]
        first = 0
        while first < len(groups):
            last = _card_end(text, groups[first][0], digits, first)
            if last is None:
                first += 1
                continue
            found.append(CardSpan("card", groups[first][0], groups[last][1]))
            first = last + 1
    return found


def _card_end(text: str, start: int, groups: list[str], first: int) -> int | None:
    """The last group of the card that begins with the first one: the longest that checks."""
    digits, best = "", None
    for last in range(first, min(len(groups), first + 19)):
        digits += groups[last]
        if len(digits) > 19:
            break
        if len(digits) < 13:
            continue
        if _issued(digits) and (is_card(digits) or _slip(text, start, digits)):
            best = last
    return best


def _slip(text: str, start: int, digits: str) -> bool:
    """Whether a number that fails the Luhn check is called a card by the words before it."""
    before = text[max(0, start - 80) : start]
    return len(digits) in (15, 16) and len(set(digits)) > 1 and bool(_CALLED_CARD.search(before))


def _ibans(text: str) -> list[CardSpan]:
    found: list[CardSpan] = []
    for start in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(start[0][:2].upper())
        if length is None:
            continue
        position, count = start.start(), 0
        while position < len(text) and count < length:
            if text[position].isascii() and text[position].isalnum():
                count += 1
            elif text[position] not in " \u00a0-":
                break
            position += 1
        whole = position == len(text) or not text[position].isalnum()
        if count == length and whole and is_iban(text[start.start() : position]):
            found.append(CardSpan("iban", start.start(), position))
    return found


def _codes(text: str) -> list[CardSpan]:
    return [
        CardSpan("security_code", match.start("code"), match.end("code"))
        for match in _CODE.finditer(text)
    ]


def _masked(number: str, kept: int) -> str:
    """The number with all but its last characters hidden; spaces and dashes stay."""
    out = []
    for c in reversed(number):
        if not c.isalnum():
            out.append(c)
        elif kept:
            out.append(c)
            kept -= 1
        else:
            out.append(MASK)
    return "".join(reversed(out))


def mask_cards(text: str) -> tuple[str, int]:
    """The text with card, account and security numbers masked, and how many were.

    Cards and accounts keep their last four characters, security codes none; the length of the text
    stays the same.
    """
    spans = card_spans(text)
    for span in spans:
        kept = 0 if span.kind == "security_code" else _KEPT
        text = text[: span.start] + _masked(text[span.start : span.end], kept) + text[span.end :]
    return text, len(spans)


def mask_card_data(text: str) -> str:
    """The masked text alone."""
    return mask_cards(text)[0]
