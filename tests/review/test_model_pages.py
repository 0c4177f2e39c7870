"""The pages about models: who sees and changes what, what stands on them, and what a click does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone

from assistant.models import Heartbeat, User
from generation import versions
from generation.models import ModelChange, ModelVersion
from tests.generation.packed import CARD, candidate, frozen_file, live_now, measured

pytestmark = pytest.mark.django_db
SignIn = Callable[[User], Client]
REASON = "The <b>team</b> prefers its tone in 40 of 60 pairs."


@pytest.fixture
def drafter(tmp_path: Path) -> ModelVersion:
    return candidate(tmp_path, "drafter")


def page(client: Client, url: str) -> str:
    answer = client.get(url)
    assert answer.status_code == 200, (url, answer.status_code)
    return answer.content.decode()


def post(client: Client, url: str, **values: object) -> tuple[int, str]:
    answer = client.post(url, values, follow=True)
    return answer.status_code, answer.content.decode()


# --- reading --------------------------------------------------------------------------------


def test_the_bundled_models_are_shown_as_live_by_setting_with_their_curves(
    otto: User, sign_in: SignIn
):
    text = page(sign_in(otto), "/models/")
    assert text.count("Live by setting") == text.count('<section class="panel models__kind"') >= 3
    for chart in ("Training loss", "Reliability"):
        assert f"<strong>{chart}.</strong>" in text
    assert not ModelVersion.objects.exists()  # looking writes nothing


@pytest.mark.parametrize("kind", ["generator", "toxicity", "confidence"])
def test_what_a_setting_names_has_a_page_with_its_card(otto: User, sign_in: SignIn, kind: str):
    text = page(sign_in(otto), f"/models/by-setting/{kind}/")
    assert "Live by setting" in text
    assert '<article class="article prose models__card">' in text
    assert "license_name" not in text  # the front matter isn't text for people


def test_a_kind_or_version_that_is_none_is_not_found(ada: User, sign_in: SignIn):
    client = sign_in(ada)
    for url in ("by-setting/nonsense/", "1/", f"{2**70}/", "1/promote", "by-setting/reranker/"):
        found = client.get(f"/models/{url}").status_code
        assert found == 404 or (url.startswith("by-setting/reranker") and found == 200)


def test_who_may_read_sees_no_button_that_changes_anything(
    otto: User, priya: User, ada: User, mara: User, sign_in: SignIn, drafter: ModelVersion
):
    for reader in (otto, priya):
        for url in ("/models/", f"/models/{drafter.pk}/"):
            text = page(sign_in(reader), url)
            assert "drafter" in text
            assert "Promote" not in text
            assert "Retire<" not in text
    assert "Promote" in page(sign_in(ada), f"/models/{drafter.pk}/")
    assert sign_in(mara).get("/models/").status_code == 403


@pytest.mark.parametrize("step", ["promote", "canary", "retire", "roll-back"])
def test_only_administrators_change_anything(
    otto: User, priya: User, sign_in: SignIn, drafter: ModelVersion, step: str
):
    for reader in (otto, priya):
        values = {"reason": REASON, "percent": 10, "over": ""}
        assert sign_in(reader).post(f"/models/{drafter.pk}/{step}", values).status_code == 403
    drafter.refresh_from_db()
    assert drafter.state == "candidate"


def test_the_link_stands_in_the_bar_of_those_who_may_read(otto: User, mara: User, sign_in: SignIn):
    assert 'href="/models/" aria-current="page"' in page(sign_in(otto), "/models/")
    assert 'href="/models/"' not in page(sign_in(mara), "/review/")


def test_a_cards_markup_is_shown_and_never_run(ada: User, sign_in: SignIn, drafter: ModelVersion):
    text = page(sign_in(ada), f"/models/{drafter.pk}/")
    assert "<strong>card</strong>" in text
    assert "<script>alert(1)" not in text
    assert "somebody/something" in text


def test_no_page_carries_a_style_or_a_script_of_its_own(
    tmp_path: Path, ada: User, sign_in: SignIn, drafter: ModelVersion
):
    frozen = frozen_file(tmp_path)
    roc = [
        {"false_alarms": 0, "recall": 0},
        {"false_alarms": 0.2, "recall": 0.9},
        {"false_alarms": 1, "recall": 1},
    ]
    measured(drafter, frozen, 0.4, curves={"roc": roc}, intervals={"token_f1": [0.37, 0.43]})
    for url in (
        "",
        f"{drafter.pk}/",
        f"{drafter.pk}/promote",
        f"{drafter.pk}/canary",
        f"{drafter.pk}/retire",
    ):
        text = page(sign_in(ada), f"/models/{url}")
        assert not re.search(r"<[^>]+\sstyle=", text)
        assert not re.search(r"<script(?![^>]*\ssrc=)", text)
        assert "<style" not in text


def test_figures_stand_beside_the_live_ones_with_interval_curve_and_command(
    tmp_path: Path, ada: User, sign_in: SignIn, drafter: ModelVersion
):
    live = live_now(candidate(tmp_path, "first"), ada)
    frozen = frozen_file(tmp_path)
    roc = [{"false_alarms": 0, "recall": 0}, {"false_alarms": 1, "recall": 1}]
    measured(live, frozen, 0.3125, loops=0.02)
    measured(drafter, frozen, 0.4375, intervals={"token_f1": [0.40, 0.47]}, curves={"roc": roc})
    measured(drafter, frozen, 0.1, measured_at="2026-11-01T10:00:00+00:00")
    text = page(sign_in(ada), f"/models/{drafter.pk}/")
    row = re.search(r"token_f1 <span.*?</tr>", text, re.S)
    assert row
    assert [*re.findall(r'number">([^<]+)<', row[0])] == ["0.4375", "0.4 to 0.47", "0.3125"]
    assert "frozen set</span>" in text
    assert "not worse than what is live" in text
    assert "manage.py evaluate generation --records frozen.jsonl" in text
    assert "<strong>ROC.</strong>" in text
    assert "1 earlier" in text


def test_training_figures_and_data_stand_in_tables(
    ada: User, sign_in: SignIn, drafter: ModelVersion
):
    text = page(sign_in(ada), f"/models/{drafter.pk}/")
    assert re.search(
        r'<th scope="row">help</th><td class="number">7</td><td class="number">0.5<', text
    )
    assert "CC BY 4.0" in text
    assert "<dt>articles</dt><dd>1,200</dd>" in text


def test_what_workers_could_not_load_and_still_hold_is_said(
    tmp_path: Path, ada: User, sign_in: SignIn
):
    live_now(candidate(tmp_path, "first"), ada)
    now = timezone.now()
    told = {"generator": "bundled@ed5573dc973c", "problems": ["The generator first <is> broken."]}
    Heartbeat.objects.create(
        name="gpu@here:1", queue="gpu", started_at=now, beat_at=now, details={"models": told}
    )
    text = page(sign_in(ada), "/models/")
    assert "The generator first &lt;is&gt; broken." in text
    assert "Not all have it yet</span> bundled@ed5573dc973c" in text


# --- changing -------------------------------------------------------------------------------


def test_promotion_without_figures_asks_why_and_keeps_what_was_written(
    ada: User, sign_in: SignIn, drafter: ModelVersion
):
    client, url = sign_in(ada), f"/models/{drafter.pk}/promote"
    asked = page(client, url)
    assert "No frozen set is named" in asked
    assert '<textarea id="reason"' in asked
    status, text = post(client, url, over="", reason="too short")
    assert status == 409
    assert ">too short</textarea>" in text
    assert 'role="alert"' in text
    drafter.refresh_from_db()
    assert drafter.state == "candidate"
    status, text = post(client, url, over="", reason=REASON)
    assert status == 200
    assert f"{drafter} is live" in text
    assert "Roll back to what the setting names" in text
    shown = page(client, f"/models/{drafter.pk}/")
    assert "The &lt;b&gt;team&lt;/b&gt; prefers" in shown
    assert ModelChange.objects.get(action="promoted").by == ada


def test_promotion_on_figures_asks_for_no_reason(
    tmp_path: Path, ada: User, sign_in: SignIn, drafter: ModelVersion
):
    live = live_now(candidate(tmp_path, "first"), ada)
    frozen = frozen_file(tmp_path)
    measured(live, frozen, 0.3)
    measured(drafter, frozen, 0.4)
    client, url = sign_in(ada), f"/models/{drafter.pk}/promote"
    asked = page(client, url)
    assert "<textarea" not in asked
    assert f'name="over" value="{live.pk}"' in asked
    assert post(client, url, over=live.pk)[0] == 200
    drafter.refresh_from_db()
    assert drafter.state == "live"


def test_a_promotion_that_was_overtaken_changes_nothing_and_says_so(
    tmp_path: Path, ada: User, sign_in: SignIn, drafter: ModelVersion
):
    first = live_now(candidate(tmp_path, "first"), ada)
    second = live_now(candidate(tmp_path, "second"), ada)
    _, text = post(sign_in(ada), f"/models/{drafter.pk}/promote", over=first.pk, reason=REASON)
    assert "Nothing was changed." in text
    second.refresh_from_db()
    assert second.state == "live"


def test_one_click_rolls_back_and_a_second_one_does_nothing(
    tmp_path: Path, ada: User, sign_in: SignIn
):
    first = live_now(candidate(tmp_path, "first"), ada)
    second = live_now(candidate(tmp_path, "second"), ada)
    client = sign_in(ada)
    assert f"Roll back to {first}" in page(client, "/models/")
    assert f"{first} is live again" in post(client, f"/models/{second.pk}/roll-back")[1]
    assert "Nothing was changed." in post(client, f"/models/{second.pk}/roll-back")[1]
    first.refresh_from_db()
    assert first.state == "live"


def test_a_canary_gets_its_share_and_gives_it_back(
    ada: User, sign_in: SignIn, drafter: ModelVersion
):
    client, url = sign_in(ada), f"/models/{drafter.pk}/canary"
    assert 'value="10"' in page(client, url)
    assert "Canary, 25 % of the drafts" in post(client, url, percent="25")[1]
    for wrong in ("100", "-1", "x", ""):
        status, text = post(client, url, percent=wrong)
        assert status == 409
        assert "whole number from 0 to 99" in text
    assert "candidate again" in post(client, url, percent="0")[1]
    drafter.refresh_from_db()
    assert (drafter.state, drafter.canary_share) == ("candidate", None)


def test_retiring_asks_first_and_is_shown_folded(ada: User, sign_in: SignIn, drafter: ModelVersion):
    client, url = sign_in(ada), f"/models/{drafter.pk}/retire"
    assert "Retire drafter?" in page(client, url)
    assert "is retired" in post(client, url)[1]
    assert "<summary>1 retired</summary>" in page(client, "/models/")


def test_a_registered_card_keeps_its_words(drafter: ModelVersion):
    assert drafter.card == CARD
    assert versions.LEAST_REASON == 10
