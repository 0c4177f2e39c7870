"""The demo's articles and tickets keep the properties that make them worth demonstrating on."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

DEMO = Path(__file__).resolve().parents[2] / "demo"
ARTICLES = sorted((DEMO / "knowledge").glob("*/*.md"))
TICKET_FIELDS = {
    "external_id", "subject", "body", "name", "email", "channel", "created_at", "language",
}  # fmt: skip
# The payment networks publish these for testing: no account stands behind them.
TEST_CARDS = {"4111111111111111", "5555555555554444", "378282246310005"}
FUNCTION_WORDS = {
    "de": {"und", "ich", "nicht", "ist", "das", "was"},
    "fr": {"le", "mon", "est", "je", "depuis", "une"},
    "es": {"el", "mi", "que", "un", "para", "la"},
}


def split_front_matter(path: Path) -> tuple[dict[str, Any], str]:
    opening, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    assert opening == "", f"{path} does not begin with front matter"
    return yaml.safe_load(front), body


def normalised_sentences(body: str) -> set[str]:
    """Sentences, list items, headings and table rows of more than five words, in lower case."""
    found = set()
    for line in body.splitlines():
        for sentence in re.split(r"(?<=[.!?])\s+", line):
            words = re.findall(r"\w+", sentence.lower())
            if re.match(r"\s*\d+\. ", line) and words[:1] and words[0].isdigit():
                words = words[1:]
            if len(words) > 5:
                found.add(" ".join(words))
    return found


def read_tickets() -> list[dict[str, str]]:
    lines = (DEMO / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def passes_luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def card_numbers(text: str) -> set[str]:
    runs = (re.sub(r"[ -]", "", run) for run in re.findall(r"\b\d(?:[ -]?\d){12,18}\b", text))
    return {digits for digits in runs if passes_luhn(digits)}


def is_valid_iban(text: str) -> bool:
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def test_there_are_at_least_forty_articles_in_several_categories() -> None:
    assert len(ARTICLES) >= 40
    categories = Counter(path.parent.name for path in ARTICLES)
    assert 6 <= len(categories) <= 8
    assert min(categories.values()) >= 4


@pytest.mark.parametrize("path", ARTICLES, ids=lambda path: path.stem)
def test_article_has_complete_front_matter_and_headings(path: Path) -> None:
    front, body = split_front_matter(path)
    assert set(front) == {"title", "category", "language", "updated", "tags"}
    assert front["title"].strip()
    assert front["tags"]
    assert front["category"].lower().replace(" ", "-") == path.parent.name
    assert front["language"] == "en"
    assert isinstance(front["updated"], date)
    assert front["updated"] < date(2026, 11, 20)
    assert re.search(r"^## \S", body, flags=re.MULTILINE)
    assert 150 <= len(body.split()) <= 500


def test_no_two_articles_share_a_title_or_a_sentence() -> None:
    homes: dict[str, set[str]] = defaultdict(set)
    for path in ARTICLES:
        front, body = split_front_matter(path)
        for text in normalised_sentences(body) | {"title: " + front["title"].lower()}:
            homes[text].add(path.stem)
    assert {text: places for text, places in homes.items() if len(places) > 1} == {}


def test_tickets_have_exactly_the_documented_fields_and_unique_ids() -> None:
    tickets = read_tickets()
    assert len(tickets) >= 60
    assert len({ticket["external_id"] for ticket in tickets}) == len(tickets)
    assert len({ticket["body"] for ticket in tickets}) == len(tickets)
    for ticket in tickets:
        assert set(ticket) == TICKET_FIELDS, ticket
        assert all(isinstance(value, str) and value.strip() for value in ticket.values()), ticket
        assert ticket["channel"] in {"email", "web", "api"}, ticket


def test_tickets_name_only_reserved_mail_domains_and_were_written_before_the_demo() -> None:
    moments = []
    for ticket in read_tickets():
        assert re.search(r"[@.]example\.(com|org|net)$", ticket["email"]), ticket
        for domain in re.findall(r"[\w.+-]+@([\w.-]+\w)", ticket["body"]):
            assert re.search(r"(^|\.)example(\.(com|org|net))?$", domain), ticket
        moments.append(datetime.fromisoformat(ticket["created_at"]))
    assert moments == sorted(moments)
    assert moments[-1] < datetime(2026, 11, 20, tzinfo=UTC)
    assert len({moment.date() for moment in moments}) >= 4


def test_card_and_account_data_is_there_and_is_only_published_test_data() -> None:
    found = set()
    ibans = set()
    for ticket in read_tickets():
        found |= card_numbers(ticket["body"])
        ibans |= set(re.findall(r"\b[A-Z]{2}\d{2}(?: ?\d{4}){4} ?\d{2}\b", ticket["body"]))
    assert len(found) >= 2
    assert found <= TEST_CARDS
    assert {iban.replace(" ", "") for iban in ibans} == {"DE89370400440532013000"}
    assert all(is_valid_iban(iban.replace(" ", "")) for iban in ibans)


def test_some_tickets_are_in_other_languages_and_are_labelled_truly() -> None:
    by_language: dict[str, list[str]] = defaultdict(list)
    for ticket in read_tickets():
        by_language[ticket["language"]].append(ticket["body"])
    assert set(by_language) == {"en", "de", "fr", "es", "ja"}
    for language, expected in FUNCTION_WORDS.items():
        for body in by_language[language]:
            assert len(expected & set(re.findall(r"\w+", body.lower()))) >= 2, body
    for body in by_language["ja"]:
        assert len(re.findall(r"[\u3040-\u30ff]", body)) > 20
    for body in by_language["en"]:
        assert not re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", body)


@pytest.mark.parametrize(
    ("kind", "pattern", "at_least"),
    [
        ("open injection", r"(?i)ignore (all )?previous instructions", 1),
        ("hidden injection", r"(?s)<!--.*(assistant|instructions).*-->", 1),
        ("injection in a vendor's name", r"(?i)vendor support.*system prompt", 1),
        ("injection as a system block", r"(?i)### system override", 1),
        ("insult", r"(?i)\b(idiots|morons|clowns)\b", 2),
        ("quoted earlier mail", r"(?m)^> ", 1),
        ("order number", r"\bLM-\d{7}\b", 8),
    ],
)
def test_each_awkward_kind_of_ticket_is_present(kind: str, pattern: str, at_least: int) -> None:
    # DOTALL, since a message's lines belong together.
    matches = [t for t in read_tickets() if re.search(pattern, t["body"], flags=re.DOTALL)]
    assert len(matches) >= at_least, kind


def test_tickets_range_from_one_vague_line_to_a_long_ramble() -> None:
    lengths = sorted(len(ticket["body"]) for ticket in read_tickets())
    assert lengths[0] < 40
    assert lengths[-1] > 800
