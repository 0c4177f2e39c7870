"""What a person sets for themselves, and the list of keys. Every role has these two pages."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from assistant.access import Capability, requires
from assistant.models import User
from review.views.frame import HIDE_SCORES


@requires(Capability.SIGNED_IN)
@require_http_methods(["GET", "POST"])
def preferences(request: HttpRequest) -> HttpResponse:
    """The switch for single-letter keys (WCAG 2.1.4), and hiding the confidence (blind review)."""
    if request.method == "POST":
        assert isinstance(request.user, User)
        request.user.single_key_shortcuts = request.POST.get("single_key_shortcuts") == "1"
        request.user.save(update_fields=["single_key_shortcuts"])
        request.session[HIDE_SCORES] = request.POST.get("hide_scores") == "1"
        messages.success(request, "Your preferences are saved.")
        return redirect("review:preferences")
    context = {"hide_scores": bool(request.session.get(HIDE_SCORES))}
    return render(request, "review/preferences.html", context)


@requires(Capability.SIGNED_IN)
@require_GET
def keys(request: HttpRequest) -> HttpResponse:
    """The keys as a page, for whoever has no dialog."""
    return render(request, "review/keys.html")
