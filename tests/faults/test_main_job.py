"""The main job over HTTP with every process running, on whichever database and broker are set."""

from __future__ import annotations

import email
import json
import urllib.request
from collections.abc import Callable
from email import policy

import pytest

from tests.http_agent import HttpAgent
from tests.installation import Installation, wait_until

pytestmark = [pytest.mark.processes, pytest.mark.soak]  # quick: tests/e2e, in a browser


def post(installed: Installation, path: str, key: str, body: dict) -> dict:
    request = urllib.request.Request(
        f"http://127.0.0.1:{installed.port}{path}",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_a_ticket_over_rest_becomes_an_approved_mail_and_a_log_that_holds(
    installation: Callable[..., Installation],
) -> None:
    installed = installation(UNDO_SECONDS=1, SAMPLES=1)
    people = installed.manage("create_people")
    password = next(line.split()[-1] for line in people.splitlines() if " agent " in line)
    key = installed.manage("create_api_key", "--name", "shop").strip()
    installed.start_everything()
    agent = HttpAgent(f"http://127.0.0.1:{installed.port}")

    def ready() -> bool:
        try:
            return agent.get_json("/readyz").get("ready", False)
        except OSError:
            return False

    try:
        wait_until(ready, seconds=180, what="every part is ready")
    except AssertionError as error:
        raise AssertionError(f"{error}\n{installed.logs()}") from None
    made = post(
        installed,
        "/api/v1/tickets",
        key,
        {
            "subject": "Ring",
            "body": "How do I restart the thermostat?",
            "name": "Ana Ó",
            "email": "ana@example.org",
        },
    )
    number = made["number"]
    wait_until(
        lambda: installed.drafts("in_review") == 1, seconds=60, what="the draft waits for review"
    )

    agent.sign_in("agent", password)
    agent.get(f"/review/{number}/")
    form = agent.form("/send/")
    assert "Hold the ring for ten seconds." in form.fields["text"]
    agent.submit(form)
    if "/send/" in agent.url:  # the screens asked to confirm
        agent.submit(agent.form("/send/"), send_anyway="1")
    wait_until(
        lambda: installed.count(
            "select count(*) from assistant_outboundreply where state = 'sent'"
        ),
        seconds=30,
        what="the reply is sent",
    )
    (mail,) = (installed.folder / "mail").glob("*.eml")
    message = email.message_from_bytes(mail.read_bytes(), policy=policy.default)
    assert message["To"] == "Ana Ó <ana@example.org>"
    assert "Hold the ring for ten seconds." in message.get_content()

    drafts = agent_drafts(installed, number, key)
    assert drafts[0]["state"] == "approved"
    assert drafts[0]["sources"][0]["document"] == "Restart the thermostat"
    proof = installed.verify()
    assert proof["ok"], proof
    recorded = {row[0] for row in installed.query("select action from assistant_auditevent")}
    assert {
        "message.received",
        "draft.queued",
        "draft.made",
        "claim.taken",
        "decision.made",
        "reply.held",
        "reply.sent",
    } <= recorded
    with urllib.request.urlopen(f"http://127.0.0.1:{installed.port}/metrics", timeout=10) as answer:
        assert 'countersign_replies{state="sent"} 1.0' in answer.read().decode()


def agent_drafts(installed: Installation, number: int, key: str) -> list[dict]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{installed.port}/api/v1/tickets/{number}/drafts",
        headers={"Authorization": f"Bearer {key}"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["drafts"]
