"""The way back in when nobody is left who may administer the installation."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from assistant import people
from assistant.audit.log import at_command_line
from assistant.models import User


class Command(BaseCommand):
    help = (
        "Make this person an administrator who can sign in: somebody new, with a password that is "
        "printed once, or somebody who is here already. It is recorded in the audit log."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="who becomes one")
        parser.add_argument(
            "--new-password", action="store_true", help="also print a new password for them, once"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        actor, now = at_command_line(), timezone.now()
        name = options["username"]
        password = secrets.token_urlsafe(12)
        person = User.objects.filter(username=name).first()
        if person is None:
            people.create(
                username=name, password=password, role=User.Role.ADMINISTRATOR, actor=actor, now=now
            )
            self.stdout.write(f"{name} is an administrator. Password, shown this once: {password}")
            return
        people.make_administrator(person, actor=actor, now=now)
        self.stdout.write(f"{name} is an administrator.")
        if options["new_password"]:
            people.set_password(person, password, actor=actor, now=now)
            self.stdout.write(f"Password, shown this once: {password}")
