"""`/knowledge/`: reading the knowledge base."""

from django.urls import path

from retrieval import views

app_name = "knowledge"

urlpatterns = [
    path("", views.articles, name="articles"),
    path("search", views.search, name="search"),
    path("<int:document_id>/", views.article, name="article"),
    path("revision/<int:revision_id>/", views.revision, name="revision"),
]
