"""What is wrong around the program is told in one line that says what to do, for every command."""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import get_commands

from assistant import env
from assistant.env import env_choice, env_float, env_int, env_time_zone, env_url, load_file
from assistant.error_texts import in_one_line, told

COMMANDS = (["start"], ["verify_audit"])


SOMEBODY_ELSE = 65534
# Of <linux/prctl.h> and <linux/capability.h>: without these, root has no more rights than others.
DROP_CAPABILITY, PAST_RIGHTS = 24, (1, 2, 3)


def manage(
    *arguments: str,
    data: Path,
    no_rights: bool = False,
    file_bytes: int | None = None,
    **variables: object,
) -> subprocess.CompletedProcess[str]:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN_")}

    def limit() -> None:
        if no_rights:
            for capability in PAST_RIGHTS:
                ctypes.CDLL(None).prctl(DROP_CAPABILITY, capability)
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))

    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=inherited
        | {"COUNTERSIGN_DATA_DIR": str(data), "PYTHONDONTWRITEBYTECODE": "1"}
        | {f"COUNTERSIGN_{name}": str(value) for name, value in variables.items()},
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=limit,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    said = done.stderr.strip()
    assert done.returncode == 2, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert len(said.splitlines()) == 1, said
    for word in words:
        assert word in said


needs_root = pytest.mark.skipif(os.getuid() != 0, reason="needs another user")


