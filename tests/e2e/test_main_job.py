"""The main job as its people do it: an agent, an auditor, a knowledge admin."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.conftest import shoot, waiting
from tests.installation import Installation, wait_until

SignIn = Callable[..., Page]
Shop = Callable[[str, dict], dict]


def serious(page: Page) -> list[str]:
    """The serious and critical findings of axe-core on this page."""
    found = Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {v['help']} ({v['nodes'][0]['html'][:120]})"
        for v in found
        if v["impact"] in {"serious", "critical"}
    ]


def mails(console: Installation, number: int) -> list[Path]:
    return list((console.folder / "mail").glob(f"{number}-*.eml"))


def number_of(page: Page) -> int:
    return int(page.url.split("/review/")[1].split("/")[0])


def open_from_queue(page: Page, number: int) -> None:
    page.goto("/review/")
    page.locator(f"#queue-list li a[href^='/review/{number}/']").first.click()
    page.wait_for_url(f"**/review/{number}/**")
    expect(page.locator("#reply")).to_be_editable()


def send(page: Page) -> None:
    """Approve by the key; confirm where the page asks."""
    with page.expect_navigation():
        page.locator("#reply").press("Control+Enter")
    if "/send/" in page.url:
        confirm_sending(page)


def confirm_sending(page: Page) -> None:
    confirm = page.locator("input[name=send_anyway]")
    if confirm.count():
        confirm.check()
    page.locator("main [data-submit-key]").click()
    page.wait_for_url(lambda url: "/send/" not in url)


def test_an_agent_sees_evidence_edits_approves_undoes_and_approves(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara, number = person("mara"), ticket
    mara.goto("/review/")
    shoot(mara, "queue")
    open_from_queue(mara, number)
    expect(mara.get_by_role("heading", name="Evidence", exact=True)).to_be_visible()
    cited = mara.locator(".workbench__rail a[href*='/knowledge/revision/']").first
    shoot(mara, "review")
    with mara.expect_popup() as opened:
        cited.click()
    expect(opened.value.locator("mark").first).to_be_visible()  # the citation lands on its span
    shoot(opened.value, "citation")
    opened.value.close()

    reply = mara.locator("#reply")
    before = reply.input_value()
    assert before.startswith("Hi Ana,")
    reply.press("Enter")  # a bare Enter never sends
    assert number_of(mara) == number
    reply.fill(before.replace("Hi Ana,", "Hello Ana, good to hear from you."))
    reply.press("Control+Enter")
    expect(mara.get_by_role("heading", name=f"What you changed in #{number}")).to_be_visible()
    shoot(mara, "changes")
    confirm_sending(mara)

    mara.get_by_role("button", name="Undo").first.click()
    mara.wait_for_url(f"**/review/{number}/**")
    assert mara.locator("#reply").input_value().startswith("Hello Ana, good to hear from you.")
    assert mails(console, number) == []
    send(mara)
    mail = wait_until(lambda: mails(console, number), seconds=40, what="the reply left")[
        0
    ].read_text()
    assert "good to hear from you" in mail.replace("=\n", "")
    assert "In-Reply-To" not in mail  # the ticket came without a Message-ID: there is none to name
    assert len(mails(console, number)) == 1


def test_an_unchanged_draft_is_approved_by_one_key_and_the_next_opens(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    send(mara)
    mara.wait_for_url(lambda url: f"/review/{ticket}/" not in url)
    wait_until(lambda: mails(console, ticket), seconds=40, what="the reply left")


def test_nobody_works_on_what_somebody_else_holds(person: SignIn, ticket: int) -> None:
    mara, jonas = person("mara"), person("jonas")
    open_from_queue(mara, ticket)
    jonas.goto(f"/review/{ticket}/")
    expect(jonas.get_by_text("Mara").first).to_be_visible()
    expect(jonas.locator("#reply")).not_to_be_editable()
    shoot(jonas, "held-by-mara")


def test_a_rejected_draft_asks_for_its_reason(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    mara.locator("#ticket-title").focus()
    mara.keyboard.press("r")
    dialog = mara.locator("dialog#reject")
    expect(dialog).to_be_visible()
    shoot(mara, "reject")
    dialog.get_by_label("Does not answer the question").check()
    dialog.locator("button.button--primary, button.button--harm, button[type=submit]").first.click()
    wait_until(
        lambda: console.count(
            f"select count(*) from generation_draft where ticket_id = {ticket} and state = 'rejected'"
        ),
        seconds=20,
        what="the draft is rejected",
    )


def test_a_new_message_retires_the_open_draft_and_keeps_the_agents_words(
    person: SignIn, console: Installation, ticket: int, shop: Shop
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    mara.locator("#reply").fill("My own careful words.")
    expect(mara.locator("#save-state")).to_contain_text("aved", timeout=15_000)
    shop(
        f"/tickets/{ticket}/messages",
        {"body": "One more thing: how do I replace the battery?"},
    )
    expect(mara.get_by_text("The customer wrote again.").first).to_be_visible(timeout=20_000)
    shoot(mara, "new-message")
    wait_until(lambda: waiting(console, ticket), seconds=60, what="the new draft is ready")
    mara.goto(f"/review/{ticket}/")
    expect(mara.get_by_text("My own careful words.").first).to_be_attached()


def test_an_auditor_finds_and_exports_it_and_the_log_holds(
    person: SignIn, console: Installation, ticket: int
) -> None:
    mara = person("mara")
    open_from_queue(mara, ticket)
    send(mara)
    otto = person("otto")
    otto.goto("/audit/?action=decision.made")
    rows = otto.locator("tbody tr")
    expect(rows.first).to_be_visible()
    shoot(otto, "audit")
    rows.first.locator("a").first.click()
    expect(otto.get_by_text("decision.made").first).to_be_visible()
    shoot(otto, "audit-event")
    otto.goto("/audit/")
    otto.get_by_role("button", name="Verify now").click()
    expect(otto.get_by_text("holds").first).to_be_visible()
    with otto.expect_download() as download:
        otto.get_by_role("button", name="Export", exact=True).click()
    lines = Path(download.value.path()).read_text().splitlines()
    assert {"decision.made", "draft.made", "message.received"} <= {
        json.loads(line)["action"] for line in lines
    }
    assert otto.goto("/review/").status == 403
    proof = console.verify()
    assert proof["ok"], proof


def test_a_knowledge_admin_adds_an_article_and_the_next_draft_cites_it(
    person: SignIn, console: Installation
) -> None:
    priya = person("priya")
    priya.goto("/knowledge/new/")
    priya.select_option("select[name=collection]", label="help")
    priya.fill("input[name=title]", "Descale the kettle")
    priya.fill("input[name=category]", "Kitchen")
    priya.get_by_role("button", name="Write it").click()
    priya.fill(
        "textarea[name=text]",
        "## Descale\n\nFill the kettle with one litre of water and 50 grams of citric acid. Boil it once and wait for twenty minutes. Rinse the kettle twice before you use it again.",
    )
    expect(priya.locator("#preview h2")).to_have_text("Descale")
    expect(priya.locator("#save-state")).to_have_text("Saved")
    shoot(priya, "article-editor")
    priya.press("textarea[name=text]", "Control+Enter")
    expect(priya.get_by_role("heading", name="Publish “Descale the kettle”?")).to_be_visible()
    shoot(priya, "article-publish")
    priya.wait_for_url(lambda url: url.endswith("/publish/"))
    priya.keyboard.press("Control+Enter")
    expect(priya.get_by_text("Revision 1 is published")).to_be_visible()
    wait_until(
        lambda: console.count(
            "select count(*) from retrieval_indexsnapshot where state = 'active' and chunks > 4"
        ),
        seconds=60,
        what="the new article is in the index",
    )
    priya.goto("/knowledge/?q=kettle")
    expect(priya.get_by_text("Descale the kettle").first).to_be_visible()
    shoot(priya, "knowledge")
    path = console.folder / "kettle.jsonl"
    path.write_text(
        json.dumps(
            {
                "external_id": "kettle",
                "subject": "Kettle",
                "body": "How do I descale my kettle with citric acid?",
                "name": "Bo",
                "email": "bo@example.org",
                "channel": "email",
            }
        )
    )
    console.manage("import_tickets", str(path))
    cites = (
        "select count(*) from generation_draftsentence s join generation_draftsource d on s.source_id = d.id"
        " join retrieval_chunk c on d.chunk_id = c.id join retrieval_revision r on c.revision_id = r.id where r.title = 'Descale the kettle'"
    )
    wait_until(lambda: console.count(cites), seconds=90, what="a draft cites the new article")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_has_a_serious_accessibility_finding(
    person: SignIn, ticket: int, dark: bool
) -> None:
    pages = {
        "mara": [
            "/review/",
            "/review/tickets/",
            "/review/tickets/new/",
            "/review/preferences/",
            "/knowledge/",
        ],
        "otto": ["/audit/", "/audit/events/0/"],
    }
    findings: dict[str, list[str]] = {}
    for username, paths in pages.items():
        page = person(username, dark=dark)
        for path in paths:
            assert page.goto(path).status < 400, path
            findings[path] = serious(page)
        if username == "mara":
            open_from_queue(page, ticket)
            findings["a ticket"] = serious(page)
            shoot(page, "review-dark" if dark else "review-light")
    assert {path: found for path, found in findings.items() if found} == {}


@pytest.mark.parametrize("width", [360, 700, 1000])
def test_the_console_fits_narrow_screens(person: SignIn, ticket: int, width: int) -> None:
    mara = person("mara", width=width, height=780)
    open_from_queue(mara, ticket)
    shoot(mara, f"review-{width}")
    overflow = mara.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )
    assert overflow <= 0
    expect(mara.locator("[data-submit-key]").first).to_be_in_viewport()
