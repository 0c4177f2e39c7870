"""Tickets with finished drafts, made straight in the database: what a worker would have saved."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from assistant.models import Channel, Contact, Heartbeat, Message, Ticket
from assistant.privacy.encryption import seal
from assistant.ticket_search import index_message
from generation.models import Calibration, Draft, DraftCandidate, DraftSentence, DraftSource
from retrieval.models import Chunk, Collection, Document, Revision

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)

ARTICLE = (
    "# Reset the thermostat\n\n## Steps\n\n"
    "Hold the ring for ten seconds until the display goes dark. "
    "The thermostat then starts again and keeps your schedules. "
    "It finds your network within two minutes."
)
REPLY = (
    "Hi Mara,\n\n"
    "Hold the ring for ten seconds until the display goes dark. "
    "The thermostat restarts and keeps its schedules. "
    "It is covered for 7 years.\n\n"
    "The support team"
)


@dataclass(frozen=True)
class Said:
    """One sentence of a candidate as the grounding saw it."""

    text: str
    quote: str = ""
    support: float | None = None
    flags: list[dict[str, Any]] = field(default_factory=list)
    courtesy: bool = False


SAID = [
    Said("Hi Mara,", courtesy=True),
    Said(
        "Hold the ring for ten seconds until the display goes dark.",
        "Hold the ring for ten seconds until the display goes dark.",
        0.97,
    ),
    Said(
        "The thermostat restarts and keeps its schedules.",
        "The thermostat then starts again and keeps your schedules.",
        0.84,
    ),
    Said("It is covered for 7 years.", "", 0.12, [{"code": "number", "text": "7 years"}]),
    Said("The support team", courtesy=True),
]
QUOTE = "Hi Mara,\n\nIt finds your network within two minutes.\n\nThe support team"
QUOTE_SAID = [
    Said("Hi Mara,", courtesy=True),
    Said(
        "It finds your network within two minutes.",
        "It finds your network within two minutes.",
        1.0,
    ),
    Said("The support team", courtesy=True),
]


def make_channel(name: str = "e-mail") -> Channel:
    return Channel.objects.get_or_create(name=name.replace("-", ""))[0]


def make_ticket(
    *,
    subject: str = "Thermostat offline after update",
    body: str = "Hello,\n\nsince the update my thermostat is offline. What can I do?",
    name: str = "Mara Ilves",
    email: str | None = "mara.ilves@example.com",
    at: datetime | None = None,
    language: str = "en",
) -> Ticket:
    """An open ticket with one message. It goes round the intake: no draft is queued."""
    at = at or timezone.now()
    contact = (
        Contact.objects.get_or_create(email=email, defaults={"name": name})[0]
        if email
        else Contact.objects.create(name=name)
    )
    ticket = Ticket.objects.create(
        channel=make_channel(),
        contact=contact,
        sender_name=name,
        subject=subject,
        language=language,
        created_at=at,
        received_at=at,
        last_message_at=at,
    )
    add_message(ticket, body, at=at)
    return ticket


def add_message(
    ticket: Ticket, body: str, *, at: datetime | None = None, direction: str = "inbound", **kw: Any
) -> Message:
    at = at or timezone.now()
    message = Message.objects.create(
        ticket=ticket,
        position=ticket.messages.count() + 1,
        direction=direction,
        body=seal(ticket=ticket, text=body),
        created_at=at,
        **({"sender_name": ticket.sender_name} if direction == "inbound" else {}) | kw,
    )
    index_message(message, body)
    return message


def make_article(title: str = "Reset the thermostat", text: str = ARTICLE) -> Chunk:
    """A published article of one chunk, which leaves its title line out."""
    at = timezone.now()
    collection = Collection.objects.get_or_create(name="help")[0]
    document = Document.objects.create(
        collection=collection,
        source=f"{title.lower().replace(' ', '-')}-{Document.objects.count()}.md",
        title=title,
        category="Devices",
        created_at=at,
        changed_at=at,
    )
    revision = Revision.objects.create(
        document=document, number=1, title=title, text=text, digest="0" * 64, created_at=at
    )
    document.current = revision
    document.save()
    start = text.find("\n\n") + 2 if text.startswith("# ") else 0
    return Chunk.objects.create(
        revision=revision,
        position=0,
        heading_path=[title, "Steps"],
        text=text[start:],
        start=start,
        end=len(text),
        tokens=60,
    )


def make_candidate(
    draft: Draft, kind: str, text: str, said: list[Said], source: DraftSource | None
) -> DraftCandidate:
    candidate = DraftCandidate.objects.create(
        draft=draft,
        kind=kind,
        text=seal(ticket=draft.ticket, text=text),
        seed=7 if kind == "generated" else None,
        mean_log_probability=-0.4 if kind == "generated" else None,
        support=min([s.support for s in said if s.support is not None], default=0.0),
        relevance=0.7,
        toxicity={"toxicity": 0.01},
    )
    place = 0
    for position, sentence in enumerate(said):
        start = text.index(sentence.text, place)
        place = start + len(sentence.text)
        begin = end = None
        if sentence.quote and source is not None:
            begin = source.chunk.start + source.chunk.text.index(sentence.quote)
            end = begin + len(sentence.quote)
        DraftSentence.objects.create(
            candidate=candidate,
            position=position,
            kind="courtesy" if sentence.courtesy else "claim",
            start=start,
            end=place,
            support=sentence.support,
            supported=bool(sentence.quote),
            source=source if sentence.quote else None,
            source_start=begin,
            source_end=end,
            flags=[
                {
                    "code": flag["code"],
                    "start": start + sentence.text.index(flag["text"]),
                    "end": start + sentence.text.index(flag["text"]) + len(flag["text"]),
                }
                for flag in sentence.flags
            ],
        )
    return candidate


def make_draft(
    ticket: Ticket,
    *,
    state: str = "in_review",
    text: str = REPLY,
    said: list[Said] | None = None,
    quoted: bool = True,
    confidence: float | None = 0.72,
    reasons: list[dict[str, str]] | None = None,
    chunk: Chunk | None = None,
    local: bool = False,
    error: str = "",
) -> Draft:
    """A draft in this state; finished ones have candidates, sentences and sources."""
    at = ticket.last_message_at
    message = ticket.messages.order_by("-position").first()
    draft = Draft.objects.create(
        ticket=ticket,
        message=message,
        number=ticket.drafts.count() + 1,
        state=state,
        queued_at=at,
        category="Devices",
        language="en",
    )
    if state in {"queued", "working"}:
        return draft
    draft.finished_at = at + timedelta(seconds=9)
    draft.reasons = reasons if reasons is not None else [
        {"code": "unsupported", "text": "At least one sentence has no evidence."},
        {"code": "policy", "text": "No policy lets this category go out by itself."},
        {"code": "not_calibrated", "text": "Confidence is not calibrated here yet."},
    ]  # fmt: skip
    draft.error = error
    draft.screens = {
        "language": {"code": "en", "probability": 0.99},
        "injection": {"version": "1", "score": 0.0, "flagged": False, "reasons": []},
        "toxicity": {
            "model": "toxicity@1",
            "customer": {"toxicity": 0.02, "insult": 0.01},
            "draft": {"toxicity": 0.01, "insult": 0.0},
        },
        "leaks": {"kinds": []},
    }
    if state != "failed" and text:
        chunk = chunk or make_article()
        source = DraftSource.objects.create(
            draft=draft, rank=1, chunk=chunk, score=0.03, dense_score=0.71, in_prompt=True
        )
        DraftSource.objects.create(
            draft=draft,
            rank=2,
            chunk=make_article("Thermostat warranty", "The warranty is two years from purchase."),
            score=0.02,
            dense_score=0.41,
        )
        draft.chosen = make_candidate(
            draft, "generated", text, SAID if said is None else said, source
        )
        if quoted:
            make_candidate(draft, "quoted", QUOTE, QUOTE_SAID, source)
        draft.confidence = confidence
        draft.calibration = Calibration.objects.get_or_create(
            digest=("l" if local else "f") * 64,
            defaults={
                "name": "first",
                "local": local,
                "n": 412,
                "created_at": at,
                "auroc": 0.8,
                "ece": 0.05,
            },
        )[0]
    draft.save()
    return draft


def workers_alive(now: datetime | None = None) -> None:
    """A drafting worker that beats."""
    now = now or timezone.now()
    Heartbeat.objects.update_or_create(
        name="gpu@test:1", defaults={"queue": "gpu", "started_at": now, "beat_at": now}
    )
