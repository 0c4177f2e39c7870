"""Whether a ticket's texts are as the log has them: all there, or forgotten (`assistant.audit.rows`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from assistant.models import SealedText, TicketKey


def columns(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What events say of a ticket's texts and no column holds, by the ticket's number."""
    gone = Q(ciphertext=None) | Q(salt=None)
    texts = SealedText.objects.filter(ticket_id__in=keys)
    missing = set(texts.filter(gone).values_list("ticket_id", flat=True))
    there = set(texts.exclude(gone).values_list("ticket_id", flat=True))
    rows = TicketKey.objects.filter(ticket_id__in=keys)
    return {
        row.ticket_id: {"texts": _state(row, row.ticket_id in there, row.ticket_id in missing)}
        for row in rows
    }


def _state(key: TicketKey, there: bool, missing: bool) -> str:
    if key.wrapped is None and key.destroyed_at is not None and not there:
        return "forgotten"
    if key.wrapped is None or key.destroyed_at is not None or missing:
        return "some were destroyed"
    return "all there"
