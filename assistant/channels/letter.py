"""The mail of a reply, as the bytes that leave; and the check of those bytes before they do.

Whatever a customer put into a name, subject or Message-ID, the mail has the headers below once each,
one addressee, and the reply as its body (RFC 5322, 2045, 2047). `check` reads the finished bytes with
rules of its own, so that a fault in the making is refused instead of sent.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import quopri
import re
from datetime import datetime
from email.utils import format_datetime, parseaddr

from django.conf import settings

from assistant.addresses import BadAddress, canonical
from assistant.channels import headers
from assistant.channels.base import DeliveryError, Outgoing
from assistant.channels.headers import CRLF

_REFERENCES = 20  # of a long thread: its beginning and what came last
_ALWAYS = (
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted",
    "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
)  # fmt: skip
_THREADING = ("In-Reply-To", "References")


def sender() -> str:
    """The installation's own address. Raises DeliveryError where the setting names none."""
    try:
        return canonical(parseaddr(settings.MAIL_FROM)[1])
    except BadAddress as error:
        raise DeliveryError(f"COUNTERSIGN_MAIL_FROM {error}", everybody=True) from None


def recipient(reply: Outgoing) -> str:
    """Whom the reply goes to. Raises DeliveryError where there is nobody to send it to."""
    if not reply.to_email:
        raise DeliveryError(
            "the customer left no e-mail address; copy the reply by hand", permanent=True
        )
    try:
        return canonical(reply.to_email)
    except BadAddress as error:
        raise DeliveryError(f"the customer's address {error}", permanent=True) from None


def subject_of(reply: Outgoing) -> str:
    """The subject of the answer: the customer's own, and the ticket's number."""
    subject = headers.one_line(reply.subject) or "Your request"
    if not re.match(r"(?i)re:", subject):
        subject = f"Re: {subject}"
    return f"{subject} [#{reply.ticket_number}]"


def compose(reply: Outgoing, *, now: datetime) -> bytes:
    """The whole mail: 7-bit, lines end in CRLF. Raises DeliveryError."""
    name = parseaddr(settings.MAIL_FROM)[0] or settings.SIGNATURE
    to = recipient(reply)
    encoding, body = _encoded(reply.body)
    known = [one for one in reply.mail_ids if headers.is_mail_id(one)]
    lines = [
        headers.mailbox("From", name, sender()),
        headers.mailbox("To", reply.to_name, to),
        headers.text("Subject", subject_of(reply)),
        headers.text("Date", format_datetime(now)),
        headers.mail_ids("Message-ID", [reply.mail_id]),
    ]
    if known:
        lines.append(headers.mail_ids("In-Reply-To", known[-1:]))
        lines.append(headers.mail_ids("References", _bounded(known)))
    lines += [
        headers.text("Auto-Submitted", "no"),
        headers.text("MIME-Version", "1.0"),
        headers.text("Content-Type", 'text/plain; charset="utf-8"'),
        headers.text("Content-Transfer-Encoding", encoding),
    ]
    try:
        data = ("".join(lines) + CRLF).encode("ascii") + body
    except UnicodeEncodeError as error:
        raise DeliveryError("the mail's headers are not ASCII", permanent=True) from error
    check(data, reply)
    return data


def _bounded(ids: list[str]) -> list[str]:
    return ids if len(ids) <= _REFERENCES else [ids[0], *ids[1 - _REFERENCES :]]


def _lines(body: str) -> bytes:
    """The body with CRLF at the end of every line, as RFC 2046 has text."""
    text = re.sub("\r\n|\r|\n", CRLF, body)
    return (text if text.endswith(CRLF) else text + CRLF).encode("utf-8", "replace")


def _encoded(body: str) -> tuple[str, bytes]:
    """The transfer encoding that is shorter, and the body in it."""
    raw = _lines(body)
    quoted = binascii.b2a_qp(raw, istext=True)
    packed = base64.encodebytes(raw).replace(b"\n", b"\r\n")
    return ("quoted-printable", quoted) if len(quoted) <= len(packed) else ("base64", packed)


# ---- the check ----------------------------------------------------------------------------------

_FIELD = re.compile(rb"([A-Za-z-]+):((?: [!-~]+(?: [!-~]+)*\r\n)+)")
_ATOMS = re.compile(
    r"(?!.*=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
)
_QUOTED = re.compile(r'(?!.*=\?)"(?:[^"\\]|\\.)+"')
_ENCODED = re.compile(rf"{headers.ENCODED_WORD.pattern}(?: {headers.ENCODED_WORD.pattern})*")


def check(data: bytes, reply: Outgoing) -> None:
    """Refuse bytes that are not the mail that was meant: raises DeliveryError, permanent."""
    wrong = _fault(data, reply)
    if wrong:
        raise DeliveryError(
            f"the mail was not sent, because {wrong}; answer by other means and tell your operator",
            permanent=True,
        )


def _fault(data: bytes, reply: Outgoing) -> str:
    head, gap, body = data.partition(b"\r\n\r\n")
    head += b"\r\n"
    if not gap or re.search(rb"[^\r]\n|\r[^\n]|[^\t\r\n -~]", data):
        return "it has bytes that no mail may have"
    if len(max(data.split(b"\r\n"), key=len)) > 998:  # RFC 5322, section 2.1.1
        return "a line of it is too long"
    fields = _FIELD.findall(head)
    if b"".join(name + b":" + value for name, value in fields) != head:
        return "its headers are not well formed"
    found = [name.decode() for name, _ in fields]
    if sorted(found) not in (sorted(_ALWAYS), sorted(_ALWAYS + _THREADING)):
        return "its headers are not the ones that were meant"
    values = {n.decode(): " ".join(v.decode().split()) for n, v in fields}
    name, _, to = values["To"].rpartition("<")
    if to != f"{recipient(reply)}>" or _name(name.strip()) != headers.one_line(reply.to_name):
        return "it does not have exactly the one addressee"
    name, _, by = values["From"].rpartition("<")
    if by != f"{sender()}>" or _name(name.strip()) is None:
        return "it does not have exactly the one sender"
    if _free_text(values["Subject"]) != subject_of(reply):
        return "its subject does not read as written"
    if values["Message-ID"] != reply.mail_id or not headers.is_mail_id(reply.mail_id):
        return "its Message-ID is not the one that was meant"
    packed = values["Content-Transfer-Encoding"] == "base64"
    decoded = base64.b64decode(body) if packed else quopri.decodestring(body)
    if hashlib.sha256(decoded).digest() != hashlib.sha256(_lines(reply.body)).digest():
        return "its body is not the reply that was approved"
    return ""


def _name(phrase: str) -> str | None:
    """The name that every reader reads; None where one could read something else."""
    if not phrase or _ATOMS.fullmatch(phrase):
        return phrase
    if _QUOTED.fullmatch(phrase):
        return re.sub(r"\\(.)", r"\1", phrase[1:-1])
    return _decoded(phrase) if _ENCODED.fullmatch(phrase) else None


def _free_text(value: str) -> str | None:
    if _ENCODED.fullmatch(value):
        return _decoded(value)
    return None if "=?" in value else value


def _decoded(words: str) -> str:
    packed = (word.split("?")[3] for word in words.split(" "))
    return b"".join(base64.b64decode(one) for one in packed).decode()
