"""Roles and what they grant. Every view states its capability; a test enumerates them all."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import wraps
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from assistant.models.access import User

View = TypeVar("View", bound=Callable[..., Any])


class Capability(StrEnum):
    PUBLIC = "public"  # health checks and the sign-in page
    SIGNED_IN = "signed_in"
    REVIEW = "review"
    READ_KNOWLEDGE = "read_knowledge"
    EDIT_KNOWLEDGE = "edit_knowledge"
    READ_AUDIT = "read_audit"
    READ_MODELS = "read_models"
    SEE_MASKED = "see_masked"
    ADMINISTER = "administer"


WORDS = {
    Capability.SIGNED_IN: "signing in",
    Capability.REVIEW: "reviewing tickets",
    Capability.READ_KNOWLEDGE: "reading the knowledge base",
    Capability.EDIT_KNOWLEDGE: "editing the knowledge base",
    Capability.READ_AUDIT: "reading the audit log",
    Capability.READ_MODELS: "reading about the models",
    Capability.SEE_MASKED: "seeing masked numbers",
    Capability.ADMINISTER: "administering the installation",
}

GRANTS: dict[str, frozenset[Capability]] = {
    User.Role.AGENT: frozenset(
        {Capability.SIGNED_IN, Capability.REVIEW, Capability.READ_KNOWLEDGE}
    ),
    User.Role.KNOWLEDGE_ADMIN: frozenset(
        {
            Capability.SIGNED_IN,
            Capability.READ_KNOWLEDGE,
            Capability.EDIT_KNOWLEDGE,
            Capability.READ_MODELS,
        }
    ),
    User.Role.AUDITOR: frozenset(
        {
            Capability.SIGNED_IN,
            Capability.READ_KNOWLEDGE,
            Capability.READ_AUDIT,
            Capability.READ_MODELS,
        }
    ),
    User.Role.ADMINISTRATOR: frozenset(Capability) - {Capability.PUBLIC},
}


def can(user: Any, capability: Capability) -> bool:
    """Whether this person's role grants the capability."""
    if capability is Capability.PUBLIC:
        return True
    return (
        bool(user.is_authenticated)
        and user.is_active
        and capability in GRANTS.get(user.role, frozenset())
    )


def _sign_in_first(request: HttpRequest) -> HttpResponseBase:
    """The sign-in page; what somebody sent after their session ended is given back on a page."""
    if request.method in {"GET", "HEAD"}:
        return redirect_to_login(request.get_full_path())
    page = urlsplit(request.headers.get("Referer", ""))
    back = page.path if page.netloc == request.get_host() else "/"
    return render(request, "signed_out.html", {"back": back}, status=403)


def requires(capability: Capability) -> Callable[[View], View]:
    """State who may open a view: sign-in first, then 403 in words for a role that may not."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if capability is Capability.PUBLIC:  # asked before anybody is known, by probes
                return view(request, *args, **kwargs)
            if not request.user.is_authenticated:
                return _sign_in_first(request)
            if not can(request.user, capability):
                raise PermissionDenied(f"Your role does not include this: {WORDS[capability]}.")
            return view(request, *args, **kwargs)

        guarded.required_capability = capability  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


class RoleBackend(ModelBackend):
    """Passwords as Django keeps them; the admin's permissions by role instead of by row."""

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        app_label = perm.split(".", 1)[0]
        if app_label == "retrieval":
            return can(user_obj, Capability.EDIT_KNOWLEDGE)
        return can(user_obj, Capability.ADMINISTER)

    def has_module_perms(self, user_obj: Any, app_label: str) -> bool:
        return self.has_perm(user_obj, f"{app_label}.any")
