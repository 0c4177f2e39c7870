"""What stands behind an event: the draft's texts and passages as they were, opened on the record.

Drafts, decisions and replies are shown in the log's own words, wherever an event says them; where the
database says something else now, `differs` tells.

A sealed text is opened here for auditors only, and every opening is an event `text.read`, in the
same transaction. The text is held against the salted digest that the log recorded at the time.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model, Prefetch, Q

from assistant.audit import rows
from assistant.audit.content import JSON
from assistant.audit.facts import NOTHING, Difference, differences, said
from assistant.audit.log import record
from assistant.models import AuditEvent, Message, OutboundReply, SealedText, TicketKey
from assistant.privacy.encryption import CannotOpen, Forgotten, salted_digest, unseal
from generation.models import Draft, DraftCandidate, DraftSource
from retrieval.hidden import blanked
from retrieval.models import Chunk
from review.diff import Segment, from_json
from review.models import Decision

_DIGEST = re.compile(r'"([0-9a-f]{64})"')
# Events about looking at the log say nothing about how a text was at its time.
ABOUT_READING = Q(action="text.read") | Q(action__startswith="log.")


@dataclass
class Part:
    """One sealed text and what is known about it.

    `state`: sealed (not read yet), open, forgotten, destroyed (no event says that it was forgotten), or
    locked (this key does not open it).
    `holds`: whether an opened text equals the digest in the log. `events` name that digest.
    """

    role: str
    title: str
    sealed: SealedText
    events: list[int] = field(default_factory=list)
    state: str = "sealed"
    text: str | None = None
    holds: bool | None = None
    diff: list[Segment] = field(default_factory=list)
    forgotten_at: datetime | None = None


@dataclass
class Dossier:
    """Everything that one draft, or one ticket's event, left behind."""

    ticket: int | None
    draft: Draft | None = None
    decisions: list[Decision] = field(default_factory=list)
    replies: list[OutboundReply] = field(default_factory=list)
    sources: list[DraftSource] = field(default_factory=list)
    sources_hold: bool | None = None
    parts: list[Part] = field(default_factory=list)
    events: list[AuditEvent] = field(default_factory=list)
    differs: list[Difference] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    key: TicketKey | None = None  # of the ticket's texts
    deciders: dict[int, str] = field(default_factory=dict)  # names by decision, as recorded
    missing: list[str] = field(default_factory=list)

    def part(self, role: str) -> Part | None:
        return next((part for part in self.parts if part.role == role), None)

    @property
    def standing(self) -> Decision | None:
        """The decision that counts: the newest that was not undone and is no escalation."""
        counts = [d for d in self.decisions if not d.undone_at and d.verdict != "escalate"]
        return counts[-1] if counts else None

    def decided_by(self, decision: Decision) -> str:
        """Who decided, by the name that they had then."""
        return self.deciders.get(decision.pk) or decision.user.get_username()

    @property
    def decided(self) -> list[tuple[Decision, str]]:
        """Each decision and who made it."""
        return [(one, self.decided_by(one)) for one in self.decisions]

    @property
    def openable(self) -> bool:
        return any(part.state == "sealed" for part in self.parts)


def _events_of(ticket: int | None, draft: int | None) -> list[AuditEvent]:
    if ticket is None and draft is None:
        return []
    speaks_of = Q(ticket_number=ticket) if ticket is not None else Q(draft_id=draft)
    return list(AuditEvent.objects.filter(speaks_of).exclude(ABOUT_READING).order_by("index"))


def _recorded(events: Iterable[AuditEvent]) -> dict[str, list[int]]:
    """Which events name which digest."""
    found: dict[str, list[int]] = {}
    for event in events:
        for digest in set(_DIGEST.findall(event.canonical)):
            found.setdefault(digest, []).append(event.index)
    return found


def data_of(event: AuditEvent) -> dict[str, Any]:
    """The event's data; empty where its content is unreadable."""
    try:
        data = json.loads(event.canonical)["data"]
    except (ValueError, KeyError, TypeError):
        return {}
    return data if isinstance(data, dict) else {}


def _id(value: object) -> int | None:
    return value if type(value) is int and value >= 0 else None


def of_event(event: AuditEvent) -> Dossier:
    """What the event speaks of. Rows that are gone are named in `missing`; nothing is opened."""
    data = data_of(event)
    events = _events_of(event.ticket_number, event.draft_id)
    found = Dossier(ticket=event.ticket_number, events=events)
    if event.draft_id is not None:
        found.draft = drafts().filter(pk=event.draft_id).first()
        if found.draft is None:
            found.missing.append(f"draft {event.draft_id}")
    if found.draft is not None:
        _add_draft(found, found.draft)
    elif decision_id := _id(data.get("decision")):
        found.decisions = list(decisions().filter(pk=decision_id))
        if not found.decisions:
            found.missing.append(f"decision {decision_id}")
    elif message_id := _id(data.get("message")):
        message = Message.objects.select_related("body__ticket").filter(pk=message_id).first()
        if message is None:
            found.missing.append(f"message {message_id}")
        else:
            found.messages.append(message)
            _add(found, "message", f"Message {message.position}", message.body)
    elif reply_id := _id(data.get("reply")):
        found.decisions = list(decisions().filter(reply_id=reply_id))
        found.replies = list(_replies().filter(pk=reply_id))
        if not found.replies:
            found.missing.append(f"reply {reply_id}")
    _add_decisions(found)
    _settle(found)
    _in_the_logs_words(found)
    return found


