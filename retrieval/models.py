"""The knowledge base: documents, immutable revisions, chunks, and the index snapshots over them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models

from retrieval import source_models  # noqa: F401  (its tables are this app's)
from retrieval.chunking import CountTokens, embedded_text
from retrieval.trust import Trust


class Collection(models.Model):
    """A named set of articles, and whose questions it may answer (`retrieval.scope`)."""

    class Visibility(models.TextChoices):
        PUBLIC = "public", "Public: drafts may rest on it"
        INTERNAL = "internal", "Internal: never in a customer's draft"

    name = models.SlugField(unique=True)
    title = models.CharField(max_length=200, blank=True)
    visibility = models.CharField(
        max_length=10, choices=Visibility, default=Visibility.PUBLIC, db_index=True
    )
    channels = models.ManyToManyField(
        "assistant.Channel",
        blank=True,
        related_name="collections",
        help_text="the channels that may use it; none chosen means every channel",
    )
    public_address = models.CharField(
        max_length=500,
        blank=True,
        help_text="where customers read its articles: an address with {path} or {slug} in it",
    )

    def __str__(self) -> str:
        return self.title or self.name


class Document(models.Model):
    """An article. Its text changes by publishing a new revision."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        RETIRED = "retired", "Retired"

    collection = models.ForeignKey(Collection, on_delete=models.PROTECT, related_name="documents")
    source = models.CharField(max_length=500, help_text="path below the ingested folder, or a URL")
    title = models.CharField(max_length=300)
    category = models.CharField(max_length=100, blank=True, db_index=True)
    language = models.CharField(max_length=10, default="en")
    state = models.CharField(max_length=10, choices=State, default=State.PUBLISHED, db_index=True)
    trust = models.PositiveSmallIntegerField(choices=Trust, default=Trust.HIGH)
    review_by = models.DateField(
        null=True, blank=True, db_index=True, help_text="when somebody should read it again"
    )
    origin = models.ForeignKey(
        "retrieval.Source",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="documents",
        help_text="the source that brings it in; none for what is written or ingested here",
    )
    stated_address = models.CharField(
        max_length=500,
        blank=True,
        help_text="what its file says of its public address (`retrieval.public_links.Stated`)",
    )
    current = models.ForeignKey(
        "Revision", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["collection", "source"], name="one_document_per_source")
        ]

    def __str__(self) -> str:
        return self.title


class ArticleWords(models.Model):
    """What an article is found by in lists (`retrieval.article_search`); apart, so that nobody loads it."""

    document = models.OneToOneField(
        Document, on_delete=models.CASCADE, primary_key=True, related_name="words"
    )
    text = models.TextField(help_text="title and text that stand, folded")

    def __str__(self) -> str:
        return f"words of article {self.document_id}"


class Revision(models.Model):
    """One text of a document, for ever. A citation names a revision and a span of its `text`."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="revisions")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=300)
    text = models.TextField(help_text="Markdown")
    digest = models.CharField(
        max_length=64, help_text="sha256 of title, category, language and text"
    )
    front_matter = models.JSONField(default=dict)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField()

    class Meta:
        ordering = ["document_id", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["document", "number"], name="one_revision_per_number")
        ]

    def __str__(self) -> str:
        return f"{self.title} (revision {self.number})"

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Citations point into this text for ever.
        if not self._state.adding:
            raise TypeError("A revision never changes; publish a new one.")
        super().save(*args, **kwargs)


class ArticleDraft(models.Model):
    """A person's unpublished text of an article, saved as they type; one an article and person.

    Version 0 has nothing written in it: the article is only open before this person.
    """

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="drafts")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    base = models.ForeignKey(
        Revision,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="the revision that it began from; none where nothing was published",
    )
    title = models.CharField(max_length=300)
    category = models.CharField(max_length=100, blank=True)
    language = models.CharField(max_length=10, default="en")
    review_by = models.DateField(null=True, blank=True)
    text = models.TextField(blank=True, help_text="Markdown")
    version = models.PositiveIntegerField(default=0, help_text="rises by one with every save")
    saved_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="the editor's last heartbeat")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["document", "user"], name="one_draft_per_article_and_person"
            )
        ]

    def __str__(self) -> str:
        return f"draft of document {self.document_id} by {self.user_id}, version {self.version}"


class LetThrough(models.Model):
    """Why a text that reads like an instruction to the machine was published all the same; the
    audit event keeps a salted digest of the reason."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="let_through")
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    reason = models.CharField(max_length=2000)
    salt = models.CharField(max_length=64)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"revision {self.revision_id} let through"


