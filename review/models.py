"""What people do with drafts: claims, working copies, decisions, judgements. And what is known about
the knowledge base from it: changed articles and their drafts, gaps, findings of its health."""

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


class Visit(models.Model):
    """One opened page of a claimed ticket. The claim ends early only when the last one has left."""

    claim = models.ForeignKey(Claim, on_delete=models.CASCADE, related_name="visits")
    token = models.UUIDField(unique=True)
    seen_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"a page of #{self.claim_id}"


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
    """What a person decided on a draft, or on a ticket."""

    class Verdict(models.TextChoices):
        APPROVE = "approve", "Approved unchanged"
        EDIT = "edit", "Edited and approved"
        REJECT = "reject", "Rejected"
        ESCALATE = "escalate", "Escalated"
        REPLY = "reply", "Replied without a draft"
        REDO = "redo", "Asked for another draft"
        SOLVE = "solve", "Solved without a reply"
        WAIT = "wait", "Set to wait for the customer"
        REOPEN = "reopen", "Reopened"

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
    last_position = models.PositiveIntegerField(
        null=True, blank=True, help_text="the thread's length when it was decided"
    )
    status_before = models.CharField(
        max_length=10, blank=True, help_text="the ticket's status, which an undo brings back"
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


class ArticleChange(models.Model):
    """An article was published anew or retired: the drafts that wait on its old text are looked at
    (`review.redrafting`), in batches, until the change is settled."""

    document = models.ForeignKey("retrieval.Document", on_delete=models.PROTECT, related_name="+")
    old_revision = models.ForeignKey(
        "retrieval.Revision", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    gap = models.ForeignKey(
        "Gap",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="the gap that the article closes: its tickets' drafts are made anew",
    )
    version = models.PositiveBigIntegerField(
        help_text="the knowledge base's version that an index must hold before drafts are made anew"
    )
    changed_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        indexes = [models.Index(fields=["document", "-changed_at"], name="change_of_article")]

    def __str__(self) -> str:
        return f"change of article {self.document_id}"


class Redraft(models.Model):
    """What became of one waiting draft because an article that it rests on changed."""

    class Outcome(models.TextChoices):
        WAITING = "waiting", "Will be drafted anew"
        REDRAFTED = "redrafted", "Drafted anew"
        KEPT = "kept", "Left as it is: somebody works on it"
        OVERTAKEN = "overtaken", "Decided before"

    change = models.ForeignKey(ArticleChange, on_delete=models.CASCADE, related_name="redrafts")
    draft = models.ForeignKey("generation.Draft", on_delete=models.CASCADE, related_name="redrafts")
    new_draft = models.ForeignKey(
        "generation.Draft", on_delete=models.CASCADE, null=True, blank=True, related_name="made_for"
    )
    outcome = models.CharField(max_length=10, choices=Outcome, db_index=True)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["change", "draft"], name="one_outcome_per_draft")
        ]

    def __str__(self) -> str:
        return f"draft {self.draft_id}: {self.outcome}"


class KnowledgeRun(models.Model):
    """A look for gaps, or over the knowledge base's health: how far it is, and how it ended.

    One of a kind goes on at a time. It works in slices, each a task of a second or two, so that
    searches on the same worker never wait long; `cursor` says where the next slice begins.
    """

    class Kind(models.TextChoices):
        GAPS = "gaps", "Gaps"
        HEALTH = "health", "Health"

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    kind = models.CharField(max_length=10, choices=Kind)
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    cursor = models.PositiveBigIntegerField(default=0, help_text="the last row that was looked at")
    leased_until = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True)
    notes = models.JSONField(default=dict)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind"],
                condition=models.Q(state="running"),
                name="one_knowledge_run_per_kind",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.state}, {self.done} of {self.total}"


class Gap(models.Model):
    """Questions of one meaning that the knowledge base did not answer. Its number stays the same
    from run to run as long as its tickets do."""

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DISMISSED = "dismissed", "Dismissed"
        CLOSED = "closed", "Has an article"

    state = models.CharField(max_length=10, choices=State, default=State.OPEN, db_index=True)
    words = models.JSONField(
        default=list, help_text="typical words, each from questions of two customers or more"
    )
    size = models.PositiveIntegerField(default=0)
    weeks = models.JSONField(default=list, help_text="tickets a week, the oldest of four first")
    document = models.ForeignKey(
        "retrieval.Document",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="the article that was started from it; one that is given up can be started again",
    )
    reason = models.CharField(max_length=500, blank=True, help_text="why it was dismissed")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"gap {self.pk}, {self.size} tickets"

    @property
    def name(self) -> str:
        """Its most typical words."""
        return ", ".join(self.words[:4]) or "Questions without common words"


class GapTicket(models.Model):
    """A ticket that found no good evidence, in its gap. Its texts are sealed with the ticket's key,
    personal data replaced: forgetting the ticket destroys them too."""

    class Sign(models.TextChoices):
        NO_DRAFT = "no_draft", "No draft could be made"
        WEAK = "weak", "Nothing near was found"
        DECLINED = "declined", "The draft said that it could not answer"
        REJECTED = "rejected", "An agent missed the answer in the draft"
        ESCALATED = "escalated", "An agent handed it on"
        BY_HAND = "by_hand", "An agent answered without the draft"

    gap = models.ForeignKey(Gap, on_delete=models.CASCADE, related_name="tickets")
    ticket = models.OneToOneField(
        "assistant.Ticket", on_delete=models.CASCADE, related_name="gap_ticket"
    )
    sign = models.CharField(max_length=10, choices=Sign)
    nearest = models.FloatField(null=True, blank=True, help_text="the best passage's cosine")
    asked_at = models.DateTimeField(db_index=True)
    question = models.ForeignKey(
        "assistant.SealedText", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reply = models.ForeignKey(
        "assistant.SealedText", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    def __str__(self) -> str:
        return f"#{self.ticket_id} in gap {self.gap_id}"


class Finding(models.Model):
    """Something about the knowledge base that somebody should look at."""

    class Kind(models.TextChoices):
        CONTRADICTION = "contradiction", "Articles that contradict each other"
        DUPLICATE = "duplicate", "Articles that say the same"
        DEAD_LINK = "dead_link", "Links that lead nowhere"
        DISLIKED = "disliked", "Articles whose drafts get edited or rejected"
        OVERDUE = "overdue", "Articles past their review date"
        UNCITED = "uncited", "Articles never cited"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DISMISSED = "dismissed", "Dismissed"

    kind = models.CharField(max_length=15, choices=Kind)
    key = models.CharField(max_length=64, unique=True, help_text="sha256 of what was found where")
    document = models.ForeignKey(
        "retrieval.Document", on_delete=models.CASCADE, related_name="findings"
    )
    other = models.ForeignKey(
        "retrieval.Document", on_delete=models.CASCADE, null=True, blank=True, related_name="+"
    )
    details = models.JSONField(default=dict)
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    reason = models.CharField(max_length=500, blank=True, help_text="why it was dismissed")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    run = models.ForeignKey(
        KnowledgeRun, on_delete=models.PROTECT, related_name="+", help_text="the last that saw it"
    )
    first_seen_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["state", "kind"], name="findings_by_state")]

    def __str__(self) -> str:
        return f"{self.kind} in article {self.document_id}"
