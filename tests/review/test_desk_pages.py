"""What stands on an agent's pages besides the draft: steps, their way back, and what came meanwhile."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from assistant.intake import add_message as receive
from assistant.models import OutboundReply, Ticket
from assistant.outbox import deliver_due
from review import claims, working_copies
from review.models import Claim, Decision
from tests.review.factories import REPLY, make_draft, make_ticket, workers_alive
from tests.review.test_pages import fields, html, opened, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(mara, sign_in):
    return sign_in(mara)


@pytest.fixture
def ticket():
    workers_alive()
    return make_ticket(at=timezone.now() - timedelta(hours=2))


@pytest.fixture
def draft(ticket):
    return make_draft(ticket)


def pulse_of(body: str) -> dict[str, str]:
    """What the page sends with its pulse."""
    form = re.search(r'<form id="pulse".*?</form>', body, re.S)[0]
    found = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form))
    return found | dict(re.findall(r'form="pulse" name="(\w+)" value="([^"]*)"', body))


def enabled(body: str, words: str) -> bool:
    button = re.search(rf"<(?:button|a) [^>]*>{words} <kbd", body)
    assert button is not None, words
    return "disabled" not in button[0].replace('aria-disabled="false"', "")


def customer_writes(ticket, body):
    receive(ticket=ticket, body=body, source="api", actor="api:shop", now=timezone.now())


def test_the_next_page_of_a_ticket_keeps_its_claim_past_the_farewell_of_the_one_before(
    page, draft, ticket, jonas, sign_in
):
    first = pulse_of(html(page.get(url("ticket", ticket))))
    form = opened(page, ticket, "?candidate=0")  # the other candidate, a reload, a draft's arrival
    assert page.post(url("farewell", ticket), first).status_code == 204
    assert "Mara Lindqvist is editing" in html(sign_in(jonas).get(url("ticket", ticket)))
    saved = page.post(url("save", ticket), form | {"text": "my words"})
    assert saved.json() == {"revision": 1}


def test_the_last_farewell_frees_the_ticket_and_autosave_heals_when_the_page_was_not_gone(
    page, draft, ticket, jonas, sign_in
):
    body = html(page.get(url("ticket", ticket)))
    page.post(url("farewell", ticket), pulse_of(body))
    assert "is editing" not in html(sign_in(jonas).get(reverse("review:queue")))
    assert page.post(url("save", ticket), fields(body) | {"text": "x"}).json() == {"revision": 1}
    page.post(url("situation", ticket), pulse_of(body))
    assert claims.current(ticket=ticket, now=timezone.now()).user.username == "mara"


def test_looking_at_a_ticket_whose_reply_is_on_its_way_claims_nothing(page, draft, ticket):
    body = html(page.get(url("ticket", ticket)))
    page.post(url("send", ticket), fields(body))
    page.post(url("situation", ticket), pulse_of(body))  # the page's last pulse comes late
    assert "A reply is on its way." in html(page.get(url("ticket", ticket)))
    assert not Claim.objects.exists()


def test_words_that_stood_on_a_page_without_a_claim_come_along_when_it_is_claimed(
    page, draft, ticket
):
    form = opened(page, ticket)
    Claim.objects.all().delete()
    body = html(page.post(url("claim", ticket), form | {"text": "my words"}, follow=True))
    assert fields(body)["text"] == "my words"


def test_words_that_a_colleague_saved_meanwhile_are_not_written_over_by_claiming(
    page, draft, ticket, jonas
):
    form = opened(page, ticket)
    working_copies.save(
        ticket=ticket, draft=draft, user=jonas, text="theirs", revision=0, now=timezone.now()
    )
    Claim.objects.all().delete()
    body = html(page.post(url("claim", ticket), form | {"text": "mine"}), 409)
    assert "mine" in body
    assert "theirs" in body


def test_whoever_was_overtaken_by_a_colleagues_decision_gets_their_words_back(
    page, draft, ticket, jonas, sign_in
):
    form = opened(page, ticket) | {"text": "my careful words"}
    other = sign_in(jonas)
    taken = claims.take_over(
        ticket=ticket, user=jonas, seen=Claim.objects.get().token, now=timezone.now()
    )
    other.post(url("send", ticket), opened(other, ticket) | {"claim_token": str(taken.token)})
    body = html(page.post(url("send", ticket), form), 409)
    assert "my careful words" in body
    assert "Jonas Brandt has decided" in body


@pytest.mark.parametrize("asked", [{}, {"diff_seen": "1"}])
def test_no_page_says_screened_of_words_that_a_new_message_overtook(page, draft, ticket, asked):
    form = opened(page, ticket)
    customer_writes(ticket, "Wait, it is the other one.")
    for text in (REPLY, "other words"):
        body = html(page.post(url("send", ticket), form | asked | {"text": text}, follow=True))
        assert f"What you changed in #{ticket.pk}" not in body
        assert "screened" not in re.search(r'id="notices".*?ticket-scroll', body, re.S)[0]
        assert not OutboundReply.objects.exists()


def test_the_pulse_brings_the_new_message_into_the_thread_once_and_stops_what_cannot_be_done(
    page, draft, ticket
):
    body = html(page.get(url("ticket", ticket)))
    assert enabled(body, "Approve")
    customer_writes(ticket, "It is <b>the other</b> one.")
    told = html(page.post(url("situation", ticket), pulse_of(body)))
    assert 'hx-swap-oob="beforeend:#thread"' in told
    assert "It is &lt;b&gt;the other&lt;/b&gt; one." in told
    assert 'data-sendable="0"' in told
    assert 'data-writable="1"' in told
    again = pulse_of(body) | dict(re.findall(r'form="pulse" name="(\w+)" value="([^"]*)"', told))
    assert page.post(url("situation", ticket), again).status_code == 204
    customer_writes(ticket, "And a third.")
    told = html(page.post(url("situation", ticket), again))
    assert "And a third." in told
    assert "the other" not in told


def test_another_message_without_any_draft_is_told_too(page, ticket):
    body = html(page.get(url("ticket", ticket)))
    Ticket.objects.filter(pk=ticket.pk).update(status="spam")  # where nothing drafts
    customer_writes(ticket, "And this.")
    told = html(page.post(url("situation", ticket), pulse_of(body)))
    assert "The customer wrote again." in told
    refused = page.post(url("send", ticket), fields(body) | {"text": "old news"}, follow=True)
    assert "A new message came in" in html(refused)


def test_an_answered_ticket_offers_to_write_again_and_to_reopen(page, draft, ticket):
    page.post(url("send", ticket), opened(page, ticket))
    deliver_due(now=timezone.now() + timedelta(minutes=1))
    body = html(page.get(url("ticket", ticket)))
    assert "<strong>Answered.</strong>" in body
    assert "Write again" in body
    assert "Reopen" in body
    assert not Claim.objects.exists()  # looking is not writing
    body = html(page.post(url("claim", ticket), {}, follow=True))
    assert enabled(body, "Send")
    page.post(
        url("send", ticket),
        fields(body) | {"text": "PS", "diff_seen": "1", "send_anyway": "1"},
    )
    assert Decision.objects.order_by("-pk")[0].verdict == "reply"
    page.post(url("reopen", ticket))
    assert Ticket.objects.get().status == "reopened"


def test_a_message_that_asks_nothing_is_solved_by_the_main_button(page, ticket):
    reasons = [{"code": "no_reply_needed", "text": "The customer thanks."}]
    make_draft(ticket, text="", reasons=reasons)
    body = html(page.get(url("ticket", ticket)))
    assert "No reply needed." in body
    first = re.search(r'<div class="bar".*?<button ([^>]*)>', body, re.S)[1]
    assert "button--primary" in first
    assert url("solve", ticket) in first
    following = make_ticket(subject="Next", at=timezone.now())
    answer = page.post(url("solve", ticket), fields(body), follow=True)
    assert answer.redirect_chain[-1][0] == url("ticket", following)
    assert "Solved without a reply" in html(answer)
    assert Ticket.objects.get(pk=ticket.pk).status == "solved"


@pytest.mark.parametrize("name", ["solve", "wait", "redo", "bring_back"])
def test_a_step_without_the_claim_changes_nothing_and_says_so(
    name, page, draft, ticket, jonas, sign_in
):
    opened(sign_in(jonas), ticket)
    sent = {"draft": draft.pk, "earlier": draft.pk}
    body = html(page.post(url(name, ticket), sent, follow=True))
    assert "is gone: Jonas Brandt took it over" in body
    draft.refresh_from_db()
    assert (draft.state, Ticket.objects.get().status) == ("in_review", "open")


def test_the_draft_before_stands_under_the_new_one_and_is_brought_back(page, draft, ticket):
    form = opened(page, ticket)
    page.post(url("redo", ticket), form)
    ticket.drafts.filter(state="queued").update(state="retired", closed_at=timezone.now())
    make_draft(ticket, text="Another text.", said=[])
    body = html(page.get(url("ticket", ticket)))
    assert "Draft 1, overtaken: read it" in body
    assert "Go back to draft 1" in body
    back = fields(body) | {"earlier": str(draft.pk)}
    assert fields(html(page.post(url("bring_back", ticket), back, follow=True)))["text"] == REPLY


def test_every_step_that_can_be_undone_is_offered_and_undone_by_the_server(page, draft, ticket):
    page.post(url("solve", ticket), opened(page, ticket))
    undo = reverse("review:undo", args=[Decision.objects.get().pk])
    assert (
        undo
        in re.search(r'<section class="toasts".*?</section>', html(page.get("/review/")), re.S)[0]
    )
    body = html(page.get(url("ticket", ticket)))
    assert f'formaction="{undo}"' in body  # in the history, after the toast has gone
    assert fields(html(page.post(undo, follow=True)))["text"] == REPLY


def test_seconds_for_undo_are_counted_by_the_server(page, draft, ticket, settings):
    settings.UNDO_SECONDS = 40
    body = html(page.post(url("send", ticket), opened(page, ticket), follow=True))
    left = float(re.search(r'data-seconds-left="([\d.]+)"', body)[1])
    assert 30 < left <= 40
    assert "data-until" not in body


def test_what_comes_to_spam_is_counted_and_told_apart(page, draft, ticket):
    form = opened(page, ticket)
    page.post(url("reject", ticket), form | {"reason": "spam", "then": "write"})
    assert "show=spam" not in html(page.get("/review/"))
    customer_writes(ticket, "I am no spammer.")
    assert "Spam <b>1</b>" in html(page.get("/review/"))
    body = html(page.get(url("ticket", ticket)))
    assert "Not spam" in body
    assert "I am no spammer." in body
    assert not Claim.objects.exists()


def test_a_rejected_draft_leaves_its_evidence_and_the_escalations_note_is_on_top(
    page, draft, ticket, jonas, sign_in
):
    form = opened(page, ticket)
    page.post(url("reject", ticket), form | {"reason": "tone", "then": "write"})
    body = html(page.get(url("ticket", ticket)))
    assert 'id="evidence-title"' in body
    page.post(url("escalate", ticket), fields(body) | {"note": "Ask <the> lab."})
    top = re.search(
        r'id="notices".*?ticket-scroll', html(sign_in(jonas).get(url("ticket", ticket))), re.S
    )[0]
    assert "Escalated by Mara Lindqvist" in top
    assert "Ask &lt;the&gt; lab." in top


def test_the_button_opens_a_free_ticket_or_says_that_none_is(page, draft, ticket, jonas):
    other = make_ticket(subject="Next", at=timezone.now())
    now = timezone.now()
    claims.claim(ticket=ticket, user=jonas, now=now)
    start = re.search(
        r'<a class="button button--primary push" href="([^"]+)"', html(page.get("/review/"))
    )
    assert start[1] == url("ticket", other)
    claims.claim(ticket=other, user=jonas, now=now)
    body = html(page.get("/review/"))
    assert "Start with" not in body
    assert "Colleagues work on everything that waits." in body


@pytest.mark.parametrize("path", ["/review/", "ticket"])
def test_a_page_that_is_gone_back_to_is_asked_for_anew(path, page, draft, ticket):
    answer = page.get(url("ticket", ticket) if path == "ticket" else path)
    assert "no-store" in answer.headers["Cache-Control"]


def test_texts_of_customers_find_their_own_direction_and_names_are_isolated(page):
    ticket = make_ticket(subject="שלום", body="שלום, לא עובד", name="\u202eevil")
    make_draft(ticket)
    body = html(page.get(url("ticket", ticket)))
    assert "<bdi>\u202eevil</bdi>" in body
    assert '<div class="message__text" dir="auto">שלום, לא עובד</div>' in body
    assert "<bdi>שלום</bdi>" in body
    assert re.search(r'<textarea id="reply"[^>]*dir="auto"', body)


def test_comparing_on_a_page_of_its_own_keeps_the_words(page, draft, ticket):
    form = opened(page, ticket) | {"text": "my words"}
    assert "Go on editing" in html(page.post(url("diff", ticket), form))
    assert opened(page, ticket)["text"] == "my words"