def of_draft(draft: Draft) -> Dossier:
    """A draft from `drafts()` with everything around it."""
    found = Dossier(ticket=draft.ticket_id, draft=draft)
    found.events = _events_of(draft.ticket_id, draft.pk)
    _add_draft(found, draft)
    _add_decisions(found)
    _settle(found)
    _in_the_logs_words(found)
    return found


def of_decision(decision: Decision) -> Dossier:
    """A decision from `decisions()` that stands on no draft."""
    found = Dossier(ticket=decision.ticket_id, decisions=[decision])
    found.events = _events_of(decision.ticket_id, None)
    _add_decisions(found)
    _settle(found)
    _in_the_logs_words(found)
    return found


def of_reply(decision: Decision) -> Dossier:
    """The thread that a decision from `decisions()` answers, the passages, and the final text."""
    draft = decision.draft
    found = Dossier(ticket=decision.ticket_id, draft=draft, decisions=[decision])
    found.events = _events_of(decision.ticket_id, None)
    if draft is not None:
        thread = Message.objects.filter(
            ticket_id=decision.ticket_id, position__lte=draft.message.position
        ).exclude(direction=Message.Direction.NOTE)
        for message in thread.select_related("body__ticket").order_by("position"):
            _add(found, f"message {message.position}", message.direction, message.body)
        found.sources = list(draft.sources.select_related("chunk__revision__document"))
    _add(found, f"final {decision.pk}", "Final text", decision.final_text)
    _settle(found)
    _in_the_logs_words(found)
    return found


def drafts() -> Any:
    """Drafts with what a dossier reads of them."""
    return Draft.objects.select_related(
        "prompt__ticket", "prompt_version", "generator", "snapshot", "calibration",
        "message__body__ticket",
    ).prefetch_related(
        Prefetch("candidates", DraftCandidate.objects.select_related("text__ticket").order_by("pk")),
        Prefetch("sources", DraftSource.objects.select_related("chunk__revision__document")),
        Prefetch("decisions", decisions()),
    )  # fmt: skip


def decisions() -> Any:
    """Decisions, oldest first, with what a dossier reads of them."""
    return Decision.objects.select_related(
        "user", "candidate", "note__ticket", "final_text__ticket", "diff__ticket",
        "reply__body__ticket",
    ).order_by("pk")  # fmt: skip


def _replies() -> Any:
    return OutboundReply.objects.select_related("body__ticket").order_by("pk")


def _add(found: Dossier, role: str, title: str, sealed: SealedText | None) -> None:
    if sealed is not None:
        found.parts.append(Part(role=role, title=title, sealed=sealed))


def _add_draft(found: Dossier, draft: Draft) -> None:
    found.decisions = list(draft.decisions.all())
    # a policy's reply has no decision of a person
    found.replies = list(
        _replies().filter(ticket_id=draft.ticket_id, idempotency_key=f"draft-{draft.pk}-policy")
    )
    found.messages.append(draft.message)
    _add(found, "message", f"Message {draft.message.position}", draft.message.body)
    _add(found, "prompt", "Prompt", draft.prompt)
    for candidate in draft.candidates.all():
        chosen = ", chosen" if candidate.pk == draft.chosen_id else ""
        title = f"Candidate: {candidate.get_kind_display().lower()}{chosen}"
        _add(found, f"candidate {candidate.pk}", title, candidate.text)
    found.sources = list(draft.sources.all())
    made = [data_of(e) for e in found.events if e.action == "draft.made" and e.draft_id == draft.pk]
    if made and "sources" in made[-1]:
        now = [[source.rank, source.chunk_id] for source in found.sources]
        found.sources_hold = made[-1]["sources"] == now and all(
            _stands_in_its_revision(one.chunk) for one in found.sources
        )


def _stands_in_its_revision(chunk: Chunk) -> bool:
    """Whether a passage is its revision's text, as it is or with blanks for what no reader sees."""
    text = chunk.revision.text
    return chunk.text in (seen[chunk.start : chunk.end] for seen in (text, blanked(text)))


