"""The console's pages: what an agent reads, and what works without a script."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from assistant.models import Message, OutboundReply, Ticket
from assistant.privacy.encryption import unseal
from generation.models import Draft
from generation.queue import retire_open_draft
from retrieval.models import Collection
from review import claims, evidence, working_copies
from review.models import Claim, Decision, SentenceJudgement
from tests.review.factories import (
    QUOTE,
    REPLY,
    Said,
    add_message,
    make_draft,
    make_ticket,
    workers_alive,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(mara, sign_in):
    return sign_in(mara)


@pytest.fixture
def ticket():
    return make_ticket(at=timezone.now() - timedelta(hours=2))


@pytest.fixture
def draft(ticket):
    return make_draft(ticket)


def url(name, ticket):
    return reverse(f"review:{name}", args=[ticket.pk])


def html(response, status=200):
    assert response.status_code == status
    return response.content.decode()


def fields(body: str) -> dict[str, str]:
    """The composer's fields as a browser would send them."""
    form = re.search(r'<form id="composer".*?</form>', body, re.S)[0]
    found = dict(re.findall(r'<input type="hidden" name="(\w+)"[^>]*? value="([^"]*)"', form))
    text = re.search(r'<textarea id="reply"[^>]*>\n?(.*?)</textarea>', form, re.S)[1]
    found["text"] = text.replace("&#x27;", "'").replace("&amp;", "&")
    return found


def opened(page, ticket, query=""):
    return fields(html(page.get(url("ticket", ticket) + query)))


def test_the_draft_stands_in_the_composer_with_its_evidence(page, draft, ticket):
    body = html(page.get(url("ticket", ticket)))
    assert fields(body)["text"] == REPLY
    assert "Written by the model" in body
    assert ">The thermostat then starts again and keeps your schedules.</mark>" in body
    source = draft.sources.first()
    span = draft.chosen.sentences.get(position=1)
    assert (
        f"/knowledge/revision/{source.chunk.revision_id}/"
        f"?start={span.source_start}&amp;end={span.source_end}#cited"
    ) in body
    assert "“7 years” not in any cited article" in body
    assert "no evidence" in body


def test_the_evidence_leads_to_the_articles_public_page(page, draft, ticket):
    address = url("ticket", ticket)
    assert "Public page" not in html(page.get(address))
    Collection.objects.update(public_address="https://help.example.com/{path}")
    source = draft.sources.first().chunk.revision.document.source.removesuffix(".md")
    link = f'<a href="https://help.example.com/{source}" target="_blank" rel="noopener">Public page'
    assert link in html(page.get(address))
    Collection.objects.update(visibility="internal")
    assert "Public page" not in html(page.get(address))


def test_the_confidence_says_that_it_is_not_calibrated_here(page, draft, ticket):
    body = html(page.get(url("ticket", ticket)))
    assert "0.72" in body
    assert "Not calibrated here yet." in body


def test_a_calibrated_confidence_says_on_how_many_decisions_it_stands(page, ticket):
    make_draft(ticket, local=True)
    body = html(page.get(url("ticket", ticket)))
    assert "Calibrated on 412 decisions made here." in body
    assert "Not calibrated here yet." not in body


def test_blind_review_hides_the_number_and_the_decision_records_it(page, draft, ticket):
    page.post(reverse("review:preferences"), {"single_key_shortcuts": "1", "hide_scores": "1"})
    body = html(page.get(url("ticket", ticket)))
    assert "confidence__number" not in body
    assert "Hidden until you have decided" in body
    page.post(url("send", ticket), fields(body))
    assert Decision.objects.get().score_hidden is True


HOSTILE = '</textarea><script>alert("x")</script><img src=x onerror=alert(1)>'


def test_hostile_text_is_text_wherever_it_stands(page):
    ticket = make_ticket(subject=HOSTILE, body=HOSTILE, name=HOSTILE[:200])
    make_draft(
        ticket, text=HOSTILE, said=[Said(HOSTILE)], quoted=False,
        reasons=[{"code": "unsupported", "text": HOSTILE}],
    )  # fmt: skip
    for address in (
        url("ticket", ticket), reverse("review:queue"), reverse("review:tickets"),
        url("reject", ticket), url("escalate", ticket),
    ):  # fmt: skip
        body = html(page.get(address))
        assert "alert(" in body or "reject" in address or "escalate" in address
        assert '<script>alert("x")' not in body
        assert "<img src=x" not in body


