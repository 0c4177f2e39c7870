"""What asks nothing is told from what asks: in many wordings and languages, and on real questions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.no_reply import ABSENT, THANKS, why_no_reply
from generation.prompts import Turn

ANSWER = "Hi Mara,\n\nHold the ring for ten seconds.\n\nKind regards\nAnna"
THANKING = """
Thanks, that worked!|👍|👍🏽|🙏 🙏|ok thanks|Got it, thank you.|thx|Noted, thanks.|ok
Thank you so much for your quick help!|Perfect, it works now. Have a great weekend!
That fixed it, cheers|All good now, thanks|Much appreciated!|yay it works!! 😊|Thanks Anna!
Problem solved. You can close the ticket.|Thanks for sending the new label so quickly!
I appreciate your help. No further questions.|That did the trick. Thanks :)
The restart helped, thank you!|My thermostat is working again, thanks.
I followed your steps and now it works. Thank you!|Yes, that worked. Thank you.
Danke, hat geklappt!|Vielen Dank für die schnelle Hilfe, es funktioniert jetzt.|Alles klar, danke
Super, danke! Schönes Wochenende|Merci beaucoup, ça marche !|Merci pour votre aide, c'est parfait
Muchas gracias por su ayuda, ya funciona|Grazie mille, funziona!|Obrigado pela ajuda, funcionou!
Bedankt, het werkt weer!|Tack så mycket, det fungerar nu!|Tak for hjælpen|Kiitos paljon!
Dziękuję bardzo, działa|Teşekkürler, çalıştı|Спасибо большое, всё работает|Köszönöm szépen!
terima kasih banyak|ευχαριστώ πολύ|شكرا جزيلا|תודה רבה|شكراً|धन्यवाद|बहुत धन्यवाद|ধন্যবাদ|ขอบคุณครับ
ありがとうございます。|谢谢！|감사합니다|Cảm ơn bạn nhiều|Hvala, radi!|Passt, danke|Hat sich erledigt, danke
C'est bon, merci|Problème résolu, merci|Gracias, me ha servido|Grazie, ha funzionato|Obrigada, deu certo
Dzięki, pomogło|Спасибо, помогло|That did it, thanks|Never mind, it works now|You can close this.
Please disregard my last message, it is working|No need, I figured it out myself, thanks
The replacement has arrived, thanks|Great support again, thank you
"""
ASKING = """
Thanks, that worked! How do I change the schedule?|Thanks, that worked! How do I change the schedule
thanks in advance|Thanks in advance for your help|it didn't work, thanks|👎|?|...|😡|👍 but it is dark
Thanks, but it still doesn't work|Thank you. My card still isn't working.|not resolved|Yes|Red, thanks
no funciona, gracias|Danke, es funktioniert nicht|Merci, ça ne marche pas|Merci d'avance|Nu merge, mersi
Vielen Dank im Voraus|Gracias de antemano|nie działa, dzięki|Не работает, спасибо|Bedankt, werkt niet
Thanks for nothing|Thanks for wasting my time|ok help me|Help! Thanks|hola, ayuda, gracias
Great, now it is broken|It worked for one day|Thank you, please cancel my order|ok, then refund me
It works only on wifi, thanks|great, another error|My card stopped working|When will it be fixed thank you
waiting for your reply thanks|I need help thanks|Great. The light is red now.|order 4711, thanks
I'd like a refund, thank you|Perfect timing, my screen died|thanks, what about the other one
I am out of the office until Monday, can you deliver on Tuesday?|Not working thanks
Ok, do it|Ok, answer me|Thanks, update me|Great. Reply to me now.|More information, thanks|Ok, try again
谢谢，但是还是不行|ありがとうございます。でも動きません|감사합니다. 그런데 안 돼요|شكراً لكن لا يعمل|धन्यवाद, लेकिन काम नहीं करता
Спасибо, не помогло|Dzięki, nie pomogło|Never mind the price, call me|The wrong parcel arrived, thanks
Close it|ok close my account|It arrived broken, thanks|Please disregard
"""


def listed(rows: str) -> list[str]:
    return [text for line in rows.strip().splitlines() for text in line.split("|")]


def after_our_answer(text: str) -> list[Turn]:
    return [Turn("customer", "How?"), Turn("agent", ANSWER), Turn("customer", text)]


@pytest.mark.parametrize("text", listed(THANKING))
def test_thanks_need_no_reply(text: str) -> None:
    assert why_no_reply("Ring", after_our_answer(text)) == THANKS


@pytest.mark.parametrize("text", listed(ASKING))
def test_what_asks_doubts_or_orders_does(text: str) -> None:
    assert why_no_reply("", after_our_answer(text)) == ""
    assert why_no_reply("", [Turn("customer", text)]) == ""


@pytest.mark.parametrize(
    "text",
    [
        "I am out of the office until 5 May with limited access to email. In urgent cases, write to Ben.",
        "Ich bin bis zum 12. Mai nicht im Büro. Ihre Nachricht wird nicht weitergeleitet.",
        "Je suis absente du bureau jusqu'au 5 mai. En cas d'urgence, contactez mon collègue.",
        "Estoy fuera de la oficina hasta el 5 de mayo. A mi regreso le responderé.",
    ],
)
def test_a_notice_of_absence_needs_none(text: str) -> None:
    assert why_no_reply("", after_our_answer(text)) == ABSENT
    assert why_no_reply("Automatic reply: Ring", [Turn("customer", text)]) == ABSENT


def test_the_subject_of_a_first_message_may_be_the_question() -> None:
    thanks = [Turn("customer", "Thank you!")]
    assert why_no_reply("How do I restart it", thanks) == ""
    assert why_no_reply("Re: Thank you", thanks) == THANKS
    assert why_no_reply("How do I restart it", after_our_answer("Thank you!")) == THANKS


def test_an_answer_to_our_question_needs_somebody_to_act() -> None:
    asked = [
        Turn("customer", "x"),
        Turn("agent", "Shall I cancel it?"),
        Turn("customer", "Ok thanks"),
    ]
    assert why_no_reply("", asked) == ""
    helped = [*asked[:1], Turn("agent", "Did it help?"), Turn("customer", "It works, thanks")]
    assert why_no_reply("", helped) == THANKS


def test_quoted_history_under_thanks_does_not_make_a_question() -> None:
    text = "Thank you!\n\nOn Mon, Nov 3, 2025 at 10:12 AM Support <\nhelp@example.com> wrote:\n\n> Did it help?"
    assert why_no_reply("", after_our_answer(text)) == THANKS


@given(st.sampled_from(listed(THANKING)), st.sampled_from(["How do I reset it?", "but it is broken", "Please cancel it."]))  # fmt: skip
def test_thanks_with_more_behind_them_are_read_on(thanks: str, more: str) -> None:
    assert why_no_reply("", after_our_answer(f"{thanks} {more}")) == ""


@given(st.text(max_size=200))
def test_any_text_gets_an_answer(text: str) -> None:
    assert why_no_reply(text, after_our_answer(text)) in ("", THANKS, ABSENT)


DEMO = Path(__file__).parents[2] / "demo" / "tickets.jsonl"


def test_no_question_of_the_demo_is_taken_for_thanks() -> None:
    rows = [json.loads(line) for line in DEMO.read_text().splitlines()]
    assert rows
    assert not [
        r for r in rows if why_no_reply(r.get("subject", ""), [Turn("customer", r["body"])])
    ]
