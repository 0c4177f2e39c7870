"""The ground floor's tables, one module a noun."""

from assistant.models.access import (
    ApiKey,
    IdempotentAnswer,
    LastAdministrator,
    RevokedForGood,
    User,
)
from assistant.models.audit import AuditEvent, AuditHead
from assistant.models.heartbeat import Heartbeat
from assistant.models.outbox import OutboundReply
from assistant.models.sealed import InstallationKey, SealedText, TicketKey
from assistant.models.ticket import Channel, Contact, Message, SearchWord, Ticket

__all__ = [
    "ApiKey",
    "AuditEvent",
    "AuditHead",
    "Channel",
    "Contact",
    "Heartbeat",
    "IdempotentAnswer",
    "InstallationKey",
    "LastAdministrator",
    "Message",
    "OutboundReply",
    "RevokedForGood",
    "SealedText",
    "SearchWord",
    "Ticket",
    "TicketKey",
    "User",
]
