"""Sealed texts: everything that can carry personal data, encrypted with a key per ticket."""

from __future__ import annotations

from django.db import models


class TicketKey(models.Model):
    """A ticket's data key, wrapped by the installation's key; destroying it forgets the ticket."""

    ticket = models.OneToOneField(
        "assistant.Ticket", on_delete=models.PROTECT, related_name="key", primary_key=True
    )
    wrapped = models.BinaryField(null=True)
    destroyed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"key of ticket {self.ticket_id}"


class SealedText(models.Model):
    """One encrypted text. Made and opened by `assistant.privacy.encryption` only.

    `digest` is sha256(salt ‖ text) in hex: the audit log keeps it, and once the salt is destroyed
    with the text, it cannot be found again by guessing.
    """

    ticket = models.ForeignKey("assistant.Ticket", on_delete=models.PROTECT, related_name="texts")
    ciphertext = models.BinaryField(null=True)
    salt = models.BinaryField(null=True)
    digest = models.CharField(max_length=64)
    characters = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"sealed text {self.pk}"


class InstallationKey(models.Model):
    """Which installation key this database is sealed with, by a fingerprint; one row."""

    fingerprint = models.CharField(max_length=32)
    recorded_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"installation key {self.fingerprint}"
