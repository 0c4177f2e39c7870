"""`/knowledge/`: the knowledge base: read, write, keep in order."""

from django.urls import path

from review.views.knowledge import articles, collections, editor, listing, publishing

app_name = "knowledge"

urlpatterns = [
    path("", listing.articles, name="articles"),
    path("bulk/", listing.bulk, name="bulk"),
    path("bulk/undo/", listing.undo, name="undo"),
    path("search", articles.search, name="search"),
    path("<int:document_id>/", articles.article, name="article"),
    path("revision/<int:revision_id>/", articles.revision, name="revision"),
    path("new/", editor.new, name="new"),
    path("preview/", editor.preview, name="preview"),
    path("<int:document_id>/edit/", editor.edit, name="edit"),
    path("<int:document_id>/save/", editor.save, name="save"),
    path("<int:document_id>/presence/", editor.presence, name="presence"),
    path("<int:document_id>/conflict/", editor.conflict, name="conflict"),
    path("<int:document_id>/overtaken/", editor.overtaken, name="overtaken"),
    path("<int:document_id>/discard/", editor.discard, name="discard"),
    path("<int:document_id>/drafts/<int:user_id>/", editor.theirs, name="theirs"),
    path("<int:document_id>/publish/", publishing.publish, name="publish"),
    path("<int:document_id>/retire/", publishing.retire, name="retire"),
    path("<int:document_id>/restore/", publishing.restore, name="restore"),
    path("<int:document_id>/revisions/", publishing.revisions, name="revisions"),
    path("revision/<int:revision_id>/roll-back/", publishing.roll_back, name="roll_back"),
    path("collections/", collections.collections, name="collections"),
    path("collections/new/", collections.new_collection, name="new_collection"),
    path("collections/<slug:name>/edit/", collections.collection, name="collection"),
]
