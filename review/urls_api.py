"""The REST API with every floor's routers."""

from django.urls import path

from assistant.api import build
from review import api_collections, api_knowledge, api_knowledge_insight, api_sources
from review.api import router as drafts

api = build(
    drafts,
    api_collections.router,
    api_knowledge.router,
    api_knowledge_insight.router,
    api_sources.router,
)
urlpatterns = [path("", api.urls)]
