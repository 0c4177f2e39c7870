"""`/knowledge/`: reading the knowledge base."""

from django.urls import path

from review.views.knowledge import (
    articles,
    blast_radius,
    gaps,
    health,
    held,
    questions,
    runs,
    source_runs,
    sources,
)

app_name = "knowledge"

urlpatterns = [
    path("", articles.articles, name="articles"),
    path("search", articles.search, name="search"),
    path("<int:document_id>/", articles.article, name="article"),
    path("revision/<int:revision_id>/", articles.revision, name="revision"),
    path("questions/", questions.questions, name="questions"),
    path("questions/choose", questions.choose, name="question_choose"),
    path("questions/keep", questions.keep, name="question_keep"),
    path("questions/keep-cited", questions.keep_cited, name="question_cited"),
    path("questions/compare", questions.compare, name="question_compare"),
    path("questions/<int:question_id>/drop", questions.drop, name="question_drop"),
    path("questions/comparison/<int:comparison_id>/", questions.comparison, name="comparison"),
    path("<int:document_id>/uses/", blast_radius.uses, name="uses"),
    path("<int:document_id>/uses.csv", blast_radius.uses_file, name="uses_file"),
    path("gaps/", gaps.index, name="gaps"),
    path("gaps/<int:gap_id>/", gaps.gap, name="gap"),
    path("gaps/<int:gap_id>/dismiss/", gaps.dismiss, name="dismiss_gap"),
    path("gaps/<int:gap_id>/reopen/", gaps.reopen, name="reopen_gap"),
    path("gaps/<int:gap_id>/article/", gaps.start, name="start_article"),
    path("health/", health.index, name="health"),
    path("health/<int:finding_id>/dismiss/", health.dismiss, name="dismiss_finding"),
    path("health/<int:finding_id>/reopen/", health.reopen, name="reopen_finding"),
    path("runs/<str:kind>/start/", runs.start, name="start_run"),
    path("runs/<str:kind>/progress/", runs.progress, name="run_progress"),
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
