from django.db import migrations

CHANNELS = {"email": "mail", "web": "mail", "phone": "mail", "files": "mail", "api": "mail"}


def make(apps, schema_editor):
    channel = apps.get_model("assistant", "Channel")
    for name, adapter in CHANNELS.items():
        channel.objects.get_or_create(name=name, defaults={"adapter": adapter})


class Migration(migrations.Migration):
    dependencies = [("assistant", "0001_initial")]
    operations = [migrations.RunPython(make, migrations.RunPython.noop)]
