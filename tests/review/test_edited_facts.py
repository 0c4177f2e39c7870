"""The facts of the text that is sent: what a person changed is held against the articles."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from assistant.models import AuditEvent
from assistant.privacy.encryption import seal
from generation import rescreen
from generation.fact_check import MOST_SENTENCES, departures_of
from retrieval.embedder import get_embedder
from review import claims, screening
from review.models import Decision
from tests.review.factories import Said, make_article, make_draft, make_ticket

PASSAGE = (
    "You can return a parcel within 30 days of delivery. Refunds are paid within 5 working days. "
    "Do not send the charger back. Returns cost EUR 4.90 and go to returns@example.com. "
    "The Ember Pro has a warranty of two years. Unplug the hub before you open it."
)
BODY = "You can return a parcel within 30 days of delivery."
TEXT = f"Hi Mara,\n\n{BODY}\n\nKind regards\nThe support team"


def kinds(text: str, **more) -> set[str]:
    found, _ = departures_of(text, [PASSAGE], embed=get_embedder().encode, **more)
    return {kind for one in found for kind in one.kinds}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("You can return a parcel within 90 days of delivery.", "number"),
        ("You can return a parcel within five days of delivery.", "number"),  # stands elsewhere
        ("Returns cost EUR 14.90 and go to returns@example.com.", "number"),
        ("Returns cost EUR 4.90 and go to refunds@example.com.", "address"),
        ("Returns are explained at www.example.net/returns.", "url"),
        ("Send the charger back.", "negation"),
        ("You cannot return a parcel within 30 days of delivery.", "negation"),
        ("Unplug the hub after you open it.", "opposite"),
        ("The Ember Mini has a warranty of two years.", "name"),
        ("Your parcel arrives on 24 December.", "date"),
    ],
)
def test_a_changed_fact_is_found(text: str, kind: str) -> None:
    assert kind in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        PASSAGE,
        "You may send a parcel back within thirty days of delivery.",
        "I have asked a colleague to look into it, and we will write again soon.",
        "Hi Mara,\n\nThank you for your patience.\n\nKind regards\nThe support team",
        "Your order 4711-22 was sent back.",
    ],
)
def test_what_the_articles_say_or_do_not_speak_of_is_no_finding(text: str) -> None:
    assert kinds(text, known=["Where is my order 4711-22?"]) == set()


LISTED = "- Smoke alarms whose seal is broken\n- Batteries that were taken out of their blister"
MORE = (
    "We deduct up to 40 percent for missing parts. The ring blinks once a minute. "
    "Move the sensor closer to the hub. Returns from the European Union are free of charge. "
    "Insert two cells with the plus side up. Drop the parcel off within 10 days of the registration."
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("We deduct at least 40 percent for missing parts.", "opposite"),
        ("The ring blinks once an hour.", "opposite"),
        ("Move the sensor further away from the hub.", "opposite"),
        ("Insert two cells with the minus side up.", "opposite"),
    ],
)
def test_a_changed_bound_rate_or_direction_is_found(text: str, kind: str) -> None:
    found, _ = departures_of(text, [MORE], embed=get_embedder().encode)
    assert kind in {one for departure in found for one in departure.kinds}


@pytest.mark.parametrize(
    "text",
    [
        "Drop the parcel off no later than 10 days after the registration.",
        "Returns from the EU are free.",
        "We deduct at most 40 percent for missing parts.",
    ],
)
def test_the_same_in_other_words_is_no_finding(text: str) -> None:
    assert departures_of(text, [MORE], embed=get_embedder().encode)[0] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Smoke alarms whose seal is broken can be returned.", True),
        ("Smoke alarms whose seal is broken cannot be returned.", False),
        ("We can't take back batteries that were taken out of their blister.", False),
    ],
)
def test_a_list_under_a_heading_that_denies_is_denied(text: str, found: bool) -> None:
    departures, _ = departures_of(
        text, [LISTED], headings=["What cannot be returned"], embed=get_embedder().encode
    )
    assert bool(departures) is found


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(min_value=1, max_value=400))
def test_no_other_number_of_days_passes(days: int) -> None:
    found = kinds(f"You can return a parcel within {days} days of delivery.")
    assert ("number" in found) is (days != 30)


def test_a_text_too_long_to_read_says_so() -> None:
    text = "We are here. " * (MOST_SENTENCES + 1)
    assert departures_of(text, [PASSAGE], embed=get_embedder().encode)[1] is False


# ---- on the page, with the worker's side run in this process ------------------------------------


@pytest.fixture
def ticket(db):
    return make_ticket()


@pytest.fixture
def draft(ticket):
    said = [
        Said("Hi Mara,", courtesy=True),
        Said(BODY, BODY, 1.0),
        Said("Kind regards", courtesy=True),
    ]
    chunk = make_article("Returns", f"# Returns\n\n{PASSAGE}")
    return make_draft(ticket, text=TEXT, said=said, chunk=chunk, quoted=False, reasons=[])


@pytest.fixture
def answering(monkeypatch):
    """The worker's side without the broker between: screens, leaks and MiniLM are the real ones."""

    def ask(*, ticket, draft, text):
        sealed = seal(ticket=ticket, text=text)
        return rescreen.screen_text(sealed_text=sealed.pk, draft=draft.pk if draft else None)

    monkeypatch.setattr(rescreen, "rescreen", ask)