def given_away(folder: Path) -> Path:
    """The folder and all in it, made another user's and closed to us for writing."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.chown(path, SOMEBODY_ELSE, SOMEBODY_ELSE)
    return folder


@needs_root
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_folder_of_somebody_else(tmp_path: Path, command: list[str]) -> None:
    done = manage(*command, data=given_away(tmp_path), no_rights=True)
    assert_one_line(done, str(tmp_path), "no right")


@needs_root
def test_a_key_that_belongs_to_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    key = tmp_path / "keys" / "secret_key"
    key.write_text("secret")
    key.chmod(0)
    os.chown(key, SOMEBODY_ELSE, SOMEBODY_ELSE)
    assert_one_line(manage("migrate", data=tmp_path, no_rights=True), "secret_key", "no right")


@needs_root
def test_a_database_that_this_user_may_only_read(tmp_path: Path) -> None:
    assert manage("migrate", "--verbosity", "0", data=tmp_path).returncode == 0
    done = manage("migrate", data=given_away(tmp_path), no_rights=True)
    assert_one_line(done, "database", "data folder")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_file_where_the_folder_should_be(tmp_path: Path, command: list[str]) -> None:
    file = tmp_path / "data"
    file.write_text("")
    assert_one_line(manage(*command, data=file), str(file), "a folder is needed")


def test_a_key_that_a_full_disk_left_empty(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "installation_key").write_text("")
    assert_one_line(manage("start", data=tmp_path), "installation_key", "backup")


def test_no_room_for_a_key(tmp_path: Path) -> None:
    assert_one_line(manage("start", data=tmp_path, file_bytes=10), "secret_key", "larger")
    assert list((tmp_path / "keys").iterdir()) == []


def test_no_room_for_the_database(tmp_path: Path) -> None:
    done = manage("migrate", "--verbosity", "0", data=tmp_path, file_bytes=100_000)
    assert_one_line(done, "disk")


def test_folders_in_the_way_of_files(tmp_path: Path) -> None:
    (tmp_path / "countersign.env").mkdir()
    assert_one_line(manage("check", data=tmp_path), "countersign.env", "Move it away")
    (tmp_path / "countersign.env").rmdir()
    (tmp_path / "countersign.sqlite3").mkdir()
    assert_one_line(manage("migrate", data=tmp_path), "cannot be opened")


@pytest.mark.parametrize(
    ("raw", "word"),
    [
        (b"COUNTERSIGN_PORT 8000\n", "line 1"),
        (b"# mine\nPORT=8000\n", "line 2"),
        (b"COUNTERSIGN_COMPANY_NAME=M\xfcller\n", "UTF-8"),
        (b"COUNTERSIGN_COMPANY_NAME=a\x00b\n", "line 1"),
    ],
)
def test_a_broken_settings_file(tmp_path: Path, raw: bytes, word: str) -> None:
    file = tmp_path / "countersign.env"
    file.write_bytes(raw)
    with pytest.raises(ImproperlyConfigured, match=word) as refused:
        load_file(file)
    assert str(file) in str(refused.value)


@pytest.mark.parametrize("command", ["start", "check"])
def test_a_settings_file_with_a_value_that_is_none(tmp_path: Path, command: str) -> None:
    (tmp_path / "countersign.env").write_text("COUNTERSIGN_PORT=99999\n")
    assert_one_line(manage(command, data=tmp_path), "COUNTERSIGN_PORT")


@pytest.mark.parametrize(
    "url",
    ["nosuch://u:hunter2@h/db", "postgres://u:hunter2@h:p/db", "hunter2", "mysql://u:hunter2@h/d",
     "postgres://u:hunter2@[h/db", "postgres:hunter2"],
)  # fmt: skip
def test_a_database_url_that_is_none(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COUNTERSIGN_X", url)
    monkeypatch.setattr(env, "DECLARED", {})
    with pytest.raises(ImproperlyConfigured, match="COUNTERSIGN_X") as refused:
        env_url("X", "", "", schemes=["postgres"], example="postgres://user:password@host/db")
    assert "hunter2" not in str(refused.value)


def test_settings_refuse_a_database_url_that_is_none(tmp_path: Path) -> None:
    done = manage("migrate", data=tmp_path, DATABASE_URL="nosuch://u:hunter2@h/db")
    assert_one_line(done, "COUNTERSIGN_DATABASE_URL", "postgres://")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_database_out_of_reach(tmp_path: Path, command: list[str]) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        url = f"postgres://u:hunter2@127.0.0.1:{nobody_listens.getsockname()[1]}/db"
        done = manage(*command, data=tmp_path, DATABASE_URL=url, PORT=free_port())
    assert_one_line(done, "COUNTERSIGN_DATABASE_URL")
    assert "hunter2" not in done.stderr


def test_a_database_that_is_damaged_or_not_set_up(tmp_path: Path) -> None:
    assert_one_line(manage("start", data=tmp_path, PORT=free_port()), "migrate")
    assert_one_line(manage("create_people", data=tmp_path), "migrate")
    (tmp_path / "countersign.sqlite3").write_bytes(b"no database at all" * 1000)
    assert_one_line(manage("migrate", data=tmp_path), "damaged")


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_out_of_reach(tmp_path: Path, scheme: str) -> None:
    assert manage("migrate", "--verbosity", "0", data=tmp_path).returncode == 0
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        url = f"{scheme}://u:hunter2@127.0.0.1:{nobody_listens.getsockname()[1]}"
        done = manage("start", data=tmp_path, BROKER_URL=url, PORT=free_port())
    assert_one_line(done, "COUNTERSIGN_BROKER_URL")
    assert "hunter2" not in done.stderr


@pytest.mark.parametrize(
    ("variables", "word"),
    [
        ({"BIND": "203.0.113.9"}, "COUNTERSIGN_BIND"),
        ({"BIND": "no such host"}, "COUNTERSIGN_BIND"),
        ({}, "in use"),
    ],
)
def test_a_place_where_nobody_can_listen(
    tmp_path: Path, variables: dict[str, str], word: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = manage("start", data=tmp_path, PORT=taken.getsockname()[1], **variables)
    assert_one_line(done, word)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_every_trouble_of_a_disk_names_the_file(number: int) -> None:
    line = in_one_line(OSError(number, os.strerror(number), "/data/keys/secret_key"))
    assert line is not None
    assert line.startswith("/data/keys/secret_key: ")
    assert "\n" not in line


def test_a_fault_of_ours_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(_: list[str]) -> None:
        raise KeyError("ours")

    def no_right(_: list[str]) -> None:
        raise PermissionError(errno.EACCES, "no", "/data")

    with pytest.raises(KeyError):
        told(broken, ["manage.py", "start"])
    with pytest.raises(PermissionError):
        told(no_right, ["manage.py", "start", "--traceback"])
    with pytest.raises(SystemExit) as ended:
        told(no_right, ["manage.py", "start"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_commands_named_here_are_the_products() -> None:
    assert {command[0] for command in COMMANDS} <= set(get_commands())


def test_settings_say_what_to_write(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COUNTERSIGN_X", "none of these")
    monkeypatch.setattr(env, "DECLARED", {})
    for read in (
        lambda: env_int("X", 1, ""),
        lambda: env_float("X", 1.0, ""),
        lambda: env_choice("X", "A", "", choices=["A", "B"]),
        lambda: env_time_zone("X", "UTC", ""),
        lambda: env_url("X", "", "", schemes=["redis"], example="redis://host"),
    ):
        with pytest.raises(ImproperlyConfigured, match=r"COUNTERSIGN_X.*write"):
            read()
    load_file(tmp_path / "missing.env")
