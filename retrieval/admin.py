"""The admin's pages for knowledge: articles are edited here, each save publishing a revision."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.text import slugify
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminTextareaWidget

from assistant.access import Capability, can
from assistant.audit.log import actor_of
from retrieval import publishing, snapshots
from retrieval.models import Collection, Document, IndexSnapshot, Revision


class KnowledgeAdmin(ModelAdmin):
    """Pages for whoever may edit knowledge. Nothing is deleted: replies cite it."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        return can(request.user, Capability.EDIT_KNOWLEDGE)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can(request.user, Capability.EDIT_KNOWLEDGE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return can(request.user, Capability.EDIT_KNOWLEDGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can(request.user, Capability.EDIT_KNOWLEDGE)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ArticleForm(forms.ModelForm):
    """An article with its text; refuses to overwrite what somebody else published meanwhile."""

    text = forms.CharField(
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 28}),
        strip=False,
        help_text="Markdown. Headings cut the article into the passages that drafts cite.",
    )
    seen_revision = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Document
        fields = ["collection", "source", "title", "category", "language"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "source" in self.fields:
            self.fields["source"].required = False
            self.fields[
                "source"
            ].help_text = "What the article is called for ever; made from the title when empty."
        current = self.instance.current if self.instance.pk else None
        if current is not None:
            self.fields["text"].initial = current.text
            self.fields["seen_revision"].initial = current.pk

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        source = self.instance.source if self.instance.pk else cleaned.get("source", "")
        if not source:
            source = cleaned["source"] = f"{slugify(cleaned['title']) or 'article'}.md"
            if Document.objects.filter(collection=cleaned["collection"], source=source).exists():
                self.add_error(
                    "title",
                    "An article of this title is in the collection already: edit that one, or "
                    "give this one a source of its own.",
                )
                return cleaned
        try:
            publishing.check_article(
                source=source,
                title=cleaned["title"],
                category=cleaned.get("category", ""),
                language=cleaned["language"],
                text=publishing.normal_text(cleaned["text"]),
            )
        except publishing.BadArticle as bad:
            field = bad.field if bad.field in self.fields else None
            self.add_error(field, bad.reason.capitalize() + ".")
        if self.instance.pk and cleaned.get("seen_revision") != _current_id(self.instance):
            self.add_error(
                "text",
                "Somebody published another revision while you were writing. Copy your text, open "
                "the article again and bring the two together.",
            )
        return cleaned


def _current_id(document: Document) -> int | None:
    return Document.objects.values_list("current_id", flat=True).get(pk=document.pk)


class RevisionInline(TabularInline):
    model = Revision
    fk_name = "document"
    fields = readonly_fields = ["number", "revision_title", "author", "created_at", "read"]
    extra = max_num = 0
    can_delete = False
    verbose_name_plural = "Revisions, newest first"

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return can(request.user, Capability.EDIT_KNOWLEDGE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="title")
    def revision_title(self, revision: Revision) -> str:
        return revision.title

    @admin.display(description="text")
    def read(self, revision: Revision) -> str:
        return format_html(
            '<a href="{}">read</a>', reverse("knowledge:revision", args=[revision.pk])
        )


@admin.register(Document)
class DocumentAdmin(KnowledgeAdmin):
    form = ArticleForm
    list_display = ["title", "category", "collection", "language", "state", "changed_at"]
    list_filter = ["collection", "state", "category", "language"]
    search_fields = ["title", "source", "current__text"]
    list_select_related = ["collection"]
    inlines = [RevisionInline]
    actions = ["retire_articles", "restore_articles"]
    readonly_fields = ["state", "changed_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        # collection and source are the article's name: they stay
        return [*self.readonly_fields, *(["collection", "source"] if obj else [])]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        names = ["collection", "source", "title", "category", "language", "text", "seen_revision"]
        return [*names, "state", "changed_at"] if obj else names

    def save_model(self, request: HttpRequest, obj: Document, form: Any, change: bool) -> None:
        put = publishing.put(
            collection=obj.collection,
            source=obj.source,
            title=obj.title,
            text=form.cleaned_data["text"],
            category=obj.category,
            language=obj.language,
            author=request.user,
            actor=actor_of(request.user),
            now=timezone.now(),
        )
        obj.pk = put.revision.document_id
        obj._state.adding = False
        obj.refresh_from_db()
        if put.outcome is publishing.Outcome.UNCHANGED:
            messages.info(request, "Nothing changed, so no revision was published.")
        else:
            messages.info(
                request,
                f"Revision {put.revision.number} is published; new drafts find it as soon as the "
                "search worker has indexed it.",
            )

    @admin.action(description="Retire: take out of the knowledge base")
    def retire_articles(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        now, actor = timezone.now(), actor_of(request.user)
        count = sum(publishing.retire(document, actor=actor, now=now) for document in queryset)
        messages.success(request, f"{count} retired.")

    @admin.action(description="Restore: publish again as it was")
    def restore_articles(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        count = 0
        for document in queryset.filter(state=Document.State.RETIRED).select_related("current"):
            if document.current is None:
                continue
            publishing.publish(
                collection=document.collection,
                source=document.source,
                title=document.title,
                text=document.current.text,
                category=document.category,
                language=document.language,
                front_matter=document.current.front_matter,
                author=request.user,
                now=timezone.now(),
            )
            count += 1
        messages.success(request, f"{count} restored.")


@admin.register(Collection)
class CollectionAdmin(KnowledgeAdmin):
    list_display = ["name", "title"]
    search_fields = ["name", "title"]


@admin.register(IndexSnapshot)
class SnapshotAdmin(KnowledgeAdmin):
    """Read only, but for the choice of the one that is searched."""

    list_display = [
        *["id", "state", "chunks", "segments", "tombstones", "vector_index", "measured_recall"],
        *["ran_on", "embedder", "created_at", "activated_at", "problem"],
    ]
    list_filter = ["state"]
    ordering = ["-pk"]
    actions = ["make_active"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="recall@10", ordering="recall")
    def measured_recall(self, row: IndexSnapshot) -> str:
        if row.recall is None:
            return "-"
        return f"{row.recall:.3f} at {row.probes} probes" if row.probes else "1 (exact)"

    @admin.action(description="Make active (roll back to this index)", permissions=["view"])
    def make_active(self, request: HttpRequest, queryset: QuerySet[IndexSnapshot]) -> None:
        if queryset.count() != 1:
            messages.error(request, "Choose exactly one index.")
            return
        chosen = queryset.get()
        try:
            snapshots.activate(chosen, actor=actor_of(request.user), now=timezone.now())
        except snapshots.CannotActivate as reason:
            messages.error(request, str(reason))
            return
        messages.success(
            request,
            f"Searches are answered from index {chosen.pk} now. It stays until an article is "
            "published or retired.",
        )