class Chunk(models.Model):
    """A passage of a revision: `revision.text[start:end]`, bounded by the embedder's tokens, with blanks
    for what no reader sees (`retrieval.hidden`)."""

    revision = models.ForeignKey(Revision, on_delete=models.PROTECT, related_name="chunks")
    position = models.PositiveIntegerField()
    heading_path = models.JSONField(default=list)
    context = models.TextField(
        blank=True,
        default="",
        help_text="Markdown of the revision that it is cut from: a table's header, a fence, addresses",
    )
    text = models.TextField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    tokens = models.PositiveIntegerField()
    digest = models.CharField(
        max_length=64, help_text="sha256 of what is embedded: title, headings and text"
    )

    class Meta:
        ordering = ["revision_id", "position"]
        constraints = [
            models.UniqueConstraint(fields=["revision", "position"], name="one_chunk_per_position")
        ]

    def __str__(self) -> str:
        return f"chunk {self.position} of revision {self.revision_id}"

    def searchable_text(self, count_tokens: CountTokens) -> str:
        """What is embedded, indexed and reranked for it: title, headings, columns and text."""
        return embedded_text(
            title=self.revision.title,
            heading_path=tuple(self.heading_path),
            text=self.text,
            count_tokens=count_tokens,
            context=self.context,
        )


class KnowledgeVersion(models.Model):
    """One row: how often the knowledge base changed. Counted in the change's own transaction, so
    that an index which missed a change can be told from one that holds it."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return f"knowledge base version {self.number}"


class IndexSnapshot(models.Model):
    """An immutable set of index files, built aside, checked, then made active in one step."""

    class State(models.TextChoices):
        BUILDING = "building", "Being built"
        READY = "ready", "Ready"
        ACTIVE = "active", "Active"
        RETIRED = "retired", "Retired"
        BROKEN = "broken", "Broken"

    state = models.CharField(max_length=10, choices=State, default=State.BUILDING, db_index=True)
    embedder = models.CharField(max_length=200)
    embedder_digest = models.CharField(max_length=64)
    digest = models.CharField(max_length=64, blank=True, help_text="sha256 of the manifest")
    folder = models.CharField(max_length=300, blank=True, help_text="below the data folder")
    chunks = models.PositiveIntegerField(default=0)
    dimensions = models.PositiveIntegerField(default=0)
    built_from = models.PositiveBigIntegerField(
        default=0, help_text="the knowledge base's version that this snapshot holds"
    )
    remaining = models.PositiveIntegerField(
        default=0,
        help_text="articles that were published when it was built and come with a later one",
    )
    segments = models.PositiveIntegerField(default=0, help_text="parts that it is made of")
    tombstones = models.PositiveIntegerField(
        default=0, help_text="passages that are in a segment and no longer count"
    )
    vector_index = models.CharField(
        max_length=40, blank=True, help_text="FAISS's name of the largest segment's index"
    )
    probes = models.PositiveIntegerField(
        default=0, help_text="lists that a search looks into; 0 = exact"
    )
    recall = models.FloatField(
        null=True,
        blank=True,
        help_text="recall@10 against exact search, measured when it was built; the least over segments",
    )
    ran_on = models.CharField(
        max_length=200, blank=True, help_text="what was built and searched on which processor"
    )
    problem = models.TextField(blank=True, help_text="why it was not built")
    built_on = models.CharField(max_length=255, blank=True, help_text="the machine's name")
    created_at = models.DateTimeField()
    activated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["state"], condition=models.Q(state="active"), name="one_active_snapshot"
            )
        ]

    def __str__(self) -> str:
        return f"snapshot {self.pk} ({self.state})"


from retrieval.kept_models import KeptQuestion, RetrievalComparison  # noqa: E402, F401
