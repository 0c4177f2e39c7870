"""What of a revision its event holds in short, and how it stands now (`assistant.audit.rows`)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from retrieval.models import Revision


def text_digest(title: str, text: str) -> str:
    """sha256(title ‖ a line break ‖ text) in hex. Articles are no customer's words: it has no salt."""
    return hashlib.sha256(f"{title}\n{text}".encode()).hexdigest()


def columns(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What events say of revisions and no column holds, by primary key."""
    rows = Revision.objects.filter(pk__in=keys).values_list("pk", "title", "text")
    return {pk: {"text": text_digest(title, text)} for pk, title, text in rows}
