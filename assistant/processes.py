"""The processes of an installation, and the supervisor's file that keeps them running.

A dead process is restarted with a growing pause; the others go on. They end with the supervisor, also
when it was killed.
"""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from assistant import lifeline


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


def port_in_use() -> bool:
    """Whether something listens on the web process's port already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.BIND, settings.PORT))
        except OSError:
            return True
    return False


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
    path.write_text("\n".join(lines))
    return path
