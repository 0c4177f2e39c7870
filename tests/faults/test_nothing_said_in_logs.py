"""Whatever fails, no log holds a word of a customer or of a form, and a busy database loses nothing."""

from __future__ import annotations

import http.client
import json
import sqlite3
import urllib.error
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from tests.http_agent import HttpAgent
from tests.installation import Installation, wait_until

pytestmark = pytest.mark.processes

SECRETS = {
    "card": "4111 1111 1111 1111",
    "name": "Ottoline Quisenberry",
    "email": "ottoline@quisenberry.example",
    "body": "the parrot ate my thermostat",
    "subject": "Parrot and thermostat",
    "password": "my-parrots-password-is-long",
    "search": "wilhelmina@parrot.example",
}
PIECES = {
    "4111", "uisenberry", "ottoline", "parrot", "Parrot", "wilhelmina", "q=",
    *(urllib.parse.quote(value) for value in SECRETS.values()),
}  # fmt: skip


def said_in_logs(installed: Installation) -> dict[str, list[str]]:
    """The lines of each log in which a secret stands."""
    found = {}
    for file in [*installed.folder.glob("*.log*"), *(installed.folder / "logs").glob("*")]:
        text = file.read_text(errors="replace")
        lines = [line for line in text.splitlines() if any(piece in line for piece in PIECES)]
        if lines:
            found[file.name] = lines
    return found


@contextmanager
def writing(installed: Installation) -> Iterator[None]:
    """Hold the lock that every writer needs."""
    if installed.database:
        import psycopg

        with psycopg.connect(installed.database) as connection:
            connection.execute("lock table assistant_ticket, axes_accessattempt in exclusive mode")
            yield
        return
    connection = sqlite3.connect(installed.folder / "countersign.sqlite3", isolation_level=None)
    connection.execute("begin immediate")
    try:
        yield
    finally:
        connection.execute("rollback")
        connection.close()


def ask(
    installed: Installation, method: str, path: str, body: Any = None, key: str = ""
) -> tuple[int, Message, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", installed.port, timeout=60)
    headers = {"Content-Type": "application/json"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    data = json.dumps(body) if isinstance(body, dict) else body
    try:
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def break_table(installed: Installation, name: str) -> None:
    statement = f"alter table {name} rename to {name}_gone"
    if installed.database:
        import psycopg

        with psycopg.connect(installed.database) as connection:
            connection.execute(statement)
        return
    connection = sqlite3.connect(installed.folder / "countersign.sqlite3", timeout=30)
    connection.execute(statement)
    connection.commit()
    connection.close()


TICKET = {
    "subject": SECRETS["subject"],
    "body": f"{SECRETS['body']}, my card is {SECRETS['card']}",
    "name": SECRETS["name"],
    "email": SECRETS["email"],
}


@pytest.fixture
def started(tmp_path: Path) -> Iterator[tuple[Installation, str]]:
    """Web (in an application with paths that break), worker-default and beat; and an API key."""
    installed = Installation(tmp_path / "data", WEB_LOCK_SECONDS=1, UNDO_SECONDS=0)
    key = installed.manage("create_api_key", "--name", "shop").strip()
    installed.start("worker-default")
    installed.start("beat")
    command = [
        part.replace("assistant.web", "tests.faults.broken_app")
        for part in installed._commands["web"]
    ]
    installed.spawn("web", command)

    def answers() -> bool:
        with suppress(OSError):
            return ask(installed, "GET", "/healthz")[0] == 200
        return False

    wait_until(answers, seconds=60, what="the web process answers")
    yield installed, key
    installed.close()


def test_a_busy_database_is_said_and_nothing_is_half_done_or_told(
    started: tuple[Installation, str],
) -> None:
    installed, key = started
    agent = HttpAgent(f"http://127.0.0.1:{installed.port}")
    agent.get("/sign-in/")
    sign_in = agent.form("sign-in")
    with writing(installed):
        status, headers, body = ask(installed, "POST", "/api/v1/tickets", TICKET, key)
        assert status == 503
        assert int(headers["Retry-After"]) > 0
        assert json.loads(body)["errors"][0]["field"] == "database"
        with pytest.raises(urllib.error.HTTPError) as refused:
            agent.submit(sign_in, username=SECRETS["name"], password=SECRETS["password"])
        assert refused.value.code == 503
        assert int(refused.value.headers["Retry-After"]) > 0
        page = refused.value.read().decode()
        assert "busy" in page
        assert "<h1>" in page
        # readers are not kept waiting by a writer
        assert ask(installed, "GET", "/api/v1/tickets/1", key=key)[0] == 404
        assert ask(installed, "GET", "/sign-in/")[0] == 200
    for table in ("assistant_ticket", "assistant_contact", "assistant_sealedtext"):
        assert installed.count(f"select count(*) from {table}") == 0, table
    status, _, _ = ask(installed, "POST", "/api/v1/tickets", TICKET, key)
    assert status == 201
    assert said_in_logs(installed) == {}


def test_no_fault_puts_a_word_of_anybody_into_a_log(started: tuple[Installation, str]) -> None:
    installed, key = started
    people = installed.manage("create_people")
    password = next(line.split()[-1] for line in people.splitlines() if " agent " in line)
    agent = HttpAgent(f"http://127.0.0.1:{installed.port}")
    agent.sign_in("agent", password)
    words = urllib.parse.quote(SECRETS["search"])
    agent.get(f"/review/tickets/?q={words}")
    assert ask(installed, "POST", "/api/v1/tickets", TICKET, key)[0] == 201
    for broken in (
        json.dumps(TICKET)[:-9],
        "\xff" + SECRETS["body"],
        '{"body": ["' + SECRETS["name"],
    ):
        assert ask(installed, "POST", "/api/v1/tickets", broken.encode("latin-1"), key)[0] < 500

    # what the web server, a thread and a response under way say
    with suppress(http.client.HTTPException, OSError):
        ask(installed, "GET", f"/breaks-off?q={words}")
    assert ask(installed, "GET", f"/raises?q={words}")[0] == 500
    ask(installed, "GET", f"/thread?q={words}")
    # the database breaks under requests that hold a customer's words, and under the workers
    for table in (
        "assistant_message",
        "assistant_contact",
        "django_session",
        "assistant_outboundreply",
    ):
        break_table(installed, table)
    assert ask(installed, "POST", "/api/v1/tickets", TICKET, key)[0] == 500
    with pytest.raises(urllib.error.HTTPError):
        agent.get(f"/review/tickets/?q={words}")
    stranger = HttpAgent(agent.base)
    stranger.get("/sign-in/")
    break_table(installed, "axes_accessattempt")
    with pytest.raises(urllib.error.HTTPError):
        stranger.submit(
            stranger.form("sign-in"), username=SECRETS["name"], password=SECRETS["password"]
        )
    log = installed.folder / "worker-default.log"
    wait_until(lambda: "deliver_replies" in log.read_text(), seconds=30, what="a task failed")
    assert said_in_logs(installed) == {}
    web = (installed.folder / "web.log").read_text()
    # what an operator needs is there: what broke, and where
    assert "OperationalError [SQLITE_ERROR]" in web or "UndefinedTable" in web
    assert "assistant/intake.py" in web
    assert "ValueError" in web
    assert "LookupError" in web
