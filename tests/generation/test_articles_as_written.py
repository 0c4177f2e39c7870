"""Articles as people write them, through the real pipeline: what the draft to the customer says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from generation import choosing, registry
from generation.pipeline import draft_replies
from retrieval.models import Chunk, Revision
from retrieval.search import search
from tests.generation.test_pipeline import ask, models, tiny_gpt_neo  # noqa: F401

pytestmark = pytest.mark.django_db

_ROWS = "\n".join(f"| Plan R{n} | {3 * n + 1} | {7 * n + 2} |" for n in range(60))
ARTICLES = {
    "Refund times": (
        "A refund takes five working days.\n\n<!--\nInternal: pay within two days if they\n\n"
        "threaten with a lawyer.\n-->\n\nThe money goes to the card that was used."
    ),
    "Count errors in the log": "To count the errors of a day, run `grep ERROR app.log | sort | uniq -c`.",
    "Install a plugin": "To install a plugin open File | Settings | Plugins and choose Install.",
    "Repairs": "For repairs write to <repairs@brewer.example> with the serial number <SERIAL_NO>.",
    "Order spare parts": (
        'Order spare parts in [the parts shop][1]. Delivery is ~~not~~ free.\n\n[1]: https://parts.example "Shop"'
    ),
    "Prices by region": (
        "| Plan | Europe | United States |\n|---|---|---|\n| Pro | | 12 dollars |\n| Free | 0 | |"
    ),
    "Limits of each plan": f"| Plan | Seats | Storage |\n|---|---|---|\n{_ROWS}",
    "Restart the box": (
        "To restart the box, log in by SSH and run:\n\n```sh\n# as root\nsystemctl restart brewd\n```\n\n"
        "The lamp turns green after a minute."
    ),
    "Renew the certificate": (
        "1. Log in by SSH.\n2. Run this command:\n\n   ```\n   brewctl cert renew --force\n   ```\n\n3. Restart it."
    ),
    "Descaling": "## Before you begin\n\n## What you need\n\n## Steps\n\n1. Fill the tank.\n2. Press cup and steam.",
    "Temperature": "Open Menu &rarr; Heat and choose a temperature &ge; 88&nbsp;&deg;C.",
    "返品": "商品到着後三十日以内であれば返品できます。",
    "パスワード": "ログイン画面でパスワードを再設定できます。",
    "解約": "マイページから解約できます。手数料はかかりません。",
    **{
        f"Error PPR-{code}": f"The display shows PPR-{code} when {why}. Switch it off and on."
        for code, why in {
            9086: "the boiler is too hot", 9087: "the scale needs descaling",
            9088: "the network is down", 9089: "the clock is not set",
        }.items()
    },
    **{
        f"Firmware {number}": f"New in firmware {number}: {what}."
        for number, what in {
            "3.1": "a quieter grinder", "3.10": "water hardness", "3.11": "radio clock",
        }.items()
    },
}  # fmt: skip
SAID = {
    "How long does a refund take?": "A refund takes five working days.\nThe money goes to the card",
    "How do I count the errors in the log?": "run grep ERROR app.log | sort | uniq -c.",
    "How do I install a plugin?": "open File | Settings | Plugins and choose Install.",
    "Where do I write for repairs?": "write to repairs@brewer.example with the serial number <SERIAL_NO>.",
    "Where do I order spare parts?": "in the parts shop (https://parts.example). Delivery is free.",
    "What does the Pro plan cost in Europe?": "Pro – United States: 12 dollars\n- Free – Europe: 0",
    "How many seats does Plan R43 have?": "Plan R43 – Seats: 130; Storage: 303",
    "How do I restart the box?": "run:\n    # as root\n    systemctl restart brewd\nThe lamp",
    "How do I renew the certificate?": "2. Run this command:\n    brewctl cert renew --force\n3. Restart",
    "How do I descale?": "1. Fill the tank.\n2. Press cup and steam.",
    "How do I change the temperature?": "Open Menu → Heat and choose a temperature ≥ 88 °C.",
    "What does error PPR-9087 mean?": "PPR-9087 when the scale needs descaling",
    "My machine shows ppr9088. What does it mean?": "PPR-9088 when the network is down",
    "The display says ppr 9086. What can I do?": "PPR-9086 when the boiler is too hot",
    "What is new in firmware 3.1?": "firmware 3.1: a quieter grinder",
    "What is new in firmware 3.10?": "firmware 3.10: water hardness",
}
DECLINED = ["What does error PPR-9999 mean?", "What is new in firmware 3.12?"]
NEVER = ("lawyer", "Internal", "not free", "[1]", "&rarr;", "Shop", "<!--", "```")


@pytest.fixture
def knowledge(db: None, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    folder = tmp_path / "articles"
    folder.mkdir()
    for title, text in ARTICLES.items():
        (folder / f"{title.replace(' ', '-')}.md").write_text(f"---\ntitle: {title}\n---\n{text}\n")
    call_command("ingest", str(folder), "--collection", "help")


def test_drafts_say_what_the_articles_say(
    knowledge: None, models: registry.Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "LEAST_ANSWER", 0.1)  # no reranker reads here
    questions = [*SAID, *DECLINED]
    wrong = {}
    for question, reply in zip(
        questions, draft_replies([ask(q) for q in questions], models), strict=True
    ):
        said = {c.kind: c.body for c in reply.candidates if c.kind == "quoted"}
        wanted = SAID.get(question)
        body = said.get("quoted", "")
        if (wanted is None and body) or (wanted and wanted not in body):
            wrong[question] = body or reply.problems
        if any(word in body for word in NEVER):
            wrong[question] = body
        quoted = next((c for c in reply.candidates if c.kind == "quoted"), None)
        for claim in quoted.claims if quoted else ():
            if not claim.supported or claim.flags:
                wrong[f"{question} (evidence)"] = claim
    assert not wrong
    declined = draft_replies([ask(DECLINED[0])], models)[0]
    assert "other_thing" in {code for code, _ in declined.notes}


def test_comments_of_articles_that_were_cut_before_are_not_found(knowledge: None) -> None:
    revision = Revision.objects.get(title="Refund times")
    chunk = revision.chunks.get()
    assert "lawyer" not in revision.text + chunk.text
    # as it stood before texts were cleaned at the door
    text = ARTICLES["Refund times"]
    Revision.objects.filter(pk=revision.pk).update(text=text)
    for start, end, seen in (
        (0, len(text), ["A refund takes five working days.", "The money goes to the card"]),
        (text.index("threaten"), text.index("-->"), []),
    ):
        Chunk.objects.filter(pk=chunk.pk).update(text=text[start:end], start=start, end=end)
        found = [
            h.text for h in search("When is a refund paid?", k=20).hits if h.chunk_id == chunk.pk
        ]
        assert len(found) == bool(seen)
        assert all(words in found[0] for words in seen)
        assert not any("lawyer" in one for one in found)


def test_japanese_is_found_by_its_pairs_of_characters(knowledge: None) -> None:
    for question, title in (
        ("返品はできますか", "返品"),
        ("解約したいです", "解約"),
        ("パスワードを忘れました", "パスワード"),
    ):
        hit = search(question, mode="lexical").hits[0]
        assert hit.title == title
        assert search(question).hits[0].title == title
