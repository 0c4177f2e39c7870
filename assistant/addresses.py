"""E-mail addresses: one written form for each mailbox, fit for the wire, or none.

An international domain goes over the wire in its ASCII form by IDNA 2008 (RFC 5891) after the mapping
of UTS 46, non-transitional: `straße` stays another domain than `strasse`. IDNA 2003, which Python's
own codec does, would send to somebody else.
"""

from __future__ import annotations

import re

import idna

LONGEST = 254
# RFC 5321's dot-string. Quoted local parts exist in tests only, and can hold line breaks and blanks.
_LOCAL = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class BadAddress(ValueError):
    """Nothing that mail can be sent to."""


def canonical(address: str) -> str:
    """The address in lower case with its domain in ASCII. Raises BadAddress.

    All ways to write a domain (composed or not, Unicode or `xn--`) give the same. The local part is
    ASCII, without quotes; one that looks like an encoded word (RFC 2047) is refused, since programs
    decode it.
    """
    local, at, domain = address.strip().rpartition("@")
    if not at or not local.isascii():  # before lower(): it maps some letters to other people's
        raise BadAddress("is not an e-mail address")
    local = local.lower()
    if len(local) > 64 or not _LOCAL.fullmatch(local) or "=?" in local:
        raise BadAddress("is not an e-mail address")
    made = f"{local}@{_ascii_domain(domain)}"
    if len(made) > LONGEST:
        raise BadAddress(f"has {len(made)} characters; {LONGEST} at most")
    return made


def domain_of(address: str) -> str:
    """The domain of an address in canonical form."""
    return address.rpartition("@")[2]


def _ascii_domain(domain: str) -> str:
    """A-labels, at least two of them or `localhost`. Raises BadAddress."""
    try:
        mapped = domain.lower() if domain.isascii() else idna.uts46_remap(domain, True, False)
        labels = [_ascii_label(label) for label in mapped.split(".")]
    except idna.IDNAError:
        raise BadAddress("has a domain that mail can't be sent to") from None
    named = len(labels) > 1 and len(labels[-1]) > 1 and not labels[-1].isdigit()
    if not named and labels != ["localhost"]:
        raise BadAddress("is not an e-mail address")
    return ".".join(labels)


def _ascii_label(label: str) -> str:
    international = not label.isascii() or label.startswith("xn--")
    made = idna.alabel(label).decode() if international else label
    if not _LABEL.fullmatch(made):
        raise BadAddress("is not an e-mail address")
    return made
