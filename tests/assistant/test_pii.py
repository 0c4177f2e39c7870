"""Personal data: cards are masked by light code, presidio agrees, drafts don't leak."""

import subprocess
import sys

import pytest

from assistant.privacy import pii
from assistant.privacy.cards import card_spans, is_card, is_iban, mask_card_data, mask_cards
from assistant.privacy.pii import PiiScreenFailed, find_pii, leaks_in_draft

CARDS = [
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "5555555555554444",
    "378282246310005",
    "3782 822463 10005",
    "6011111111111117",
    "30569309025904",
]
IBANS = ["DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "FR1420041010050500013M02606"]


@pytest.mark.parametrize("number", CARDS + IBANS)
def test_card_and_account_numbers_keep_only_their_last_four(number: str) -> None:
    text = f"Hi, please refund order 88123 to {number} today."
    masked, count = mask_cards(text)
    assert count == 1
    plain = [c for c in number if c.isalnum()]
    assert masked.startswith("Hi, please refund order 88123 to •")
    assert masked.endswith(" today.")
    assert [c for c in masked[33:-7] if c.isalnum()] == plain[-4:]
    assert len(masked) == len(text)


@pytest.mark.parametrize("number", CARDS)
def test_a_digit_changed_is_no_card_unless_it_is_called_one(number: str) -> None:
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not is_card(wrong)
    assert mask_card_data(f"tracking number {wrong}") == f"tracking number {wrong}"
    if len([c for c in wrong if c.isdigit()]) in (15, 16):
        assert "•" in mask_card_data(f"my visa card is {wrong}")


@pytest.mark.parametrize(
    "text",
    [
        "order 1234567890123456",
        "ticket 2026-11-21 10:15:30 id 998877",
        "0000 0000 0000 0000",
        "call 0800 1111 2222 3333",
        "DE89 3704 0044 0532 0130 01 is refused",
        "My social security number is not in the form",
        "the security code never arrived, 3 days now",
        "version 4.1111.1111",
    ],
)
def test_ordinary_numbers_stay(text: str) -> None:
    assert mask_cards(text) == (text, 0)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("cvv 123", "cvv •••"),
        ("the CVC2: 1234.", "the CVC2: ••••."),
        (
            "security code on the back of my card is 999",
            "security code on the back of my card is •••",
        ),
    ],
)
def test_security_codes_are_masked_whole(text: str, masked: str) -> None:
    assert mask_card_data(text) == masked


def test_a_card_is_found_behind_another_number_and_in_disguise() -> None:
    assert mask_card_data("order 12345 4111 1111 1111 1111") == "order 12345 •••• •••• •••• 1111"
    assert "41" not in mask_card_data("4111\u200b1111\u200b1111\u200b1111")
    assert "４１" not in mask_card_data("４１１１１１１１１１１１１１１１")
    assert [s.kind for s in card_spans("5555555555554444 4111111111111111")] == ["card", "card"]


def test_masking_twice_changes_nothing_more() -> None:
    once = mask_card_data("4111 1111 1111 1111, cvv 123, DE89 3704 0044 0532 0130 00")
    assert mask_cards(once) == (once, 0)


@pytest.mark.parametrize("text", [f"pay with {n} please" for n in CARDS + IBANS])
def test_the_light_functions_find_what_presidio_finds(text: str) -> None:
    from presidio_analyzer.predefined_recognizers import CreditCardRecognizer, IbanRecognizer

    theirs = [
        *(CreditCardRecognizer().analyze(text, ["CREDIT_CARD"]) or []),
        *(IbanRecognizer().analyze(text, ["IBAN_CODE"]) or []),
    ]
    ours = card_spans(text)
    assert [(r.start, r.end) for r in theirs] == [(s.start, s.end) for s in ours]


def test_light_masking_loads_neither_presidio_nor_torch() -> None:
    program = (
        "import sys\n"
        "from assistant.privacy.pii import mask_card_data\n"
        "assert mask_card_data('4111 1111 1111 1111').endswith('1111')\n"
        "print([m for m in ('torch', 'presidio_analyzer', 'spacy') if m in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_kinds_and_spans_of_personal_data() -> None:
    text = (
        "Write to ana.silva@example.org or call +1 212-555-0187; "
        "my SSN is 219-09-9998 and my card 4111 1111 1111 1111."
    )
    found = {span.kind: text[span.start : span.end] for span in find_pii(text)}
    assert found == {
        "email": "ana.silva@example.org",
        "phone": "+1 212-555-0187",
        "ssn": "219-09-9998",
        "card": "4111 1111 1111 1111",
    }


def test_finding_addresses_asks_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    def refuse(*arguments: object, **named: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert [s.kind for s in find_pii("mail bob@some-new-shop.co.uk please")] == ["email"]


def test_a_draft_may_repeat_what_its_passages_say() -> None:
    passage = "Reach us at help@shop.example.com or (212) 555-0187 on weekdays."
    draft = "Please write to HELP@shop.example.com or call +1 212-555-0187."
    assert leaks_in_draft(draft, [passage]) == []


def test_a_draft_with_somebody_elses_data_leaks() -> None:
    passage = "Reach us at help@shop.example.com."
    draft = "Your neighbour is tom.berg@mail.example.com, phone +44 20 7946 0958."
    assert [span.kind for span in leaks_in_draft(draft, [passage])] == ["email", "phone"]


def test_a_card_leaks_even_if_a_passage_holds_it() -> None:
    text = "We refunded 4111 1111 1111 1111."
    assert [span.kind for span in leaks_in_draft(text, [text])] == ["card"]


def test_a_draft_without_personal_data_leaks_nothing() -> None:
    assert (
        leaks_in_draft("Open Settings, choose Orders and click on Return. It takes 14 days.", [])
        == []
    )


def test_account_check_needs_the_countrys_length() -> None:
    assert is_iban("DE89370400440532013000")
    assert not is_iban("DE8937040044053201300")
    assert not is_iban("ZZ89370400440532013000")


def test_a_failing_analyzer_raises_its_named_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def analyze(self, *arguments: object, **named: object) -> None:
            raise RuntimeError("no pattern")

    monkeypatch.setattr(pii, "_analyzer", Broken)
    with pytest.raises(PiiScreenFailed, match="no pattern"):
        find_pii("anything")
