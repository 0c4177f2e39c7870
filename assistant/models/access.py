"""Who may do what: people with one role each, and programs with scoped keys."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models, transaction


class LastAdministrator(ValidationError):
    """Nobody would be left who may administer the installation."""

    def __init__(self) -> None:
        super().__init__(
            "This is the only administrator who can sign in: make somebody else one first. Nothing was "
            "changed.",
            code="last_administrator",
        )


class RevokedForGood(ValidationError):
    """A revoked key stays revoked."""

    def __init__(self) -> None:
        super().__init__("A revoked key never lives again: make a new one.", code="revoked")


class User(AbstractUser):
    """A person. The role decides what they may do (`assistant.access.GRANTS`)."""

    class Role(models.TextChoices):
        AGENT = "agent", "Agent"
        KNOWLEDGE_ADMIN = "knowledge_admin", "Knowledge admin"
        AUDITOR = "auditor", "Auditor"
        ADMINISTRATOR = "administrator", "Administrator"

    role = models.CharField(max_length=20, choices=Role, default=Role.AGENT)
    single_key_shortcuts = models.BooleanField(
        default=True, help_text="single-letter keys in the console (WCAG 2.1.4 wants an off switch)"
    )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises LastAdministrator."""
        # Only these two roles have pages in the admin; what they may do there is the role's grants.
        self.is_staff = self.role in {self.Role.KNOWLEDGE_ADMIN, self.Role.ADMINISTRATOR}
        self.is_superuser = False
        names = kwargs.get("update_fields")
        if self.pk is None or (names is not None and not {"role", "is_active"} & set(names)):
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            self.keep_an_administrator()
            super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Raises LastAdministrator."""
        with transaction.atomic():
            self.is_active = False
            self.keep_an_administrator()
            return super().delete(*args, **kwargs)

    def keep_an_administrator(self) -> None:
        """Raise LastAdministrator where nobody would be left with this person as they are now.

        Within a transaction the others are locked, so that two administrators can't demote each other.
        """
        if self.is_active and self.role == self.Role.ADMINISTRATOR:
            return
        standing = User.objects.filter(role=self.Role.ADMINISTRATOR, is_active=True).order_by("pk")
        if transaction.get_connection().in_atomic_block:
            standing = standing.select_for_update()
        if [one.pk for one in standing] == [self.pk]:
            raise LastAdministrator

    @property
    def display_name(self) -> str:
        return self.get_full_name() or self.username


class ApiKey(models.Model):
    """A program's key: only its SHA-256 is kept (the key itself has 256 random bits)."""

    class Scope(models.TextChoices):
        TICKETS_WRITE = "tickets:write", "create tickets and messages"
        TICKETS_READ = "tickets:read", "read tickets and drafts"
        KNOWLEDGE_READ = "knowledge:read", "read the knowledge base"
        KNOWLEDGE_WRITE = "knowledge:write", "change the knowledge base"

    name = models.CharField(max_length=100, unique=True)
    key_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Raises RevokedForGood."""
        was = ApiKey.objects.filter(pk=self.pk).values_list("revoked_at", flat=True).first()
        if was is not None and self.revoked_at != was:
            raise RevokedForGood
        super().save(*args, **kwargs)


class IdempotentAnswer(models.Model):
    """What a request with an Idempotency-Key was answered, so that its repetition gets the same."""

    api_key = models.ForeignKey(ApiKey, on_delete=models.CASCADE)
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    answer = models.JSONField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["api_key", "key"], name="one_answer_per_idempotency_key"
            )
        ]

    def __str__(self) -> str:
        return self.key
