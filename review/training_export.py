"""Approved and edited replies as training records: a team's corrections become its next model.

The format is the one of `docs/training-data.md`. Texts are redacted; a tenth of the tickets is marked
never-train, for honest evaluation later; forgotten tickets are left out and named in the tombstones.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from assistant.audit.log import record
from assistant.models import AuditEvent, Message, SealedText, TicketKey
from assistant.privacy.encryption import ticket_digest
from assistant.privacy.redaction import Redactor, placeholders
from assistant.readable import readable
from generation.courtesies import undress
from generation.models import DraftSentence
from generation.prompts import Passage, Turn
from generation.training.record_files import NEVER, Row, dump, to_row
from generation.training.records import LICENSES, Record, place_of
from review import dossier
from review.dossier import Dossier
from review.models import Decision

NEVER_SHARE = 0.1
TRAINED_ON = (Decision.Verdict.APPROVE, Decision.Verdict.EDIT)
SOURCE = "decisions"


@dataclass
class Exported:
    """What an export wrote, and what it left out and why."""

    export: int
    approved: int = 0
    edited: int = 0
    never: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    sha256: str = ""

    @property
    def records(self) -> int:
        return self.approved + self.edited


def group_of(ticket: int) -> str:
    """What names a ticket in training files: its keyed digest."""
    return f"ticket:{ticket_digest(ticket)}"


def split_of_ticket(ticket: int) -> str:
    """`never` for a tenth of the tickets, by their digest alone: an export never changes it."""
    return NEVER if place_of(group_of(ticket), NEVER) < NEVER_SHARE else "train"


def forgotten_tickets() -> set[int]:
    """Tickets whose key or any text was destroyed."""
    keys = TicketKey.objects.filter(Q(destroyed_at__isnull=False) | Q(wrapped__isnull=True))
    texts = SealedText.objects.filter(ciphertext__isnull=True)
    return {*keys.values_list("ticket_id", flat=True), *texts.values_list("ticket_id", flat=True)}


def export(
    *,
    since: datetime | None,
    actor: str,
    now: datetime,
    write: Callable[[str], object],
    advance: Callable[[], None] = lambda: None,
) -> Exported:
    """Writes the records' lines; returns the figures.

    The export is an event `log.exported` before anything is read, every text in it an event
    `text.read`, and `log.export_written` holds the lines' SHA-256. Raises PiiScreenFailed,
    AuditLogBroken.
    """
    begun = _begin(since=since, actor=actor, now=now)
    made = Exported(export=begun.index)
    gone = forgotten_tickets()
    digest = hashlib.sha256()
    for decision in _standing(since):
        advance()
        if decision.ticket_id in gone:
            made.left_out["forgotten"] += 1
            continue
        if decision.verdict == Decision.Verdict.REJECT:
            made.rejected[decision.reason] += 1
            continue
        row = _row(decision, actor=actor, export=begun.index, now=now)
        if isinstance(row, str):
            made.left_out[row] += 1
            continue
        made.approved += decision.verdict == Decision.Verdict.APPROVE
        made.edited += decision.verdict == Decision.Verdict.EDIT
        made.never += row["split"] == NEVER
        line = dump(row)
        digest.update(line.encode())
        write(line)
    made.sha256 = digest.hexdigest()
    _finish(made, actor=actor, now=now)
    return made


def _begin(*, since: datetime | None, actor: str, now: datetime) -> AuditEvent:
    data = {"what": "decisions", "format": "jsonl"}
    if since is not None:
        data["since"] = since.isoformat()
    with transaction.atomic():
        return record("log.exported", actor=actor, data=data, now=now)


def _finish(made: Exported, *, actor: str, now: datetime) -> None:
    with transaction.atomic():
        record(
            "log.export_written",
            actor=actor,
            data={
                "export": made.export,
                "records": made.records,
                "never_train": made.never,
                "sha256": made.sha256,
            },
            now=now,
        )


def _standing(since: datetime | None) -> Iterator[Decision]:
    """Approvals, edits and rejections that were not undone, oldest first."""
    found = dossier.decisions().filter(
        undone_at=None, verdict__in=(*TRAINED_ON, Decision.Verdict.REJECT), draft__isnull=False
    )
    if since is not None:
        found = found.filter(decided_at__gte=since)
    found = found.select_related(
        "ticket__contact", "draft__message", "draft__generator", "candidate"
    )
    last = 0
    while page := list(found.filter(pk__gt=last)[:200]):
        yield from page
        last = page[-1].pk


def _row(decision: Decision, *, actor: str, export: int, now: datetime) -> Row | str:
    """The decision's record, or why there is none."""
    found = dossier.of_reply(decision)
    right = _right_passage(found, decision)
    if right is None:
        return "no_evidence"
    assert decision.draft is not None
    dossier.open_texts(
        found.parts, actor=actor, draft=decision.draft.pk, why={"export": export}, now=now
    )
    if any(part.state != "open" for part in found.parts):
        return next(part.state for part in found.parts if part.state != "open")
    made = _record(found, decision, right)
    return made if isinstance(made, str) else to_row(made[0], split=made[1], right=right)


def _right_passage(found: Dossier, decision: Decision) -> int | None:
    """The place of the passage that most sentences of the text the agent began with rest on."""
    cited = Counter(
        DraftSentence.objects.filter(
            candidate_id=decision.candidate_id, source__isnull=False, supported=True
        ).values_list("source_id", flat=True)
    )
    places = {source.pk: place for place, source in enumerate(found.sources)}
    known = [pk for pk in cited if pk in places]
    return places[max(known, key=lambda pk: (cited[pk], -places[pk]))] if known else None


def _record(found: Dossier, decision: Decision, right: int) -> tuple[Record, str] | str:
    draft = decision.draft
    assert draft is not None
    passages = [
        Passage(s.chunk.revision.title, s.text, tuple(s.chunk.heading_path)) for s in found.sources
    ]
    redact = Redactor(
        names=[*decision.ticket.names(), decision.user.display_name],
        published=[passage.text for passage in passages],
    )
    *messages, final = found.parts
    thread = tuple(
        Turn(
            "customer" if part.title == Message.Direction.INBOUND else "agent",
            redact(readable(part.text or "")),
        )
        for part in messages
    )
    if not thread or thread[-1].role != "customer":
        return "no_question"
    opening, body, closing = (redact(part) for part in undress(_unsigned(final.text or "")))
    if not body:
        return "nothing_but_courtesies"
    known = set().union(*(placeholders(turn.text) for turn in thread))
    if placeholders(f"{opening}\n{body}\n{closing}") - known:
        return "personal_data_of_the_agents_own"  # a model would learn to make it up
    group = group_of(decision.ticket_id)
    passages.insert(0, passages.pop(right))
    kind = decision.candidate.kind if decision.candidate else "none"
    model = f", {draft.generator.name}@{draft.generator.digest[:12]}" if draft.generator else ""
    made = Record(
        id=f"{group}:{draft.number}",
        group=group,
        source=SOURCE,
        license=LICENSES[SOURCE],
        synthetic=False,
        thread=thread,
        passages=tuple(passages),
        opening=opening,
        body=body,
        closing=closing,
        provenance=f"{decision.get_verdict_display().lower()}: {kind} draft{model}",
    )
    return made, split_of_ticket(decision.ticket_id)


def _unsigned(text: str) -> str:
    """The message without the installation's signature, in case no sign-off stands before it."""
    return text.strip().removesuffix(settings.SIGNATURE.strip()).rstrip()
