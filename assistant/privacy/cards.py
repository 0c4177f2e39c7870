"""Card and account numbers, masked before anything is stored. Pure: the web process loads no model.

Cards by the issuers' prefixes and lengths and the Luhn check (ISO/IEC 7812-1), accounts by the
country's length and mod 97 (ISO 13616), security codes and expiry dates by the words and the card
before them. A number that is called a card but fails the Luhn check (a slip of the finger) is masked
too; one that is called something else, stands in an address of the web, or is an article's number
(GTIN, with its own check digit) is left.

Texts are read by `plain_digits`: over line ends, markup, and digits of any script.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from assistant.privacy.plain_digits import TAG, PlainText, plain_digits

MASK = "•"
_KEPT = 4
_LONGEST = 19
_LOOK_BACK = 80  # characters in which a word says what a number is

# What people, mail programs and markup put between the digits of one number.
_DASHES = "\\-\u00ad\u2010-\u2015\u2212\ufe58\ufe63\uff0d"
_TIDY = rf"\s{TAG}{_DASHES}._*~`\\\\>·•\uff0e、・→"
_GAP = re.compile(r"[\W_]{1,12}")
_GROUPS = re.compile(rf"[0-9]+(?:{_GAP.pattern}[0-9]+)*")
_IS_TIDY = re.compile(rf"[{_TIDY}]*")
_BREAK = re.compile(rf"[\n\r\u2028\u2029{TAG}]")

_CARD_WORDS = (
    r"(?:credit|debit|bank|payment|visa|master|prepaid)?[ -]?cards?|visa|master ?card|maestro|amex|"
    r"american express|discover|diners(?: club)?|jcb|union ?pay|mir|rupay|\w*karten?\w*|cartes?|"
    r"tarjetas?|cart[aã]o?|kort\w*|kaart\w*|kart[aąyęeiı]\w*|карт\w+|pan|cc|カード\w*|卡号?|credit|debit"
)
_OTHER_WORDS = (
    r"ean|isbn|issn|gtin|upc|asin|bar ?codes?|sku|articles?|artikel\w*|art|items?|products?|produkt\w*|"
    r"parts?|models?|modell?|serial|s/n|seriennummer|imei|iccid|meid|tracking|track|trace|sendung\w*|"
    r"shipments?|shipping|parcels?|paket\w*|packages?|consignment|waybill|awb|fedex|ups|usps|dhl|"
    r"hermes|dpd|gls|royal mail|orders?|bestell\w*|commande|pedido|ordine|zam[oó]wieni\w*|invoices?|"
    r"rechnung\w*|factura|facture|fattura|reference|referenz|ref|transaction|booking|buchung\w*|"
    r"tickets?|cases?|customer|kunden\w*|client|member(?:ship)?|contract|vertrag\w*|policy|meter|"
    r"zähler\w*|bestel\w*|ordre\w*|serien\w*|p/n|pn|suivi|seguimiento|spårning\w*|loyalty|bonus|"
    r"заказ\w*|посылк\w*|отправлени\w*|sipariş\w*|takip|طلب|الطلب|phone|tel|"
    r"telefon\w*|mobile|handy|fax|licen[cs]e|coupon|voucher|gutschein\w*"
)
_OTHER_WORDS_GLUED = r"订单|訂單|注文|追跡|快递|运单|주문|송장"  # languages without blanks
_LINK_WORDS = (
    r"(?:[^\w\n]|\b(?:numbers?|numero|número|numéro|nummer|num|no|nr|n|code|id|is|was|are|ist|est|es|"
    r"my|the|of|de|it|its|s|reads|ending|starts|with|here|for|mine|nr|номер|رقم)\b|番号|号码?|编号|번호|는|は|是){0,24}$"
)
_CALLED_CARD = re.compile(rf"(?i)(?<![^\W_])(?:{_CARD_WORDS}){_LINK_WORDS}")
_CALLED_OTHER = re.compile(
    rf"(?i)(?:(?<![^\W_])(?:{_OTHER_WORDS})|{_OTHER_WORDS_GLUED}){_LINK_WORDS}"
)
_NEAR_CARD = re.compile(rf"(?i)(?<![^\W_])(?:{_CARD_WORDS})(?![^\W_])[^0-9]*$")
_ADDRESS = re.compile(r"(?i)[a-z]://|\bwww\.|[\w-]\.[a-z]{2,12}/")
_LONGEST_ADDRESS = 500
_IN_CODE = re.compile(r"[A-Z][A-Z0-9]{1,7}-$|[A-Z0-9]*[A-Z]{3,}[0-9]*$")  # ORD-…, JJD000…

_IBAN_START = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z]{{2}}[0-9]{{2}}(?=[{_TIDY}]{{0,4}}[A-Za-z0-9])")
_CODE_WORDS = (
    r"(?:cvv2?|cvc2?|cvn2?|csc|cid|kartenprüfnummer|prüfziffer|sicherheitscode|cryptogramme|kpn|"
    r"code de sécurité|c[oó]digo de segur(?:idad|ança)|codice di sicurezza|beveiligingscode|код безопасности|"
    r"(?<!social )security (?:code|number)|card code|(?:card )?verification (?:code|value|number)|"
    r"(?:3|4|three|four)[- ]digits?(?: code| number)?(?: on the back)?)"
)
_CODE = re.compile(
    rf"(?i)\b{_CODE_WORDS}\b(?:[^\w]|is|number|no|code|on|the|back|my|card|of|it|it's|s|are|es|est|ist|è|visuel){{0,24}}?"
    r"(?<![0-9])(?P<code>[0-9]{3,4}|[0-9](?: [0-9]){2,3})(?![-.,]?[0-9])"
)
_EXPIRY = re.compile(
    r"(?i)(?:[^\w]|exp|expir(?:y|es|ed|ing|ation)|expdate|valid|thru|until|till|through|to|date|gültig|bis|ablauf|vence|caduca|scad|scadenza|expire|hasta|fino|al|le|and|is|the|with|"
    r"good|month|year){0,16}?(?<![0-9])(?P<expiry>(?:0?[1-9]|1[0-2])\s?[/.\-–|]\s?(?:20)?[2-4][0-9]|(?<=[|;])(?:0[1-9]|1[0-2])[2-4][0-9])(?![0-9])"
)
_BARE_CODE = re.compile(r"[^\w\n]{1,6}(?P<code>[0-9]{3,4})(?![0-9]|[.,/-][0-9])")
_AFTER_CARD = 60  # characters in which an expiry date belongs to the card before it

# Prefixes and lengths of issuers; those of the second row are so wide that more must speak for a card.
_ISSUERS = (
    (re.compile(r"4"), (13, 16, 19)),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), (16,)),
    (re.compile(r"3[47]"), (15,)),
    (re.compile(r"3(?:0[0-5]|095|[689])"), (14, 16)),
    (re.compile(r"35(?:2[89]|[3-8])"), (16, 17, 18, 19)),
    (re.compile(r"6011|64[4-9]|65|62|81|60|508|220[0-4]|9792"), (16, 17, 18, 19)),
    (re.compile(r"1800|2131"), (15,)),
)
_WIDE_ISSUERS = ((re.compile(r"50|5[6-9]|6[0-9]"), (13, 14, 15, 16, 17, 18, 19)),)
_AS_ON_CARDS = {(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 5), (8, 8), (6, 13)}
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
    """Where in a text (half-open, in characters) a card, an IBAN, a security code or an expiry stands.

    `sure` where words call it one: what is not sure may have been another number.
    """

    kind: Literal["card", "iban", "security_code", "expiry"]
    start: int
    end: int
    sure: bool = True


@dataclass(frozen=True)
class _Found:
    """The same, in characters of the plain text."""

    kind: Literal["card", "iban", "security_code", "expiry"]
    start: int
    end: int
    sure: bool = True


def is_card(number: str) -> bool:
    """Whether the digits are 13 to 19, not all the same, and pass the Luhn check."""
    digits = [int(c) for c in plain_digits(number).text if c.isdigit()]
    if not 13 <= len(digits) <= _LONGEST or len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_article_number(digits: str) -> bool:
    """Whether the digits are a GTIN of 13 or 14 with its check digit (GS1 General Specifications)."""
    if len(digits) not in (13, 14):
        return False
    weighted = sum(int(d) * (3, 1)[n % 2] for n, d in enumerate(reversed(digits[:-1])))
    return (weighted + int(digits[-1])) % 10 == 0


def is_iban(number: str) -> bool:
    """Whether it has the length of its country and a right check number."""
    plain = re.sub(r"[\s\-]", "", number).upper()
    if not (plain.isascii() and plain.isalnum()) or _IBAN_LENGTHS.get(plain[:2]) != len(plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def card_spans(text: str) -> list[CardSpan]:
    """Every card, IBAN, security code and expiry date of a text, in order, none overlapping."""
    return [
        CardSpan(one.kind, plain.starts[one.start], plain.ends[one.end - 1], one.sure)
        for plain, one in _found_in(text)
    ]


def _found_in(text: str) -> list[tuple[PlainText, _Found]]:
    """What is found in the text as it is read, then inside of its tags; in order of the text."""
    views = [plain_digits(text)]
    if "<" in text:
        views.append(plain_digits(text, source=True))
    chosen: list[tuple[PlainText, _Found]] = []
    taken = bytearray(len(text))
    for plain in views:
        for one in _found(plain.text):
            start, end = plain.starts[one.start], plain.ends[one.end - 1]
            if not any(taken[start:end]):
                taken[start:end] = b"\1" * (end - start)
                chosen.append((plain, one))
    return sorted(chosen, key=lambda pair: pair[0].starts[pair[1].start])


def _found(text: str) -> list[_Found]:
    chosen: list[_Found] = []
    taken = bytearray(len(text))
    cards = _cards(text)
    for one in [*_ibans(text), *cards, *_beside(text, cards), *_codes(text)]:
        if not any(taken[one.start : one.end]):
            taken[one.start : one.end] = b"\1" * (one.end - one.start)
            chosen.append(one)
    return sorted(chosen, key=lambda one: one.start)


def _cards(text: str) -> list[_Found]:
    found: list[_Found] = []
    for run in _GROUPS.finditer(text):
        groups = [
            (m.start() + run.start(), m.end() + run.start()) for m in re.finditer("[0-9]+", run[0])
        ]
        first = 0
        while first < len(groups):
            made = _card_from(text, groups, first)
            if made is None:
                first += 1
                continue
            last, card = made
            found.append(card)
            first = last + 1
    return found


def _card_from(text: str, groups: list[tuple[int, int]], first: int) -> tuple[int, _Found] | None:
    """The card that begins with this group, and its last group: the longest that checks."""
    start = groups[first][0]
    before: str | None = None
    digits, best = "", None
    for last in range(first, min(len(groups), first + _LONGEST)):
        digits += text[slice(*groups[last])]
        if len(digits) > _LONGEST:
            break
        if len(digits) < 13 or not _issued(digits, _ISSUERS + _WIDE_ISSUERS):
            continue
        if before is None:
            before = text[max(0, start - _LOOK_BACK) : start]
        window = groups[first : last + 1]
        called = bool(_CALLED_CARD.search(before))
        if (is_card(digits) and _looks_like_one(text, before, digits, window, called)) or (
            called and len(digits) in (15, 16) and len(set(digits)) > 1
        ):
            sure = called and is_card(digits)
            best = last, _Found("card", start, groups[last][1], sure)
    return best


def _issued(digits: str, issuers: tuple[tuple[re.Pattern[str], tuple[int, ...]], ...]) -> bool:
    return any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in issuers)


def _looks_like_one(
    text: str, before: str, digits: str, groups: list[tuple[int, int]], called: bool
) -> bool:
    """Whether a number that passes the checks is a card, by its words, its shape and its issuer."""
    if called:
        return True
    if _in_address(text, groups[0][0]) or _is_of_a_digest(text, groups):
        return False
    gaps = [text[end:start] for (_, end), (start, _) in pairwise(groups)]
    shape = tuple(len(gap) for gap in _joined(text, groups, gaps))
    if _is_amount(shape, gaps) or _is_telephone(text, groups, digits):
        return False
    as_on_cards = shape in _AS_ON_CARDS or (len(set(shape)) == 1 and len(shape) > 2)
    if len(groups) > 1 and as_on_cards and _issued(digits, _ISSUERS):
        return True  # nobody writes other numbers so, whatever they call them
    if _CALLED_OTHER.search(before) or _IN_CODE.search(before) or _is_fraction(text, groups):
        return False
    if is_article_number(digits) and len(digits) == 13:
        return bool(_NEAR_CARD.search(before))
    if _NEAR_CARD.search(before):
        return True
    tidy = all(_IS_TIDY.fullmatch(gap) for gap in gaps)
    if not _issued(digits, _ISSUERS):
        return tidy and as_on_cards and len(groups) > 1
    return as_on_cards or (tidy and len(groups) <= 6)


def _in_address(text: str, start: int) -> bool:
    """Whether what stands here is a part of an address of the web."""
    token = re.split(r"\s", text[max(0, start - _LONGEST_ADDRESS) : start])[-1]
    return bool(_ADDRESS.search(token))


def _joined(text: str, groups: list[tuple[int, int]], gaps: list[str]) -> list[str]:
    """The groups as they were written before a line end or a tag broke one of them in two."""
    made = [text[slice(*groups[0])]]
    for gap, (start, end) in zip(gaps, groups[1:], strict=True):
        piece = text[start:end]
        if _BREAK.fullmatch(gap) and len(made[-1]) + len(piece) <= 4 and len(made[-1]) < 4:
            made[-1] += piece
        else:
            made.append(piece)
    return made


def _is_fraction(text: str, groups: list[tuple[int, int]]) -> bool:
    """Whether the digits are those behind a decimal point, and not a cell behind a comma."""
    start, end = groups[0][0], groups[-1][1]
    before = text[max(0, start - 8) : start]
    point = r"[0-9]\.$" if text[end : end + 1] == "," else r"[0-9]\.$|(?<![0-9.,])[0-9]{1,3},$"
    return len(groups) == 1 and bool(re.search(point, before))


def _is_amount(shape: tuple[int, ...], gaps: list[str]) -> bool:
    """Whether the groups are those of thousands: 4.539.578.763.621.486. Three first could be a card."""
    return set(shape[1:]) == {3} and shape[0] < 3 and set(gaps) <= {".", ",", "'", "’"}


def _is_telephone(text: str, groups: list[tuple[int, int]], digits: str) -> bool:
    """Whether it is a number in international form, at most 15 digits (ITU-T E.164)."""
    start = groups[0][0]
    return len(digits) <= 15 and bool(
        re.search(r"(?:^|[^0-9])\+$", text[max(0, start - 2) : start])
    )


def _is_of_a_digest(text: str, groups: list[tuple[int, int]]) -> bool:
    """Whether the digits are a part of a longer hexadecimal number."""
    start, end = groups[0][0], groups[-1][1]
    before = re.search(r"[A-Za-z0-9]*$", text[max(0, start - 40) : start])
    after = re.match(r"[A-Za-z0-9]*", text[end : end + 40])
    around = (before[0] if before else "") + (after[0] if after else "")
    return len(groups) == 1 and bool(re.fullmatch(r"(?:0[xX])?[0-9a-f]*|0[xX]", around) and around)


def _beside(text: str, cards: list[_Found]) -> list[_Found]:
    """Expiry dates and security codes that stand beside a card without being called so."""
    found = []
    for card in cards:
        expiry = _EXPIRY.match(text, card.end, card.end + _AFTER_CARD)
        if expiry is None:
            continue
        found.append(_Found("expiry", *expiry.span("expiry"), card.sure))
        if code := _BARE_CODE.match(text, expiry.end()):
            found.append(_Found("security_code", *code.span("code"), card.sure))
    return found


def _ibans(text: str) -> list[_Found]:
    found: list[_Found] = []
    for start in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(start[0][:2].upper())
        if length is None:
            continue
        position, count, gap = start.start(), 0, 0
        while position < len(text) and count < length and gap < 6:
            if text[position].isascii() and text[position].isalnum():
                count, gap = count + 1, 0
            elif _IS_TIDY.fullmatch(text[position]):
                gap += 1
            else:
                break
            position += 1
        whole = position == len(text) or not text[position].isalnum()
        number = "".join(c for c in text[start.start() : position] if c.isalnum())
        if count == length and whole and is_iban(number):
            found.append(_Found("iban", start.start(), position))
    return found


def _codes(text: str) -> list[_Found]:
    return [_Found("security_code", *match.span("code")) for match in _CODE.finditer(text)]


def mask_cards(text: str) -> tuple[str, int]:
    """The text with card, account and security numbers masked, and how many were.

    Cards and accounts keep their last four characters, security codes and expiry dates none; what stands
    between the digits stays.
    """
    found = _found_in(text)
    pieces, at = [], 0
    for plain, one in found:
        for start, end in _hidden(plain, one):
            pieces += [text[at:start], MASK]
            at = end
    return "".join([*pieces, text[at:]]), len(found)


def _hidden(plain: PlainText, one: _Found) -> list[tuple[int, int]]:
    """Where in the text the characters stand that are not shown any more."""
    kept = _KEPT if one.kind in {"card", "iban"} else 0
    places = [n for n in range(one.start, one.end) if plain.text[n].isalnum()]
    shown = places[: len(places) - kept]
    return [(plain.starts[n], plain.ends[n]) for n in shown]


def mask_card_data(text: str) -> str:
    """The masked text alone."""
    return mask_cards(text)[0]
