"""The REST API with every floor's routers."""

from django.urls import path

from assistant.api import build
from review.api import router
from review.api_knowledge_insight import router as knowledge_insight

api = build(router, knowledge_insight)
urlpatterns = [path("", api.urls)]
