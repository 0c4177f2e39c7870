"""Mail with threading headers: to a file on the embedded default, else by SMTP.

A file is named by the reply's key, so writing it twice is writing it once. SMTP cannot promise that.
"""

from __future__ import annotations

import os
import re
import smtplib
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path

from django.conf import settings
from django.core.mail import get_connection
from django.utils import timezone

from assistant.channels.base import DeliveryError, Outgoing


def compose(reply: Outgoing) -> EmailMessage:
    """The message: plain text, answering the thread (RFC 5322 Message-ID, In-Reply-To, References)."""
    if not reply.to_email:
        raise DeliveryError(
            "the customer left no e-mail address; copy the reply by hand", permanent=True
        )
    message = EmailMessage(policy=SMTP)
    name, address = parseaddr(settings.MAIL_FROM)
    message["From"] = Address(display_name=name or settings.SIGNATURE, addr_spec=address)
    message["To"] = Address(display_name=reply.to_name, addr_spec=_ascii(reply.to_email))
    subject = " ".join(reply.subject.split()) or "Your request"
    if not re.match(r"(?i)re:", subject):
        subject = f"Re: {subject}"
    message["Subject"] = f"{subject} [#{reply.ticket_number}]"
    message["Date"] = format_datetime(timezone.now())
    message["Message-ID"] = reply.mail_id
    if reply.mail_ids:
        message["In-Reply-To"] = reply.mail_ids[-1]
        message["References"] = " ".join(reply.mail_ids)
    message["Auto-Submitted"] = "no"
    message.set_content(reply.body)
    return message


def _ascii(address: str) -> str:
    """The address as it goes over the wire: an international domain in its ASCII form (RFC 3490)."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError:
        raise DeliveryError(
            f"{domain} is no domain that mail can be sent to", permanent=True
        ) from None


class MailFile:
    """One `.eml` file a reply under the data folder."""

    idempotent = True

    def deliver(self, reply: Outgoing) -> bytes:
        folder = Path(settings.MAIL_DIR)
        path = folder / f"{reply.ticket_number}-{reply.key}.eml"
        if path.exists():
            return path.read_bytes()
        data = compose(reply).as_bytes()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            aside = path.with_suffix(f".{os.getpid()}.tmp")
            with aside.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            aside.replace(path)
        except OSError as error:
            raise DeliveryError(f"could not write {path.name}: {error.strerror}") from error
        return data


class SmtpMail:
    """Through the configured SMTP server."""

    idempotent = False

    def deliver(self, reply: Outgoing) -> bytes:
        message = compose(reply)
        data = message.as_bytes()
        connection = get_connection("django.core.mail.backends.smtp.EmailBackend", timeout=20)
        try:
            connection.open()
            connection.connection.send_message(message)  # type: ignore[attr-defined]
        except smtplib.SMTPRecipientsRefused as error:
            raise DeliveryError("the mail server refused the recipient", permanent=True) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"mail server: {type(error).__name__}") from error
        finally:
            connection.close()
        return data


def adapter() -> MailFile | SmtpMail:
    return SmtpMail() if settings.EMAIL_URL_HOST else MailFile()
