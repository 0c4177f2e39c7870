"""How mail leaves: to a file on the embedded default, else by SMTP.

A file is named by the reply's key, so writing it twice is writing it once. SMTP cannot promise that.
"""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.utils import timezone

from assistant.channels import smtp
from assistant.channels.base import Adapter, DeliveryError, Outgoing
from assistant.channels.letter import compose, recipient, sender
from assistant.whole_files import write_whole


class MailFile:
    """One `.eml` file a reply under the data folder."""

    idempotent = True

    def deliver(self, reply: Outgoing) -> bytes:
        folder = Path(settings.MAIL_DIR)
        path = folder / f"{reply.ticket_number}-{reply.key}.eml"
        if path.exists():
            return path.read_bytes()
        data = compose(reply, now=timezone.now())
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
        except OSError as error:
            raise DeliveryError(
                f"could not write {path.name}: {error.strerror}", everybody=True
            ) from error
        return data


class SmtpMail:
    """Through the configured SMTP server."""

    idempotent = False

    def deliver(self, reply: Outgoing) -> bytes:
        data = compose(reply, now=timezone.now())
        smtp.send(data, sender=sender(), recipient=recipient(reply))
        return data


def adapter() -> Adapter:
    return SmtpMail() if settings.EMAIL_URL_HOST else MailFile()
