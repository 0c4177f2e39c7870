"""Sealed texts: AES-256-GCM with a key per ticket, wrapped by the installation's key.

Forgetting a customer destroys the ticket's key, the ciphertexts and the salts; what the audit log
keeps (salted digests) then says nothing any more. AES-GCM: NIST SP 800-38D.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from assistant.models.sealed import InstallationKey, SealedText, TicketKey
from assistant.models.ticket import Ticket

_NONCE_BYTES = 12
WRONG_KEY = (
    "This database is sealed with another installation key. Put the right one back: the file "
    "keys/installation_key of the data folder that this database belongs to, or "
    "COUNTERSIGN_INSTALLATION_KEY. (Perhaps COUNTERSIGN_DATA_DIR names another folder.)"
)


class Forgotten(LookupError):
    """The text's key was destroyed at the customer's request; it can never be read again."""


class CannotOpen(ImproperlyConfigured):
    """The installation's key does not fit this text: check COUNTERSIGN_INSTALLATION_KEY."""


@lru_cache(maxsize=16)
def _derived(installation_key: str, purpose: str) -> bytes:
    """32 bytes for one purpose; those of different purposes tell nothing of each other (RFC 5869)."""
    kdf = HKDF(SHA256(), 32, salt=None, info=f"countersign {purpose}".encode())
    return kdf.derive(installation_key.encode())


@lru_cache(maxsize=4)
def _wrapping_cipher(installation_key: str) -> AESGCM:
    return AESGCM(_derived(installation_key, "ticket keys"))


@lru_cache(maxsize=4)
def _is_own_key(fingerprint: str) -> bool:
    known = InstallationKey.objects.first()
    if known is None:
        raise LookupError  # so that it is asked again: migrations have not recorded it yet
    return hmac.compare_digest(known.fingerprint, fingerprint)


def require_own_key() -> None:
    """Raises CannotOpen where this database is sealed with another installation's key."""
    try:
        own = _is_own_key(key_fingerprint())
    except LookupError:
        return
    if not own:
        raise CannotOpen(WRONG_KEY)


def end_with_another_key() -> None:
    """Ends a process that would seal texts with a key that is not this database's, saying what to do."""
    try:
        require_own_key()
    except CannotOpen as error:
        sys.exit(str(error))
    except DatabaseError:  # away or busy just now: asked again before anything is sealed
        return
    finally:
        connection.close()


def remember_own_key(sender: object = None, **_: object) -> None:
    """After a migration: record which key this database is sealed with, if that isn't known yet."""
    if InstallationKey.objects.exists():
        return
    sealed = TicketKey.objects.filter(wrapped__isnull=False).first()
    if sealed is not None:
        cipher = _wrapping_cipher(settings.INSTALLATION_KEY)
        _decrypt(cipher, bytes(sealed.wrapped or b""), _bound_to(sealed.ticket_id))
    InstallationKey.objects.create(fingerprint=key_fingerprint())
    _is_own_key.cache_clear()


def _encrypt(cipher: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound_to)


def _decrypt(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
    except InvalidTag:
        raise CannotOpen(WRONG_KEY) from None


def _bound_to(ticket_id: int) -> bytes:
    return f"ticket {ticket_id}".encode()


def _ticket_cipher(ticket: Ticket) -> AESGCM:
    cached = getattr(ticket, "_cipher", None)
    if cached is not None:
        return cached
    wrapping = _wrapping_cipher(settings.INSTALLATION_KEY)
    key = TicketKey.objects.filter(ticket=ticket).first()
    if key is None:
        require_own_key()
        data_key = AESGCM.generate_key(256)
        wrapped = _encrypt(wrapping, data_key, _bound_to(ticket.pk))
        key, _ = TicketKey.objects.get_or_create(ticket=ticket, defaults={"wrapped": wrapped})
    if key.destroyed_at is not None or key.wrapped is None:
        raise Forgotten(f"the texts of ticket #{ticket.pk} were forgotten")
    cipher = AESGCM(_decrypt(wrapping, bytes(key.wrapped), _bound_to(ticket.pk)))
    ticket._cipher = cipher  # type: ignore[attr-defined]
    return cipher


def salted_digest(*, salt: bytes, text: str) -> str:
    """sha256(salt ‖ UTF-8 text) in hex."""
    return hashlib.sha256(salt + text.encode()).hexdigest()


def ticket_digest(ticket_id: int) -> str:
    """32 hex digits that name a ticket in files that leave the installation.

    Keyed (HMAC-SHA-256), so that nobody without the installation's key can tell the ticket's number
    by trying them all; the same ticket has the same digest for as long as the key stays.
    """
    key = _derived(settings.INSTALLATION_KEY, "ticket digests")
    return hmac.new(key, _bound_to(ticket_id), hashlib.sha256).hexdigest()[:32]


def blind_word(word: str) -> int:
    """A keyed digest (HMAC-SHA-256) of a folded word, cut to a signed 64-bit number for an index."""
    key = _derived(settings.INSTALLATION_KEY, "search words")
    digest = hmac.new(key, word.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def key_fingerprint() -> str:
    """32 hex digits that name the installation's key and tell nothing of it."""
    return _derived(settings.INSTALLATION_KEY, "key fingerprint").hex()[:32]


def seal(*, ticket: Ticket, text: str) -> SealedText:
    """Encrypt and store a text of this ticket."""
    salt = os.urandom(16)
    cipher = _ticket_cipher(ticket)
    return SealedText.objects.create(
        ticket=ticket,
        ciphertext=_encrypt(cipher, text.encode(), _bound_to(ticket.pk)),
        salt=salt,
        digest=salted_digest(salt=salt, text=text),
        characters=len(text),
    )


def unseal(sealed: SealedText) -> str:
    """The text. Raises Forgotten or CannotOpen."""
    if sealed.ciphertext is None:
        raise Forgotten(f"a text of ticket #{sealed.ticket_id} was forgotten")
    cipher = _ticket_cipher(sealed.ticket)
    return _decrypt(cipher, bytes(sealed.ciphertext), _bound_to(sealed.ticket_id)).decode()
