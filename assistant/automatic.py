"""Mail that a program wrote: a bounce, an automatic reply, a receipt. Nobody waits for an answer to it.

A person's question must never be taken for one, so words count only where programs put them: in header
fields, as a label before a subject, at the beginning of a body. A subject that people write too counts
only with a body that says the same, and an absence notice that also asks for something is a question.
Words are a guess all the same: what only they say stays in sight (`is_declared`).
Header fields: RFC 3834, 3464, 8098.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from assistant.automatic_phrases import (
    ABSENT,
    ABSENT_SUBJECT,
    BOUNCE_BODY,
    BOUNCE_SUBJECT,
    MAYBE_BOUNCE,
    MAYBE_RECEIPT,
    OF_THE_MAIL,
    RECEIPT_BODY,
    RECEIPT_SUBJECT,
    REPLY_SUBJECT,
    REQUEST,
    SAYS_SO,
    STATUS_FIELD,
)

BOUNCE, AUTO_REPLY, RECEIPT = "bounce", "auto_reply", "receipt"
_BEGINNING = 600  # characters of a body in which a program says what it is
_LONGEST = 4000  # an absence notice is short; of a longer text, a person wrote a part
_NO_MORE = 20  # characters of a body that says nothing: "Hello"
_ANSWERS = re.compile(r"(?:re|aw|sv|antw|fwd?|wg|tr|rv|vs|odp|ynt)(?:\[\d+\])?: ?", re.I)
# "Automatic reply: Your order": before another subject, as programs put it; a person goes on in words
_LABEL = re.compile(r"[\])]?\s?(?:[:：]\s?\S|(?:re|aw|sv):|-\s)", re.I)
_OURS = re.compile(r"[:： ](?:re|aw|sv|antw): |\[#\d+\]", re.I)
_SHOWN = re.compile(r"[\w ]{8,30} \((?:displayed|angezeigt|affiché|visualizzat[oa])\) - ", re.I)


def kind_of(
    *, sender: str, subject: str, body: str, headers: Mapping[str, str] | None = None
) -> str:
    """`bounce`, `auto_reply`, `receipt`, or nothing where a person wrote. ``headers`` are those of the
    mail, as far as they are known; their names are read in any case."""
    subject, start = subject.strip()[:300], body.strip()[:_BEGINNING]
    return (
        _by_headers(_fields(headers))
        or _by_sender(sender.lower(), subject, start)
        or _by_subject(subject, body, start)
        or _by_body(body.strip(), start)
    )


def is_declared(*, sender: str, headers: Mapping[str, str] | None = None) -> bool:
    """Whether the mail itself says that a program wrote it, by its header fields or its sender."""
    return bool(_by_headers(_fields(headers)) or _is_daemon(sender))


def _fields(headers: Mapping[str, str] | None) -> dict[str, str]:
    return {name.strip().lower(): value.strip().lower() for name, value in (headers or {}).items()}


def _by_headers(fields: Mapping[str, str]) -> str:
    report = fields.get("content-type", "")
    if "disposition-notification" in report:
        return RECEIPT
    if "delivery-status" in report or "x-failed-recipients" in fields:
        return BOUNCE
    submitted = fields.get("auto-submitted", "no").split(";")[0].strip()
    # "auto-generated" says only that nobody was answered: a shop's web form sends it, for a person
    if submitted not in {"no", "", "auto-generated"}:
        return BOUNCE if fields.get("return-path") == "<>" else AUTO_REPLY
    if fields.get("return-path") == "<>":
        return BOUNCE
    replies = any(name in fields for name in ("x-autoreply", "x-autorespond", "x-autoresponder"))
    return AUTO_REPLY if replies or fields.get("precedence") == "auto_reply" else ""


def _by_sender(sender: str, subject: str, start: str) -> str:
    if _is_daemon(sender):
        return BOUNCE
    if sender.partition("@")[0] == "postmaster" and (
        BOUNCE_SUBJECT.match(subject) or BOUNCE_BODY.search(start)
    ):
        return BOUNCE
    return ""


def _is_daemon(sender: str) -> bool:
    return sender.lower().partition("@")[0] in {"mailer-daemon", "mail-daemon", "maildaemon"}


def _by_subject(subject: str, body: str, start: str) -> str:
    if _ANSWERS.match(subject):  # also a person's "Re: Automatic reply: …"
        return ""
    if BOUNCE_SUBJECT.match(subject) or _is_of_ours(MAYBE_BOUNCE, subject):
        return BOUNCE
    if MAYBE_BOUNCE.match(subject) and _begins_a_line(BOUNCE_BODY, start):
        return BOUNCE
    named = REPLY_SUBJECT.match(subject)
    if named and (_LABEL.match(subject, named.end()) or _is_notice(body, start)):
        return "" if "?" in subject and _asks(body) else AUTO_REPLY
    if ABSENT_SUBJECT.match(subject) and (
        _is_of_ours(ABSENT_SUBJECT, subject) or _is_notice(body, start)
    ):
        return "" if _asks(body) or "?" in subject else AUTO_REPLY
    if _is_of_ours(RECEIPT_SUBJECT, subject) or _SHOWN.match(subject):
        return RECEIPT
    if (RECEIPT_SUBJECT.match(subject) or MAYBE_RECEIPT.match(subject)) and (
        RECEIPT_BODY.search(start) or not start
    ):
        return RECEIPT
    return ""


def _is_of_ours(phrase: re.Pattern[str], subject: str) -> bool:
    """Whether the subject is a label before the subject of a mail that this program sent."""
    return bool(phrase.match(subject) and _OURS.search(subject))


def _is_notice(body: str, start: str) -> bool:
    """Whether a body under a subject that a program may have written says no more than one would."""
    if _asks(body):
        return False
    return len(body.strip()) <= _NO_MORE or bool(SAYS_SO.search(start) or ABSENT.search(start))


def _begins_a_line(phrase: re.Pattern[str], start: str) -> bool:
    return any(phrase.match(start, at.end()) for at in re.finditer(r"(?:^|\n)[ \t]*", start))


def _says_absent(own: str) -> bool:
    """Whether it says that somebody is away and what becomes of the mail: the one alone, people write too."""
    return bool(ABSENT.search(own) and OF_THE_MAIL.search(own))


def _by_body(body: str, start: str) -> str:
    if BOUNCE_BODY.match(start) or len(set(STATUS_FIELD.findall(body[:20_000].lower()))) >= 3:
        return BOUNCE
    if RECEIPT_BODY.match(start):
        return RECEIPT
    if SAYS_SO.search(start) and not _asks(body):
        return AUTO_REPLY
    own = re.split(r"(?m)^(?:>|On .{5,120} wrote:|-{3,}|_{5,}|--\s*$)", body)[0]
    if len(own) <= _LONGEST and _says_absent(own[:_BEGINNING]) and not _asks(own):
        return AUTO_REPLY
    return ""


def _asks(text: str) -> bool:
    return bool("?" in text or "？" in text or REQUEST.search(text))
