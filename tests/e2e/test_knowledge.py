"""The knowledge base as its admins keep it: bring in, edit, publish, roll back, fill a gap."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.e2e.conftest import shoot, waiting
from tests.e2e.test_main_job import Shop, SignIn, serious
from tests.installation import Installation, wait_until

BIKES = {
    "bikes/rent-a-bike.md": "---\ntitle: Rent a bike\ncategory: Bikes\n---\n## Steps\n\nOpen the map and choose a bike. Scan the code on its frame. The lock opens within ten seconds.\n",
    "bikes/end-a-ride.md": "---\ntitle: End a ride\ncategory: Bikes\n---\n## Steps\n\nBring the bike to any station. Push the lock down until it clicks. The fare of 2 euros is charged at once.\n",
    "bikes/notes.xlsx": "not an article",
    "bikes/broken.pdf": "%PDF-1.4 this is no PDF",
}


def test_a_zip_is_watched_in_an_article_edited_its_draft_redrafted_and_the_text_rolled_back(
    person: SignIn, console: Installation, shop: Shop, tmp_path: Path
) -> None:
    priya = person("priya")
    archive = tmp_path / "bikes.zip"
    with zipfile.ZipFile(archive, "w") as packed:
        for name, text in BIKES.items():
            packed.writestr(name, text)

    priya.goto("/knowledge/sources/")
    priya.get_by_role("link", name="Upload").first.click()
    priya.fill("input[name=name]", "Bike handbook")
    priya.fill("input[name=collection]", "bikes")
    priya.get_by_role("button", name="Set it up").click()
    priya.set_input_files("input[type=file]", str(archive))
    shoot(priya, "knowledge-upload")
    priya.get_by_role("button", name="Preview what would change").click()
    expect(priya.get_by_text("This is what would change.")).to_be_visible(timeout=60_000)
    shoot(priya, "knowledge-preview")
    priya.get_by_role("link", name="Skipped 1").click()  # a broken file is named, not lost
    expect(priya.get_by_text("broken.pdf").first).to_be_visible()
    assert serious(priya) == []
    priya.get_by_role("button", name="Apply it").click()
    expect(priya.get_by_text("Done.")).to_be_visible(timeout=60_000)
    shoot(priya, "knowledge-imported")

    number = shop(
        "/tickets",
        {
            "subject": "How do I end a ride?",
            "body": "How do I end a ride with the bike? What is the fare?",
            "name": "Ben",
        },
    )["number"]
    wait_until(
        lambda: cites(console, number, "bikes/end-a-ride.md"),
        seconds=120,
        what="a draft on the article",
    )

    priya.goto("/knowledge/?q=End+a+ride")
    priya.get_by_role("link", name="End a ride").first.click()
    priya.get_by_role("link", name="Edit").click()
    editor = priya.locator("textarea[name=text]")
    editor.fill(editor.input_value().replace("2 euros", "3 euros"))
    expect(priya.locator("#preview")).to_contain_text("3 euros")
    expect(priya.locator("#save-state")).to_have_text("Saved")
    editor.press("Control+Enter")
    expect(
        priya.get_by_text(re.compile("drafts? waits? with a passage of this article"))
    ).to_be_visible()
    shoot(priya, "knowledge-blast-radius")
    assert serious(priya) == []
    confirm(priya, "Revision 2 is published")
    wait_until(
        lambda: newest_draft(console, number) >= 2 and waiting(console, number),
        seconds=120,
        what="the draft on the old text is drafted anew",
    )
    mara = person("mara")
    mara.goto(f"/review/{number}/")
    expect(mara.locator(".workbench__rail")).to_contain_text("3 euros")
    shoot(mara, "redrafted")

    priya.get_by_role("link", name="Revision 2 of 2").click()
    shoot(priya, "knowledge-revisions")
    priya.get_by_role("link", name="Roll back to it").click()
    shoot(priya, "knowledge-roll-back")
    assert serious(priya) == []
    priya.get_by_role("button", name="Roll back").click()
    expect(priya.get_by_text("published again, as revision 3")).to_be_visible()
    priya.get_by_role("link", name="End a ride").first.click()
    expect(priya.locator("article")).to_contain_text("2 euros")


def test_an_article_is_started_from_a_gap_and_closes_it(
    person: SignIn, console: Installation, shop: Shop
) -> None:
    for n, words in enumerate(
        (
            "Do you hire out kayaks at the harbour?",
            "Can I hire a kayak at the harbour at the weekend?",
            "What does it cost to hire a kayak at your harbour?",
        )
    ):
        shop(
            "/tickets",
            {"subject": words, "body": words, "name": f"Kim {n}", "email": f"kim{n}@example.org"},
        )
    wait_until(
        lambda: (
            console.count(
                "select count(*) from generation_draft d join assistant_ticket t on t.id = d.ticket_id "
                "where t.subject like '%kayak%' and d.finished_at is not null"
            )
            == 3
        ),
        seconds=120,
        what="three drafts without evidence",
    )
    priya = person("priya")
    priya.goto("/knowledge/gaps/")
    priya.get_by_role("button", name=re.compile("Look .*now")).click()
    gap = priya.locator("table").get_by_role("link").filter(has_text="ayak").first
    expect(gap).to_be_visible(timeout=90_000)
    shoot(priya, "knowledge-gaps")
    assert serious(priya) == []
    gap.click()
    shoot(priya, "knowledge-gap")
    priya.locator("select[name=collection]").select_option(label="help")
    priya.get_by_role("button", name="Start an article").click()
    editor = priya.locator("textarea[name=text]")
    expect(editor).to_have_value(re.compile("kayak"))
    priya.fill("input[name=title]", "Hire a kayak")
    editor.fill(
        "Kayaks are hired at the harbour every day from nine to five. A kayak costs 12 euros an hour."
    )
    expect(priya.locator("#save-state")).to_have_text("Saved")
    shoot(priya, "knowledge-from-a-gap")
    editor.press("Control+Enter")
    confirm(priya, "Revision 1 is published")
    priya.goto("/knowledge/gaps/?state=closed")
    expect(priya.get_by_text("has an article", exact=True)).to_be_visible()


def test_two_editors_see_each_other_and_nothing_is_overwritten(
    person: SignIn, console: Installation
) -> None:
    priya, ada = person("priya"), person("ada")
    for page in (priya, ada):
        page.goto("/knowledge/?q=Replace+the+battery")
        page.get_by_role("link", name="Replace the battery").first.click()
        page.get_by_role("link", name="Edit").click()
    expect(ada.locator("#presence")).to_contain_text("Priya")
    shoot(ada, "knowledge-two-editors")
    publish(ada, "Twist the cover to the left. Put in a CR2450 cell. Close the cover.")
    publish(priya, "Twist the cover to the right.", confirmed=False)
    expect(priya.get_by_text("Ada").first).to_be_visible()
    expect(priya.locator("main")).to_contain_text("Close the cover")
    shoot(priya, "knowledge-overtaken")


def publish(page: Page, text: str, *, confirmed: bool = True) -> None:
    page.fill("textarea[name=text]", text)
    expect(page.locator("#save-state")).to_have_text("Saved")
    page.press("textarea[name=text]", "Control+Enter")
    page.wait_for_url(lambda url: "/edit/" not in url)
    if confirmed:
        confirm(page, "is published")


def confirm(page: Page, said: str) -> None:
    """Publish by the key, once the page that asks has loaded what hears it."""
    page.wait_for_url(lambda url: url.endswith("/publish/"))
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text(said)).to_be_visible()


def newest_draft(console: Installation, number: int) -> int:
    return console.count(f"select max(number) from generation_draft where ticket_id = {number}")


def cites(console: Installation, number: int, source: str) -> int:
    return console.count(
        "select count(*) from generation_draft d join generation_draftsource s on s.draft_id = d.id "
        "join retrieval_chunk c on c.id = s.chunk_id join retrieval_revision r on r.id = c.revision_id "
        "join retrieval_document a on a.id = r.document_id "
        f"where d.ticket_id = {number} and d.state in ('in_review', 'withheld') and a.source = '{source}'"
    )
