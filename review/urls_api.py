"""The REST API with every floor's routers."""

from django.urls import path

from assistant.api import build
from review.api import router

api = build(router)
urlpatterns = [path("", api.urls)]
