"""Collections say where customers read their articles; what front matters state of it is filled in."""

from django.db import migrations, models

from retrieval.public_links import stated


def fill_in(apps, schema_editor):
    articles = apps.get_model("retrieval", "Document").objects
    standing = articles.exclude(current=None).exclude(current__front_matter={}).order_by("pk")
    for pk in list(standing.values_list("pk", flat=True)):
        address = stated(
            articles.values_list("current__front_matter", flat=True).get(pk=pk) or {}
        ).address
        if address:
            articles.filter(pk=pk).update(stated_address=address)


class Migration(migrations.Migration):
    dependencies = [
        ("retrieval", "0009_article_words"),
    ]

    operations = [
        migrations.AddField(
            model_name="collection",
            name="public_address",
            field=models.CharField(
                blank=True,
                help_text="where customers read its articles: an address with {path} or {slug} in it",
                max_length=500,
            ),
        ),
        migrations.AddField(
            model_name="document",
            name="stated_address",
            field=models.CharField(
                blank=True,
                help_text="what its file says of its public address (`retrieval.public_links.Stated`)",
                max_length=500,
            ),
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop),
    ]
