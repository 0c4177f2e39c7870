"""Questions that the team keeps with their right articles, and comparisons of two configurations on
them."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class KeptQuestion(models.Model):
    """A question whose right articles are known.

    Written by a person, or a customer's message that an agent answered from these articles. A
    message's text stays sealed: it is read while it is evaluated, and never copied here.
    """

    class Origin(models.TextChoices):
        WRITTEN = "written", "Written here"
        CITED = "cited", "From an agent's reply"

    origin = models.CharField(max_length=10, choices=Origin, db_index=True)
    text = models.TextField(blank=True, help_text="of a written one")
    message = models.OneToOneField(
        "assistant.Message",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="kept_question",
    )
    documents = models.ManyToManyField("retrieval.Document", related_name="kept_questions")
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    added_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=(models.Q(message=None) & ~models.Q(text=""))
                | (models.Q(message__isnull=False) & models.Q(text="")),
                name="kept_question_has_text_or_message",
            )
        ]

    def __str__(self) -> str:
        if self.message is None:
            return self.text
        return f"Message {self.message.position} of ticket #{self.message.ticket_id}"


class RetrievalComparison(models.Model):
    """Two configurations measured on all kept questions, a few questions at a time."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting for the search worker"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    first = models.JSONField(help_text="the configuration's names and values")
    second = models.JSONField()
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    questions = models.JSONField(default=list, help_text="primary keys, as they stood at the start")
    answers = models.JSONField(
        default=list, help_text="of the questions that are done: both answers, null where left out"
    )
    snapshot = models.PositiveBigIntegerField(null=True, blank=True, help_text="what was searched")
    result = models.JSONField(default=dict, help_text="figures of both, and their difference")
    error = models.CharField(max_length=1000, blank=True)
    lease_token = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+"
    )
    requested_at = models.DateTimeField(db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"comparison {self.pk} ({self.state})"

    @property
    def done(self) -> int:
        return len(self.answers)

    @property
    def total(self) -> int:
        return len(self.questions)

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.QUEUED, self.State.RUNNING}
