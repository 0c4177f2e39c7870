"""Where knowledge comes from: sources, their runs, what each run changed, and what waits for a person.

The adapters that read sources are in `retrieval/sources/`.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import models

from retrieval.trust import Trust


class Source(models.Model):
    """A place that articles are brought in from, again and again; a run changes what changed there."""

    class Kind(models.TextChoices):
        UPLOAD = "upload", "Uploaded files"
        FOLDER = "folder", "Folder on the server"
        GIT = "git", "Git repository"
        WEBSITE = "website", "Web site"
        HELP_CENTRE = "help_centre", "Help centre export"

    class Schedule(models.TextChoices):
        NEVER = "never", "Only when somebody asks"
        HOURLY = "hourly", "Every hour"
        DAILY = "daily", "Every day"
        WEEKLY = "weekly", "Every week"

    INTERVALS = {
        Schedule.HOURLY: timedelta(hours=1),
        Schedule.DAILY: timedelta(days=1),
        Schedule.WEEKLY: timedelta(weeks=1),
    }

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind)
    collection = models.ForeignKey(
        "retrieval.Collection", on_delete=models.PROTECT, related_name="sources"
    )
    location = models.CharField(max_length=1000, blank=True, help_text="a folder or an address")
    options = models.JSONField(default=dict, help_text="what this kind needs besides; see its form")
    trust = models.PositiveSmallIntegerField(choices=Trust, default=Trust.NORMAL)
    schedule = models.CharField(max_length=10, choices=Schedule, default=Schedule.NEVER)
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)
    prune = models.BooleanField(default=False, help_text="retire articles that are gone there")
    paused = models.BooleanField(default=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name

    @property
    def takes_files(self) -> bool:
        """Whether a run of it needs uploaded files."""
        return self.kind == self.Kind.UPLOAD or (
            self.kind == self.Kind.HELP_CENTRE and not self.location
        )

    @property
    def file_kinds(self) -> tuple[str, ...]:
        """Endings of the files that it takes besides those of articles and ZIPs."""
        return (".json",) if self.kind == self.Kind.HELP_CENTRE else ()

    def interval(self) -> timedelta | None:
        """The time between scheduled runs; None where there are none."""
        return self.INTERVALS.get(self.Schedule(self.schedule))


class SourceItem(models.Model):
    """What a source held when it was last read: a re-run passes by what still has this fingerprint."""

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="items")
    path = models.CharField(max_length=500)
    fingerprint = models.CharField(max_length=500)
    problem = models.CharField(
        max_length=500, blank=True, help_text="why it became no article; empty where it did"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["source", "path"], name="one_item_per_source_path")
        ]

    def __str__(self) -> str:
        return self.path


class SourceRun(models.Model):
    """One reading of a source: a preview, which changes nothing, or the real thing."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        WORKING = "working", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"
        CANCELLED = "cancelled", "Cancelled"

    OPEN = (State.QUEUED, State.WORKING)

    source = models.ForeignKey(Source, on_delete=models.CASCADE, related_name="runs")
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED, db_index=True)
    preview = models.BooleanField(default=False)
    upload = models.CharField(
        max_length=100, blank=True, help_text="the folder of uploaded files, below the data folder"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    actor = models.CharField(max_length=200, help_text="who asked, as the audit log says it")
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    current = models.CharField(max_length=500, blank=True)
    counts = models.JSONField(default=dict, help_text="how many of each outcome")
    message = models.TextField(blank=True, help_text="why it failed, or what it left undone")
    attempts = models.PositiveIntegerField(default=0)
    cancel_asked = models.BooleanField(default=False)
    lease_token = models.UUIDField(null=True, blank=True)
    leased_until = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"],
                condition=models.Q(state__in=["queued", "working"]),
                name="one_open_run_per_source",
            )
        ]

    def __str__(self) -> str:
        return (
            f"{'preview' if self.preview else 'run'} {self.pk} of {self.source_id} ({self.state})"
        )

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    def count(self, outcome: str) -> int:
        """How many articles had this outcome so far."""
        return int(self.counts.get(outcome, 0))


class SourceChange(models.Model):
    """What a run did to one article, or (a preview) would do. What stays as it is has no row."""

    class Outcome(models.TextChoices):
        ADDED = "added", "Added"
        CHANGED = "changed", "Changed"
        RETIRED = "retired", "Retired"
        HELD = "held", "Held for a person"
        SKIPPED = "skipped", "Skipped"

    run = models.ForeignKey(SourceRun, on_delete=models.CASCADE, related_name="changes")
    path = models.CharField(max_length=500)
    outcome = models.CharField(max_length=10, choices=Outcome)
    title = models.CharField(max_length=300, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    text = models.TextField(blank=True, help_text="a preview's: the text that would be published")
    before = models.ForeignKey(
        "retrieval.Revision", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "path"], name="one_change_per_run_path")
        ]

    def __str__(self) -> str:
        return f"{self.path}: {self.outcome}"


class HeldArticle(models.Model):
    """A text that waits for a person before it is published, or that a person keeps out."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waits for a person"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Kept out"
        OVERTAKEN = "overtaken", "Overtaken by a newer text"

    class Why(models.TextChoices):
        SUSPICIOUS = "suspicious", "May hold instructions meant for the machine"
        LOW_TRUST = "low_trust", "Every text of its source waits for a person"
        EDITED = "edited", "The article was edited here since it was brought in"
        OTHER_ORIGIN = "other_origin", "The article comes from somewhere else"
        RETIRED = "retired", "The article was retired here"

    source = models.ForeignKey(
        Source, on_delete=models.SET_NULL, null=True, blank=True, related_name="held"
    )
    run = models.ForeignKey(
        SourceRun, on_delete=models.SET_NULL, null=True, blank=True, related_name="held"
    )
    collection = models.ForeignKey(
        "retrieval.Collection", on_delete=models.PROTECT, related_name="held"
    )
    path = models.CharField(max_length=500)
    title = models.CharField(max_length=300)
    text = models.TextField()
    category = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=10)
    front_matter = models.JSONField(default=dict)
    digest = models.CharField(max_length=64, help_text="as a revision's")
    why = models.CharField(max_length=20, choices=Why)
    findings = models.JSONField(default=list, help_text="{start, end, rule, excerpt} in the text")
    state = models.CharField(max_length=10, choices=State, default=State.WAITING, db_index=True)
    held_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True)

    class Meta:
        indexes = [models.Index(fields=["collection", "path"], name="held_by_path")]
        constraints = [
            models.UniqueConstraint(
                fields=["collection", "path"],
                condition=models.Q(state="waiting"),
                name="one_waiting_text_per_path",
            )
        ]

    def __str__(self) -> str:
        return f"{self.path} ({self.state})"
