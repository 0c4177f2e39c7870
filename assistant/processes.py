"""The processes of an installation, and the supervisor's file that keeps them running.

A dead process is restarted with a growing pause; the others go on. They end with the supervisor, also
when it was killed.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from assistant import lifeline
from assistant.whole_files import write_whole


@dataclass(frozen=True)
class Process:
    name: str
    module: str  # what `python -m` runs
    arguments: list[str]

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", self.module, *self.arguments]


def _worker(queue: str, name: str, *pool: str) -> list[str]:
    return [
        "-A", "assistant.celery", "worker",
        "--queues", queue, "--hostname", f"{name}@%h", "--loglevel", "WARNING",
        "--without-gossip", "--without-mingle", "--without-heartbeat", *pool,
    ]  # fmt: skip


def processes() -> list[Process]:
    """What `manage.py start` runs."""
    solo = ("--pool", "solo")
    run = Path(settings.DATA_DIR) / "run"
    web = [
        "--interface", "wsgi", "assistant.web:application",
        "--host", settings.BIND, "--port", str(settings.PORT),
        "--workers", str(settings.WEB_WORKERS), "--respawn-failed-workers",
        "--blocking-threads", "8", "--log-level", "warning", "--no-ws",
    ]  # fmt: skip
    beat = [
        "-A", "assistant.celery", "beat", "--loglevel", "WARNING",
        "--pidfile", "", "--schedule", str(run / "beat-schedule"),
    ]  # fmt: skip
    return [
        Process("web", "granian", web),
        Process("worker-search", "celery", _worker("search", "search", *solo)),
        Process(
            "worker-default",
            "celery",
            _worker("default", "default", "--pool", "threads", "-c", "2"),
        ),
        *(
            Process(f"worker-gpu-{number}", "celery", _worker("gpu", f"gpu{number}", *solo))
            for number in range(1, settings.GPU_WORKERS + 1)
        ),
        Process("beat", "celery", beat),
    ]


def why_not_to_listen() -> str:
    """Why the web process could not listen at its address, and what to do; empty where it can."""
    where = f"COUNTERSIGN_BIND={settings.BIND!r}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.BIND, settings.PORT, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError):
        return (
            f"{where} is no address of this machine: write 127.0.0.1, or 0.0.0.0 for all of them."
        )
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            return {
                errno.EADDRNOTAVAIL: f"{where} is no address of this machine: write 127.0.0.1, or "
                "0.0.0.0 for all of them.",
                errno.EACCES: f"This user may not listen on port {settings.PORT}: choose one above 1023 "
                "with PORT=8000.",
            }.get(
                error.errno or 0,
                f"Port {settings.PORT} is in use: stop what listens there, or choose another with "
                f"PORT={settings.PORT % 65535 + 1}.",
            )
    return ""


def _quoted(argument: str) -> str:
    return '"' + argument.replace("%", "%%").replace('"', '\\"') + '"'


def write_supervisor_file() -> Path:
    """Write the configuration of the supervisor that this process becomes; returns its path."""
    data = Path(settings.DATA_DIR).resolve()
    for folder in ("run", "logs", "tmp"):
        (data / folder).mkdir(parents=True, exist_ok=True)
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        "umask=077",
        f"logfile={data / 'logs' / 'supervisor.log'}",
        f"pidfile={data / 'run' / 'supervisor.pid'}",
        f"childlogdir={data / 'logs'}",
        "",
        "[group:countersign]",  # of one group, so that they stop together and not one by one
        "programs=" + ",".join(process.name for process in processes()),
        "",
    ]
    for number, process in enumerate(processes()):
        environment = f'TMPDIR="{data / "tmp"}",PYTHONUNBUFFERED="1"'
        if process.name.startswith("worker-gpu-"):
            gpu = process.name.rsplit("-", 1)[1]
            environment += f',COUNTERSIGN_GPU_NUMBER="{int(gpu) - 1}"'
        command = lifeline.command(os.getpid(), process.module, *process.arguments)
        lines += [
            f"[program:{process.name}]",
            "command=" + " ".join(_quoted(argument) for argument in command),
            f"directory={settings.BASE_DIR}",
            f"environment={environment}",
            f"priority={100 + number}",
            "autorestart=true",
            "startsecs=2",
            "startretries=100000",
            "stopwaitsecs=15",
            "stopasgroup=true",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={data / 'logs' / process.name}.log",
            "stdout_logfile_maxbytes=20MB",
            "stdout_logfile_backups=3",
            "",
        ]
    path = data / "run" / "supervisor.conf"
    write_whole(path, "\n".join(lines))
    return path
