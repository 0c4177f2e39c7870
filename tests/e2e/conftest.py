"""A real browser against a real installation with all its processes.

Every test has a ticket of its own and a browser of its own, so that they pass in any order.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import Browser, Error, Page, Playwright, sync_playwright

from tests.faults.conftest import ARTICLE, TOPICS, add_tickets
from tests.installation import Installation, wait_until
from tests.people import LAST_NAMES, PASSWORD, ROLES

SCREENSHOTS = os.environ.get("COUNTERSIGN_SCREENSHOTS")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture
def browser(playwright: Playwright) -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        words = "Chromium is not installed (on Debian: apt-get install chromium)"
        if os.environ.get("COUNTERSIGN_REQUIRE_SERVICES"):
            pytest.fail(words)
        pytest.skip(words)
    with killed_after(seconds=180):  # what Playwright gives no time-out: evaluate(), new_page()
        running = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield running
    with killed_after(seconds=10), suppress(Error):  # the test is over; closing may not undo that
        running.close()


@contextmanager
def killed_after(*, seconds: float) -> Iterator[None]:
    """Kill the browser when the block takes longer: each call that waits for it then fails."""
    timer = threading.Timer(seconds, _kill_browsers)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _kill_browsers() -> None:
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.name().startswith("chrom"):
                child.kill()


@pytest.fixture(scope="session")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The whole product, started as an operator starts it, with the cast signed up."""
    folder = tmp_path_factory.mktemp("console")
    (folder / "data").mkdir()
    installed = Installation(folder / "data", UNDO_SECONDS=6, SIGNATURE="The help team", SAMPLES=2)
    knowledge = folder / "knowledge"
    knowledge.mkdir()
    for title, (category, text) in TOPICS.items():
        (knowledge / f"{title.replace(' ', '-').lower()}.md").write_text(
            ARTICLE.format(title=title, category=category, text=text)
        )
    installed.manage("ingest", str(knowledge), "--collection", "help")
    made = installed.python(_make_people())
    assert made.returncode == 0, made.stderr
    add_tickets(installed, 6)
    installed.start_everything()
    try:
        wait_until(
            lambda: installed.drafts("in_review", "withheld") == 6,
            seconds=180,
            what="six drafts wait for review",
        )
    except AssertionError as error:
        raise AssertionError(f"{error}\n{installed.logs()}") from None
    yield installed
    installed.close()


def _make_people() -> str:
    roles = {name: role.value for name, role in ROLES.items()}
    return (
        "from assistant.models import User\n"
        f"last = {LAST_NAMES!r}\n"
        f"for name, role in {roles!r}.items():\n"
        f"    User.objects.create_user(username=name, password={PASSWORD!r}, role=role, first_name=name.capitalize(), last_name=last[name])\n"
    )


@pytest.fixture(scope="session")
def shop(console: Installation) -> Callable[[str, dict], dict]:
    """Post JSON to the API with a key."""
    key = console.manage(
        "create_api_key", "--name", "shop", "--scopes", "tickets:write,tickets:read"
    ).strip()

    def post(path: str, body: dict) -> dict:
        request = urllib.request.Request(
            f"http://127.0.0.1:{console.port}/api/v1{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    return post


@pytest.fixture
def ticket(console: Installation, shop: Callable[[str, dict], dict]) -> int:
    """The number of a ticket that no other test touches, its draft waiting for review."""
    number = shop(
        "/tickets",
        {
            "subject": "How do I change your password?",
            "body": "Hello, how do I change your password? I can't find it.",
            "name": "Ana",
            "email": "ana@example.org",
        },
    )["number"]
    wait_until(lambda: waiting(console, number), seconds=120, what=f"#{number} waits for review")
    return number


def waiting(console: Installation, number: int) -> int:
    """How many drafts of this ticket wait for review."""
    return console.count(
        f"select count(*) from generation_draft where ticket_id = {number} and state = 'in_review'"
    )


@pytest.fixture
def person(browser: Browser, console: Installation) -> Iterator[Callable[..., Page]]:
    """Sign somebody in; a page that breaks the Content-Security-Policy or throws fails the test."""
    problems: list[str] = []

    def sign_in(username: str, *, dark: bool = False, width: int = 1440, height: int = 900) -> Page:
        context = browser.new_context(
            base_url=f"http://127.0.0.1:{console.port}",
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            accept_downloads=True,
        )
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: (
                problems.append(f"{page.url}: {message.text}")
                if "Content Security Policy" in message.text or "Refused to" in message.text
                else None
            ),
        )
        page.goto("/")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/sign-in/" not in url)
        return page

    yield sign_in
    assert problems == []


def shoot(page: Page, name: str) -> None:
    """Keep a screenshot under docs/screenshots when COUNTERSIGN_SCREENSHOTS is set."""
    if SCREENSHOTS:
        folder = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=folder / f"{name}.png")
