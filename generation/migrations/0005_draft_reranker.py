from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0004_neighbouring_sources")]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="reranker",
            field=models.CharField(
                blank=True,
                help_text="the version of what read its passages, where one did",
                max_length=220,
            ),
        ),
    ]
