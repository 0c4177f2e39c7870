from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("generation", "0003_model_registry")]

    operations = [
        migrations.AddField(
            model_name="draftsource",
            name="neighbour",
            field=models.BooleanField(
                default=False,
                help_text="not searched for: a list goes on here, or begins here; its score is 0",
            ),
        ),
    ]
