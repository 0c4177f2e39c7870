"""What an administrator allows to go out without a person, and the models that drafts name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from unfold.admin import ModelAdmin

from assistant.admin import ReadOnlyAdmin
from assistant.audit.log import actor_of, record
from generation.models import Calibration, ModelVersion, RoutingPolicy


class RoutingPolicyForm(forms.ModelForm):
    class Meta:
        model = RoutingPolicy
        fields = ["category", "auto_approve", "threshold"]

    def clean_threshold(self) -> float:
        threshold = self.cleaned_data["threshold"]
        if not 0.5 <= threshold <= 1:
            raise ValidationError("Write a probability from 0.5 to 1.")
        return threshold


@admin.register(RoutingPolicy)
class RoutingPolicyAdmin(ModelAdmin):
    form = RoutingPolicyForm
    list_display = ["category", "auto_approve", "threshold", "changed_at", "changed_by"]

    def save_model(self, request: HttpRequest, obj: RoutingPolicy, form: Any, change: bool) -> None:
        obj.changed_at = timezone.now()
        obj.changed_by = request.user  # type: ignore[assignment]
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            record(
                "policy.changed",
                actor=actor_of(request.user),
                data={
                    "category": obj.category,
                    "auto_approve": obj.auto_approve,
                    "threshold": f"{obj.threshold:.4f}",
                },
                now=obj.changed_at,
            )

    def delete_model(self, request: HttpRequest, obj: RoutingPolicy) -> None:
        with transaction.atomic():
            category = obj.category
            super().delete_model(request, obj)
            record(
                "policy.changed",
                actor=actor_of(request.user),
                data={"category": category, "auto_approve": False, "deleted": True},
                now=timezone.now(),
            )

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for policy in queryset:
            self.delete_model(request, policy)


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    list_display = ["kind", "name", "digest", "state", "state_at", "first_used_at"]


@admin.register(Calibration)
class CalibrationAdmin(ReadOnlyAdmin):
    list_display = ["name", "local", "n", "auroc", "ece", "created_at"]