def test_no_page_carries_an_inline_script_or_style(page, draft, ticket):
    for address in (url("ticket", ticket), reverse("review:queue"), reverse("review:tickets")):
        body = html(page.get(address))
        assert not re.search(r"<script(?![^>]* src=)", body)
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", body)


def test_opening_claims_and_a_colleague_reads_along(page, draft, ticket, jonas, sign_in):
    page.get(url("ticket", ticket))
    other = sign_in(jonas)
    assert "Mara Lindqvist is editing" in html(other.get(reverse("review:queue")))
    body = html(other.get(url("ticket", ticket)))
    assert "Mara Lindqvist is editing this ticket." in body
    assert "readonly" in re.search(r'<textarea id="reply"[^>]*>', body)[0]
    refused = other.post(url("send", ticket), fields(body))
    assert "Nothing was sent" in html(refused, 409)
    assert not OutboundReply.objects.exists()


def test_a_prefetch_claims_nothing(page, draft, ticket):
    page.get(url("ticket", ticket), headers={"Sec-Purpose": "prefetch"})
    assert not Claim.objects.exists()


def test_taking_over_asks_and_the_other_page_is_told(page, draft, ticket, jonas, sign_in):
    form = opened(page, ticket)
    other = sign_in(jonas)
    asked = html(other.get(url("take_over", ticket)))
    seen = re.search(r'name="seen" value="([^"]+)"', asked)[1]
    assert "Mara Lindqvist" in asked
    other.post(url("take_over", ticket), {"seen": seen})
    pulse = {"claim_token": form["claim_token"], "draft": form["draft"], "opened": "in_review"}
    told = html(page.post(url("situation", ticket), pulse))
    assert "Jonas Brandt took this ticket over." in told
    assert 'data-writable="0"' in told


def test_the_pulse_is_silent_while_nothing_changes(page, draft, ticket):
    workers_alive()
    form = opened(page, ticket)
    pulse = {"claim_token": form["claim_token"], "draft": form["draft"], "opened": "in_review"}
    first = html(page.post(url("situation", ticket), pulse))
    seen = re.search(r'name="seen" value="([^"]*)"', first)[1]
    assert page.post(url("situation", ticket), pulse | {"seen": seen}).status_code == 204


def test_approving_sends_the_draft_and_opens_the_next_ticket(page, draft, ticket):
    following = make_ticket(subject="Next", at=timezone.now())
    make_draft(following)
    answer = page.post(url("send", ticket), opened(page, ticket) | {"seconds": "12.5"}, follow=True)
    body = html(answer)
    assert answer.redirect_chain[-1][0] == url("ticket", following)
    assert f"Reply to <strong>#{ticket.pk}</strong>" in body
    assert 'tabindex="-1" autofocus' in body
    decision = Decision.objects.get()
    assert decision.seconds_spent == 12.5
    assert unseal(decision.reply.body) == REPLY


def test_an_edit_is_shown_as_a_diff_and_confirmed_before_it_is_sent(page, draft, ticket):
    form = opened(page, ticket) | {
        "text": REPLY.replace("7 years", "2 years").replace("\n", "\r\n")
    }
    body = html(page.post(url("send", ticket), form))
    assert "<del>7</del><ins>2</ins>" in body
    assert "could not be screened" in body
    assert not OutboundReply.objects.exists()
    screened = re.search(r'name="screened" value="([^"]+)"', body)[1]
    seen = form | {"diff_seen": "1", "screened": screened}
    assert "could not be screened" in html(page.post(url("send", ticket), seen))
    assert not OutboundReply.objects.exists()
    # a bare Enter presses the form's first button, which only asks again
    assert "could not be screened" in html(
        page.post(url("send", ticket), seen | {"ask": "1", "send_anyway": "1"})
    )
    assert not OutboundReply.objects.exists()
    page.post(url("send", ticket), seen | {"send_anyway": "1"})
    assert Decision.objects.get().verdict == "edit"


