"""Start every process of this installation in the foreground, under a supervisor."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, SystemCheckError
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from assistant.celery import ensure_broker_folders, require_broker
from assistant.file_modes import heal
from assistant.processes import processes, why_not_to_listen, write_supervisor_file


class Command(BaseCommand):
    help = "Start web, workers and beat; a dead process is restarted, Ctrl-C stops them all."
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        if why_not := why_not_to_listen():
            raise CommandError(why_not, returncode=2)
        if healed := heal(settings.DATA_DIR):
            self.stdout.write(
                f"  {healed} files and folders under {settings.DATA_DIR} could be read by others; "
                "now only by this user."
            )
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            raise CommandError(
                "The database is not set up: run `make demo`, or `manage.py migrate`.", returncode=2
            )
        try:
            call_command("check", databases=["default"], stderr=self.stderr, stdout=self.stdout)
        except SystemCheckError as error:
            raise CommandError(str(error), returncode=2) from error
        connection.close()
        ensure_broker_folders()
        require_broker()
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
