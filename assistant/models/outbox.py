"""The outbox: replies that a person or a policy has decided to send."""

from __future__ import annotations

from django.db import models


class OutboundReply(models.Model):
    """A reply on its way out; `idempotency_key` makes one reply of one decision."""

    class State(models.TextChoices):
        HELD = "held", "Held, may be undone"
        SENDING = "sending", "Sending"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Undone"
        UNCERTAIN = "uncertain", "May have been sent: a person decides"

    idempotency_key = models.CharField(max_length=100, unique=True)
    ticket = models.ForeignKey("assistant.Ticket", on_delete=models.PROTECT, related_name="replies")
    body = models.ForeignKey("assistant.SealedText", on_delete=models.PROTECT, related_name="+")
    author = models.ForeignKey(
        "assistant.User", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    state = models.CharField(max_length=10, choices=State, default=State.HELD, db_index=True)
    mail_id = models.CharField(max_length=300)
    answers_position = models.PositiveIntegerField(
        help_text="the thread's length at the decision; a later message keeps the ticket open"
    )
    sent_digest = models.CharField(max_length=64, blank=True, help_text="sha256 of the bytes sent")
    hold_until = models.DateTimeField(db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    tried_since = models.DateTimeField(
        null=True, blank=True, help_text="the first of the tries that are under way"
    )
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"reply {self.pk} to #{self.ticket_id}: {self.state}"
