"""The README's table of settings and its list of commands cannot rot."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands

from assistant import env

README = (Path(settings.BASE_DIR) / "README.md").read_text()
ROW = re.compile(r"^\| `(COUNTERSIGN_[A-Z_]+)` \| (.*?) \| (.*?) \|$", re.MULTILINE)


def test_every_setting_stands_in_the_readme_with_its_default() -> None:
    written = {name: default.strip("`") for name, default, _ in ROW.findall(README)}
    declared = {s.name: s.default for s in env.DECLARED.values()}
    production_only = {"COUNTERSIGN_SSL_REDIRECT": "1"}
    assert written == declared | production_only


def test_every_command_of_ours_stands_in_the_readme() -> None:
    ours = {
        name
        for name, app in get_commands().items()
        if app in {"assistant", "retrieval", "generation", "review"}
    }
    assert ours
    assert {name for name in ours if f"manage.py {name}" not in README} == set()


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (lambda: env.env_bool("T", True, "x"), "maybe"),
        (lambda: env.env_int("T", 1, "x"), "one"),
        (lambda: env.env_int("T", 1, "x", minimum=1), "0"),
        (lambda: env.env_float("T", 1.0, "x"), "much"),
    ],
)
def test_a_value_that_cannot_be_understood_fails_loudly(read, value: str, monkeypatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_T", value)
    monkeypatch.setattr(env, "DECLARED", {})
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_T"):
        read()


def test_a_settings_file_yields_to_the_environment(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_T1", "from the environment")
    monkeypatch.delenv("COUNTERSIGN_T2", raising=False)
    path = tmp_path / "countersign.env"
    path.write_text('# words\nCOUNTERSIGN_T1=file\nCOUNTERSIGN_T2="of the file"\n')
    env.load_file(path)
    import os

    assert (os.environ["COUNTERSIGN_T1"], os.environ["COUNTERSIGN_T2"]) == (
        "from the environment",
        "of the file",
    )
    monkeypatch.delenv("COUNTERSIGN_T2")
    path.write_text("NONSENSE\n")
    with pytest.raises(ImproperlyConfigured, match="line 1"):
        env.load_file(path)
