"""The auditors' pages, under /audit/."""

from django.urls import path

from review.views import audit

app_name = "audit"
urlpatterns = [
    path("", audit.search, name="search"),
    path("events/<int:index>/", audit.event, name="event"),
    path("verify/", audit.verify_now, name="verify"),
    path("export/", audit.export, name="export"),
]