def post(page, ticket, draft, mara, text, **more):
    token = claims.claim(ticket=ticket, user=mara, now=timezone.now()).token
    values = {
        "draft": draft.pk, "candidate": draft.chosen_id, "claim_token": token, "text": text,
        "seconds": "9",
    }  # fmt: skip
    return page.post(reverse("review:send", args=[ticket.pk]), values | more)


def test_an_edited_fact_is_shown_before_it_goes_out_and_kept(
    draft, ticket, mara, sign_in, answering
):
    page, text = sign_in(mara), TEXT.replace("30 days", "90 days")
    body = post(page, ticket, draft, mara, text).content.decode()
    assert "The cited articles don’t say this." in body
    assert re.search(r"“<bdi>90</bdi>”.*“<bdi>Returns</bdi>” \[1\] says: “<bdi>You can return a parcel within 30 days", body)  # fmt: skip
    assert "was screened: nothing hurtful" not in body
    signed = re.search(r'name="screened" value="([^"]+)"', body)[1]
    refused = post(page, ticket, draft, mara, text, diff_seen="1", screened=signed)
    assert "The cited articles don’t say this." in refused.content.decode()
    assert not Decision.objects.exists()
    post(page, ticket, draft, mara, text, diff_seen="1", screened=signed, send_anyway="1")
    kept = Decision.objects.get().screens
    assert kept["sent_anyway"] is True
    assert [row["kinds"] for row in kept["result"]["departures"]] == [["number"]]
    assert "90" not in str(kept["warnings"])
    event = AuditEvent.objects.get(action="decision.made").canonical
    assert '"departures":["number"]' in event


def test_an_edit_that_the_articles_bear_out_is_called_screened(
    draft, ticket, mara, sign_in, answering
):
    text = TEXT.replace(BODY, f"{BODY} Refunds are paid within 5 working days.")
    body = post(sign_in(mara), ticket, draft, mara, text).content.decode()
    assert "no figure, date, name or link that the articles don’t bear out" in body
    assert "send_anyway" not in body


def test_what_the_article_is_called_may_be_named(ticket, answering):
    chunk = make_article("Join the Nordwind Club", f"# Join the Nordwind Club\n\n{PASSAGE}")
    draft = make_draft(ticket, text=TEXT, said=[Said(BODY, BODY, 1.0)], chunk=chunk, quoted=False, reasons=[])  # fmt: skip
    text = f"Here is how to join the Nordwind Club:\n\n{BODY}"
    assert rescreen.rescreen(ticket=ticket, draft=draft, text=text)["departures"] == []
    other = text.replace("Nordwind", "Sudwind")
    assert rescreen.rescreen(ticket=ticket, draft=draft, text=other)["departures"] != []


def test_a_customer_without_an_address_is_no_obstacle(draft, answering):
    contact = draft.ticket.contact
    contact.email = None
    contact.save()
    found = screening.screen(ticket=draft.ticket, draft=draft, text=TEXT)
    assert found.facts_compared
    assert not found.needs_confirmation


def test_without_articles_nothing_is_said_of_facts(ticket, mara, answering):
    found = screening.screen(ticket=ticket, draft=None, text="It takes 12 days.")
    assert not found.facts_compared
    assert not found.needs_confirmation


def test_the_summaries_follow_a_sentences_correction(draft, ticket, mara, sign_in):
    page, sentence = sign_in(mara), draft.chosen.sentences.get(kind="claim")
    before = page.get(reverse("review:ticket", args=[ticket.pk])).content.decode()
    assert "every claim has evidence" in before
    assert "all in the cited articles" in before
    judged = page.post(
        reverse("review:judge", args=[sentence.pk]), {"supported": "0"}, headers={"HX-Request": "true"}
    ).content.decode()  # fmt: skip
    after = page.get(reverse("review:ticket", args=[ticket.pk])).content.decode()
    for body in (judged, after):
        assert "1 without evidence" in body
        assert "1 sentence without evidence" in body
        assert "every claim has evidence" not in body
        assert "all in the cited articles" not in body
    assert judged.count('hx-swap-oob="true"') == 2


def test_the_facts_line_is_about_the_text_that_will_be_sent(draft, ticket, mara, sign_in):
    page = sign_in(mara)
    token = claims.claim(ticket=ticket, user=mara, now=timezone.now()).token
    unchanged = page.get(reverse("review:ticket", args=[ticket.pk])).content.decode()
    assert 'class="composer"' in unchanged
    values = {"draft": draft.pk, "claim_token": token, "text": TEXT.replace("30", "90"), "revision": "0"}  # fmt: skip
    assert page.post(reverse("review:save", args=[ticket.pk]), values).status_code == 200
    body = page.get(reverse("review:ticket", args=[ticket.pk])).content.decode()
    assert 'class="composer is-edited"' in body  # which shows the other words of the line
    assert "compared with the articles when you approve" in body
