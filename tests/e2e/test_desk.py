"""A working day at the desk: what an agent does between opening a ticket and leaving it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import shoot, waiting
from tests.e2e.test_main_job import mails, number_of, open_from_queue, send
from tests.installation import Installation, wait_until

SignIn = Callable[..., Page]
Shop = Callable[[str, dict], dict]
ALONE = "[data-submit-key]:not([data-needs=writable]):not(dialog *)"


def draft_state(console: Installation, number: int) -> str:
    rows = console.query(
        f"select state from generation_draft where ticket_id = {number} order by number desc limit 1"
    )
    return str(rows[0][0])


def status(console: Installation, number: int) -> str:
    return str(console.query(f"select status from assistant_ticket where id = {number}")[0][0])


def sent(console: Installation, number: int) -> bool:
    return draft_state(console, number) in {"approved", "edited"}


def test_a_reloaded_page_sends_at_once_and_the_colleague_sees_no_gap(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara, jonas = person("mara"), person("jonas")
    open_from_queue(mara, ticket)
    mara.reload()
    mara.reload()  # each page's farewell comes after the next page was made
    jonas.goto(f"/review/{ticket}/")
    expect(jonas.get_by_text("Mara Lindqvist is editing this ticket.")).to_be_visible()
    send(mara)
    assert sent(console, ticket)


def test_words_typed_after_switching_the_candidate_are_saved(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    mara.get_by_role("navigation", name="Where the reply starts from").get_by_text("Empty").click()
    mara.wait_for_url("**candidate=0**")
    mara.locator("#reply").fill("My own careful words.")
    expect(mara.locator("#save-state")).to_have_text("Saved", timeout=15_000)
    mara.wait_for_timeout(5500)  # the next pulse
    expect(mara.locator("#situation .notice--harm")).to_have_count(0)
    mara.locator("#reply").fill("My own careful words, and more.")
    expect(mara.locator("#save-state")).to_have_text("Saved", timeout=15_000)
    send(mara)
    assert mara.locator("text=Nothing was sent").count() == 0


def test_a_server_that_never_answers_is_told_and_the_words_are_saved_when_it_does(
    person: SignIn, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    mara.route("**/save/", lambda route: None)  # taken, never answered
    mara.locator("#reply").fill("Words while the server hangs.")
    expect(mara.locator("#save-state")).to_contain_text("Not saved: no connection", timeout=20_000)
    mara.unroute("**/save/")
    expect(mara.locator("#save-state")).to_have_text("Saved", timeout=20_000)


def test_a_closed_page_gives_the_ticket_back_and_the_last_of_two_does(
    person: SignIn, ticket: int
) -> None:
    mara, jonas = person("mara"), person("jonas")
    open_from_queue(mara, ticket)
    second = mara.context.new_page()
    second.goto(f"/review/{ticket}/")
    mara.goto("/review/keys/")
    jonas.goto(f"/review/{ticket}/")
    expect(jonas.get_by_text("Mara Lindqvist is editing this ticket.")).to_be_visible()
    second.goto("/review/keys/")
    second.wait_for_timeout(500)
    jonas.goto(f"/review/{ticket}/")
    expect(jonas.locator("#reply")).to_be_editable()


def test_another_draft_is_undone_and_the_new_one_can_be_sent_when_it_shows_up(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    before = mara.locator("#reply").input_value()
    mara.locator("#ticket-title").focus()
    mara.keyboard.press("g")
    expect(mara.get_by_text("Drafted anew; draft 1 is kept")).to_be_visible()
    expect(mara.get_by_text("Draft 1, overtaken: read it")).to_be_visible()
    shoot(mara, "redo")
    mara.keyboard.press("u")
    expect(mara.get_by_text("Undone: the ticket is as it was.")).to_be_visible()
    assert mara.locator("#reply").input_value() == before
    mara.locator("#ticket-title").focus()
    mara.keyboard.press("g")
    wait_until(lambda: waiting(console, ticket), seconds=90, what="the new draft is ready")
    expect(mara.locator("#reply")).not_to_have_value("", timeout=20_000)
    send(mara)
    assert sent(console, ticket)


def test_spam_is_undone_and_what_comes_to_it_later_is_seen(
    person: SignIn, console: Installation, ticket: int, shop: Shop
) -> None:
    mara = person("mara")
    for undone in (True, False):
        mara.goto(f"/review/{ticket}/")
        mara.locator("#ticket-title").focus()
        mara.keyboard.press("r")
        dialog = mara.locator("dialog#reject")
        dialog.get_by_label("The ticket is spam").check()
        with mara.expect_navigation():
            mara.keyboard.press("Control+Enter")
        assert status(console, ticket) == "spam"
        if undone:
            mara.keyboard.press("u")
            mara.wait_for_url(f"**/review/{ticket}/**")
            assert status(console, ticket) == "open"
            expect(mara.locator("#reply")).not_to_have_value("")
    drafts = console.count(f"select count(*) from generation_draft where ticket_id = {ticket}")
    shop(f"/tickets/{ticket}/messages", {"body": "I am a customer, no spammer."})
    mara.goto("/review/?show=spam")
    mara.locator(f"#row-{ticket}").click()
    expect(mara.get_by_text("I am a customer, no spammer.")).to_be_visible()
    shoot(mara, "spam")
    assert drafts == console.count(
        f"select count(*) from generation_draft where ticket_id = {ticket}"
    )
    mara.keyboard.press("o")
    expect(
        mara.get_by_text("is being written")
        .or_(mara.get_by_text("waits for the model"))
        .or_(mara.locator("#reply:not(:placeholder-shown)"))
        .first
    ).to_be_visible()
    assert status(console, ticket) == "open"


def test_an_answered_ticket_is_written_to_again_solved_and_reopened(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    send(mara)
    wait_until(lambda: status(console, ticket) == "answered", seconds=40, what="the reply left")
    mara.goto(f"/review/{ticket}/")
    expect(mara.locator("#reply")).not_to_be_editable()
    shoot(mara, "answered")
    mara.keyboard.press("c")
    expect(mara.locator("#reply")).to_be_editable()
    mara.locator("#reply").fill("One thing more: the ring is at the back.")
    send(mara)
    wait_until(lambda: len(mails(console, ticket)) == 2, seconds=40, what="two replies left")
    mara.goto(f"/review/{ticket}/")
    mara.keyboard.press("c")
    expect(mara.locator("#reply")).to_be_editable()
    mara.locator("#ticket-title").focus()
    with mara.expect_navigation():
        mara.keyboard.press("s")
    assert status(console, ticket) == "solved"
    mara.goto(f"/review/{ticket}/")
    with mara.expect_navigation():
        mara.keyboard.press("o")
    assert status(console, ticket) == "reopened"
    expect(mara.locator("#reply")).to_be_editable()


def test_the_customers_thanks_are_solved_by_one_key_and_waiting_can_be_set(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    for key, reached in (("w", "waiting"), ("s", "solved")):
        open_from_queue(mara, ticket)
        mara.locator("#ticket-title").focus()
        with mara.expect_navigation():
            mara.keyboard.press(key)
        assert status(console, ticket) == reached
        assert number_of(mara) != ticket if "/review/?" not in mara.url else True
        mara.keyboard.press("u")
        mara.wait_for_url(f"**/review/{ticket}/**")
        assert status(console, ticket) == "open"
        expect(mara.locator("#reply")).not_to_have_value("")


def test_after_a_decision_the_next_one_down_opens(
    person: SignIn, console: Installation, ticket: int, shop: Shop
) -> None:
    for n in range(3):
        body = {"subject": f"Battery {n}", "body": "How do I replace the battery?", "name": "Bo"}
        made = shop("/tickets", body | {"email": f"bo{n}@example.org"})["number"]
        wait_until(lambda made=made: waiting(console, made), seconds=120, what="its draft waits")
    mara = person("mara")
    open_from_queue(mara, ticket)
    rows = mara.locator(
        ".workbench__queue .queue__row:not(.is-held) a, .workbench__queue .is-current a"
    )
    order = [int(row.get_attribute("id").removeprefix("row-")) for row in rows.all()]
    below = order[order.index(ticket) + 1]
    send(mara)
    mara.wait_for_url(f"**/review/{below}/**")
    expect(mara.locator("#reply")).to_be_editable()
    assert mara.evaluate("document.activeElement.id") == "ticket-title"


def test_a_new_message_is_seen_where_one_looks_and_nothing_old_can_be_sent(
    person: SignIn, console: Installation, shop: Shop
) -> None:
    number = shop(
        "/tickets",
        {
            "subject": "A long story",
            "body": "How do I replace the battery?\n" + "It is a long story.\n" * 4_900,
            "name": "Lo",
            "email": "lo@example.org",
        },
    )["number"]
    wait_until(lambda: waiting(console, number), seconds=150, what=f"#{number} waits for review")
    mara = person("mara")
    mara.goto(f"/review/{number}/")
    mara.locator("summary", has_text="The rest of this message").click()
    mara.locator("#reply").fill("An answer to the long story.")
    mara.locator("#reply").scroll_into_view_if_needed()
    shop(f"/tickets/{number}/messages", {"body": "Please stop: it works again."})
    notice = mara.get_by_text("The customer wrote again.")
    expect(notice).to_be_in_viewport(timeout=20_000)
    expect(mara.locator(ALONE).first).to_be_disabled()
    shoot(mara, "new-message-long")
    mara.locator("#reply").press("Control+Enter")  # does nothing: no page says that it was screened
    assert number_of(mara) == number
    mara.get_by_role("link", name="Read it").click()
    expect(mara.locator("#thread").get_by_text("Please stop: it works again.")).to_be_in_viewport()
    expect(mara.locator("#thread .message")).to_have_count(2)


def test_the_page_that_asks_for_confirmation_learns_of_a_new_message(
    person: SignIn, ticket: int, shop: Shop
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    mara.locator("#reply").fill("Open Settings, then Security.")
    with mara.expect_navigation():
        mara.locator("#reply").press("Control+Enter")
    assert "/send/" in mara.url
    shop(f"/tickets/{ticket}/messages", {"body": "Wait, I meant the battery."})
    expect(mara.get_by_text("The customer wrote again.")).to_be_in_viewport(timeout=20_000)
    expect(mara.locator("main [data-submit-key]")).to_be_disabled()
    mara.get_by_role("link", name="Go on from there").or_(
        mara.get_by_role("link", name="Open the new draft")
    ).click()
    expect(mara.get_by_text("Open Settings, then Security.").first).to_be_attached()


def test_a_dialog_is_confirmed_by_the_same_key_and_nothing_behind_it(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    mara.locator("#ticket-title").focus()
    mara.keyboard.press("e")
    mara.get_by_label("What should whoever takes it know?").fill("Ask the lab.")
    with mara.expect_navigation():
        mara.keyboard.press("Control+Enter")
    assert draft_state(console, ticket) == "in_review"
    jonas = person("jonas")
    jonas.goto(f"/review/{ticket}/")
    expect(jonas.get_by_text("Ask the lab.").first).to_be_in_viewport()
    shoot(jonas, "escalated")


def test_going_back_never_shows_a_page_whose_draft_was_sent(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    send(mara)
    mara.go_back()
    expect(mara).to_have_url(f"http://127.0.0.1:{console.port}/review/{ticket}/")
    expect(mara.locator("#reply")).to_have_value("")
    expect(mara.locator(ALONE).first).to_be_disabled()


def test_the_queue_says_when_the_server_does_not_answer(person: SignIn) -> None:
    mara = person("mara")
    mara.goto("/review/")
    mara.context.set_offline(True)
    expect(mara.get_by_text("The server does not answer.")).to_be_visible(timeout=20_000)
    mara.context.set_offline(False)
    expect(mara.get_by_text("The server does not answer.")).to_have_count(0, timeout=20_000)


@pytest.mark.parametrize("hours", [-5, 5])
def test_the_seconds_for_undo_are_the_servers_whatever_the_machine_thinks_it_is(
    person: SignIn, ticket: int, hours: int
) -> None:
    mara = person("mara")
    mara.add_init_script(f"const now = Date.now; Date.now = () => now() + {hours} * 3600e3;")
    open_from_queue(mara, ticket)
    send(mara)
    expect(mara.locator(".toast__left").first).to_have_text(re.compile(r"in [1-6] s"))
    mara.get_by_role("button", name="Undo").first.click()
    mara.wait_for_url(f"**/review/{ticket}/**")
    expect(mara.get_by_text("Undone: nothing was sent")).to_be_visible()


@pytest.mark.parametrize("width", [360, 768, 1440])
def test_no_token_however_long_breaks_a_page(person: SignIn, shop: Shop, width: int) -> None:
    token = "x" * 700
    number = shop(
        "/tickets",
        {"subject": token[:500], "body": f"{token}\nHow do I replace it?", "name": token[:200],
         "email": f"{'y' * 60}{width}@example.org"},
    )["number"]  # fmt: skip
    mara = person("mara", width=width)
    for path in ("/review/", f"/review/{number}/", "/review/tickets/"):
        mara.goto(path)
        overflow = mara.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert overflow <= 0, path
