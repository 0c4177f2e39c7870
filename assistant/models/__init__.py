"""The ground floor's tables, one module a noun."""

from assistant.models.access import ApiKey, IdempotentAnswer, User
from assistant.models.audit import AuditEvent, AuditHead
from assistant.models.heartbeat import Heartbeat
from assistant.models.outbox import OutboundReply
from assistant.models.sealed import SealedText, TicketKey
from assistant.models.ticket import Channel, Contact, Message, Ticket

__all__ = [
    "ApiKey",
    "AuditEvent",
    "AuditHead",
    "Channel",
    "Contact",
    "Heartbeat",
    "IdempotentAnswer",
    "Message",
    "OutboundReply",
    "SealedText",
    "Ticket",
    "TicketKey",
    "User",
]
