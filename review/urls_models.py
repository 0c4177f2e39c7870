"""`/models/`: what drafts, screens and scores, and how that changes."""

from django.urls import path

from review.views import models

app_name = "models"

urlpatterns = [
    path("", models.index, name="index"),
    path("by-setting/<str:kind>/", models.by_setting, name="by_setting"),
    path("<int:version_id>/", models.version, name="version"),
    path("<int:version_id>/promote", models.promote, name="promote"),
    path("<int:version_id>/canary", models.canary, name="canary"),
    path("<int:version_id>/retire", models.retire, name="retire"),
    path("<int:version_id>/roll-back", models.roll_back, name="roll_back"),
]
