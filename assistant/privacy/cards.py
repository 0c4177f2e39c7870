"""Card and account numbers, masked before anything is stored. Pure: the web process loads no model.

Cards by the Luhn check (ISO/IEC 7812-1), accounts by mod 97 (ISO 13616), security codes by the word
before them.
"""

from __future__ import annotations

import re

MASK = "•"
_CARD = re.compile(r"(?<![\w.+-])(?:\d[ \-\u00a0]?){12,18}\d(?![\w-])")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ \u00a0]?[A-Z0-9]{1,4}){3,8}\b")
_CODE = re.compile(
    r"(?i)\b(cvv2?|cvc2?|cid|csc|security code|card code)\b(\W{0,4}(?:is|number|no\.?)?\W{0,4})(\d{3,4})\b"
)


def is_card(number: str) -> bool:
    """Whether the digits are 13 to 19 and pass the Luhn check."""
    digits = [int(c) for c in number if c.isdigit()]
    if not 13 <= len(digits) <= 19 or len(set(digits)) == 1:
        return False
    doubled = (sum(divmod(2 * d, 10)) for d in digits[-2::-2])
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def is_iban(number: str) -> bool:
    """Whether it is 15 to 34 characters with a right check number."""
    plain = re.sub(r"\s", "", number)
    if not 15 <= len(plain) <= 34 or not plain.isalnum():
        return False
    turned = plain[4:] + plain[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == 1


def _masked(number: str) -> str:
    """The number with all but its last four characters hidden; spaces and dashes stay."""
    keep = 4
    out = []
    for c in reversed(number):
        if not c.isalnum():
            out.append(c)
        elif keep:
            out.append(c)
            keep -= 1
        else:
            out.append(MASK)
    return "".join(reversed(out))


def mask_cards(text: str) -> tuple[str, int]:
    """The text with card, account and security numbers masked, and how many were."""
    count = 0

    def replace(check):  # type: ignore[no-untyped-def]
        def one(match: re.Match[str]) -> str:
            nonlocal count
            if not check(match[0]):
                return match[0]
            count += 1
            return _masked(match[0])

        return one

    text = _CARD.sub(replace(is_card), text)
    text = _IBAN.sub(replace(is_iban), text)

    def code(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return match[1] + match[2] + MASK * len(match[3])

    return _CODE.sub(code, text), count


def mask_card_data(text: str) -> str:
    """The masked text alone."""
    return mask_cards(text)[0]
