"""What of a draft its event holds in short, and how it stands now (`assistant.audit.rows`)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assistant.audit.rows import lasting_reasons
from generation.models import Draft, DraftCandidate, DraftSource, ModelChange


def shown_digest(draft: Draft) -> str | None:
    """A digest of all that pages and exports show of a finished draft and its event does not spell out.

    Salted by the salt of the message that it answers, which is destroyed with the customer's texts;
    None from then on.
    """
    salt = draft.message.body.salt
    if salt is None:
        return None
    sources = draft.sources.all()
    told = {
        "category": draft.category,
        "language": draft.language,
        "sampling": draft.sampling,
        "screens": draft.screens,
        "prompt_version": draft.prompt_version.digest if draft.prompt_version else None,
        "candidates": [[c.pk, c.kind, c.support, c.relevance] for c in draft.candidates.all()],
        "sources": [[s.rank, s.score, s.in_prompt, s.neighbour, *_passage(s)] for s in sources],
        "reasons": lasting_reasons(draft.reasons),
        "error": draft.error,
    }
    text = json.dumps(_plain(told), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(bytes(salt) + text.encode()).hexdigest()


def _passage(source: DraftSource) -> list[Any]:
    """The passage as it is shown: its words, where they stand, and in what."""
    chunk, revision = source.chunk, source.chunk.revision
    return [source.text, *source.span, chunk.heading_path, revision.title, revision.number]


def _plain(value: Any) -> Any:
    """Numbers as text of six digits: each database gives them back in a form of its own."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int | float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value)


def columns(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """What events say of drafts and no column holds, by primary key."""
    drafts = (
        Draft.objects.filter(pk__in=keys)
        .select_related("message__body", "prompt_version")
        .prefetch_related("candidates__text", "sources__chunk__revision")
    )
    found: dict[int, dict[str, Any]] = {}
    for draft in drafts:
        found[draft.pk] = {
            "sources": sources_of(draft.sources.all()),
            "candidates": candidates_of(draft.candidates.all()),
        }
        if (digest := shown_digest(draft)) is not None:  # else the customer was forgotten
            found[draft.pk]["shown"] = digest
    return found


def sources_of(sources: Iterable[DraftSource]) -> list[list[int]]:
    """Rank and passage of each source, as `draft.made` names them."""
    return [[source.rank, source.chunk_id] for source in sources]


def candidates_of(candidates: Iterable[DraftCandidate]) -> list[list[str]]:
    """Kind and digest of each candidate, as `draft.made` names them."""
    return [[row.kind, row.text.digest] for row in sorted(candidates, key=lambda row: row.pk)]


def changes(keys: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The salted digest of a written reason, which the log keeps in place of its words."""
    return {
        row.pk: {"reason": reason_digest(row.salt, row.reason)}
        for row in ModelChange.objects.filter(pk__in=keys)
    }


def reason_digest(salt: str, reason: str) -> str | None:
    """sha256(salt ‖ reason) in hex; None without a reason."""
    return hashlib.sha256((salt + reason).encode()).hexdigest() if reason else None
