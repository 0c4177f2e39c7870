"""What every adapter offers to the outbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class DeliveryError(Exception):
    """A reply did not leave. `permanent`: trying again cannot help. `everybody`: the way out itself is
    closed, so that no other reply would leave now."""

    def __init__(self, message: str, *, permanent: bool = False, everybody: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.everybody = everybody


class MaybeDelivered(DeliveryError):
    """Nobody can know whether the reply left: a person decides, or it may go out twice."""


@dataclass(frozen=True)
class Outgoing:
    """A reply as the adapter sees it; `mail_ids` are the thread's Message-IDs, oldest first."""

    key: str
    ticket_number: int
    subject: str
    body: str
    to_name: str
    to_email: str
    mail_id: str
    mail_ids: tuple[str, ...]


class Adapter(Protocol):
    """`idempotent`: delivering the same key twice has the effect of once, so that a reply whose
    process died while sending may be sent again."""

    idempotent: bool

    def deliver(self, reply: Outgoing) -> bytes:
        """Send, and return the exact bytes sent. Raises DeliveryError or MaybeDelivered."""
        ...
