"""Bounces, automatic replies and receipts are told from what people write; neither is taken for the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.automatic import kind_of


def kind(subject: str = "", body: str = "", sender: str = "ana@example.org", **headers: str) -> str:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return kind_of(sender=sender, subject=subject, body=body, headers=named)


BOUNCES = [
    (
        "Undelivered Mail Returned to Sender",
        "This is the mail system at host mx.example.\n\nI'm sorry",
    ),
    (
        "Mail delivery failed: returning message to sender",
        "This message was created automatically by mail delivery software.",
    ),
    (
        "Delivery Status Notification (Failure)",
        "Address not found\n\nYour message wasn't delivered to x@y.example",
    ),
    (
        "Undeliverable: Re: Your parcel",
        "Delivery has failed to these recipients or groups:\nx@y.example",
    ),
    ("failure notice", "Hi. This is the qmail-send program at mx.example."),
    (
        "Unzustellbar: Ihre Anfrage",
        "Diese Nachricht wurde automatisch von der Mail-Software erzeugt.",
    ),
    (
        "",
        "Reporting-MTA: dns; mx.example\nFinal-Recipient: rfc822; x@y.example\nAction: failed\nStatus: 5.1.1",
    ),
]
REPLIES = [
    ("Automatic reply: Your order", "I am out of the office until Monday."),
    (
        "Re: Your order",
        "I am out of the office until Monday 3 August and will answer when I am back.",
    ),
    ("Out of Office", "Hello"),
    ("Abwesenheitsnotiz", "Ich bin bis zum 5. August nicht im Büro."),
    (
        "Re: Ihre Frage",
        "Ich bin bis zum 5. August nicht im Büro. In dringenden Fällen wenden Sie sich an info@firma.example.",
    ),
    ("Réponse automatique : votre commande", "Je suis absent du bureau jusqu'au 5 août."),
    (
        "Re: #12",
        "Thanks for your mail. I'm on annual leave until 12 March with limited access to e-mail.\nFor urgent matters please contact sales@corp.example.",
    ),
    (
        "RE: question",
        "This is an automated response. Your ticket number is 4711. Please do not reply to this email.",
    ),
    ("自动回复: 订单", "您好"),
]
RECEIPTS = [
    (
        "Read: Your order",
        "Your message\n\n  To: Ana\n  Subject: Your order\n  Sent: Monday\n\nwas read on Monday, 3 August.",
    ),
    ("Gelesen: Ihre Bestellung", "Ihre Nachricht\n\nAn: Ana\n\nwurde am Montag gelesen."),
    (
        "Return Receipt (displayed) - Order",
        "This is a Return Receipt for the mail that you sent to ana@x.example.",
    ),
    ("Lesebestätigung: Ihre Frage", ""),
    ("Not read: Your order", "Your message was deleted without being read."),
]
PEOPLE = [
    ("My thermostat", "It beeps. How do I stop it?"),
    ("Read: this is urgent", "My parcel has been read by nobody. Where is it?"),
    ("Delivery", "The delivery failed twice. Can you send it again?"),
    ("Delivery failed?", "I got 'Undelivered Mail Returned to Sender' when I wrote to help@. Why?"),
    ("Delivery failed", "The courier came while I was out and I want my parcel."),
    ("Undelivered", "My order 12 did not come."),
    ("Entrega fallida", "El paquete no llegó. ¿Dónde está?"),
    ("Out of office chairs?", "Do you have more of them?"),
    ("Bounced", "I wrote to you and got this:\n\nThis is the mail system at host mx.example.\nWhich address is right?"),
    ("Holiday", "I'm on holiday until Monday, please hold my parcel until then."),
    ("Parcel", "I am out of the office until Monday. Can you deliver it on Tuesday?"),
    ("Office", "I am out of office supplies, do you sell paper?"),
    ("Automatic lights", "The automatic reply light of my hub stays on."),
    ("Automatic update failed", "The hub did an automatic update and is offline since."),
    ("Out of the box", "The hub is not found out of the box."),
    ("Receipt", "I need a receipt for order 12."),
    ("Return", "I want to return the mail box that I bought."),
    ("Undeliverable address", "Your form says that my address is undeliverable."),
    ("Vacation mode", "How do I set vacation mode while I am on vacation until May?"),
    ("Absent", "The sensor says absent while we are at home until ten."),
    ("Thanks", "Thank you for your message. I have received the parcel, but the lid is missing."),
]  # fmt: skip


@pytest.mark.parametrize(("subject", "body"), BOUNCES)
def test_a_bounce(subject: str, body: str) -> None:
    assert kind(subject, body) == "bounce"


@pytest.mark.parametrize(("subject", "body"), REPLIES)
def test_an_automatic_reply(subject: str, body: str) -> None:
    assert kind(subject, body) == "auto_reply"


@pytest.mark.parametrize(("subject", "body"), RECEIPTS)
def test_a_receipt(subject: str, body: str) -> None:
    assert kind(subject, body) == "receipt"


@pytest.mark.parametrize(("subject", "body"), PEOPLE)
def test_what_a_person_writes_is_none_of_them(subject: str, body: str) -> None:
    assert kind(subject, body) == ""


def test_header_fields_and_senders_say_it_too() -> None:
    assert kind("Hello", "Hi", Auto_Submitted="auto-replied; owner-email=x@y") == "auto_reply"
    assert kind("Hello", "Hi", auto_submitted="No") == ""
    assert kind("Hello", "Hi", **{"X-Autoreply": "yes"}) == "auto_reply"
    assert kind("Hello", "Hi", Return_Path="<>") == "bounce"
    assert (
        kind("x", "y", **{"Content-Type": "multipart/report; report-type=delivery-status"})
        == "bounce"
    )
    assert (
        kind("x", "y", **{"Content-Type": "multipart/report; report-type=disposition-notification"})
        == "receipt"
    )
    assert kind("Hello", "Hi", sender="MAILER-DAEMON@mx.example") == "bounce"
    assert kind("My order", "Where is it?", sender="postmaster@small.example") == ""
    assert kind("My order", "Where is it?", sender="noreply@form.example") == ""


@given(st.text(max_size=500), st.text(max_size=3000))
def test_any_text_has_an_answer(subject: str, body: str) -> None:
    assert kind(subject, body) in {"", "bounce", "auto_reply", "receipt"}


@pytest.mark.parametrize(
    "piece",
    [
        "i am ",
        "your message ",
        "ihre nachricht ",
        "the following ",
        "x@y ",
        "Status: 5\n",
        "> ",
        "\n",
    ],
)
def test_the_work_is_bounded(piece: str) -> None:
    assert kind(piece * 100, piece * (100_000 // len(piece))) in {
        "",
        "bounce",
        "auto_reply",
        "receipt",
    }
