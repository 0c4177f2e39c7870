"""After forgetting, nothing of the customer stands in any file of the installation, or it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from assistant.models import AuditEvent, Ticket, User
from tests.installation import Installation
from tests.review.factories import make_ticket

WORDS = ("Ottoline Quisenberry", "ottoline@quisenberry.example", "Parrots in the boiler room")
OTHER = "Another subject altogether"
PREPARE = """
from django.utils import timezone
from assistant.intake import receive_message
from assistant.models import Ticket
now = timezone.now()
for subject, name, email in (({2!r}, {0!r}, {1!r}), ({3!r}, 'Bo', 'bo@x.example')):
    receive_message(channel='web', body='hello there', subject=subject, name=name, email=email,
                    source='t', actor='system:t', now=now)
""".format(*WORDS, OTHER)


@pytest.mark.processes
def test_no_file_of_an_installation_holds_a_word_of_a_forgotten_customer(tmp_path: Path) -> None:
    installed = Installation(tmp_path / "data")
    try:
        assert installed.python(PREPARE).returncode == 0
        mails = installed.folder / "mail"
        mails.mkdir()
        (mails / "1-abc.eml").write_text(f"To: {WORDS[1]}\nSubject: {WORDS[2]}\n")
        (mails / "2-abc.eml").write_text("To: bo@x.example\n")
        (installed.folder / "logs").mkdir(exist_ok=True)
        old = installed.folder / "logs" / "web.log.1"
        old.write_text(f'"GET /review/tickets/?q={WORDS[1]}"\n')
        told = json.loads(
            installed.manage("forget", "--email", WORDS[1], "--retire-drafts", "--json")
        )
        assert told["tickets"] == [1]
        assert told["mails"] == ["1-abc.eml"]
        assert told["files"] == ["logs/web.log.1"]  # from before logs were free of words: told
        assert told["squeezed"]
        holding = {
            str(path.relative_to(installed.folder))
            for path in installed.folder.rglob("*")
            if path.is_file() and any(word.encode() in path.read_bytes() for word in WORDS)
        }
        assert holding == {"logs/web.log.1"}
        assert any(
            OTHER.encode() in p.read_bytes() for p in installed.folder.glob("*.sqlite3*")
        ) or (installed.database)
        assert (mails / "2-abc.eml").exists()
        assert installed.verify()["ok"]
    finally:
        installed.close()


@pytest.mark.django_db
def test_an_administrator_forgets_by_name_with_a_reason(
    ada: User, mara: User, sign_in: Callable[[User], Client]
) -> None:
    ticket = make_ticket(subject="Unmistakable parrot")
    page = sign_in(ada)
    assert sign_in(mara).get("/review/forget/").status_code == 403
    form = {"whom": f"#{ticket.pk}", "reason": "asked"}
    assert page.post("/review/forget/", form | {"reason": ""}).status_code == 400
    assert page.post("/review/forget/", form | {"whom": "nobody@x.example"}).status_code == 400
    shown = page.post("/review/forget/", form).content.decode()
    assert "Unmistakable parrot" in shown
    assert "Forget for ever" in shown
    assert Ticket.objects.get(pk=ticket.pk).subject == "Unmistakable parrot"  # not confirmed yet
    done = page.post("/review/forget/", form | {"confirmed": "yes"}).content.decode()
    assert "Certificate" in done
    assert f"#{ticket.pk}" in done
    assert Ticket.objects.get(pk=ticket.pk).subject == ""
    event = AuditEvent.objects.get(action="ticket.forgotten")
    assert event.actor == f"user:{ada.pk}:ada"
    assert json.loads(event.canonical)["data"]["reason"] == "asked"
