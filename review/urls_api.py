"""The REST API with every floor's routers."""

from django.urls import path

from assistant.api import build
from review.api import router
from review.knowledge_api import router as knowledge

api = build(router, knowledge)
urlpatterns = [path("", api.urls)]
