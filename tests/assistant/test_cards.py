"""Card numbers are masked however they are written, and other numbers are left as they are."""

from __future__ import annotations

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assistant.privacy.cards import card_spans, is_article_number, mask_card_data, mask_cards
from assistant.privacy.pii import find_pii
from assistant.privacy.plain_digits import plain_digits

CARD = "4111111111111111"

FORMS = {
    "alone": "4111111111111111",
    "blanks": "4111 1111 1111 1111",
    "dashes": "4111-1111-1111-1111",
    "dots": "4111.1111.1111.1111",
    "underscores": "4111_1111_1111_1111",
    "slashes": "4111/1111/1111/1111",
    "backslashes": r"4111\1111\1111\1111",
    "commas": "4111,1111,1111,1111",
    "comma and blank": "4111, 1111, 1111, 1111",
    "colons": "4111:1111:1111:1111",
    "bars": "4111|1111|1111|1111",
    "tabs": "4111\t1111\t1111\t1111",
    "blank dash blank": "4111 - 1111 - 1111 - 1111",
    "en dashes": "4111–1111–1111–1111",
    "minus signs": "4111−1111−1111−1111",
    "soft hyphens": "4111\u00ad1111\u00ad1111\u00ad1111",
    "hard blanks": "4111\u00a01111\u00a01111\u00a01111",
    "thin blanks": "4111\u20091111\u20091111\u20091111",
    "zero width": "4111\u200b1111\u200b1111\u200b1111",
    "zero width in every place": "\u200d".join(CARD),
    "wrapped at a dash": "My card is 4111-1111-1111-\n1111, please refund.",
    "wrapped in a group": "4111 1111 11\n11 1111",
    "wrapped without a blank": "41111111\n11111111",
    "wrapped by Windows": "4111 1111\r\n1111 1111",
    "wrapped and quoted": "> 4111 1111\n> 1111 1111",
    "a line each": "4111\n1111\n1111\n1111",
    "digit by digit": "4 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
    "in pairs": "41 11 11 11 11 11 11 11",
    "in eights": "41111111 11111111",
    "br": "4111<br>1111<br/>1111<br />1111",
    "bold": "<b>4111</b> <b>1111</b> <b>1111</b> <b>1111</b>",
    "spans": '<span class="a">4111</span><span>1111</span><span>1111</span><span>1111</span>',
    "in an attribute": '<img alt="4111 1111 1111 1111" src="x.png">',
    "Markdown bold": "**4111** **1111** **1111** **1111**",
    "Markdown code": "`4111` `1111` `1111` `1111`",
    "hard blank entities": "4111&nbsp;1111&nbsp;1111&nbsp;1111",
    "digits as entities": "&#52;&#49;&#x31;1 1111 1111 1111",
    "full width": "４１１１　１１１１　１１１１　１１１１",
    "Arabic digits": "٤١١١ ١١١١ ١١١١ ١١١١",
    "Devanagari digits": "४१११११११११११११११",
    "mathematical digits": "𝟒𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏 𝟏𝟏𝟏𝟏",
    "in brackets": "(4111) (1111) (1111) (1111)",
    "after a label": "card:4111111111111111",
    "after a word": "Visa4111111111111111",
    "in a query": "https://shop.example/pay?card=4111111111111111&x=1",
    "American Express": "3782 822463 10005",
    "Diners Club": "3056 930902 5904",
    "Maestro, called so": "my maestro 6759649826438453",
    "thirteen digits": "Visa 4222222222222",
    "in threes": "378,282,246,310,005",
    "arrows": "5423 → 9871 → 0564 → 2736",
    "ideographic commas": "5423、9871、0564、2736",
    "middle dots of Japanese": "5423・9871・0564・2736",
    "in a link": "https://pay.example/?pan=5423%209871%200564%202736",
    "as a program's text": r"5423\n9871\u00200564\t2736",
    "a soft line end": "542398=\r\n7105642736",
    "entities without a semicolon": "5423&nbsp9871&nbsp0564&nbsp2736",
    "entities escaped twice": "5423&amp;nbsp;9871&amp;nbsp;0564&amp;nbsp;2736",
    "padded entities": "".join(f"&#{ord(c):09d};" for c in "5423987105642736"),
    "digits as entities, no semicolon": "".join(f"&#{ord(c)}" for c in "5423987105642736"),
    "a cell": "no,x,5423987105642736,ok",
    "a cell behind a number": "12,5423987105642736,ok",
}
IBANS = ["DE89.3704.0044.0532.0130.00", "ＤＥ８９３７０４００４４０５３２０１３０００",
         "IBAN:<b>DE89</b> 3704 0044 0532 0130 00", "de89 3704 0044\n0532 0130 00"]  # fmt: skip
