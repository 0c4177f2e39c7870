"""A reply greets by a given name where it is sure, and by none where it isn't."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.courtesies import dress
from generation.salutation import given_name

SURE = {
    "Anna Berg": "Anna",
    "Berg, Anna": "Anna",
    "von der Leyen, Ursula": "Ursula",
    "ANNA BERG": "Anna",
    "anna-lena berg": "Anna-Lena",
    "Anna": "Anna",
    "Dr. Anna Berg": "Anna",
    "Frau Dr. Anna Berg": "Anna",
    "Anna Berg (she/her)": "Anna",
    "John Smith Jr.": "John",
    "Noor van den Berg": "Noor",
    "Özlem Çelik": "Özlem",
    "Siobhán Ó Briain": "Siobhán",
    "Kwabena Osei-Tutu": "Kwabena",
    "Jean-Pierre Dupont": "Jean-Pierre",
    "Conan O’Brien": "Conan",
    "Chukwuemeka Obi": "Chukwuemeka",
    "Thabo Mokoena": "Thabo",
    "Ji-sung Park": "Ji-sung",
    "János Kovács": "János",
    "O'Connor, Sinead": "Sinead",
    "Herrn Hans Huber": "Hans",
    "aNNa kOwalska": "Anna",
    "José Ortega y Gasset": "José",
}
UNSURE = (
    """
Mrs Berg|anna.berg@example.com|null null|The Berg Family|noreply|Berg|Herr Berg|Mr. and Mrs. Smith|J. Smith
Anna & Jonas Berg|Anna and Jonas|info|Support Team|undefined|N/A|None|Smith Ltd|ACME GmbH|Green Energy
Wang Wei|Kim Min-jun|Nagy Péter|Berg Anna|BERG Anna|Smith, Jr.|Smith, MD|Berlin, Germany|Anna, Jonas|Berg, Mrs
Berg, A.|,|Berg,|山田太郎|Анна Берг|محمد علي|user123|A Berg|IBM Germany|Familie Berg|St. John
test test|Hi Anna|Customer Anna|http://x.example|+49 170 1234567|Anna Berg from the shop round the corner
Professor Snape|Lt. Dan|de Wit|🎉|Anna🎉|first last|Vorname Nachname|do not reply|Mailer-Daemon|x|O'Brien
Lê Minh|Popescu Ion|Bäckerei Schmidt|Schmidt Bäckerei|Eheleute Schmidt|Hausverwaltung Krause|Night Shift|Former Member
Sehr Geehrte|Oma Berg|King Charles|Coach Carter|Berlin Mitte|Holy Cross|Blue Moon|Mary's Kitchen|Lena’s Laden
Georg Fischer AG|Otto Versand|Estimado Cliente|Sin Nombre|Fru Hansen|Pfarrer Braun|Umm Kulthum|Lorem Ipsum
John et Jane Dupont|John y Ana García|Ana e Marco Rossi|Anna u. Jonas Berg|StB Maier|Doc Brown
""".strip()
    .replace("\n", "|")
    .split("|")
)


@pytest.mark.parametrize("name", SURE)
def test_a_given_name_that_is_sure_is_used(name: str) -> None:
    assert given_name(name) == SURE[name]


@pytest.mark.parametrize("name", UNSURE)
def test_where_it_is_not_sure_nobody_is_named(name: str) -> None:
    assert given_name(name) == ""
    reply = dress("Hold the ring.", first_name=given_name(name), signature="The team")
    assert reply.startswith("Hello,\n")


@given(st.text(max_size=300))
def test_any_text_gives_one_short_word_of_letters_or_nothing(name: str) -> None:
    found = given_name(name)
    assert found == "" or (" " not in found and len(found) <= 60 and found[0].isupper())
    assert set(found) <= {c for c in found if c.isalpha() or c in "-'’"}
