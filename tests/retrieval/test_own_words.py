"""What of a message its writer wrote: forwards are opened, history and footers are left."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.forwarded import forward_in, only_passes_on
from retrieval.own_words import own_words
from retrieval.query import ThreadTurn, query_of

QUESTION = "How do I restart my Ember Mini? The ring blinks red since Monday."

# how each program writes a forward, in four languages: a line, headers
GMAIL = {
    "en": "---------- Forwarded message ---------\nFrom: Ana Lopes <ana@example.org>\nDate: Mon, Nov 3, 2025 at 10:12 AM\nSubject: Ember Mini\nTo: Support <help@example.com>\n\n\n",
    "de": "---------- Forwarded message ---------\nVon: Ana Lopes <ana@example.org>\nDate: Mo., 3. Nov. 2025 um 10:12 Uhr\nSubject: Ember Mini\nTo: <help@example.com>\n\n\n",
    "fr": "---------- Message transféré ---------\nDe : Ana Lopes <ana@example.org>\nDate: lun. 3 nov. 2025 à 10:12\nObjet : Ember Mini\nÀ : <help@example.com>\n\n",
    "es": "---------- Mensaje reenviado ---------\nDe: Ana Lopes <ana@example.org>\nFecha: lun, 3 nov 2025 a las 10:12\nAsunto: Ember Mini\nPara: <help@example.com>\n\n",
}
OUTLOOK = {
    "en": "________________________________\nFrom: Ana Lopes <ana@example.org>\nSent: Monday, November 3, 2025 10:12 AM\nTo: Support <help@example.com>;\n Sales <sales@example.com>\nSubject: Ember Mini\n\n",
    "de": "Von: Ana Lopes <ana@example.org>\nGesendet: Montag, 3. November 2025 10:12\nAn: Support <help@example.com>\nBetreff: Ember Mini\n\n",
    "fr": "De : Ana Lopes <ana@example.org>\nEnvoyé : lundi 3 novembre 2025 10:12\nÀ : Support <help@example.com>\nObjet : Ember Mini\n\n",
    "es": "De: Ana Lopes <ana@example.org>\nEnviado el: lunes, 3 de noviembre de 2025 10:12\nPara: Support <help@example.com>\nAsunto: Ember Mini\n\n",
}
APPLE = {
    "en": "Begin forwarded message:\n\n> From: Ana Lopes <ana@example.org>\n> Subject: Ember Mini\n> Date: 3 November 2025 at 10:12:04 CET\n> To: help@example.com\n> \n> ",
    "de": "Anfang der weitergeleiteten Nachricht:\n\n> Von: Ana Lopes <ana@example.org>\n> Betreff: Ember Mini\n> Datum: 3. November 2025 um 10:12:04 MEZ\n> An: help@example.com\n> \n> ",
    "fr": "Début du message transféré :\n\n> De: Ana Lopes <ana@example.org>\n> Objet: Ember Mini\n> Date: 3 novembre 2025 à 10:12:04 UTC+1\n> À: help@example.com\n> \n> ",
    "es": "Inicio del mensaje reenviado:\n\n> De: Ana Lopes <ana@example.org>\n> Asunto: Ember Mini\n> Fecha: 3 de noviembre de 2025, 10:12:04 CET\n> Para: help@example.com\n> \n> ",
}
THUNDERBIRD = {
    "en": "-------- Forwarded Message --------\nSubject: \tEmber Mini\nDate: \tMon, 3 Nov 2025 10:12:04 +0100\nFrom: \tAna Lopes <ana@example.org>\nTo: \thelp@example.com\n\n\n\n",
    "de": "-------- Weitergeleitete Nachricht --------\nBetreff: \tEmber Mini\nDatum: \tMon, 3 Nov 2025 10:12:04 +0100\nVon: \tAna Lopes <ana@example.org>\nAn: \thelp@example.com\n\n\n\n",
    "fr": "-------- Message transféré --------\nSujet : \tEmber Mini\nDate : \tMon, 3 Nov 2025 10:12:04 +0100\nDe : \tAna Lopes <ana@example.org>\nPour : \thelp@example.com\n\n\n\n",
    "es": "-------- Mensaje reenviado --------\nAsunto: \tEmber Mini\nFecha: \tMon, 3 Nov 2025 10:12:04 +0100\nDe: \tAna Lopes <ana@example.org>\nPara: \thelp@example.com\n\n\n\n",
}
ABOVE = {
    "en": "Please handle.\n\nThanks,\nBob\n\n",
    "de": "Kannst du dich bitte darum kümmern?\n\nViele Grüße\nJonas\n\n",
    "fr": "Bonjour Paul, peux-tu traiter cette demande ?\n\nCordialement\nLuc\n\n",
    "es": "Por favor, ¿puedes atender esta consulta?\n\nSaludos\nEva\n\n",
}
FORWARDS = [
    pytest.param(shape[language], ABOVE[language], id=f"{name}-{language}")
    for name, shape in {
        "gmail": GMAIL, "outlook": OUTLOOK, "apple": APPLE, "thunderbird": THUNDERBIRD,
    }.items()
    for language in ABOVE
]  # fmt: skip


@pytest.mark.parametrize(("forward", "above"), FORWARDS)
def test_a_forward_is_read_and_the_words_that_pass_it_on_are_not(forward: str, above: str) -> None:
    assert own_words(f"{above}{forward}{QUESTION}") == QUESTION
    assert own_words(f"{forward}Hello,\n{QUESTION}\n\nKind regards\nAna").endswith("Monday.")
    query = query_of("Fwd: Ember Mini", [ThreadTurn("customer", f"{above}{forward}{QUESTION}")])
    assert QUESTION in query.text
    assert "help@example.com" not in query.text


def test_a_forward_whose_message_is_quoted_and_its_headers_are_not_is_read() -> None:
    quoted = QUESTION.replace("? ", "?\n> \n> ")
    proton = f"------- Forwarded Message -------\nFrom: Ana Lopes <ana@example.org>\nDate: On Monday, November 3rd, 2025 at 10:12 AM\nSubject: Ember Mini\nTo: help@example.com <help@example.com>\n\n\n> {quoted}"
    assert own_words(f"fyi\n\n{proton}").split() == QUESTION.split()


PAIRS = list(itertools.product([GMAIL["en"], OUTLOOK["de"], THUNDERBIRD["fr"]], repeat=2))


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_of_a_forward_of_a_forward_the_innermost_words_are_the_question(
    outer: str, inner: str
) -> None:
    assert own_words(f"FYI\n\n{outer}Bitte bearbeiten.\n\n{inner}{QUESTION}") == QUESTION


@pytest.mark.parametrize(
    "block", [*OUTLOOK.values(), "-----Original Message-----\n" + OUTLOOK["en"]]
)
@pytest.mark.parametrize(
    "own",
    ["Thanks, that worked!", "Please check again, the screen is still black.", "Yes, do that."],
)
def test_history_under_a_reply_is_not_the_question(block: str, own: str) -> None:
    assert own_words(f"{own}\n\n{block}Hold the ring for ten seconds.") == own


def test_what_is_said_above_a_marked_forward_counts_with_it() -> None:
    above = "One of our tenants has this trouble with the Mini in flat 12."
    assert own_words(f"{above}\n\n{GMAIL['en']}{QUESTION}") == f"{above}\n{QUESTION}"
    block = f"{above}\n\n{OUTLOOK['en']}{QUESTION}"
    assert own_words(block) == above  # as under a reply
    assert own_words(block, subject="FW: Ember Mini") == f"{above}\n{QUESTION}"


def test_history_inside_a_forward_is_left_out() -> None:
    inner = f"{QUESTION}\n\nOn Mon, Nov 3, 2025 at 9:00 AM Support <\nhelp@example.com> wrote:\n\n> Hold the ring."
    assert own_words(f"Please handle.\n\n{GMAIL['en']}{inner}") == QUESTION


HISTORY = [
    "On Mon, Nov 3, 2025 at 10:12 AM Support Team <\nhelp@example.com> wrote:\n\n> Hold the ring.",
    "On 3 Nov 2025, at 10:12, Support <help@example.com> wrote:\n\nHold the ring.",
    "Am Mo., 3. Nov. 2025 um 10:12 Uhr schrieb Support <\nhelp@example.com>:\n\n> Hold the ring.",
    "Le lun. 3 nov. 2025 à 10:12, Support <help@example.com> a écrit :\n\n> Hold the ring.",
    "El lun, 3 nov 2025 a las 10:12, Support (<help@example.com>) escribió:\n\n> Hold the ring.",
    "Il giorno lun 3 nov 2025 alle 10:12 Support <help@example.com> ha scritto:\n\n> Hold the ring.",
    "-----Ursprüngliche Nachricht-----\nVon: Support\nBetreff: Ring\n\nHold the ring.",
]
FOOTERS = [
    "-- \nJonas Weber\nBeispiel GmbH",
    "Mit freundlichen Grüßen\n\nJonas Weber\nSenior Product Manager\nExample Systems International Ltd, 12 Long Street, London EC1, United Kingdom of Great Britain\nTel. 0",
    "This email and any attachments are confidential and intended solely for the addressee.\nPlease delete it.",
    "CONFIDENTIALITY NOTICE: privileged.",
    "Diese E-Mail enthält vertrauliche Informationen. Bitte informieren Sie den Absender.",
    "Ce message est confidentiel et destiné à son destinataire.",
    "Beispiel GmbH\nGeschäftsführer: Petra Muster, Registergericht Amtsgericht Charlottenburg",
    "Sent from my iPhone",
]


@pytest.mark.parametrize("own", ["It works now.", "Where is my parcel?", "Wo ist mein Paket?"])
@pytest.mark.parametrize("below", [*HISTORY, *FOOTERS])
def test_history_and_footers_are_nobodys_own_words(own: str, below: str) -> None:
    left = own_words(f"{own}\n\n{below}")
    assert left in (own, f"{own}\n\nBeispiel GmbH")


@pytest.mark.parametrize(
    "words", ["Please handle.", "FYI", "see below", "Can someone take care of this?", "z. K.", "", "Anna, please reply to the customer."]
)  # fmt: skip
def test_words_that_only_pass_on(words: str) -> None:
    assert only_passes_on(words) is (words != "z. K.")


@pytest.mark.parametrize(
    "words", ["Thanks, that worked!", "Please cancel my order.", "Is this mail really from you?"]
)
def test_words_that_say_more(words: str) -> None:
    assert not only_passes_on(words)


@given(st.text(alphabet="Fromand: >-\n_Subject", max_size=300))
def test_any_text_is_read_and_never_becomes_nothing(text: str) -> None:
    own = own_words(text)
    assert any(c.isalnum() for c in own) or not any(c.isalnum() for c in text)
    forward_in(text)
