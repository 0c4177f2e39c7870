"""`/knowledge/`: reading the knowledge base."""

from django.urls import path

from review.views.knowledge import articles, held, source_runs, sources

app_name = "knowledge"

urlpatterns = [
    path("", articles.articles, name="articles"),
    path("search", articles.search, name="search"),
    path("<int:document_id>/", articles.article, name="article"),
    path("revision/<int:revision_id>/", articles.revision, name="revision"),
    path("sources/", sources.sources, name="sources"),
    path("sources/new/<slug:kind>/", sources.new_source, name="new_source"),
    path("sources/<int:source_id>/", sources.source, name="source"),
    path("sources/<int:source_id>/edit/", sources.edit_source, name="edit_source"),
    path("sources/<int:source_id>/run/", sources.run_source, name="run_source"),
    path("sources/<int:source_id>/pause/", sources.pause_source, name="pause_source"),
    path("sources/runs/<int:run_id>/", source_runs.source_run, name="source_run"),
    path("sources/runs/<int:run_id>/cancel/", source_runs.cancel_run, name="cancel_run"),
    path("sources/runs/<int:run_id>/apply/", source_runs.apply_run, name="apply_run"),
    path("sources/runs/<int:run_id>/discard/", source_runs.discard_run, name="discard_run"),
    path("sources/changes/<int:change_id>/", source_runs.source_change, name="source_change"),
    path("held/", held.held_articles, name="held_articles"),
    path("held/<int:held_id>/", held.held_article, name="held_article"),
    path("held/<int:held_id>/decide/", held.decide_held, name="decide_held"),
]
