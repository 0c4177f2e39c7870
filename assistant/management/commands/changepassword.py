"""Set a person's password; unlike Django's command of this name, on the record."""

from __future__ import annotations

import getpass
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from assistant.audit.log import at_command_line
from assistant.models import User
from assistant.people import set_password

TRIES = 3


class Command(BaseCommand):
    help = "Ask for a person's new password, twice, and set it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="who gets another password")

    def handle(self, *args: Any, **options: Any) -> None:
        person = User.objects.filter(username=options["username"]).first()
        if person is None:
            raise CommandError(f"There is nobody named {options['username']!r}.", returncode=2)
        for _ in range(TRIES):
            password = getpass.getpass(prompt="New password: ")
            if getpass.getpass(prompt="The same again: ") != password:
                self.stderr.write("These are not the same.")
                continue
            try:
                validate_password(password, person)
            except ValidationError as error:
                self.stderr.write("\n".join(error.messages))
                continue
            set_password(person, password, actor=at_command_line(), now=timezone.now())
            self.stdout.write(f"{person.username} has another password.")
            return
        raise CommandError(
            f"Aborting after {TRIES} tries: the password is as it was.", returncode=1
        )