def test_a_forged_screening_does_not_count(page, draft, ticket):
    form = opened(page, ticket) | {"text": "other", "diff_seen": "1", "screened": "e30:forged"}
    assert "could not be screened" in html(page.post(url("send", ticket), form))


def test_undo_brings_the_words_back_into_the_composer(page, draft, ticket):
    page.post(url("send", ticket), opened(page, ticket))
    decision = Decision.objects.get()
    page.post(reverse("review:undo", args=[decision.pk]))
    assert OutboundReply.objects.get().state == "cancelled"
    body = html(page.get(url("ticket", ticket)))
    assert "Undone: nothing was sent" in body
    assert fields(body)["text"] == REPLY


def test_deciding_twice_gives_a_clear_message(page, draft, ticket):
    form = opened(page, ticket)
    page.post(url("send", ticket), form)
    Claim.objects.all().delete()
    form |= {"claim_token": opened(page, ticket)["claim_token"]}
    twin = html(page.post(url("send", ticket), form, follow=True))
    assert f"Already sent: your reply to #{ticket.pk} is on its way." in twin
    other = page.post(url("send", ticket), form | {"text": "Something else."})
    assert "Mara Lindqvist has decided on this draft already" in html(other, 409)
    assert OutboundReply.objects.count() == 1


def test_a_new_message_retires_the_draft_and_keeps_the_edits(page, draft, ticket):
    form = opened(page, ticket)
    changed = form | {"text": REPLY + "\n\nPS: with love"}
    assert page.post(url("save", ticket), changed).json() == {"revision": 1}
    add_message(ticket, "One more thing: it is the one in the hall.")
    retire_open_draft(ticket=ticket, reason="a new message came in", now=timezone.now())
    newer = make_draft(ticket)
    pulse = {"claim_token": form["claim_token"], "draft": form["draft"], "opened": "in_review"}
    told = html(page.post(url("situation", ticket), pulse))
    assert "The customer wrote again." in told
    assert "Open the new draft" in told
    refused = html(page.post(url("send", ticket), changed | {"diff_seen": "1"}, follow=True))
    assert "was overtaken" in refused
    assert not OutboundReply.objects.exists()
    body = html(page.get(url("ticket", ticket)))
    assert fields(body)["draft"] == str(newer.pk)
    assert fields(body)["text"] == REPLY
    assert "are kept" in body
    assert "PS: with love" in body
    assert opened(page, ticket, "?use=kept")["text"].endswith("PS: with love")


def test_own_words_do_not_go_out_past_a_message_that_was_not_read(page, ticket):
    make_draft(ticket, state="failed", error="x")
    form = opened(page, ticket) | {"text": "Hold the ring."}
    add_message(ticket, "Solved, thanks!")
    body = html(page.post(url("send", ticket), form, follow=True))
    assert "A new message came in while you were writing" in body
    assert not OutboundReply.objects.exists()


def test_a_stale_save_is_refused_and_both_texts_are_shown(page, draft, ticket, mara):
    form = opened(page, ticket)
    page.post(url("save", ticket), form | {"text": "from the phone"})
    stale = page.post(url("save", ticket), form | {"text": "from the laptop"})
    assert stale.status_code == 409
    assert stale.json()["by"] == "Mara Lindqvist"
    body = html(page.post(url("conflict", ticket), form | {"text": "from the laptop"}), 409)
    assert "from the phone" in body
    assert "from the laptop" in body
    page.post(
        url("conflict", ticket),
        {"draft": form["draft"], "text": "from the laptop", "saved_revision": "1", "keep": "mine"},
    )
    assert unseal(working_copies.current(ticket=ticket).text) == "from the laptop"


def test_whoever_lost_the_claim_saves_nothing_over_the_others_words(page, draft, ticket, jonas):
    form = opened(page, ticket)
    token = Claim.objects.get().token
    claims.take_over(ticket=ticket, user=jonas, seen=token, now=timezone.now())
    answer = page.post(url("save", ticket), form | {"text": "mine"})
    assert answer.status_code == 409
    assert "Jonas Brandt took it over" in answer.json()["lost"]
    assert working_copies.current(ticket=ticket) is None


