from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="draftcandidate",
            name="kind",
            field=models.CharField(
                choices=[
                    ("generated", "Written by the model"),
                    ("constrained", "Composed from the articles"),
                    ("quoted", "Quoted from the articles"),
                ],
                max_length=12,
            ),
        ),
    ]
