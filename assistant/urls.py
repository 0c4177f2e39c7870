"""The project's URL map. Apps are named by dotted string."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.generic import RedirectView

from assistant import views
from assistant.access import Capability, requires
from assistant.admin import own_password

public = requires(Capability.PUBLIC)

handler500 = "assistant.busy.server_error"

urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", public(LoginView.as_view()), name="login"),
    path("sign-out/", public(LogoutView.as_view()), name="logout"),
    path("admin/login/", public(RedirectView.as_view(pattern_name="login", query_string=True))),
    # who edits knowledge has pages in the admin; other people's passwords an administrator resets
    path("admin/password_change/", requires(Capability.EDIT_KNOWLEDGE)(own_password)),
    path("admin/", admin.site.urls),
    path("review/", include("review.urls")),
    path("audit/", include("review.urls_audit")),
    path("knowledge/", include("review.urls_knowledge")),
    path("models/", include("review.urls_models")),
    path("api/v1/", include("review.urls_api")),
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", views.metrics, name="metrics"),
]