def test_a_text_that_cannot_be_stored_is_named(page, draft, ticket):
    form = opened(page, ticket)
    assert page.post(url("save", ticket), form | {"text": "a\x00b"}).status_code == 400
    body = html(
        page.post(url("send", ticket), form | {"text": "a\x00b", "diff_seen": "1"}, follow=True)
    )
    assert "NUL" in body


def test_rejecting_needs_a_reason_and_keeps_what_was_filled_in(page, draft, ticket):
    form = opened(page, ticket)
    given = {"draft": form["draft"], "claim_token": form["claim_token"], "note": "It is two years."}
    body = html(page.post(url("reject", ticket), given), 400)
    assert "Choose what is wrong" in body
    assert "It is two years." in body
    body = html(
        page.post(url("reject", ticket), given | {"reason": "wrong", "then": "write"}, follow=True)
    )
    assert "was rejected" in body
    assert fields(body)["text"] == ""
    assert "It is two years." in body


def test_rejecting_can_ask_for_another_draft(page, draft, ticket):
    form = opened(page, ticket)
    page.post(
        url("reject", ticket),
        {
            "draft": form["draft"],
            "claim_token": form["claim_token"],
            "reason": "tone",
            "then": "redo",
        },
    )
    assert list(ticket.drafts.values_list("state", flat=True).order_by("number")) == [
        "rejected",
        "queued",
    ]


def test_redoing_keeps_the_edits_and_shows_that_a_draft_is_on_its_way(page, draft, ticket):
    form = opened(page, ticket) | {"text": "my words"}
    body = html(page.post(url("redo", ticket), form, follow=True))
    assert "The draft waits for the model" in body
    assert "my words" in body


def test_escalating_opens_the_next_and_the_note_is_read_by_the_other(
    page, draft, ticket, jonas, sign_in
):
    form = opened(page, ticket)
    page.post(url("escalate", ticket), {"claim_token": form["claim_token"], "note": "Ask legal."})
    other = sign_in(jonas)
    assert "Thermostat offline" in html(other.get(reverse("review:queue") + "?show=escalated"))
    assert "Ask legal." in html(other.get(url("ticket", ticket)))


def test_a_withheld_draft_stays_behind_its_warning(page, ticket):
    reasons = [{"code": "toxic_draft", "text": "The draft reads as toxic."}]
    make_draft(ticket, state="withheld", reasons=reasons)
    body = html(page.get(url("ticket", ticket)))
    assert "This draft is withheld." in body
    assert "Hold the ring" not in body
    assert "7 years" not in body
    shown = fields(html(page.get(url("ticket", ticket) + "?show_draft=anyway")))
    assert shown["text"] == REPLY
    body = html(page.post(url("send", ticket), shown))
    assert "The draft reads as toxic." in body
    assert "Send it anyway." in body
    assert not OutboundReply.objects.exists()


def test_a_failed_draft_says_why_and_a_reply_by_hand_goes_out(page, ticket):
    make_draft(ticket, state="failed", error="out of memory",
               reasons=[{"code": "failed", "text": "Drafting failed 5 times (out of memory)."}])  # fmt: skip
    body = html(page.get(url("ticket", ticket)))
    assert "No draft could be made." in body
    assert "out of memory" in body
    form = fields(body)
    assert form["text"] == form["candidate"] == ""
    page.post(url("send", ticket), form | {"text": "Hold the ring.", "send_anyway": "1"})
    assert unseal(OutboundReply.objects.get().body) == "Hold the ring."


@pytest.mark.parametrize("state", ["queued", "working", None])
def test_a_reply_is_possible_before_there_is_a_draft(page, ticket, state):
    if state:
        make_draft(ticket, state=state)
    form = opened(page, ticket)
    page.post(url("send", ticket), form | {"text": "Hold the ring.", "send_anyway": "1"})
    assert OutboundReply.objects.count() == 1
    assert not ticket.drafts.filter(state__in=Draft.OPEN).exists()


