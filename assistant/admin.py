"""The administrator's tables: people, channels, keys. Texts and the audit log are not here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from assistant.audit.log import actor_of, record
from assistant.models import ApiKey, Channel, User

admin.site.unregister(Group)  # roles take their place


@admin.register(User)
class PersonAdmin(UserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "first_name", "last_name", "role", "is_active", "last_login"]
    list_filter = ["role", "is_active"]
    fieldsets = [
        (None, {"fields": ["username", "password"]}),
        ("Person", {"fields": ["first_name", "last_name", "email"]}),
        ("Role", {"fields": ["role", "is_active"]}),
    ]
    add_fieldsets = [(None, {"fields": ["username", "role", "password1", "password2"]})]
    filter_horizontal = ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # people are switched off: decisions and the log keep naming them

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            record(
                "person.changed" if change else "person.created",
                actor=actor_of(request.user),
                data={"person": obj.pk, "role": obj.role, "active": obj.is_active},
                now=timezone.now(),
            )


@admin.register(Channel)
class ChannelAdmin(ModelAdmin):
    list_display = ["name", "adapter", "undo_seconds"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ModelAdmin):
    list_display = ["name", "scopes", "created_at", "last_used_at", "revoked_at"]
    readonly_fields = ["name", "scopes", "created_at", "last_used_at"]
    exclude = ["key_hash"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # `manage.py create_api_key` shows the key once

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description="Revoke the selected keys")
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        now = timezone.now()
        for key in queryset.filter(revoked_at__isnull=True):
            with transaction.atomic():
                ApiKey.objects.filter(pk=key.pk).update(revoked_at=now)
                record(
                    "api_key.revoked", actor=actor_of(request.user), data={"key": key.pk}, now=now
                )
