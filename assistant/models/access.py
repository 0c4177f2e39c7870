"""Who may do what: people with one role each, and programs with scoped keys."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


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

    def save(self, *args: object, **kwargs: object) -> None:
        # Only these two roles have pages in the admin; what they may do there is the role's grants.
        self.is_staff = self.role in {self.Role.KNOWLEDGE_ADMIN, self.Role.ADMINISTRATOR}
        self.is_superuser = False
        super().save(*args, **kwargs)  # type: ignore[arg-type]

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