def test_the_agent_can_switch_to_the_quote_or_to_an_empty_sheet(page, draft, ticket):
    quoted = draft.candidates.get(kind="quoted")
    form = opened(page, ticket, f"?candidate={quoted.pk}")
    assert form["text"] == QUOTE
    assert form["candidate"] == str(quoted.pk)
    empty = opened(page, ticket, "?candidate=0")
    assert empty["text"] == empty["candidate"] == ""
    # the quote was not screened for leaks: it is screened before it goes out
    assert "could not be screened" in html(page.post(url("send", ticket), form))
    page.post(url("send", ticket), form | {"send_anyway": "1"})
    decision = Decision.objects.get()
    assert (decision.verdict, decision.candidate) == ("approve", quoted)


def test_a_sentence_can_be_judged_in_one_click_and_the_last_word_counts(page, draft, ticket, mara):
    sentence = draft.chosen.sentences.get(position=3)
    address = reverse("review:judge", args=[sentence.pk])
    fragment = html(page.post(address, {"supported": "1"}, headers={"HX-Request": "true"}))
    assert "you say: supported" in fragment
    page.post(address, {"supported": "0"})
    assert SentenceJudgement.objects.get().supported is False
    assert page.post(address, {"supported": "maybe"}).status_code == 404


def test_the_banner_says_when_nobody_drafts(page, draft, ticket):
    assert "No drafting worker is running." in html(page.get(reverse("review:queue")))
    workers_alive()
    assert "No drafting worker is running." not in html(page.get(reverse("review:queue")))
    assert "No drafting worker is running." not in html(page.get(url("ticket", ticket)))


def test_the_live_list_is_silent_while_nothing_changes(page, draft):
    body = html(page.get(reverse("review:queue") + "?part=list"))
    assert "<html" not in body
    seen = re.search(r"seen=(\w+)", body)[1]
    address = reverse("review:queue") + f"?part=list&seen={seen}"
    assert page.get(address).status_code == 204
    make_ticket(subject="A new one")
    assert "A new one" in html(page.get(address))


def test_an_empty_queue_says_what_happens_next(page):
    assert "Nothing waits for you" in html(page.get(reverse("review:queue")))


def test_a_reply_that_may_have_been_sent_is_settled_by_a_person(page, draft, ticket):
    page.post(url("send", ticket), opened(page, ticket))
    OutboundReply.objects.update(state="uncertain")
    reply = OutboundReply.objects.get()
    assert "It was sent" in html(page.get(url("ticket", ticket)))
    page.post(reverse("review:settle", args=[reply.pk]), {"again": "1"})
    reply.refresh_from_db()
    assert reply.state == "failed"
    assert reply.next_attempt_at is not None


def test_a_reply_that_did_not_get_through_is_shown_with_its_words_until_a_person_settles_it(
    page, draft, ticket
):
    page.post(url("send", ticket), opened(page, ticket))
    OutboundReply.objects.update(state="failed", last_error="the customer left no e-mail address")
    reply = OutboundReply.objects.get()
    body = html(page.get(url("ticket", ticket)))
    assert "A reply did not get through.</strong> The customer left no e-mail address." in body
    assert "Done by other means" in body
    page.post(reverse("review:settle", args=[reply.pk]), {"again": "0"})
    ticket.refresh_from_db()
    assert ticket.status == "answered"
    assert "did not get through" not in html(page.get(url("ticket", ticket)))


def test_spans_that_stand_near_each_other_are_shown_in_one_excerpt():
    text = "Hold the **ring**. It restarts. " + "Far away. " * 60 + "Press `OK`. End."
    spans = []
    for quote in ("Hold the **ring**.", "It restarts.", "Press `OK`."):
        start = text.index(quote)
        spans.append(evidence.Span(100 + start, 100 + start + len(quote), [len(spans) + 1]))
    near, far = evidence._excerpts(text, 100, spans)
    assert [(p.text, p.sentences) for p in near.pieces][:3] == [
        ("Hold the ring.", [1]),
        (" ", []),
        ("It restarts.", [2]),
    ]
    assert (near.sentences, far.sentences) == ([1, 2], [3])
    assert far.pieces[0].text.startswith("…")
    assert [p.text for p in far.pieces][1:] == ["Press OK.", " End."]


def test_overlapping_spans_show_no_word_twice():
    spans = [evidence.Span(0, 8, [1]), evidence.Span(4, 12, [2])]
    (excerpt,) = evidence._excerpts("one two three", 0, spans)
    assert "".join(piece.text for piece in excerpt.pieces) == "one two three"


