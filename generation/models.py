"""Drafts and everything that made them; the models' registry; calibrations and routing policies."""

from __future__ import annotations

from django.conf import settings
from django.db import models


class ModelVersion(models.Model):
    """A model: every draft names the ones that made and scored it.

    A row comes from registering a packed folder (`generation.versions`), or from the first use of
    a model that a setting names; only registered ones are promoted, and one a kind is live.
    """

    class Kind(models.TextChoices):
        GENERATOR = "generator", "Generator"
        TOXICITY = "toxicity", "Toxicity screen"
        RERANKER = "reranker", "Reranker"
        CONFIDENCE = "confidence", "Confidence model"

    class State(models.TextChoices):
        SETTING = "setting", "Named by a setting"
        CANDIDATE = "candidate", "Candidate"
        CANARY = "canary", "Canary"
        LIVE = "live", "Live"
        RETIRED = "retired", "Retired"

    kind = models.CharField(max_length=20, choices=Kind)
    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64)
    state = models.CharField(max_length=12, choices=State, default=State.SETTING, db_index=True)
    canary_share = models.FloatField(null=True, blank=True, help_text="share of the drafts, 0 to 1")
    state_at = models.DateTimeField(null=True, blank=True, help_text="since when in this state")
    previous = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="what was live before it; empty: what the setting names",
    )

    source = models.CharField(
        max_length=500, blank=True, help_text="the folder from which it is loaded"
    )
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    license = models.CharField(max_length=100, blank=True)
    base = models.CharField(max_length=200, blank=True, help_text="what it was fine-tuned from")
    data_manifest = models.JSONField(default=dict, help_text="what it was trained on")
    metrics = models.JSONField(default=dict, help_text="what its training measured")
    card = models.TextField(blank=True, help_text="its README.md, Markdown with front matter")
    details = models.JSONField(default=dict)
    registered_at = models.DateTimeField(null=True, blank=True)
    registered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    first_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "name", "digest"], name="one_row_per_model"),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(state="live"), name="one_live_model_per_kind"
            ),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(state="canary"), name="one_canary_per_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name}@{self.digest[:12]}"

    @property
    def can_be_canary(self) -> bool:
        """What works draft by draft can be tried on a share of them."""
        return self.kind in (self.Kind.GENERATOR, self.Kind.CONFIDENCE)


class FrozenSet(models.Model):
    """The evaluation file that decides on promotions of a kind, named by its digest."""

    kind = models.CharField(max_length=20, choices=ModelVersion.Kind, unique=True)
    task = models.CharField(max_length=20, help_text="which `manage.py evaluate` reads it")
    name = models.CharField(max_length=200)
    digest = models.CharField(max_length=64, help_text="SHA-256 of the file")
    fixed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}@{self.digest[:12]}"


class ModelEvaluation(models.Model):
    """What one version reached on one file."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="evaluations")
    task = models.CharField(max_length=20, help_text="which `manage.py evaluate` measured it")
    file_name = models.CharField(max_length=200)
    file_digest = models.CharField(max_length=64, help_text="SHA-256 of the file")
    n = models.PositiveIntegerField()
    figures = models.JSONField(default=dict)
    command = models.CharField(max_length=1000)
    measured_at = models.DateTimeField()

    class Meta:
        ordering = ["-measured_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.task} of {self.version_id} on {self.file_name}"


class ModelChange(models.Model):
    """One step in a version's life; its audit event keeps a salted digest of the reason."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="changes")
    action = models.CharField(max_length=20)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=2000, blank=True)
    salt = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.action} of {self.version_id}"


class PromptVersion(models.Model):
    """A prompt template as it was used."""

    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    text = models.TextField()
    first_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}@{self.digest[:12]}"