OTHERS = [
    "EAN 4003972980635",
    "4003972980635",
    "Is 4003972980635 (the EAN) in stock?",
    "FedEx 612948475135000",
    "612948475135000",
    "Tracking 9400 1000 0000 0000 0000 00",
    "9205 5901 6491 7312 7510 89",
    "UPS 1Z999AA10123456784",
    "DHL JJD000390007786543210",
    "ISBN 978-3-16-148410-0",
    "IMEI 352099001761481",
    "https://shop.example/p/4111111111111111",
    "see www.shop.example/a/4003972980635-blue?ref=5500005555555559",
    "shop.example/4111111111111111",
    "https://shop.example/" + "a" * 200 + "/5555555555554444",
    "order 4111111111111111",
    "Bestellnummer: 5555555555554444",
    "ORD-4111111111111111",
    "3.4111111111111111 is what the sensor says",
    "Order 48213, 2 pieces at 41.70, total 83.40, call +49 30 901820 or 0171 2345678",
    "2026-11-21 10:15:30.123456",
    "1700000000000",
    "from 4111 to 1111 and 1112",
    "Seriennr. 4500123456789012", "P/N 4539578763621486", "loyalty no 6222123456789014",
    "commit 4539578763621486e", "sha 4111111111111111aaaabbbb", "0x4111111111111111",
    "注文番号 4500123456789012", "我的订单号是4500123456789012", "номер заказа 4500123456789012",
    "bestelnummer 4500123456789012", "ordrenummer 4500123456789012", "sipariş no 4500123456789012",
    "رقم الطلب 4500123456789012", "주문번호 4500123456789012", "numéro de suivi 4500123456789012",
    "número de seguimiento 4500123456789012", "4.539.578.763.621.486", "4,539,578,763,621,486 bytes",
    "+4915112345678, +4915112345679", "52.520006599999,13.404953999999999",
]  # fmt: skip


def digits_shown(text: str) -> str:
    return "".join(c for c in plain_digits(text).text if c.isdigit())


@pytest.mark.parametrize("form", FORMS)
def test_a_card_is_masked_in_every_written_form(form: str) -> None:
    masked, count = mask_cards(FORMS[form])
    assert count == 1, masked
    shown = plain_digits(masked, source=True).text
    assert sum(c.isdigit() for c in shown) <= 6, masked  # the last four, and other numbers about it
    assert mask_cards(masked) == (masked, 0)


@pytest.mark.parametrize("text", IBANS)
def test_an_account_is_masked_in_every_written_form(text: str) -> None:
    masked, count = mask_cards(text)
    assert count == 1, masked
    assert sum(c.isdigit() for c in plain_digits(masked).text) == 4


