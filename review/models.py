"""What people do with drafts: claims, working copies, decisions, judgements."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class Claim(models.Model):
    """A lease on a ticket: nobody works on what somebody else holds."""

    ticket = models.OneToOneField(
        "assistant.Ticket", on_delete=models.CASCADE, related_name="claim", primary_key=True
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    token = models.UUIDField()
    taken_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"#{self.ticket_id} held by {self.user_id}"


class WorkingCopy(models.Model):
    """An agent's unsent text, autosaved; kept and offered when a new message retires the draft."""

    ticket = models.OneToOneField(
        "assistant.Ticket", on_delete=models.CASCADE, related_name="working_copy", primary_key=True
    )
    draft = models.ForeignKey(
        "generation.Draft", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    text = models.ForeignKey("assistant.SealedText", on_delete=models.PROTECT, related_name="+")
    revision = models.PositiveIntegerField(default=1, help_text="rises by one with every save")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"working copy of #{self.ticket_id}, revision {self.revision}"


class Decision(models.Model):
    """What a person decided on a draft (or on a ticket without one)."""

    class Verdict(models.TextChoices):
        APPROVE = "approve", "Approved unchanged"
        EDIT = "edit", "Edited and approved"
        REJECT = "reject", "Rejected"
        ESCALATE = "escalate", "Escalated"
        REPLY = "reply", "Replied without a draft"

    class Reason(models.TextChoices):
        NONE = "", "No reason given"
        WRONG = "wrong", "Facts are wrong"
        OFF_TOPIC = "off_topic", "Does not answer the question"
        INCOMPLETE = "incomplete", "Something is missing"
        TONE = "tone", "Tone or wording"
        UNSAFE = "unsafe", "Harmful or leaking"
        SPAM = "spam", "The ticket is spam"
        OTHER = "other", "Something else"

    ticket = models.ForeignKey(
        "assistant.Ticket", on_delete=models.PROTECT, related_name="decisions"
    )
    draft = models.ForeignKey(
        "generation.Draft",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="decisions",
    )
    candidate = models.ForeignKey(
        "generation.DraftCandidate",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="the text that the agent started from",
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=10, choices=Verdict)
    reason = models.CharField(max_length=12, choices=Reason, blank=True, default=Reason.NONE)
    note = models.ForeignKey(
        "assistant.SealedText", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    final_text = models.ForeignKey(
        "assistant.SealedText", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    diff = models.ForeignKey(
        "assistant.SealedText",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="word diff as JSON",
    )
    edit_distance = models.FloatField(null=True, blank=True, help_text="share of words changed")
    seconds_spent = models.FloatField(null=True, blank=True)
    score_hidden = models.BooleanField(default=False)
    screens = models.JSONField(default=dict, help_text="the screens of the edited text")
    reply = models.OneToOneField(
        "assistant.OutboundReply",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="decision",
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    decided_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["draft"],
                condition=models.Q(undone_at__isnull=True, draft__isnull=False)
                & ~models.Q(verdict="escalate"),
                name="one_standing_decision_per_draft",
            )
        ]

    def __str__(self) -> str:
        return f"{self.verdict} on #{self.ticket_id}"


class SentenceJudgement(models.Model):
    """An agent's word on whether a sentence is supported: a label for later training."""

    sentence = models.ForeignKey(
        "generation.DraftSentence", on_delete=models.PROTECT, related_name="judgements"
    )
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    supported = models.BooleanField()
    judged_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sentence", "user"], name="one_judgement_per_person")
        ]

    def __str__(self) -> str:
        return f"sentence {self.sentence_id}: {'supported' if self.supported else 'not supported'}"