class Draft(models.Model):
    """One drafted reply to a ticket, from its place in the queue to the decision on it."""

    class State(models.TextChoices):
        QUEUED = "queued", "Queued"
        WORKING = "working", "Being drafted"
        IN_REVIEW = "in_review", "Waiting for review"
        AUTO_APPROVED = "auto_approved", "Approved by policy"
        WITHHELD = "withheld", "Withheld behind a warning"
        FAILED = "failed", "No draft could be made"
        APPROVED = "approved", "Approved"
        EDITED = "edited", "Edited and approved"
        REJECTED = "rejected", "Rejected"
        RETIRED = "retired", "Overtaken"

    PENDING = (State.QUEUED, State.WORKING)
    WAITING = (State.IN_REVIEW, State.WITHHELD, State.FAILED)  # a person decides
    OPEN = PENDING + WAITING

    ticket = models.ForeignKey("assistant.Ticket", on_delete=models.PROTECT, related_name="drafts")
    message = models.ForeignKey(
        "assistant.Message",
        on_delete=models.PROTECT,
        related_name="drafts",
        help_text="the newest message that the draft answers",
    )
    number = models.PositiveIntegerField(help_text="1-based among the ticket's drafts")
    state = models.CharField(max_length=15, choices=State, default=State.QUEUED, db_index=True)

    # the lease
    lease_token = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True, db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(null=True, blank=True, help_text="not before, after an error")
    queued_at = models.DateTimeField(db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    # what made it: enough to replay it
    prompt = models.ForeignKey(
        "assistant.SealedText", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    prompt_version = models.ForeignKey(
        PromptVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    generator = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    snapshot = models.ForeignKey(
        "retrieval.IndexSnapshot", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    sampling = models.JSONField(default=dict)
    seed = models.BigIntegerField(default=0)
    prompt_tokens = models.PositiveIntegerField(null=True, blank=True)
    completion_tokens = models.PositiveIntegerField(null=True, blank=True)
    timings = models.JSONField(default=dict, help_text="seconds by step")

    # what was found
    category = models.CharField(max_length=100, blank=True, db_index=True)
    language = models.CharField(max_length=10, blank=True)
    chosen = models.ForeignKey(
        "DraftCandidate", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    screens = models.JSONField(
        default=dict, help_text="each screen's scores, with the version of what scored"
    )
    features = models.JSONField(default=dict)
    confidence = models.FloatField(null=True, blank=True, help_text="probability, 0 to 1")
    calibration = models.ForeignKey(
        "Calibration", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reasons = models.JSONField(default=list, help_text='why it was routed so: [{"code", "text"}]')
    error = models.CharField(max_length=1000, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["ticket", "number"], name="one_draft_per_number"),
            models.UniqueConstraint(
                fields=["ticket"],
                condition=models.Q(
                    state__in=["queued", "working", "in_review", "withheld", "failed"]
                ),
                name="one_open_draft_per_ticket",
            ),
        ]

    def __str__(self) -> str:
        return f"draft {self.number} of #{self.ticket_id}: {self.state}"

    @property
    def kind(self) -> str:
        """generated, constrained, quoted or none: which candidate stands in the composer."""
        return self.chosen.kind if self.chosen else "none"


class DraftSource(models.Model):
    """A passage that was retrieved for a draft: `rank` is the k of its citation [k]."""

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="sources")
    rank = models.PositiveSmallIntegerField()
    chunk = models.ForeignKey("retrieval.Chunk", on_delete=models.PROTECT, related_name="+")
    score = models.FloatField()
    dense_score = models.FloatField(null=True, blank=True)
    lexical_score = models.FloatField(null=True, blank=True)
    in_prompt = models.BooleanField(default=False)
    neighbour = models.BooleanField(
        default=False,
        help_text="not searched for: a list goes on here, or begins here; its score is 0",
    )

    class Meta:
        ordering = ["rank"]
        constraints = [
            models.UniqueConstraint(fields=["draft", "rank"], name="one_source_per_rank")
        ]

    def __str__(self) -> str:
        return f"[{self.rank}] of draft {self.draft_id}"


class DraftCandidate(models.Model):
    """A text that could stand in the composer; the pipeline chooses one, the agent can switch."""

    class Kind(models.TextChoices):
        GENERATED = "generated", "Written by the model"
        CONSTRAINED = "constrained", "Composed from the articles"
        QUOTED = "quoted", "Quoted from the articles"

    draft = models.ForeignKey(Draft, on_delete=models.PROTECT, related_name="candidates")
    kind = models.CharField(max_length=12, choices=Kind)
    text = models.ForeignKey("assistant.SealedText", on_delete=models.PROTECT, related_name="+")
    seed = models.BigIntegerField(null=True, blank=True)
    mean_log_probability = models.FloatField(null=True, blank=True)
    tokens = models.PositiveIntegerField(null=True, blank=True)
    support = models.FloatField(help_text="the least support among its claims, 0 to 1")
    relevance = models.FloatField(help_text="how well it answers the question, cosine")
    toxicity = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.kind} candidate of draft {self.draft_id}"


class DraftSentence(models.Model):
    """One sentence of a candidate, `text[start:end]`, and the span that supports it."""

    class Kind(models.TextChoices):
        CLAIM = "claim", "Claim"
        COURTESY = "courtesy", "Courtesy"

    candidate = models.ForeignKey(
        DraftCandidate, on_delete=models.PROTECT, related_name="sentences"
    )
    position = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=10, choices=Kind)
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    support = models.FloatField(null=True, blank=True, help_text="0 to 1; empty for a courtesy")
    supported = models.BooleanField(default=False)
    source = models.ForeignKey(
        DraftSource, on_delete=models.PROTECT, null=True, blank=True, related_name="sentences"
    )
    source_start = models.PositiveIntegerField(null=True, blank=True, help_text="in the revision")
    source_end = models.PositiveIntegerField(null=True, blank=True, help_text="in the revision")
    flags = models.JSONField(default=list, help_text='[{"code", "start", "end"}] in the candidate')

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["candidate", "position"], name="one_sentence_per_position"
            )
        ]

    def __str__(self) -> str:
        return f"sentence {self.position} of candidate {self.candidate_id}"


class Calibration(models.Model):
    """A confidence model that was fitted by a command; `local` ones stand on this installation."""

    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=100)
    local = models.BooleanField(default=False, help_text="fitted on this installation's decisions")
    n = models.PositiveIntegerField()
    auroc = models.FloatField(null=True, blank=True)
    ece = models.FloatField(null=True, blank=True)
    details = models.JSONField(default=dict, help_text="the model's file as it was loaded")
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}, {self.n} labels"


class RoutingPolicy(models.Model):
    """What an administrator allows to go out without a person, by category. Off by default."""

    category = models.CharField(max_length=100, unique=True, help_text="* means every category")
    auto_approve = models.BooleanField(default=False)
    threshold = models.FloatField(default=0.95, help_text="least confidence for auto-approval")
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        verbose_name_plural = "routing policies"

    def __str__(self) -> str:
        return f"{self.category}: {'automatic' if self.auto_approve else 'a person decides'}"