@pytest.mark.parametrize("text", OTHERS)
def test_other_numbers_are_left(text: str) -> None:
    assert mask_cards(text) == (text, 0)
    assert [span for span in find_pii(text) if span.kind == "card"] == []


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("4111 1111 1111 1111 12/27 123", "•••• •••• •••• 1111 ••/•• •••"),
        ("card 4111111111111111, exp. 03/2028, CVV 987", "card ••••••••••••1111, exp. ••/••••, CVV •••"),
        ("4111-1111-1111-1111\nvalid thru 09-29\nCVC\n321", "••••-••••-••••-1111\nvalid thru ••-••\nCVC\n•••"),
        ("4539578763621486|09|27|123", "••••••••••••1486|••|••|•••"),
        ("4539578763621486|0927|123", "••••••••••••1486|••••|•••"),
        ("4539 5787 6362 1486 vence 09/27", "•••• •••• •••• 1486 vence ••/••"),
        ("CVC: 1 2 3", "CVC: • • •"),
        ("cryptogramme visuel : 123", "cryptogramme visuel : •••"),
        ("código de seguridad 123", "código de seguridad •••"),
        ("Kartenprüfnummer (KPN): 123", "Kartenprüfnummer (KPN): •••"),
        ("error code 123, my code is 1234", "error code 123, my code is 1234"),
        ("CVV: <b>123</b>", "CVV: <b>•••</b>"),
        ("security code ４５６", "security code •••"),
        ("It broke on 12/27 at 123 Main Street", "It broke on 12/27 at 123 Main Street"),
        ("EAN 4003972980635 12/27 123", "EAN 4003972980635 12/27 123"),
    ],
)  # fmt: skip
def test_what_stands_beside_a_card_goes_with_it(text: str, masked: str) -> None:
    assert mask_card_data(text) == masked


def test_sure_is_what_words_call_a_card() -> None:
    assert [s.sure for s in card_spans("my card 4111 1111 1111 1111")] == [True]
    assert [s.sure for s in card_spans("4111 1111 1111 1111")] == [False]
    assert [s.sure for s in card_spans("my card 4111 1111 1111 1112")] == [False]  # a slip


def luhn(body: str) -> str:
    doubled = [int(d) * 2 if n % 2 == 0 else int(d) for n, d in enumerate(reversed(body))]
    return body + str(-sum(d - 9 if d > 9 else d for d in doubled) % 10)


numbers = st.builds(
    lambda prefix, rest: luhn((prefix + rest)[:15]),
    st.sampled_from(["4", "51", "55", "2221", "2720", "6011", "65", "3530"]),
    st.text("0123456789", min_size=15, max_size=15),
)
gaps = st.sampled_from(
    ["", " ", "-", ".", "\n", "\r\n", "\n> ", "<br>", "&nbsp;", " - ", "\u200b", "*", "_", "\t", " \u2013 ", "</b><b>"]
)  # fmt: skip
scripts = st.sampled_from(["0", "０", "٠", "०", "𝟎"])


@given(numbers, gaps, scripts, st.sampled_from(["", "Hello, ", "I paid with my card ", "see: "]))
def test_any_card_in_any_grouping_gap_and_script(
    number: str, gap: str, zero: str, before: str
) -> None:
    assume(len(set(number)) > 1)
    written = gap.join(number[n : n + 4] for n in range(0, 16, 4))
    written = "".join(chr(ord(zero) + int(c)) if c in "0123456789" else c for c in written)
    masked = mask_card_data(f"{before}{written} please")
    assert digits_shown(masked) == number[-4:]


@given(st.text("0123456789", min_size=12, max_size=12))
def test_article_numbers_are_left_unless_called_cards(body: str) -> None:
    article = next(body + str(d) for d in range(10) if is_article_number(body + str(d)))
    for text in (article, f"the article {article}", f"https://x.example/{article}"):
        assert mask_cards(text) == (text, 0)


@given(st.text(max_size=300))
def test_any_text_can_be_masked_and_masking_twice_changes_nothing(text: str) -> None:
    masked, _ = mask_cards(text)
    assert mask_cards(masked)[0] == masked
    for span in card_spans(text):
        assert 0 <= span.start < span.end <= len(text)


@pytest.mark.parametrize(
    "piece",
    ["4111 ", "4", "4,,,,,,,", "<", "<b", "&#52;", "card is ", "cvv it's ", "4111111111111111 exp",
     "4111111111111111 expirexpirexpir", "DE89 ", "4111111111111111/", "\u200b", "ﷺ"],
)  # fmt: skip
def test_the_time_grows_with_the_length(piece: str) -> None:
    def seconds(characters: int) -> float:
        text = piece * (characters // len(piece))
        began = time.process_time()
        mask_cards(text)
        return time.process_time() - began

    seconds(1_000)
    small = max(min(seconds(12_000), seconds(12_000)), 0.005)
    assert seconds(48_000) < 12 * small
