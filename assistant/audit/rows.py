"""Which rows events speak of, and what of them: a row's kind, its columns, the event's fields.

What people read in pages and exports are rows; what is proved are events. `verify_audit` compares the
two by this table, and the auditors' pages show the log's words. An event that comes to say more gets
its line here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, groupby, islice
from typing import Any

from django.apps import apps
from django.db.models import Max
from django.utils.module_loading import import_string

from assistant.audit.facts import (
    AT,
    BY,
    NEVER,
    NOTHING,
    OPEN,
    Column,
    Difference,
    Kind,
    OneOf,
    Reader,
    Rows,
    Said,
    Statement,
    always,
    differences,
    fold,
    from_data,
    from_event,
    rounded,
    said,
    text_of,
)  # fmt: skip
from assistant.models import Ticket
from assistant.models.audit import AuditEvent

WINDOW = 1_000  # tickets whose rows are compared at once
LOOKS = 100  # at a window whose log grows meanwhile

KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "texts of ticket",
            "assistant.TicketKey",
            key=("ticket_id",),
            more="assistant.privacy.witness.columns",
            of_ticket=True,
            all_named={"destroyed_at__isnull": False},
        ),
        Kind("message", "assistant.Message", of_ticket=True, all_named={"direction": "inbound"}),
        Kind(
            "draft",
            "generation.Draft",
            more="generation.witness.columns",
            of_ticket=True,
            all_named={},
        ),
        Kind("decision", "review.Decision", of_ticket=True, all_named={}),
        Kind("judgement", "review.SentenceJudgement", key=("sentence_id", "user_id")),
        Kind("reply", "assistant.OutboundReply", of_ticket=True, all_named={}),
        Kind("person", "assistant.User"),
        Kind("API key", "assistant.ApiKey", all_named={}),
        Kind("channel", "assistant.Channel"),
        Kind("policy", "generation.RoutingPolicy", key=("category",), all_named={}),
        Kind("model version", "generation.ModelVersion"),
        Kind("step of a model", "generation.ModelChange", more="generation.witness.changes"),
        Kind("frozen set", "generation.FrozenSet", key=("kind",)),
        Kind("article", "retrieval.Document"),
        Kind("revision", "retrieval.Revision", more="retrieval.witness.columns"),
        Kind("held article", "retrieval.HeldArticle"),
        Kind("collection", "retrieval.Collection"),
        Kind("source", "retrieval.Source"),
        Kind("index snapshot", "retrieval.IndexSnapshot"),
    )
}


def _data(name: str) -> Reader:
    return lambda event: event.data.get(name)


def _draft(event: Said) -> int | None:
    return event.draft


def _ticket(event: Said) -> int | None:
    return event.ticket


PASSING_REASONS = ("article_changed", "source_closed")  # added and taken away while a draft waits
_CLOSED_BY = {"approve": "approved", "edit": "edited", "reject": "rejected"}
_IN_THE_QUEUE = always(OneOf(("queued", "working")))


def lasting_reasons(value: Any) -> list[Any]:
    """Without those that come and go while a draft waits; of a changed row it may be anything."""
    reasons = value if isinstance(value, list) else [value] if value else []
    return [one for one in reasons if _code(one) not in PASSING_REASONS]


def _code(reason: Any) -> Any:
    return reason.get("code") if isinstance(reason, dict) else reason


def _codes(value: Any) -> list[Any]:
    return [_code(one) for one in lasting_reasons(value)]


def _reason_codes(event: Said) -> Any:
    return _codes(event.data["reasons"]) if "reasons" in event.data else NOTHING


def _digest_of_model(event: Said) -> Any:
    return event.model.rpartition("@")[2] if "@" in event.model else NOTHING


def _sent_again(again: str, otherwise: str) -> Column:
    return Column(lambda e: OneOf((again, "sending")) if e.data.get("send_again") else otherwise)


_HELD = {
    "ticket_id": from_event("ticket"), "body__digest": from_data("digest"), "created_at": AT,
    "mail_id": from_data("mail_id"), "idempotency_key": from_data("key"),
    # a file or a webhook whose process died is tried again, which is no event
    "state": always(OneOf(("held", "sending", "failed"))), "sent_digest": always(""),
}  # fmt: skip
_MADE = {
    "state": from_data("state"), "finished_at": AT, "confidence": rounded("confidence", 4),
    "calibration__digest": from_data("calibration"), "prompt__digest": from_data("prompt_digest"),
    "chosen__text__digest": from_data("text_digest"), "snapshot_id": from_data("snapshot"),
    "reranker": Column(lambda event: event.data.get("reranker", "")),
    "reasons": Column(_reason_codes, _codes, None),
    "generator__digest": Column(_digest_of_model, lambda digest: (digest or "")[:12]),
    "sources": from_data("sources"), "candidates": from_data("candidates"),
    "shown": from_data("shown_digest"),
}  # fmt: skip
_DECIDED = {
    "ticket_id": from_event("ticket"), "draft_id": from_event("draft"), "user_id": BY,
    "decided_at": AT, "undone_at": NEVER, "verdict": from_data("verdict"),
    "reason": from_data("reason"), "candidate_id": from_data("candidate"),
    "final_text__digest": from_data("text_digest"), "diff__digest": from_data("diff_digest"),
    "note__digest": from_data("note_digest"), "edit_distance": rounded("edit_distance", 4),
    "seconds_spent": rounded("seconds_spent", 1), "score_hidden": from_data("score_hidden"),
    "screens": Column(
        lambda event: event.data.get("sent_anyway", NOTHING),
        lambda screens: bool((screens or {}).get("sent_anyway")),
        None,
    ),
    "reply_id": from_data("reply"),
}  # fmt: skip
_PERSON = {
    "role": from_data("role"), "is_active": from_data("active"), "username": from_data("username"),
}  # fmt: skip
_CHANNEL = {name: from_data(name) for name in ("name", "adapter", "undo_seconds")}
_POLICY = {
    "auto_approve": from_data("auto_approve"), "threshold": rounded("threshold", 4),
    "changed_by_id": BY, "changed_at": AT,
}  # fmt: skip
_SOURCE = {name: from_data(name) for name in ("kind", "trust", "schedule", "prune")}
_HELD_DECIDED = {"decided_by_id": BY, "decided_at": AT, "digest": from_data("digest")}
_CHANGE = {
    "version_id": from_data("version"), "by_id": BY, "actor": from_event("actor"), "at": AT,
    "reason": from_data("reason_digest"),
}  # fmt: skip
_MODEL_DIGEST = {"kind": from_data("kind"), "digest": from_data("digest")}


def _model_state(state: str) -> dict[str, Column]:
    return {**_MODEL_DIGEST, "state": always(state), "state_at": AT}


_CANARY = Column(lambda e: "canary" if float(e.data.get("share", 0)) else "candidate")


def _says(action: str, row: str, key: Reader | str, /, **columns: Column) -> Statement:
    return Statement(action, row, (_data(key) if isinstance(key, str) else key,), columns)


_STATEMENTS: tuple[Statement, ...] = (
    _says(
        "message.received", "message", "message",
        ticket_id=from_event("ticket"), position=from_data("position"),
        body__digest=from_data("digest"), masked=from_data("masked"), direction=always("inbound"),
    ),
    _says("message.received", "texts of ticket", _ticket, texts=always("all there")),
    _says(
        "ticket.forgotten", "texts of ticket", _ticket, texts=always("forgotten"), destroyed_at=AT
    ),
    _says(
        "draft.queued", "draft", _draft,
        ticket_id=from_event("ticket"), message_id=from_data("message"), number=from_data("number"),
        seed=text_of("seed"), queued_at=AT, state=_IN_THE_QUEUE,
    ),
    _says("draft.given_back", "draft", _draft, state=_IN_THE_QUEUE),
    _says("draft.lease_expired", "draft", _draft, state=_IN_THE_QUEUE),
    _says("draft.made", "draft", _draft, **_MADE),
    _says("draft.failed", "draft", _draft, state=always("failed"), shown=from_data("shown_digest")),
    _says("draft.retired", "draft", _draft, state=always("retired")),
    _says(
        "decision.made", "draft", _draft,
        state=Column(lambda e: _CLOSED_BY.get(e.data.get("verdict", ""), NOTHING)),
    ),
    _says(
        "decision.undone", "draft", _draft,
        state=Column(lambda event: event.data.get("draft_state", OPEN)),
    ),
    _says(
        "draft.brought_back", "draft", _draft,
        state=Column(lambda event: event.data.get("state", OPEN)),
    ),
    _says("decision.made", "decision", "decision", **_DECIDED),
    _says("decision.undone", "decision", "decision", undone_at=AT),
    Statement(
        "sentence.judged", "judgement",
        (_data("sentence"), lambda event: BY.of(event)),
        {"supported": from_data("supported"), "judged_at": AT},
    ),
    _says("reply.held", "reply", "reply", **_HELD),
    _says("reply.cancelled", "reply", "reply", state=always("cancelled")),
    _says(
        "reply.sent", "reply", "reply",
        state=always("sent"), body__digest=from_data("digest"), sent_digest=from_data("bytes_sha256"),
    ),
    _says("reply.failed", "reply", "reply", state=always(OneOf(("failed", "sending")))),
    _says("reply.uncertain", "reply", "reply", state=always("uncertain")),
    _says("reply.settled", "reply", "reply", state=_sent_again("failed", "sent")),
    _says("person.created", "person", "person", **_PERSON),
    _says("person.changed", "person", "person", **_PERSON),
    _says(
        "api_key.created", "API key", "key",
        name=from_data("name"), scopes=from_data("scopes"), key_hash=from_data("key_sha256"),
        created_at=AT, revoked_at=NEVER,
    ),
    _says("api_key.revoked", "API key", "key", revoked_at=AT),
    _says("channel.created", "channel", "channel", **_CHANNEL),
    _says("channel.changed", "channel", "channel", **_CHANNEL),
    Statement(
        "policy.changed", "policy", (_data("category"),), _POLICY,
        gone=lambda event: bool(event.data.get("deleted")),
    ),
    _says("model.registered", "model version", "version", **_model_state("candidate")),
    _says(
        "model.canary", "model version", "version",
        **_model_state("") | {"state": _CANARY},
    ),
    _says("model.promoted", "model version", "version", **_model_state("live")),
    _says("model.promoted", "model version", "over", state=always("retired"), state_at=AT),
    _says("model.rolled_back", "model version", "version", **_model_state("retired")),
    _says("model.rolled_back", "model version", "to", state=always("live"), state_at=AT),
    _says("model.retired", "model version", "version", **_model_state("retired")),
    *(
        _says(f"model.{step}", "step of a model", "change", action=always(step), **_CHANGE)
        for step in ("registered", "canary", "promoted", "rolled_back", "retired")
    ),
    _says(
        "model.frozen_set_named", "frozen set", "kind",
        task=from_data("task"), digest=from_data("file_digest"), fixed_at=AT,
    ),
    _says("document.started", "article", "document", collection_id=from_data("collection")),
    _says("document.moved", "article", "document", collection_id=from_data("collection")),
    _says(
        "document.published", "article", "document",
        current_id=from_data("revision"), state=always("published"),
        stated_address=from_data("stated_address"),
    ),
    _says(
        "document.address_changed", "article", "document",
        stated_address=from_data("stated_address"),
    ),
    _says("document.retired", "article", "document", state=always("retired")),
    _says(
        "document.published", "revision", "revision",
        document_id=from_data("document"), number=from_data("number"), digest=from_data("digest"),
        text=from_data("text_sha256"),
    ),
    _says(
        "article.held", "held article", "held",
        digest=from_data("digest"), why=from_data("why"), held_at=AT,
        state=always(OneOf(("waiting", "overtaken"))),
    ),
    _says("article.approved", "held article", "held", state=always("approved"), **_HELD_DECIDED),
    _says("article.refused", "held article", "held", state=always("refused"), **_HELD_DECIDED),
    _says(
        "collection.created", "collection", "collection",
        name=from_data("name"), visibility=from_data("visibility"),
        public_address=from_data("public_address"),
    ),
    _says(
        "collection.changed", "collection", "collection",
        visibility=from_data("visibility"), public_address=from_data("public_address"),
    ),
    _says("source.created", "source", "source", **_SOURCE, collection_id=from_data("collection")),
    _says("source.changed", "source", "source", **_SOURCE),
    _says("source.paused", "source", "source", paused=always(True)),
    _says("source.resumed", "source", "source", paused=always(False)),
    _says(
        "snapshot.activated", "index snapshot", "snapshot",
        digest=from_data("digest"), embedder=from_data("embedder"), chunks=from_data("chunks"),
        activated_at=AT,
    ),
)  # fmt: skip

STATEMENTS: dict[str, list[Statement]] = defaultdict(list)
for _one in _STATEMENTS:
    STATEMENTS[_one.action].append(_one)


def told_by(events: Iterable[Said]) -> Rows:
    """What the log says of each row, by kind and key."""
    return fold({}, events, STATEMENTS)


def first_wrong(*, progress: Callable[[], None] = lambda: None) -> Difference | None:
    """The first row that says something else than the log, or that no event speaks of.

    Reads all events a second time, in windows of tickets, so that it needs little memory. A row and its
    event are written in one transaction: where they seem to differ and an event has come meanwhile,
    the window is looked at again.
    """
    last = AuditEvent.objects.aggregate(last=Max("ticket_number"))["last"]
    largest = max(last or 0, Ticket.objects.aggregate(last=Max("pk"))["last"] or 0)
    windows: list[range | None] = [None]  # what belongs to no ticket
    windows += [range(start, start + WINDOW) for start in range(0, largest + 1, WINDOW)]
    for window in windows:
        if found := _wrong_in(window):
            return found
        progress()
    return None


def _wrong_in(window: range | None) -> Difference | None:
    events = AuditEvent.objects.filter(ticket_number__isnull=True)
    if window is not None:
        events = AuditEvent.objects.filter(
            ticket_number__gte=window.start, ticket_number__lt=window.stop
        )
    found: Difference | None = None
    for _ in range(LOOKS):
        newest = events.aggregate(last=Max("index"))["last"]
        lines = events.order_by("index").values_list("canonical", flat=True)
        rows = told_by(event for line in lines.iterator(chunk_size=2_000) if (event := said(line)))
        wrong = chain(_wrong_rows(rows), _unnamed_rows(rows, window))
        found = min(wrong, key=_place, default=None)
        if found is None or events.aggregate(last=Max("index"))["last"] == newest:
            return found
    return found


def _place(found: Difference) -> float:
    return float("inf") if found.index is None else found.index


def standing(kind: Kind, keys: Sequence[tuple[Any, ...]], columns: Iterable[str]) -> dict[Any, Any]:
    """The rows of these keys as they stand: `{key: {column: value}}`."""
    model = apps.get_model(kind.model)
    names = {name for name in columns if is_column(model, name)}
    found = model._default_manager.filter(**{f"{kind.key[0]}__in": [key[0] for key in keys]})
    made = {
        tuple(values[part] for part in kind.key): values
        for values in found.values("pk", *kind.key, *names)
    }
    if kind.more:
        more: Mapping[Any, Mapping[str, Any]] = import_string(kind.more)([key[0] for key in keys])
        for key, values in made.items():
            values.update(more.get(key[0], {}))
    return made


def is_column(model: Any, name: str) -> bool:
    """Whether the database has this of such a row, or of one that it points to."""
    first = name.split("__")[0]
    return any(first in {one.name, one.attname} for one in model._meta.concrete_fields)


def _wrong_rows(rows: Rows) -> Iterator[Difference]:
    ordered = sorted(rows.values(), key=lambda row: row.kind)
    for name, of_kind in groupby(ordered, key=lambda row: row.kind):
        while some := list(islice(of_kind, 500)):
            columns = {column for row in some for column in row.facts}
            actual = standing(KINDS[name], [row.key for row in some], columns)
            for row in some:
                yield from differences(row, actual.get(row.key))


def _unnamed_rows(rows: Rows, window: range | None) -> Iterator[Difference]:
    """Rows that no event speaks of, of the kinds that are never made without one."""
    for kind in KINDS.values():
        if kind.all_named is None or kind.of_ticket != (window is not None):
            continue
        there = apps.get_model(kind.model)._default_manager.filter(**kind.all_named)
        if window is not None:
            there = there.filter(ticket_id__gte=window.start, ticket_id__lt=window.stop)
        for key in there.order_by("pk").values_list(*kind.key):
            if (kind.name, tuple(key)) not in rows:
                name = f"{kind.name} {', '.join(map(str, key))}"
                yield Difference(None, f"no event speaks of {name}", None, "a row")
