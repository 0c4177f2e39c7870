"""News from the floor below: a message to answer. (An article that changed: `review.receivers`.)

Receivers only write rows (inside the sender's transaction); workers are woken on commit.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.dispatch import receiver

from assistant.models import Message
from assistant.signals import message_received
from generation.queue import queue_draft, retire_open_draft


@receiver(message_received)
def draft_anew(*, message: Message, now: datetime, **_: Any) -> None:
    """Queue a draft for the message; one that waits on the ticket is overtaken by it."""
    retire_open_draft(ticket=message.ticket, reason="a new message came in", now=now)
    queue_draft(ticket=message.ticket, message=message, now=now)
