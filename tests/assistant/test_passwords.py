"""A password that is guessed soon is refused, wherever one is set."""

from __future__ import annotations

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from assistant.models import User

GUESSED = [
    "passwordpassword", "123456789012", "aaaaaaaaaaaa", "Brightware2026", "brightware-2026!",
    "Br1ghtw@re2025!!", "2026BRIGHTWARE", "brightwarebrightware", "Brightware-Support-2026",
    "qwertyuiopasdf", "abcdefghijklmn", "P@ssw0rdP@ssw0rd", "countersign123", "Countersign2026!",
    "support2026!!", "mara.lindqvist1", "lindqvist-mara-99", "abcd1234abcd1234", "111111111111a",
    "iloveyou1234", "zaq12wsxcde3", "🦜🦜🦜🦜🦜🦜🦜🦜🦜🦜🦜🦜", "short-1A!",
    # words of other languages, calendars, famous phrases; rows of keys of every length and alphabet
    "Passwort1234!", "motdepasse2026", "contraseña2026!", "пароль123456", "Summer2026!Summer",
    "November30,2026", "correcthorsebatterystaple", "tobeornottobe1", "йцукенгшщзхъ",
    "qwertyuiopasdfghjklzxcvbnm",
    # made to look longer: full width, punctuation between, doubled and interleaved, digits only
    "ＰＡＳＳＷＯＲＤ１２３４５６", "p.a.s.s.w.o.r.d.1.2", "aaaabbbbccccdddd", "a1b2c3d4e5f6g7",
    "19901231199012", "31.12.1990 31.12.1990", "+49 170 123 45 67",
]  # fmt: skip


@pytest.fixture(autouse=True)
def company(settings: Any) -> None:
    settings.COMPANY_NAME = "Brightware"


@pytest.mark.parametrize("password", GUESSED)
def test_what_is_guessed_soon_is_refused(password: str) -> None:
    person = User(username="mara", first_name="Mara", last_name="Lindqvist")
    with pytest.raises(ValidationError):
        validate_password(password, person)


@pytest.mark.parametrize(
    "password",
    [
        "my-parrots-password-is-long",
        "x7Gk2pQ-91mZ",
        "tangerine canoe liquid hinge",
        "Zwölf Boxkämpfer jagen Viktor",
        "正しい馬の電池ホチキスと青い傘",
        "V7t-hqP2-zzR9-mK4w",
        "3f9c1e7ab2d84f60",
        "#$v!_8*(x)?]~^Q2",
        "зелёный трамвай ест варенье под дождём",
        "Winter jackets for seven purple llamas",
        "brightware tangerine canoe hinge",  # the name does no harm to what stands without it
        "t" + "angerine canoe liquid hinge " * 40,
    ],
)
def test_what_nobody_guesses_is_taken(password: str) -> None:
    validate_password(password, User(username="mara", first_name="Mara", last_name="Lindqvist"))


@given(st.text(min_size=1, max_size=3), st.integers(12, 40))
def test_repetitions_are_refused_and_any_text_can_be_judged(piece: str, length: int) -> None:
    with pytest.raises(ValidationError):
        validate_password((piece * length)[:length])


def test_in_the_admin_and_on_the_command_line(
    ada: User, mara: User, sign_in: Callable[[User], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    page = sign_in(ada)
    for password, made in (("Brightware2026", False), ("tangerine canoe liquid hinge", True)):
        form = {
            "username": "nils", "role": "agent", "password1": password, "password2": password,
            "usable_password": "true",
        }  # fmt: skip
        page.post("/admin/assistant/user/add/", form)
        assert User.objects.filter(username="nils").exists() is made
    path = f"/admin/assistant/user/{mara.pk}/password/"
    for password, taken in (("mara-lindqvist-1", False), ("liquid hinge tangerine canoe", True)):
        page.post(path, {"password1": password, "password2": password, "usable_password": "true"})
        mara.refresh_from_db()
        assert mara.check_password(password) is taken
    monkeypatch.setattr("getpass.getpass", lambda **_: "passwordpassword")
    with pytest.raises(Exception, match="Aborting"):
        call_command("changepassword", "mara", stdout=StringIO(), stderr=StringIO())


def test_passwords_that_we_make_pass(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told = StringIO()
    call_command("create_people", stdout=told)
    made = [line.split()[-1] for line in told.getvalue().splitlines()[1:]]
    assert len(made) == 4
    for password in made:
        validate_password(password)
