"""`/knowledge/`: reading the knowledge base."""

from django.urls import path

from review.views.knowledge import articles

app_name = "knowledge"

urlpatterns = [
    path("", articles.articles, name="articles"),
    path("search", articles.search, name="search"),
    path("<int:document_id>/", articles.article, name="article"),
    path("revision/<int:revision_id>/", articles.revision, name="revision"),
]
