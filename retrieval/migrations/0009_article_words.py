"""Articles are found by folded words; paths that were stored in decomposed letters (NFD) become composed."""

import unicodedata

import django.db.models.deletion
from django.db import migrations, models

from assistant import folding


def index_articles(apps, schema_editor):
    rows = apps.get_model("retrieval", "Document").objects.select_related("current")
    made = apps.get_model("retrieval", "ArticleWords").objects
    for document in rows.iterator(chunk_size=200):
        current = document.current
        parts = (current.title, current.text) if current else (document.title, "")
        words = "\n".join(" ".join(folding.chunks(part)) for part in parts)
        made.create(document=document, text=words)


def compose_paths(apps, schema_editor):
    """Where the composed path is taken, that article is the one that lives on: the other keeps its path and
    the replies that cite it, and the next run that retires what is gone retires it, with its event."""
    for model, field, group in (
        ("Document", "source", "collection_id"),
        ("SourceItem", "path", "source_id"),
        ("HeldArticle", "path", "collection_id"),
    ):
        rows = apps.get_model("retrieval", model).objects.order_by("pk")
        for pk, name, of in list(rows.values_list("pk", field, group)):
            composed = unicodedata.normalize("NFC", name)
            if composed != name and not rows.filter(**{group: of, field: composed}).exists():
                rows.filter(pk=pk).update(**{field: composed})


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0008_passage_context"),
    ]

    operations = [
        migrations.CreateModel(
            name="ArticleWords",
            fields=[
                (
                    "document",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="words",
                        serialize=False,
                        to="retrieval.document",
                    ),
                ),
                ("text", models.TextField(help_text="title and text that stand, folded")),
            ],
        ),
        migrations.RunPython(index_articles, migrations.RunPython.noop),
        migrations.RunPython(compose_paths, migrations.RunPython.noop),
    ]
