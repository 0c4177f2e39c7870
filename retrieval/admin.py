"""The admin's page for the index. Articles and collections are kept in the console (`/knowledge/`)."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from assistant.access import Capability, can
from assistant.audit.log import actor_of
from retrieval import snapshots
from retrieval.models import IndexSnapshot


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


@admin.register(IndexSnapshot)
class SnapshotAdmin(KnowledgeAdmin):
    """Read only, but for the choice of the one that is searched."""

    list_display = [
        *[
            "id",
            "state",
            "chunks",
            "remaining",
            "segments",
            "tombstones",
            "vector_index",
            "measured_recall",
        ],
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
