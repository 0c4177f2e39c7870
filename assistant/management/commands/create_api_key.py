"""Make an API key and print it, once."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError
from django.utils import timezone

from assistant.api_keys import BadScope, create_api_key
from assistant.audit.log import at_command_line


class Command(BaseCommand):
    help = "Make an API key and print it once; only its hash is kept."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", required=True, help="who will use the key")
        parser.add_argument(
            "--scopes", default="tickets:write,tickets:read", help="comma-separated scopes"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            _, plain = create_api_key(
                name=options["name"],
                scopes=[scope.strip() for scope in options["scopes"].split(",") if scope.strip()],
                actor=at_command_line(),
                now=timezone.now(),
            )
        except BadScope as error:
            raise CommandError(str(error), returncode=2) from None
        except IntegrityError:
            raise CommandError(
                f"A key named “{options['name']}” exists; choose another name.", returncode=2
            ) from None
        self.stdout.write(plain)
