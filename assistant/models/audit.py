"""The audit log's two tables. Written by `assistant.audit.log.record` only; guarded by triggers."""

from __future__ import annotations

from django.db import models


class AuditHead(models.Model):
    """The tree's head, one row: locked by every writer, so that indexes have no gaps."""

    size = models.PositiveBigIntegerField(default=0)
    frontier = models.JSONField(
        default=list, help_text="hex roots of the full subtrees, largest first"
    )

    def __str__(self) -> str:
        return f"head of {self.size} events"


class AuditEvent(models.Model):
    """One event. `canonical` holds the exact bytes that the leaf hash covers (RFC 8785 JSON).

    The other columns repeat parts of it for searching, and verification compares them. There are no
    foreign keys: an event outlives what it speaks of.
    """

    index = models.PositiveBigIntegerField(primary_key=True)
    canonical = models.TextField()
    leaf_hash = models.CharField(max_length=64)
    at = models.DateTimeField(db_index=True)
    action = models.CharField(max_length=60, db_index=True)
    actor = models.CharField(max_length=160, db_index=True)
    ticket_number = models.BigIntegerField(null=True, db_index=True)
    draft_id = models.BigIntegerField(null=True, db_index=True)
    model = models.CharField(max_length=200, blank=True, db_index=True)

    class Meta:
        ordering = ["index"]

    def __str__(self) -> str:
        return f"event {self.index} {self.action}"
