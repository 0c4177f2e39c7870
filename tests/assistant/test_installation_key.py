"""A database knows the key that it is sealed with, and nothing is sealed with another one."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.core.checks import run_checks
from django.utils import timezone

from assistant import file_modes
from assistant.intake import receive_message
from assistant.models import InstallationKey, Message, SealedText
from assistant.privacy import encryption
from assistant.privacy.encryption import CannotOpen, key_fingerprint, remember_own_key

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked_anew() -> Any:
    encryption._is_own_key.cache_clear()
    yield
    encryption._is_own_key.cache_clear()


def take_in() -> Message:
    made = receive_message(
        channel="web", body="Hello", source="t", actor="system:t", now=timezone.now()
    )
    return made.message


def test_migrating_records_the_keys_fingerprint_and_not_the_key(settings: Any) -> None:
    kept = InstallationKey.objects.get()
    assert kept.fingerprint == key_fingerprint()
    assert settings.INSTALLATION_KEY not in kept.fingerprint
    remember_own_key()
    assert InstallationKey.objects.count() == 1


def test_nothing_is_sealed_with_another_key_and_the_check_says_what_to_do(settings: Any) -> None:
    take_in()
    assert [e for e in run_checks(databases=["default"]) if e.id == "assistant.E006"] == []
    settings.INSTALLATION_KEY = "minted-silently" * 4
    sealed = SealedText.objects.count()
    with pytest.raises(CannotOpen, match="keys/installation_key"):
        take_in()
    assert SealedText.objects.count() == sealed
    (error,) = [e for e in run_checks(databases=["default"]) if e.id == "assistant.E006"]
    assert "COUNTERSIGN_INSTALLATION_KEY" in str(error.hint)
    with pytest.raises(SystemExit, match="another installation key"):
        encryption.end_with_another_key()


def test_an_older_database_is_told_apart_by_what_it_sealed(settings: Any) -> None:
    take_in()
    InstallationKey.objects.all().delete()
    settings.INSTALLATION_KEY = "minted-silently" * 4
    with pytest.raises(CannotOpen):
        remember_own_key()
    assert not InstallationKey.objects.exists()


def test_another_data_folder_over_the_same_database_is_refused_by_every_process(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    database = f"sqlite:///{tmp_path / 'shared.sqlite3'}"

    def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
        env = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN_")}
        env |= {
            "COUNTERSIGN_DATA_DIR": str(folder),
            "COUNTERSIGN_DATABASE_URL": database,
            "DJANGO_SETTINGS_MODULE": "assistant.settings",
        }
        return subprocess.run(
            [sys.executable, *command], cwd=project.BASE_DIR, env=env, capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip

    assert run(first, "manage.py", "migrate", "--verbosity", "0").returncode == 0
    tickets = tmp_path / "tickets.jsonl"
    tickets.write_text('{"external_id": "a", "body": "Hello"}\n')
    command = run(second, "manage.py", "import_tickets", str(tickets), "--channel", "web")
    assert command.returncode == 2
    assert "another installation key" in command.stderr
    assert "Traceback" not in command.stderr
    for folder, fits in ((first, True), (second, False)):
        web = run(folder, "-c", "import assistant.web")
        assert (web.returncode == 0) is fits, web.stderr
        worker = run(
            folder, "-c", "from assistant.celery import app, _guard\nimport django; django.setup()\n_guard()"
        )  # fmt: skip
        assert (worker.returncode == 0) is fits, worker.stderr
        for told in () if fits else (web.stderr, worker.stderr):
            assert "keys/installation_key" in told
            assert "Traceback" not in told


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_files_are_their_owners_alone_and_older_ones_are_healed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    program = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "(settings.DATA_DIR / 'made').mkdir()\n"
        "(settings.DATA_DIR / 'made' / 'file').write_text('x')\n"
    )
    env = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN_")}
    env |= {"COUNTERSIGN_DATA_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "assistant.settings"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project.BASE_DIR, env=env, check=False
    )
    assert done.returncode == 0
    everything = [folder, *folder.rglob("*")]
    assert len(everything) > 4
    assert [p for p in everything if stat.S_IMODE(p.stat().st_mode) & 0o077] == []

    (folder / "made").chmod(0o755)
    (folder / "made" / "file").chmod(0o644)
    (folder / "link").symlink_to("/etc/hostname")
    assert file_modes.heal(folder) == 2
    assert file_modes.heal(folder) == 0
    assert stat.S_IMODE((folder / "made" / "file").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "made").stat().st_mode) == 0o700
