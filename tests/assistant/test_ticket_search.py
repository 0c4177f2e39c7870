"""Tickets are found by what people remember of them, in any case, with or without accents."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from assistant import folding, ticket_search
from assistant.intake import add_message, receive_message
from assistant.models import Message, SearchWord, Ticket, User
from tests.people import signed_in

pytestmark = pytest.mark.django_db


def ticket(**fields: Any) -> Ticket:
    given = {"channel": "web", "body": "Hello"} | fields
    made = receive_message(**given, source="test", actor="system:test", now=timezone.now())
    return made.ticket


def found(query: str) -> set[int]:
    return set(ticket_search.find(Ticket.objects.all(), query).values_list("pk", flat=True))


MISSED = [
    ({"subject": "Order 48213 has not arrived"}, ["48213", "#48213", "order 48213"]),
    ({"subject": "Über-Rabatt fehlt", "name": "Özlem Çelik"}, ["über", "uber", "özlem", "OZLEM", "çelik", "celik"]),
    ({"subject": "Café Zoë broken"}, ["Café", "Zoë", "cafe zoe", "CAFE\u0301"]),
    ({"name": "Conan O’Brien"}, ["O'Brien", "O’Brien", "obrien", "conan o`brien"]),
    ({"body": "My order number is LM-7719923 please help"}, ["LM-7719923", "lm7719923", "7719923", "lm 7719923"]),
    ({"name": "İbrahim Yıldız"}, ["ibrahim", "yildiz", "İBRAHİM", "YILDIZ"]),
    ({"body": "Die Straße heißt Große Gasse"}, ["strasse", "STRASSE", "groẞe"]),
    ({"name": "Łukasz Żółć", "email": "lukasz@mail.example"}, ["lukasz", "zolc", "lukasz@mail.example", "mail.example"]),
    ({"name": "Ρένα Παπαδοπούλου"}, ["ρενα", "ΠΑΠΑΔΟΠΟΥΛΟΥ"]),
    ({"body": "Не работает термостат Ёлка"}, ["термостат", "ТЕРМОСТАТ", "елка"]),
    ({"subject": "返品について", "body": "温度計が壊れました"}, ["返品", "温度計", "壊れました"]),
    ({"body": "ｆｕｌｌ　ｗｉｄｔｈ ﬁne print 123"}, ["full", "width", "fine", "123"]),
    ({"body": "It's Zoe\u0308's. <b>Thermostat</b>, model=AX/12.b"}, ["zoe", "its", "thermostat", "ax/12.b", "12"]),
    ({"external_id": "SHOP/2026-77"}, ["SHOP/2026-77", "2026-77"]),
    ({"subject": "Part LM 77 19923", "body": "error:E-101, 1,299.00 EUR"}, ["LM-77-19923", "e101", "1299"]),
    ({"subject": "طلب ١٢٣٤", "body": "المدرسة على عـــلي ۵۶۷ شکریہ"}, ["1234", "المدرسه", "علي", "567", "شكريه"]),
    ({"body": "เครื่องทำความร้อนไม่ทำงาน"}, ["ร้อน", "ทำงาน"]),
    ({"body": "東京の暖房"}, ["東", "暖房", "京の暖"]),
    ({"body": "हिन्दी में किताब"}, ["हिन्दी", "किताब"]),
    ({"email": "ana.lopes@sub.example.org"}, ["ana.lopes@sub.example.org", "ANA.LOPES", "lopes@sub"]),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "queries"), MISSED)
def test_a_ticket_is_found_by_each_of_its_words(fields: dict[str, str], queries: list[str]) -> None:
    made, other = ticket(**fields), ticket(subject="Something else", name="Bo", body="nothing")
    for query in queries:
        assert made.pk in found(query), query
        assert other.pk not in found(query), query


def test_the_vowels_of_other_scripts_are_letters() -> None:
    ticket(body="किताब और मैं")
    assert found("कुतुब") == found("कतब") == set()


def test_all_words_must_fit_wherever_they_stand() -> None:
    both = ticket(name="Zoë", body="the parrot ate it")
    ticket(name="Zoë", body="the dog ate it")
    assert found("zoe parrot") == {both.pk}
    assert found("zoe cat") == set()
    assert found("  ") == found("–") == found("'") == set()


def test_follow_ups_and_replies_are_found_too() -> None:
    made = ticket(body="first")
    add_message(
        ticket=made,
        body="now the Gerät blinks",
        name="Özlem",
        source="t",
        actor="system:t",
        now=timezone.now(),
    )
    assert found("gerat") == found("ozlem") == {made.pk}
    assert not Message.objects.filter(indexed=False).exists()


def test_a_number_opens_its_ticket_and_comes_first(mara: User) -> None:
    first = ticket(subject="First")
    named = ticket(subject=f"Order {first.pk}")
    assert found(f"#{first.pk}") == {first.pk}
    assert [t.pk for t in ticket_search.find(Ticket.objects.order_by("-pk"), str(first.pk))] == [
        first.pk, named.pk,
    ]  # fmt: skip
    page = signed_in(mara).get("/review/tickets/", {"q": f"#{first.pk}"})
    assert page.status_code == 302
    assert page["Location"] == f"/review/{first.pk}/"
    listed = signed_in(mara).get("/review/tickets/", {"q": "order"})
    assert f"/review/{named.pk}/" in listed.content.decode()


def test_words_are_nowhere_readable_and_go_when_the_ticket_is_forgotten(settings: Any) -> None:
    made = ticket(body="unmistakable zanzibar")
    rows = list(SearchWord.objects.filter(ticket=made).values_list("word", flat=True))
    assert len(rows) == 2
    database = settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        with sqlite3.connect(database["NAME"]) as connection:
            assert "zanzibar" not in "\n".join(connection.iterdump())
    from review.forgetting import forget

    forget(tickets=[made], retire_drafts=True, actor="system:t", now=timezone.now())
    assert found("zanzibar") == found("unmistakable") == set()
    assert not SearchWord.objects.filter(ticket=made).exists()
    assert Ticket.objects.get(pk=made.pk).findable == ""


def test_another_key_makes_other_digests(settings: Any) -> None:
    from assistant.privacy.encryption import blind_word

    before = blind_word("zanzibar")
    assert -(2**63) <= before < 2**63
    settings.INSTALLATION_KEY = "another" * 8
    assert blind_word("zanzibar") != before


def test_tickets_from_before_the_index_are_caught_up_with() -> None:
    made, gone = ticket(body="zanzibar", subject="Élan"), ticket(body="zanzibar")
    SearchWord.objects.all().delete()
    Ticket.objects.update(findable="")
    Message.objects.update(indexed=False)
    gone.key.wrapped, gone.key.destroyed_at = None, timezone.now()
    gone.key.save()
    assert found("zanzibar") == set()
    assert ticket_search.catch_up() == 2
    assert ticket_search.catch_up() == 0
    assert found("zanzibar") == found("elan") == {made.pk}


texts = st.text(min_size=1, max_size=40)


@given(texts)
def test_folding_is_stable_and_case_never_matters(text: str) -> None:
    folded = folding.fold(text)
    assert folding.fold(folded) == folded
    assert folding.chunks(text.upper().lower()) == folding.chunks(text.upper())


@given(texts)
def test_a_text_is_found_by_itself(text: str) -> None:
    has = set(folding.words(text))
    for ways in folding.wanted(text):
        assert ways
        assert all(set(way) <= has for way in ways)
    assert len(folding.wanted(text)) == len(folding.chunks(text))
