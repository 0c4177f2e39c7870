"""Create one person a role, with generated passwords that are printed once."""

from __future__ import annotations

import secrets
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from assistant import people
from assistant.audit.log import at_command_line
from assistant.models import User

NAMES = {
    User.Role.AGENT: "agent",
    User.Role.KNOWLEDGE_ADMIN: "knowledge",
    User.Role.AUDITOR: "auditor",
    User.Role.ADMINISTRATOR: "admin",
}


class Command(BaseCommand):
    help = (
        "Create one person a role and print the passwords, once; people who exist are left alone."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        made = []
        for role, username in NAMES.items():
            if User.objects.filter(username=username).exists():
                continue
            password = secrets.token_urlsafe(12)
            people.create(
                username=username,
                password=password,
                role=role,
                actor=at_command_line(),
                now=timezone.now(),
            )
            made.append((role.label, username, password))
        if not made:
            self.stdout.write(
                "Everybody is here already; `manage.py changepassword NAME` sets a new one."
            )
            return
        self.stdout.write("Sign-in names and passwords (shown this once):")
        for label, username, password in made:
            self.stdout.write(f"  {label:<16} {username:<12} {password}")
