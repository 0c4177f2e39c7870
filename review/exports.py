"""The log as files: its events, or the prompts and replies that they speak of. JSONL or CSV.

Rows are streamed. An export is an event `log.exported`, and every text in it an event `text.read`.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from assistant.audit.content import instant
from assistant.audit.log import record
from assistant.audit.search import Filters, events
from assistant.models import AuditEvent
from generation.models import Draft
from review import dossier
from review.dossier import ABOUT_READING, Dossier, Part
from review.models import Decision

FORMATS = ("jsonl", "csv")
CONTENT_TYPES = {"jsonl": "application/jsonl; charset=utf-8", "csv": "text/csv; charset=utf-8"}
Row = dict[str, Any]

EVENT_COLUMNS = (
    "index", "at", "action", "actor", "ticket", "draft", "model", "data", "leaf_hash", "canonical",
)  # fmt: skip
REPLY_COLUMNS = (
    "ticket", "draft", "number", "state", "queued_at", "finished_at", "category", "language",
    "model", "model_digest", "prompt_version", "snapshot", "reranker", "sampling", "seed", "message",
    "prompt", "prompt_digest", "sources", "candidates", "confidence", "calibration", "screens", "reasons",
    "decision", "reason", "decided_by", "decided_at", "edit_distance", "decisions", "final_text",
    "final_digest", "replies", "digests_hold", "differs", "forgotten", "events",
)  # fmt: skip


def begin(*, what: str, filters: Filters, form: str, actor: str, now: datetime) -> AuditEvent:
    """Record the export; its index bounds what is exported, so the file can be made again."""
    with transaction.atomic():
        return record(
            "log.exported",
            actor=actor,
            ticket=filters.ticket,
            data={"what": what, "format": form, "filters": filters.as_data()},
            now=now,
        )


# --- events ---------------------------------------------------------------------------------


def event_rows(filters: Filters, *, upto: int) -> Iterator[Row]:
    """The matching events up to this one, in their order, each with its exact bytes (`canonical`).

    The export's own event is the last: a checkpoint outside the database knows of it already.
    """
    last = -1
    while True:
        found = events(filters).filter(index__gt=last, index__lte=upto).order_by("index")
        chunk = list(found[:1_000])
        for event in chunk:
            yield {
                "index": event.index,
                "at": instant(event.at),
                "action": event.action,
                "actor": event.actor,
                "ticket": event.ticket_number,
                "draft": event.draft_id,
                "model": event.model,
                "data": dossier.data_of(event),
                "leaf_hash": event.leaf_hash,
                "canonical": event.canonical,
            }
        if not chunk:
            return
        last = chunk[-1].index


# --- prompts and replies --------------------------------------------------------------------


def reply_rows(filters: Filters, *, export: AuditEvent, actor: str) -> Iterator[Row]:
    """A row for each draft, and each reply without one, that the matching events speak of.

    Texts that were forgotten are null. What the log says is as the log says it, and `differs` names
    what the database says otherwise; all else is as it stands now.
    """
    matching = events(filters).filter(index__lt=export.index).exclude(ABOUT_READING).order_by()
    made = matching.filter(draft_id__isnull=False)
    last = 0
    numbers = made.order_by("draft_id").distinct().values_list("draft_id", flat=True)
    while wanted := [number for number in numbers.filter(draft_id__gt=last)[:50] if number]:
        drafts = dossier.drafts().in_bulk(wanted)
        for number in wanted:
            if number in drafts:
                yield _row(_opened(dossier.of_draft(drafts[number]), export, actor))
            else:
                yield _gone(number)
        last = wanted[-1]
    by_hand = matching.filter(action="decision.made", draft_id__isnull=True)
    last = 0
    while decisions := list(
        dossier.decisions()
        .filter(draft=None, ticket__in=by_hand.values("ticket_number"), pk__gt=last)
        .filter(verdict=Decision.Verdict.REPLY)[:50]
    ):
        for decision in decisions:
            yield _row(_opened(dossier.of_decision(decision), export, actor))
        last = decisions[-1].pk


def _gone(draft: int) -> Row:
    """A draft that the log speaks of and the database has not any more."""
    row: Row = dict.fromkeys(REPLY_COLUMNS)
    events_of = AuditEvent.objects.filter(draft_id=draft).exclude(ABOUT_READING).order_by("index")
    return row | {
        "ticket": events_of.values_list("ticket_number", flat=True).first(),
        "draft": draft,
        "differs": [f"draft {draft} is not in the database any more"],
        "events": list(events_of.values_list("index", flat=True)),
    }


def _opened(found: Dossier, export: AuditEvent, actor: str) -> Dossier:
    draft = found.draft.pk if found.draft else None
    dossier.open_texts(
        found.parts, actor=actor, draft=draft, why={"export": export.index}, now=timezone.now()
    )
    return found


def _text(part: Part | None) -> str | None:
    return part.text if part else None


def _digest(part: Part | None) -> str | None:
    return part.sealed.digest if part else None


def _at(moment: datetime | None) -> str | None:
    return instant(moment) if moment else None


def _row(found: Dossier) -> Row:
    draft, decision = found.draft, found.standing
    final = found.part(f"final {decision.pk}") if decision else None
    if final is None and decision is None and found.replies:  # approved by a policy
        final = found.part(f"reply {found.replies[-1].pk}")
    kept = [part for part in found.parts if part.state != "forgotten"]
    row: Row = dict.fromkeys(REPLY_COLUMNS)
    row |= {
        "ticket": found.ticket,
        "message": _text(found.part("message")),
        "sources": [],
        "candidates": [],
        "decision": decision.verdict if decision else None,
        "reason": decision.reason if decision else None,
        "decided_by": found.decided_by(decision) if decision else None,
        "decided_at": _at(decision.decided_at) if decision else None,
        "edit_distance": decision.edit_distance if decision else None,
        "decisions": [_decision(found, one) for one in found.decisions],
        "final_text": _text(final),
        "final_digest": _digest(final),
        "replies": [
            {
                "reply": reply.pk,
                "state": reply.state,
                "mail_id": reply.mail_id,
                "sent_digest": reply.sent_digest,
                "text": _text(found.part(f"reply {reply.pk}")),
                "digest": reply.body.digest,
            }
            for reply in found.replies
        ],
        "digests_hold": all(part.holds for part in kept) if kept else None,
        "differs": [one.what for one in found.differs],
        "forgotten": any(part.state == "forgotten" for part in found.parts),
        "events": _indexes(found),
    }
    if draft is not None:
        row |= _draft(found, draft)
    return row


def _draft(found: Dossier, draft: Draft) -> Row:
    return {
        "draft": draft.pk,
        "number": draft.number,
        "state": draft.state,
        "queued_at": _at(draft.queued_at),
        "finished_at": _at(draft.finished_at),
        "category": draft.category,
        "language": draft.language,
        "model": draft.generator.name if draft.generator else None,
        "model_digest": draft.generator.digest if draft.generator else None,
        "prompt_version": str(draft.prompt_version) if draft.prompt_version else None,
        "snapshot": draft.snapshot_id,
        "reranker": draft.reranker or None,
        "sampling": draft.sampling,
        "seed": str(draft.seed),  # 64 bits: more than a JSON number holds everywhere
        "prompt": _text(found.part("prompt")),
        "prompt_digest": _digest(found.part("prompt")),
        "sources": [
            {
                "rank": source.rank,
                "source": source.chunk.revision.document.source,
                "title": source.chunk.revision.title,
                "revision": source.chunk.revision_id,
                "heading_path": source.chunk.heading_path,
                "start": source.span[0],
                "end": source.span[1],
                "text": source.text,
                "score": source.score,
                "in_prompt": source.in_prompt,
                "neighbour": source.neighbour,
            }
            for source in found.sources
        ],
        "candidates": [
            {
                "candidate": candidate.pk,
                "kind": candidate.kind,
                "chosen": candidate.pk == draft.chosen_id,
                "text": _text(found.part(f"candidate {candidate.pk}")),
                "digest": candidate.text.digest,
                "support": candidate.support,
                "relevance": candidate.relevance,
            }
            for candidate in draft.candidates.all()
        ],
        "confidence": draft.confidence,
        "calibration": draft.calibration.digest if draft.calibration else None,
        "screens": draft.screens,
        "reasons": draft.reasons,
    }


def _decision(found: Dossier, one: Decision) -> Row:
    return {
        "decision": one.pk,
        "verdict": one.verdict,
        "reason": one.reason,
        "by": found.decided_by(one),
        "at": _at(one.decided_at),
        "undone_at": _at(one.undone_at),
        "candidate": one.candidate_id,
        "edit_distance": one.edit_distance,
        "seconds_spent": one.seconds_spent,
        "score_hidden": one.score_hidden,
        "note": _text(found.part(f"note {one.pk}")),
    }


def _indexes(found: Dossier) -> list[int]:
    """The events of this draft (or decision), of its message and of its replies."""
    draft = found.draft.pk if found.draft else None
    message = found.draft.message_id if found.draft else None
    decisions = {one.pk for one in found.decisions}
    replies = {reply.pk for reply in found.replies}
    chosen = []
    for event in found.events:
        data = dossier.data_of(event)
        if (
            (draft is not None and event.draft_id == draft)
            or data.get("decision") in decisions
            or data.get("reply") in replies
            or (event.action == "message.received" and data.get("message") == message)
        ):
            chosen.append(event.index)
    return chosen


# --- files ----------------------------------------------------------------------------------


class _Line:
    """A file for csv.writer that hands each line back."""

    def write(self, line: str) -> str:
        return line


def _cell(value: Any) -> Any:
    """A spreadsheet must show a cell, never run it."""
    if isinstance(value, dict | list):
        value = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and value[:1] in {"=", "+", "-", "@", "\t", "\r"}:
        return "'" + value
    return value


def lines(rows: Iterable[Mapping[str, Any]], *, columns: Iterable[str], form: str) -> Iterator[str]:
    """The rows as lines of a file, `jsonl` or `csv` (with a heading)."""
    if form == "jsonl":
        for row in rows:
            yield json.dumps(row, ensure_ascii=False) + "\n"
        return
    names = list(columns)
    write = csv.writer(_Line()).writerow
    yield write(names)
    for row in rows:
        yield write([_cell(row.get(name)) for name in names])
