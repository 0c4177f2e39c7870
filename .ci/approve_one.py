"""Wait for the demo's drafts, approve one as the agent, and see its mail: approve_one.py PORT LOG."""

import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.http_agent import HttpAgent

port, log = int(sys.argv[1]), Path(sys.argv[2])


def wait(what, condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if value := condition():
                print(f"{what}: yes")
                return value
        except (OSError, AssertionError) as error:
            last = error
        time.sleep(1)
    sys.exit(f"{what}: not within {seconds} s ({locals().get('last', '')})")


password = wait(
    "the demo printed its passwords",
    lambda: re.search(r"^\s+Agent\s+agent\s+(\S+)", log.read_text(), re.MULTILINE),
    1500,
)[1]
agent = HttpAgent(f"http://127.0.0.1:{port}")
wait("the web process answers", lambda: agent.get("/healthz"), 300)
agent.sign_in("agent", password)


def a_draft():
    agent.get("/review/")
    for number in agent.tickets_listed():
        agent.get(f"/review/{number}/")
        form = agent.form("/send/")
        if form.fields.get("candidate") and form.fields.get("text"):
            return number, form
    return None


number, form = wait("a draft waits for review", a_draft, 300)
print(form.fields["text"])
page = agent.submit(form)
if "/send/" in agent.url:
    sys.exit(f"ticket {number} was not approved:\n{page}")
mails = Path("var/mail")
mail = wait("the reply left as a mail", lambda: next(mails.glob(f"{number}-*.eml"), None), 60)
print(mail.read_text()[:400])
