"""A whole installation in a throwaway folder, with real processes that a test may kill."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
from django.conf import settings

ROOT = Path(settings.BASE_DIR)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], Any], *, seconds: float, what: str) -> Any:
    """Poll until the condition gives something true; fail in words after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"after {seconds:.0f} s still not: {what}")


class Installation:
    """One installation: its folder, database, broker and processes.

    On PostgreSQL (when the suite runs on it) it has a database of its own, dropped at the end. As
    the copy of another, with which nothing works just now, it begins with all that the other holds.
    """

    def __init__(
        self, folder: Path, *, copy_of: Installation | None = None, **variables: object
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.database = _own_postgresql_database(copy_of.database if copy_of else None)
        self._commands: dict[str, list[str]] = {}
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("COUNTERSIGN_")}
        self.environment = inherited | {
            "DJANGO_SETTINGS_MODULE": "assistant.settings",
            "COUNTERSIGN_DATA_DIR": str(folder),
            "COUNTERSIGN_DATABASE_URL": self.database or "",
            "COUNTERSIGN_BROKER_URL": _own_broker(settings.BROKER_URL),
            "COUNTERSIGN_PORT": str(self.port),
            "COUNTERSIGN_TORCH_THREADS": "1",
            "COUNTERSIGN_SWEEP_SECONDS": "2",
            "OMP_NUM_THREADS": "1",
            **{f"COUNTERSIGN_{name}": str(value) for name, value in variables.items()},
        }
        if copy_of is None:
            self.manage("migrate", "--verbosity", "0")
        else:
            shutil.copytree(copy_of.folder, folder, dirs_exist_ok=True)

    def manage(self, *arguments: str, check: bool = True) -> str:
        """Run a management command; its standard output."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if check and done.returncode != 0:
            raise AssertionError(
                f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
            )
        return done.stdout

    def python(self, code: str) -> subprocess.CompletedProcess[str]:
        """Run code with Django set up, in a process of its own."""
        return subprocess.run(
            [sys.executable, "-c", "import django; django.setup()\n" + code],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
        )

    def start(self, name: str) -> subprocess.Popen[bytes]:
        """Start one of `assistant.processes.processes()` by its name."""
        if not self._commands:
            told = self.python(
                "import json\nfrom assistant.processes import processes\n"
                "print(json.dumps({p.name: p.command for p in processes()}))"
            )
            self._commands = json.loads(told.stdout)
        return self.spawn(name, self._commands[name])

    def start_everything(self) -> None:
        """`manage.py start`: the supervisor with all processes."""
        self.spawn("supervisor", [sys.executable, "manage.py", "start"])

    def spawn(self, name: str, command: Sequence[str]) -> subprocess.Popen[bytes]:
        log = self.folder / f"{name}.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
        self.processes[name] = process
        return process

    def kill(self, name: str) -> None:
        """SIGKILL, as a machine that loses power would."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Read the database from outside, past Django."""
        if self.database:
            import psycopg

            with psycopg.connect(self.database) as connection:
                return connection.execute(sql).fetchall()
        with sqlite3.connect(self.folder / "countersign.sqlite3", timeout=30) as connection:
            rows = connection.execute(sql).fetchall()
        connection.close()
        return rows

    def count(self, sql: str) -> int:
        return int(self.query(sql)[0][0])

    def drafts(self, *states: str) -> int:
        names = ", ".join(f"'{state}'" for state in states)
        return self.count(f"select count(*) from generation_draft where state in ({names})")

    def verify(self) -> dict[str, Any]:
        return json.loads(self.manage("verify_audit", "--json", check=False))

    def logs(self) -> str:
        files = [*self.folder.glob("*.log"), *(self.folder / "logs").glob("*.log")]
        return "\n".join(f"== {f.name}\n{f.read_text(errors='replace')[-3000:]}" for f in files)

    def close(self) -> None:
        below = [
            child
            for process in self.processes.values()
            if psutil.pid_exists(process.pid)
            for child in psutil.Process(process.pid).children(recursive=True)
        ]
        for process in self.processes.values():
            try:
                os.killpg(process.pid, signal.SIGTERM)
            except ProcessLookupError:
                continue
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(timeout=10)
        for child in below:  # a supervisor that had to be killed leaves them behind
            with suppress(psutil.NoSuchProcess):
                child.kill()
        if self.database:
            _drop(self.database)
        shutil.rmtree(self.folder, ignore_errors=True)


def _own_broker(url: str) -> str:
    """The suite's broker, but another Redis database: workers must not answer other tests."""
    parts = urlsplit(url)
    if not parts.scheme.startswith("redis"):
        return url
    number = int(parts.path.strip("/") or 0)
    return parts._replace(path=f"/{number - 1 if number else 1}").geturl()


def _own_postgresql_database(copy_of: str | None) -> str | None:
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        return None
    import psycopg

    name = f"countersign_faults_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        template = f' template "{urlsplit(copy_of).path.lstrip("/")}"' if copy_of else ""
        connection.execute(f'create database "{name}"{template}')
    parts = urlsplit(settings.DATABASE_URL)
    return parts._replace(path=f"/{name}").geturl()


def _drop(database: str) -> None:
    import psycopg

    name = urlsplit(database).path.lstrip("/")
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        connection.execute(f'drop database if exists "{name}" with (force)')