def test_words_sent_after_the_session_ended_are_given_back(client, ticket):
    words = "Hi Mara, precious <words>"
    back = "http://testserver" + url("ticket", ticket)
    answer = client.post(url("send", ticket), {"text": words}, headers={"Referer": back})
    body = html(answer, 403)
    assert "Hi Mara, precious &lt;words&gt;</textarea>" in body
    assert f"/sign-in/?next={url('ticket', ticket)}" in body
    elsewhere = client.post(
        url("send", ticket), {"text": words}, headers={"Referer": "https://evil.example/"}
    )
    assert "evil" not in html(elsewhere, 403)


def test_a_form_that_is_too_old_gives_the_words_back(mara):
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(mara)
    body = html(strict.post("/review/1/send/", {"text": "precious words"}), 403)
    assert "The page was open too long" in body
    assert "precious words</textarea>" in body


@pytest.mark.parametrize(
    "name", ["send", "conflict", "diff", "redo", "discard", "claim", "release"]
)
def test_an_action_that_is_opened_by_its_address_shows_the_ticket(page, ticket, name):
    assert page.get(url(name, ticket)).url == url("ticket", ticket)


def test_search_finds_tickets_by_number_subject_name_and_address(page, ticket):
    other = {"subject": "Another matter", "body": "It chirps.", "name": "Bo Larsen"}
    make_ticket(email="bo@example.net", **other)
    for words in ("thermostat update", "since offline", "Mara", "mara.ilves@example.com"):
        body = html(page.get(reverse("review:tickets"), {"q": words}))
        assert "Thermostat offline" in body
        assert "Another matter" not in body
    assert page.get(reverse("review:tickets"), {"q": f"#{ticket.pk}"}).url == url("ticket", ticket)
    assert "No ticket fits" in html(page.get(reverse("review:tickets"), {"q": "zzz\x00"}))


def test_a_call_becomes_a_ticket_with_a_draft_on_its_way(page):
    given = {
        "channel": "email", "name": "Bo Larsen", "email": "bo@example.net",
        "subject": "Chirping alarm", "body": "It chirps every minute.", "language": "en",
    }  # fmt: skip
    make_ticket()  # makes the channel
    answer = page.post(reverse("review:new_ticket"), given)
    ticket = Ticket.objects.get(subject="Chirping alarm")
    assert answer.url == url("ticket", ticket)
    assert unseal(Message.objects.get(ticket=ticket).body) == "It chirps every minute."
    assert ticket.drafts.get().state == Draft.State.QUEUED


def test_a_call_without_words_names_the_field_and_keeps_the_rest(page):
    make_ticket()
    before = Ticket.objects.count()
    given = {"channel": "email", "name": "Bo Larsen", "email": "not an address", "body": "Hi"}
    body = html(page.post(reverse("review:new_ticket"), given), 400)
    assert "The e-mail address is not an e-mail address." in body
    assert 'value="Bo Larsen"' in body
    assert Ticket.objects.count() == before


def test_single_keys_can_be_switched_off(page, mara):
    assert 'data-single-keys="off"' not in html(page.get(reverse("review:queue")))
    page.post(reverse("review:preferences"), {})
    mara.refresh_from_db()
    assert mara.single_key_shortcuts is False
    assert 'data-single-keys="off"' in html(page.get(reverse("review:queue")))


@pytest.mark.parametrize("number", [999_999, 10**18, 10**25])
def test_a_ticket_that_is_not_there_says_so(page, number):
    assert "There is nothing here" in html(page.get(f"/review/{number}/"), 404)


def test_a_tickets_page_takes_the_same_queries_however_long_the_thread(
    page, draft, ticket, django_assert_max_num_queries
):
    for number in range(8):
        add_message(ticket, f"message {number}")
    page.get(url("ticket", ticket))
    with django_assert_max_num_queries(45):
        page.get(url("ticket", ticket))


def test_sign_in_is_plain_and_wrong_passwords_are_told_kindly(client, mara):
    body = html(client.get(reverse("login")))
    assert "Sign in to Countersign" in body
    body = html(client.post(reverse("login"), {"username": "mara", "password": "wrong"}))
    assert "do not go together" in body
