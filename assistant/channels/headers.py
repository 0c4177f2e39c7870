"""Header lines of a mail, written byte by byte from literal text. Pure.

A text is plain words that no reader can take for anything else, or RFC 2047 encoded words of the whole
of it; a name may also be one quoted string. So nothing that a customer wrote is decoded, folded or
unquoted on its way out, which Python's email package does, differently from release to release.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

CRLF = "\r\n"
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
LONGEST_LINE = 76  # RFC 2047, section 2: of a line with an encoded word
_BYTES = 39  # of UTF-8 in an encoded word, so that it fits behind "Subject:" too
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")  # RFC 5322, section 3.2.3
_WORD = re.compile(r"[!-~]+")
_MAIL_ID = re.compile(r"<[!-;=?-~]+>")
ENCODED_WORD = re.compile(r"=\?utf-8\?b\?[A-Za-z0-9+/]+={0,2}\?=")


def text(name: str, value: str) -> str:
    """A header of free text, such as the subject (RFC 5322 "unstructured")."""
    value = one_line(value)
    return _folded(f"{name}:", _plain(value, _WORD) or _encoded(value))


def mailbox(name: str, display_name: str, address: str) -> str:
    """A header that names exactly one mailbox; `address` is in canonical form. A quoted name is never
    folded, so that its quotes stay around all of it."""
    shown = one_line(display_name)
    words = _plain(shown, _ATOM) or _quoted(shown) or _encoded(shown)
    return _folded(f"{name}:", [*words, f"<{address}>"])


def mail_ids(name: str, ids: Sequence[str]) -> str:
    """A header of Message-IDs; `is_mail_id` holds of each."""
    return _folded(f"{name}:", ids)


def is_mail_id(value: str) -> bool:
    """Whether a Message-ID can be repeated in our headers: printable ASCII in angle brackets, short
    enough for a line, and nothing in it that a reader would decode."""
    return len(value) <= 250 and "=?" not in value and bool(_MAIL_ID.fullmatch(value))


def one_line(value: str) -> str:
    """Line breaks and control characters become one blank, and so do several blanks."""
    return re.sub(" +", " ", CONTROL.sub(" ", value)).strip(" ")


def _plain(value: str, word: re.Pattern[str]) -> list[str]:
    """The words of a text that can stand as they are; none where it can't."""
    words = value.split(" ")
    fit = "=?" not in value and all(len(one) < 60 and word.fullmatch(one) for one in words)
    return words if fit else []


def _quoted(value: str) -> list[str]:
    """The name as one quoted string (RFC 5322, section 3.2.4); none where it is not ASCII."""
    if not re.fullmatch(r"[ -~]{1,400}", value) or "=?" in value:
        return []
    return ['"' + re.sub(r'(["\\])', r"\\\1", value) + '"']


def _encoded(value: str) -> list[str]:
    """Encoded words that read back as the text; none of an empty one."""
    chunks = _chunks(value) if value else []
    return [f"=?utf-8?b?{base64.b64encode(chunk).decode()}?=" for chunk in chunks]


def _chunks(value: str) -> list[bytes]:
    """UTF-8 of a text in pieces, none of which splits a character (RFC 2047, section 5)."""
    chunks = [b""]
    for character in value:
        encoded = character.encode("utf-8", "replace")  # a lone surrogate becomes a question mark
        if len(chunks[-1]) + len(encoded) > _BYTES:
            chunks.append(b"")
        chunks[-1] += encoded
    return chunks


def _folded(line: str, words: Sequence[str]) -> str:
    """The header with its CRLF, folded at the blanks between words."""
    lines = [line]
    for place, word in enumerate(words):
        if place and len(lines[-1]) + 1 + len(word) > LONGEST_LINE:
            lines.append("")
        lines[-1] += f" {word}"
    return CRLF.join(lines) + CRLF
