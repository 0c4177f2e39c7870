"""`/knowledge/`: reading the knowledge base."""

from django.urls import path

from review.views.knowledge import articles, questions

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
]
