"""Start every process of this installation in the foreground, under a supervisor."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from assistant.celery import ensure_broker_folders
from assistant.file_modes import heal
from assistant.processes import port_in_use, processes, write_supervisor_file


class Command(BaseCommand):
    help = "Start web, workers and beat; a dead process is restarted, Ctrl-C stops them all."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        if port_in_use():
            raise CommandError(
                f"Port {settings.PORT} is in use: stop what listens there, or choose another with "
                f"PORT={settings.PORT + 1}.",
                returncode=2,
            )
        if healed := heal(settings.DATA_DIR):
            self.stdout.write(
                f"  {healed} files and folders under {settings.DATA_DIR} could be read by others; "
                "now only by this user."
            )
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError(
                "The database is not set up: run `make demo`, or `manage.py migrate`."
            )
        call_command("check", databases=["default"], stderr=self.stderr, stdout=self.stdout)
        connection.close()
        ensure_broker_folders()
        configuration = write_supervisor_file()
        names = ", ".join(process.name for process in processes())
        self.stdout.write(
            f"\n  Countersign runs on http://{settings.BIND}:{settings.PORT}/   (Ctrl-C stops it)\n"
            f"  processes: {names}\n"
            f"  logs: {settings.DATA_DIR}/logs\n"
        )
        self.stdout.flush()
        os.chdir(settings.BASE_DIR)
        os.execv(  # noqa: S606
            sys.executable,
            [sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)],
        )
