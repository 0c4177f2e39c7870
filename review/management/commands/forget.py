"""Destroy the keys and texts of a ticket, or of all tickets of a customer."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from assistant.audit.log import AuditLogBroken, system
from assistant.models import Ticket
from review.forgetting import NotForgotten, forget, tickets_of

ACTOR = system("forget")


class Command(BaseCommand):
    help = (
        "Forget a ticket, or a customer: their texts can never be read again, not from the database "
        "and not from the log, which stays whole. There is no way back."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        whose = parser.add_mutually_exclusive_group(required=True)
        whose.add_argument("--ticket", type=int, metavar="N")
        whose.add_argument("--email", metavar="ADDRESS", help="all tickets of this customer")
        parser.add_argument("--retire-drafts", action="store_true", help="retire open drafts first")
        parser.add_argument("--json", action="store_true", help="print the figures as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            tickets = (
                tickets_of(email=options["email"])
                if options["email"]
                else _ticket(options["ticket"])
            )
            made = forget(
                tickets=tickets,
                retire_drafts=options["retire_drafts"],
                actor=ACTOR,
                now=timezone.now(),
            )
        except NotForgotten as error:
            raise CommandError(str(error), returncode=1) from error
        except AuditLogBroken as error:
            raise CommandError(f"nothing was forgotten: {error}", returncode=2) from error
        figures = asdict(made)
        if options["json"]:
            self.stdout.write(json.dumps(figures))
        else:
            for name, value in figures.items():
                self.stdout.write(f"{name}: {value}")


def _ticket(number: int) -> list[Ticket]:
    found = Ticket.objects.filter(pk=number).first() if 0 < number < 2**63 else None
    if found is None:
        raise NotForgotten(f"There is no ticket #{number}.")
    return [found]
