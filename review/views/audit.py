"""The auditors' pages: find events, see what stands behind one, verify, export. They change nothing."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from assistant.access import Capability, requires
from assistant.audit import checkpoint
from assistant.audit.log import AuditLogBroken, actor_of, record
from assistant.audit.proof import prove_inclusion
from assistant.audit.search import ACTIONS, FIELDS, events, parse
from assistant.audit.verify import verify
from assistant.models import AuditEvent, AuditHead, User
from review import dossier, exports

PAGE = 50
# Beyond this a page would keep its reader waiting: verification by the command, proof on demand.
MANY_EVENTS = 20_000
SHOWN_OF_TICKET = 100


@require_GET
@requires(Capability.READ_AUDIT)
def search(request: HttpRequest) -> HttpResponse:
    """The log, newest first. Looking for something is itself an event; turning a page is not."""
    filters, errors = parse(request.GET)
    matching = events(filters)
    before = _index(request.GET.get("before"))
    if before is not None:
        matching = matching.filter(index__lt=before)
    # none rather than unfiltered ones: what was asked for was not understood
    found = [] if errors else list(matching[: PAGE + 1])
    if filters and before is None and not errors:
        with transaction.atomic():
            record(
                "log.searched",
                actor=actor_of(request.user),
                ticket=filters.ticket,
                data={"filters": filters.as_data()},
                now=timezone.now(),
            )
    query = urlencode({name: request.GET[name] for name in FIELDS if request.GET.get(name)})
    context = {
        "events": found[:PAGE],
        "older": found[PAGE - 1].index if len(found) > PAGE else None,
        "before": before,
        "asked": {name: request.GET.get(name, "") for name in FIELDS},
        "query": query,
        "errors": errors,
        "filtered": bool(filters) or bool(errors),
        "actions": ACTIONS,
        "people": User.objects.order_by("username").values_list("username", flat=True)[:500],
        **_state_of_the_log(),
    }
    return render(request, "audit/search.html", context)


@never_cache
@require_http_methods(["GET", "POST"])
@requires(Capability.READ_AUDIT)
def event(request: HttpRequest, index: int) -> HttpResponse:
    """One event and what stands behind it. POST opens the sealed texts, each on the record."""
    found = AuditEvent.objects.filter(index=index).first() if index < 2**63 else None
    if found is None:
        raise Http404("There is no such event.")
    behind = dossier.of_event(found)
    if request.method == "POST":
        dossier.open_texts(
            behind.parts,
            actor=actor_of(request.user),
            draft=found.draft_id,
            why={"event": found.index},
            now=timezone.now(),
        )
    size = AuditHead.objects.values_list("size", flat=True).first() or 0
    proof = None
    if size <= MANY_EVENTS or "prove" in request.GET:
        proof = prove_inclusion(found)
    context = {
        "event": found,
        "content": _pretty(found.canonical),
        "proof": proof,
        "behind": behind,
        "of_ticket": behind.events[-SHOWN_OF_TICKET:],
        "hidden_of_ticket": max(0, len(behind.events) - SHOWN_OF_TICKET),
        "previous": index - 1 if index else None,
        "next": index + 1 if index + 1 < size else None,
    }
    return render(request, "audit/event.html", context)


@require_POST
@requires(Capability.READ_AUDIT)
def verify_now(request: HttpRequest) -> HttpResponse:
    """Verify the whole log now. It changes nothing but the log, which keeps that it was verified."""
    size = AuditHead.objects.values_list("size", flat=True).first() or 0
    if size > MANY_EVENTS:
        messages.warning(
            request,
            f"The log has {size:,} events: verify it with the command manage.py verify_audit, "
            "which shows its progress.",
        )
        return redirect("audit:search")
    found = verify()
    bad = found.first_bad
    if bad is None:
        messages.success(request, f"The log holds: {found.events:,} events, all as recorded.")
    else:
        where = "" if bad["index"] is None else f"Event {bad['index']}: "
        messages.error(request, f"The log does not hold. {where}{bad['what']}.")
    try:
        with transaction.atomic():
            record(
                "log.verified",
                actor=actor_of(request.user),
                data={
                    "ok": found.ok,
                    "events": found.events,
                    "root": found.root,
                    "first_bad": bad and {"index": bad["index"], "what": str(bad["what"])[:400]},
                },
                now=timezone.now(),
            )
    except AuditLogBroken as error:
        messages.error(request, str(error))
    return redirect("audit:search")


@require_POST
@requires(Capability.READ_AUDIT)
def export(request: HttpRequest) -> HttpResponseBase:
    """The matching events, or the prompts and replies that they speak of, as a streamed file."""
    filters, errors = parse(request.POST)
    form = request.POST.get("format", "jsonl")
    what = request.POST.get("what", "events")
    if errors or form not in exports.FORMATS or what not in {"events", "replies"}:
        for field, reason in errors.items():
            messages.error(request, f"Nothing was exported. {field.capitalize()}: {reason}.")
        if not errors:
            messages.error(request, "Nothing was exported. Choose what to export, and how.")
        return redirect("audit:search")
    now = timezone.now()
    actor = actor_of(request.user)
    begun = exports.begin(what=what, filters=filters, form=form, actor=actor, now=now)
    if what == "events":
        rows = exports.event_rows(filters, upto=begun.index)
        columns: tuple[str, ...] = exports.EVENT_COLUMNS
    else:
        rows = exports.reply_rows(filters, export=begun, actor=actor)
        columns = exports.REPLY_COLUMNS
    name = f"countersign-{what}-{timezone.localtime(now):%Y%m%d-%H%M%S}.{form}"
    return StreamingHttpResponse(
        exports.lines(rows, columns=columns, form=form),
        content_type=exports.CONTENT_TYPES[form],
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _index(text: str | None) -> int | None:
    if text and text.isascii() and text.isdigit() and len(text) < 19:
        return int(text)
    return None


def _pretty(canonical: str) -> str:
    """The content for reading; the exact bytes stand beside it."""
    try:
        return json.dumps(json.loads(canonical), ensure_ascii=False, indent=2)
    except ValueError:
        return canonical


def _state_of_the_log() -> dict[str, Any]:
    """Root, checkpoints and the last verification that a page asked for."""
    head = AuditHead.objects.first()
    try:
        root = checkpoint.root_of_head(head) if head else ""
    except ValueError:
        root = ""  # a damaged head: verification names it
    last = AuditEvent.objects.filter(action="log.verified").order_by("-index").first()
    return {
        "size": head.size if head else 0,
        "root": root,
        "newest": checkpoint.newest(),
        "lag": checkpoint.checkpoint_lag(),
        "last": last,
        "last_data": dossier.data_of(last) if last else {},
        "many": bool(head and head.size > MANY_EVENTS),
    }
