"""The review console's pages, under /review/."""

from django.urls import path

from review.views import preferences, queue, tickets

app_name = "review"

urlpatterns = [
    path("", queue.queue, name="queue"),
    path("tickets/", tickets.tickets, name="tickets"),
    path("preferences/", preferences.preferences, name="preferences"),
    path("keys/", preferences.keys, name="keys"),
]
