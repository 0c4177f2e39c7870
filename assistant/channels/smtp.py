"""One mail to the configured server, phase by phase, so that each answer means what RFC 5321 says.

Until the final dot leaves, nothing was delivered and a failure may be tried again. From then on only
the server's answer tells; without one nobody knows, and sending again could be sending twice.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from django.conf import settings
from django.core.mail.utils import DNS_NAME

from assistant.channels.base import DeliveryError, MaybeDelivered

# Seconds to wait for each answer: RFC 5321, section 4.5.3.2. Of opening a connection it says nothing.
WAIT = SimpleNamespace(
    connect=30, greeting=300, command=300, data=120, block=180, final_dot=600, quit=5
)


def send(data: bytes, *, sender: str, recipient: str) -> None:
    """Hand a mail over. Raises DeliveryError, or MaybeDelivered where the server said nothing clear
    after the final dot."""
    session = _open()
    try:
        _sign_in(session)
        _envelope(session, data, sender, recipient)
        _content(session, data)
    finally:
        _leave(session)


class _Session(smtplib.SMTP):
    """smtplib's session, whose greeting has a time-out of its own."""

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        opened = socket.create_connection((host, port), timeout)
        opened.settimeout(WAIT.greeting)
        return opened


def _open() -> smtplib.SMTP:
    """A connection that was greeted. What goes wrong here goes wrong for every reply."""
    with _reported("the mail server is not reached", everybody=True):
        return _Session(
            settings.EMAIL_HOST,
            settings.EMAIL_PORT,
            local_hostname=DNS_NAME.get_fqdn(),
            timeout=WAIT.connect,
        )


def _sign_in(session: smtplib.SMTP) -> None:
    """EHLO, STARTTLS and AUTH. A refusal here is about us, not about the reply: an operator mends it,
    so it is tried again even where its code is a final one."""
    with _reported("the mail server does not let us in", everybody=True):
        _set_wait(session, WAIT.command)
        session.ehlo_or_helo_if_needed()
        if settings.EMAIL_USE_TLS:
            session.starttls(context=ssl.create_default_context())
            session.ehlo_or_helo_if_needed()
        if settings.EMAIL_HOST_USER and settings.EMAIL_HOST_PASSWORD:
            session.login(settings.EMAIL_HOST_USER, settings.EMAIL_HOST_PASSWORD)


def _envelope(session: smtplib.SMTP, data: bytes, sender: str, recipient: str) -> None:
    """MAIL, RCPT and DATA: what is refused here was not taken."""
    size = [f"SIZE={len(data)}"] if session.does_esmtp and session.has_extn("size") else []
    steps: list[tuple[str, Callable[[], tuple[int, bytes]], float]] = [
        ("the sender", lambda: session.mail(sender, size), WAIT.command),
        ("the recipient", lambda: session.rcpt(recipient), WAIT.command),
        ("the message", lambda: session.docmd("DATA"), WAIT.data),
    ]
    for what, ask, seconds in steps:
        with _reported(f"the mail server broke off before it took {what}"):
            _set_wait(session, seconds)
            code, words = ask()
        good = code == 354 if what == "the message" else 200 <= code < 300
        if not good:
            raise _refused(what, code, words)


def _content(session: smtplib.SMTP, data: bytes) -> None:
    """The mail, the dot that ends it, and the one answer that counts."""
    if not data.endswith(b"\r\n"):
        data += b"\r\n"
    with _reported("the mail server broke off before the message was whole"):
        _set_wait(session, WAIT.block)
        session.send(re.sub(rb"(?m)^\.", b"..", data))  # RFC 5321, section 4.5.2
    try:
        _set_wait(session, WAIT.final_dot)
        session.send(b".\r\n")
        code, words = session.getreply()
    except Exception as error:
        raise MaybeDelivered(
            f"the mail server took the whole message and did not say what became of it "
            f"({type(error).__name__})"
        ) from error
    if 400 <= code < 600:
        raise _refused("the message", code, words)
    if not 200 <= code < 300:
        raise MaybeDelivered("the mail server took the whole message and answered nothing clear")


_SIGN_IN_FIRST = 530  # RFC 4954, section 6, and RFC 3207, section 4: said at any step


def _refused(what: str, code: int, words: bytes) -> DeliveryError:
    """4xx is a passing refusal, 5xx a final one (RFC 5321, section 4.2.1), but for the one about us;
    anything else is no answer, and is tried again. The server's words may repeat the customer's address
    and stay out."""
    status = re.match(rb"[245]\.\d{1,3}\.\d{1,3}\b", words)
    shown = f"{code} {status.group().decode()}" if status else str(code)
    ours = code == _SIGN_IN_FIRST
    return DeliveryError(
        f"the mail server refused {what} ({shown})",
        permanent=500 <= code < 600 and not ours,
        everybody=ours,
    )


@contextmanager
def _reported(words: str, *, everybody: bool = False) -> Iterator[None]:
    try:
        yield
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(f"{words} ({error.smtp_code})", everybody=everybody) from error
    except (smtplib.SMTPException, OSError, ValueError) as error:
        raise DeliveryError(f"{words} ({type(error).__name__})", everybody=everybody) from error


def _set_wait(session: smtplib.SMTP, seconds: float) -> None:
    if session.sock is not None:
        session.sock.settimeout(seconds)


def _leave(session: smtplib.SMTP) -> None:
    """Say goodbye where that is still possible; the reply's fate is known by now."""
    try:
        _set_wait(session, WAIT.quit)
        session.quit()
    except (smtplib.SMTPException, OSError, ValueError):
        session.close()
