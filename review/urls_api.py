"""The REST API with every floor's routers."""

from django.urls import path

from assistant.api import build
from review.api import router
from review.api_sources import router as sources_router

api = build(router, sources_router)
urlpatterns = [path("", api.urls)]
