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
from generation.policies import EVERY, foresee, known_categories


class RoutingPolicyForm(forms.ModelForm):
    """A policy that lets more out is saved at the second click: the first shows what it would mean."""

    shown = forms.CharField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = RoutingPolicy
        fields = ["category", "auto_approve", "threshold"]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        names = known_categories()
        if self.instance.pk and self.instance.category not in {EVERY, *names}:
            names.append(
                self.instance.category
            )  # of articles that are gone; it can still be closed
        choices = [(EVERY, "* (every category without a policy of its own)")]
        self.fields["category"] = forms.ChoiceField(
            choices=choices + [(name, name) for name in names],
            help_text="of your articles and drafts",
        )

    def clean_threshold(self) -> float:
        threshold = self.cleaned_data["threshold"]
        if not 0.5 <= threshold <= 1:
            raise ValidationError("Write a probability from 0.5 to 1.")
        return threshold

    def clean(self) -> dict[str, Any]:
        super().clean()
        values = self.cleaned_data
        if not self.errors and values["auto_approve"] and self.has_changed():
            category, threshold = values["category"], values["threshold"]
            sees = f"{threshold} {category}"
            if values["shown"] != sees:
                self.data = {**self.data.dict(), self.add_prefix("shown"): sees}  # type: ignore[attr-defined]
                foreseen = foresee(category=category, threshold=threshold, now=timezone.now())
                raise ValidationError(f"{foreseen} Nothing is saved yet: save again to have it so.")
        return values


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
