"""The administrator's tables: people, channels, keys, failed sign-ins. Texts and the log are not here.

Each change is an event in the transaction of what it records.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_post_parameters
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from assistant.audit.log import actor_of, record
from assistant.models import ApiKey, Channel, User
from assistant.people import record_person

admin.site.unregister(Group)  # roles take their place


class PersonForm(UserChangeForm):
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.instance.role = cleaned.get("role", self.instance.role)
        self.instance.is_active = cleaned.get("is_active", self.instance.is_active)
        self.instance.keep_an_administrator()
        return cleaned


@admin.register(User)
class PersonAdmin(UserAdmin, ModelAdmin):
    form = PersonForm
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
            record_person(
                "person.changed" if change else "person.created",
                obj,
                actor=actor_of(request.user),
                now=timezone.now(),
                changed=form.changed_data if change else (),
            )

    @method_decorator(sensitive_post_parameters())
    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        number = int(id) if id.isascii() and id.isdigit() and len(id) < 19 else 0
        with _password_on_record(number, request):
            return super().user_change_password(request, id, form_url)


@sensitive_post_parameters()
def own_password(request: HttpRequest) -> HttpResponse:
    """The admin's page for one's own password, on the record (`assistant.urls` names it)."""
    with _password_on_record(request.user.pk, request):
        return admin.site.password_change(request)


@contextmanager
def _password_on_record(person: int | None, request: HttpRequest) -> Iterator[None]:
    """Record it where the person has another password afterwards, in one transaction with that."""
    password = User.objects.filter(pk=person or 0).values_list("password", flat=True)
    with transaction.atomic():
        before, actor = password.first(), actor_of(request.user)
        yield
        if password.first() != before:
            data = {"person": person}
            record("person.password_set", actor=actor, data=data, now=timezone.now())


@admin.register(Channel)
class ChannelAdmin(ModelAdmin):
    list_display = ["name", "adapter", "undo_seconds"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Channel, form: Any, change: bool) -> None:
        before = {name: form.initial.get(name) for name in form.changed_data if change}
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            record(
                "channel.changed" if change else "channel.created",
                actor=actor_of(request.user),
                data={
                    "channel": obj.pk,
                    "name": obj.name,
                    "adapter": str(obj.adapter),
                    "undo_seconds": obj.undo_seconds,
                    "before": before,
                },
                now=timezone.now(),
            )


class ReadOnlyAdmin(ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """`manage.py create_api_key` makes one and shows it once; here it is revoked, for good."""

    list_display = ["name", "scopes", "created_at", "last_used_at", "revoked_at"]
    exclude = ["key_hash"]
    actions = ["revoke"]

    @admin.action(description="Revoke the selected keys, for good")
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        now = timezone.now()
        for key in queryset.filter(revoked_at__isnull=True):
            with transaction.atomic():
                if not ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=now):
                    continue
                record(
                    "api_key.revoked", actor=actor_of(request.user), data={"key": key.pk}, now=now
                )


@admin.register(AccessAttempt)
class FailedSignInAdmin(ReadOnlyAdmin):
    """What counts towards a lock. The audit log keeps each failure, also after an unlocking."""

    list_display = ["attempt_time", "ip_address", "username", "failures_since_start"]
    exclude = ["get_data", "post_data"]
    search_fields = ["ip_address", "username"]
    actions = ["unlock"]

    @admin.action(description="Let them try again")
    def unlock(self, request: HttpRequest, queryset: Any) -> None:
        for attempt in queryset:
            person = User.objects.filter(username=attempt.username).first()
            with transaction.atomic():
                attempt.delete()
                record(
                    "sign_in.unlocked",
                    actor=actor_of(request.user),
                    data={
                        "address": attempt.ip_address,
                        "failures": attempt.failures_since_start,
                        "person": person.pk if person else None,
                    },
                    now=timezone.now(),
                )


@admin.register(AccessLog)
class SignInAdmin(ReadOnlyAdmin):
    list_display = ["attempt_time", "logout_time", "ip_address", "username", "user_agent"]
    search_fields = ["ip_address", "username"]
