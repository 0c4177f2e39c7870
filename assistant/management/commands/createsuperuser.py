"""Django's command makes nobody who could do anything here: rights are roles. It says what does."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError


class Command(BaseCommand):
    help = "Not used here: rights are roles. See make_administrator."

    def run_from_argv(self, argv: list[str]) -> None:
        super().run_from_argv(argv[:2])  # whatever Django's command would take

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            "Rights are roles here: run `manage.py make_administrator NAME`.", returncode=2
        )