def _add_decisions(found: Dossier) -> None:
    for decision in found.decisions:
        name = decision.get_verdict_display().lower() + (" (undone)" if decision.undone_at else "")
        _add(found, f"final {decision.pk}", f"Final text: {name}", decision.final_text)
        _add(found, f"diff {decision.pk}", "What the agent changed", decision.diff)
        _add(found, f"note {decision.pk}", "The agent's note", decision.note)
        if decision.reply is not None and decision.reply not in found.replies:
            found.replies.append(decision.reply)
    for reply in found.replies:
        title = f"Reply: {reply.get_state_display().lower()}"
        _add(found, f"reply {reply.pk}", title, reply.body)


def _settle(found: Dossier) -> None:
    """Find each text's digest in the log, and say what was forgotten."""
    recorded = _recorded(found.events)
    forgotten = any(event.action == "ticket.forgotten" for event in found.events)
    wanted = {part.sealed.ticket_id for part in found.parts}
    if found.ticket is not None:
        wanted.add(found.ticket)
    keys = {key.ticket_id: key for key in TicketKey.objects.filter(ticket_id__in=wanted)}
    found.key = keys.get(found.ticket) if found.ticket is not None else None
    for part in found.parts:
        part.events = recorded.get(part.sealed.digest, [])
        key = keys.get(part.sealed.ticket_id)
        if (
            part.sealed.ciphertext is None
            or key is None
            or key.wrapped is None
            or key.destroyed_at is not None
        ):
            part.state = "forgotten" if forgotten else "destroyed"
            part.forgotten_at = key.destroyed_at if key is not None else None


def _in_the_logs_words(found: Dossier) -> None:
    """Hold what is shown against what its events say, and show what these say."""
    told = rows.told_by(event for one in found.events if (event := said(one.canonical)))
    _name_what_is_missing(found, told)
    for kind, shown in _shown(found):
        row = told.get((kind, _key_of(kind, shown)))
        if row is None:
            what = f"no event speaks of {kind} {shown.pk}"
            found.differs.append(Difference(None, what, None, "a row"))
            continue
        standing = rows.standing(rows.KINDS[kind], [row.key], row.facts).get(row.key, {})
        found.differs += differences(row, standing)
        for column, fact in row.facts.items():
            value = row.told(column)
            wrong = rows.is_column(shown, column) and not fact.holds(standing.get(column))
            if wrong and value is not NOTHING:
                setattr(shown, column, value)
        if kind == "decision" and (by := row.facts.get("user_id")):
            found.deciders[shown.pk] = _name_in(found, by.index)


def _key_of(kind: str, shown: Model) -> tuple[Any, ...]:
    return tuple(getattr(shown, part) for part in rows.KINDS[kind].key)


def _name_what_is_missing(found: Dossier, told: rows.Rows) -> None:
    """Decisions and replies that the log has of this draft, and that are elsewhere or gone now."""
    if found.draft is None:
        return
    shown = {(kind, _key_of(kind, one)) for kind, one in _shown(found)}
    keys = {f"draft-{found.draft.pk}-policy"}
    for (kind, key), row in told.items():
        facts = {name: fact.value for name, fact in row.facts.items()}
        ours = kind == "decision" and facts.get("draft_id") == found.draft.pk
        ours = ours or (kind == "reply" and facts.get("idempotency_key") in keys)
        if ours and (kind, key) not in shown:
            standing = rows.standing(rows.KINDS[kind], [key], row.facts).get(key)
            found.differs += differences(row, standing)


def _shown(found: Dossier) -> Iterator[tuple[str, Model]]:
    if found.key is not None:
        yield "texts of ticket", found.key
    yield from (("message", message) for message in found.messages)
    if found.draft is not None:
        yield "draft", found.draft
    yield from (("decision", decision) for decision in found.decisions)
    yield from (("reply", reply) for reply in found.replies)


def _name_in(found: Dossier, index: int) -> str:
    """The person's name as this event's actor has it."""
    actor = next(event.actor for event in found.events if event.index == index)
    return actor.split(":", 2)[-1]


def open_texts(
    parts: Sequence[Part], *, actor: str, draft: int | None, why: dict[str, JSON], now: datetime
) -> None:
    """Open the sealed parts, each as an event `text.read` in one transaction with the opening."""
    with transaction.atomic():
        for part in parts:
            if part.state != "sealed":
                continue
            sealed = part.sealed
            try:
                text = unseal(sealed)
            except Forgotten:  # in this moment
                part.state = "forgotten"
                continue
            except CannotOpen:
                part.state = "locked"
                continue
            digest = salted_digest(salt=bytes(sealed.salt or b""), text=text)
            part.state, part.text = "open", text
            part.holds = digest == sealed.digest and bool(part.events)
            if part.role.startswith("diff"):
                part.diff = _segments(text)
            data: dict[str, JSON] = {
                "text": sealed.pk,
                "as": part.role,
                "digest": digest,
                "holds": part.holds,
            }
            record(
                "text.read",
                actor=actor,
                ticket=sealed.ticket_id,
                draft=draft,
                data=data | why,
                now=now,
            )


def _segments(stored: str) -> list[Segment]:
    try:
        return from_json(stored)
    except (ValueError, KeyError, TypeError):
        return []
