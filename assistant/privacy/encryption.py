"""Sealed texts: AES-256-GCM with a key per ticket, wrapped by the installation's key.

Forgetting a customer destroys the ticket's key, the ciphertexts and the salts; what the audit log
keeps (salted digests) then says nothing any more. AES-GCM: NIST SP 800-38D.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from assistant.models.sealed import SealedText, TicketKey
from assistant.models.ticket import Ticket

_NONCE_BYTES = 12


class Forgotten(LookupError):
    """The text's key was destroyed at the customer's request; it can never be read again."""


class CannotOpen(RuntimeError):
    """The installation's key does not fit this text: check COUNTERSIGN_INSTALLATION_KEY."""


@lru_cache(maxsize=4)
def _wrapping_cipher(installation_key: str) -> AESGCM:
    derived = HKDF(SHA256(), 32, salt=None, info=b"countersign ticket keys").derive(
        installation_key.encode()
    )
    return AESGCM(derived)


def _encrypt(cipher: AESGCM, plain: bytes, bound_to: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound_to)


def _decrypt(cipher: AESGCM, sealed: bytes, bound_to: bytes) -> bytes:
    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound_to)
    except InvalidTag:
        raise CannotOpen(
            "a sealed text does not open with this installation's key; "
            "restore the key it was sealed with (COUNTERSIGN_INSTALLATION_KEY)"
        ) from None


def _bound_to(ticket_id: int) -> bytes:
    return f"ticket {ticket_id}".encode()


def _ticket_cipher(ticket: Ticket) -> AESGCM:
    cached = getattr(ticket, "_cipher", None)
    if cached is not None:
        return cached
    wrapping = _wrapping_cipher(settings.INSTALLATION_KEY)
    key = TicketKey.objects.filter(ticket=ticket).first()
    if key is None:
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
    key = HKDF(SHA256(), 32, salt=None, info=b"countersign ticket digests").derive(
        settings.INSTALLATION_KEY.encode()
    )
    return hmac.new(key, _bound_to(ticket_id), hashlib.sha256).hexdigest()[:32]


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
