"""One contact a mailbox, names with the messages, and no Message-ID that no mail ever had."""

from django.db import migrations

from assistant.addresses import BadAddress, canonical


def name_the_senders(apps, editor):
    Ticket = apps.get_model("assistant", "Ticket")
    Message = apps.get_model("assistant", "Message")
    for ticket in Ticket.objects.exclude(contact__name="").select_related("contact").iterator():
        name = ticket.contact.name
        Ticket.objects.filter(pk=ticket.pk, sender_name="").update(sender_name=name)
        Message.objects.filter(ticket=ticket, direction="inbound").update(sender_name=name)


def merge_twins(apps, editor):
    Contact = apps.get_model("assistant", "Contact")
    Ticket = apps.get_model("assistant", "Ticket")
    kept = {}
    for contact in Contact.objects.exclude(email=None).order_by("pk").iterator():
        try:
            email = canonical(contact.email)
        except BadAddress:
            continue  # it stays as it is; mail to it is refused
        kept.setdefault(email, []).append(contact.pk)
    for email, (first, *twins) in kept.items():
        Ticket.objects.filter(contact_id__in=twins).update(contact_id=first)
        Contact.objects.filter(pk__in=twins).delete()
        Contact.objects.filter(pk=first).exclude(email=email).update(email=email)


def drop_invented_ids(apps, editor):
    Message = apps.get_model("assistant", "Message")
    Message.objects.filter(direction="inbound").update(mail_id="")


class Migration(migrations.Migration):
    dependencies = [("assistant", "0002_mail_and_senders")]
    operations = [
        migrations.RunPython(name_the_senders, migrations.RunPython.noop),
        migrations.RunPython(merge_twins, migrations.RunPython.noop),
        migrations.RunPython(drop_invented_ids, migrations.RunPython.noop),
    ]
