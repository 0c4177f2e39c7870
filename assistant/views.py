"""The few pages of the ground floor: home, health, readiness, metrics."""

from __future__ import annotations

from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_GET
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from assistant import heartbeat
from assistant.access import Capability, can, requires
from assistant.audit import checkpoint
from assistant.models import Heartbeat, OutboundReply, Ticket


@require_GET
@requires(Capability.SIGNED_IN)
def home(request: HttpRequest) -> HttpResponse:
    """Everybody's first page is where their work is."""
    for capability, page in (
        (Capability.REVIEW, "review:queue"),
        (Capability.EDIT_KNOWLEDGE, "knowledge:articles"),
        (Capability.READ_AUDIT, "audit:search"),
    ):
        if can(request.user, capability):
            return redirect(page)
    return redirect("knowledge:articles")


@require_GET
@requires(Capability.PUBLIC)
def healthz(request: HttpRequest) -> JsonResponse:
    """The web process answers."""
    return JsonResponse({"ok": True})


def readiness() -> dict[str, bool]:
    """Each part that the main job needs, and whether it is there."""
    now = timezone.now()
    parts = {"database": False, "broker": False, "worker_gpu": False, "worker_search": False}
    parts |= {"worker_default": False, "index": False, "models": False, "audit": False}
    parts |= {"beat": False, "sweeps": False}
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        parts["database"] = True
        alive = {
            row.queue: row
            for row in Heartbeat.objects.filter(beat_at__gte=now - heartbeat.ALIVE_FOR)
        }
    except DatabaseError:
        return parts
    parts["beat"] = "beat" in alive
    parts["sweeps"] = heartbeat.swept(now=now)
    for queue in ("gpu", "search", "default"):
        parts[f"worker_{queue}"] = queue in alive
    # a worker that lives holds a connection to the broker, or says that it has lost it
    parts["broker"] = bool(alive) and not any(
        row.details.get("broker_lost") for row in alive.values()
    )
    parts["audit"] = checkpoint.checkpoint_lag() == 0
    loaded = (alive["gpu"].details.get("models") or {}) if "gpu" in alive else {}
    parts["models"] = bool(loaded.get("generator"))
    parts["index"] = "search" in alive and bool(alive["search"].details.get("index"))
    return parts


def model_problems() -> list[str]:
    """What living workers were to load and could not, in words; what they had before goes on."""
    since = timezone.now() - heartbeat.ALIVE_FOR
    found: dict[str, None] = {}
    for row in Heartbeat.objects.filter(beat_at__gte=since).order_by("name"):
        for part in ("models", "screens", "reranker", "embedder"):
            told = row.details.get(part) or {}
            found |= dict.fromkeys(told.get("problems", []))
    return list(found)


@require_GET
@requires(Capability.PUBLIC)
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when every part is there; 503 naming the ones that are not.

    `models_as_chosen` is false where a version that was chosen could not be loaded: the one before
    it goes on, so the installation is ready all the same. `/models/` says what is wrong.
    """
    parts = readiness()
    ready = all(parts.values())
    as_chosen = parts["database"] and not model_problems()
    answer = {"ready": ready, **parts, "models_as_chosen": as_chosen}
    return JsonResponse(answer, status=200 if ready else 503)


@require_GET
@requires(Capability.PUBLIC)
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus gauges over the tables: counts only, nothing about anybody."""
    registry = CollectorRegistry()
    tickets = Gauge("countersign_tickets", "Tickets by status", ["status"], registry=registry)
    for status in Ticket.Status.values:
        tickets.labels(status).set(Ticket.objects.filter(status=status).count())
    replies = Gauge("countersign_replies", "Replies by state", ["state"], registry=registry)
    for state in OutboundReply.State.values:
        replies.labels(state).set(OutboundReply.objects.filter(state=state).count())
    up = Gauge("countersign_part_up", "Readiness by part", ["part"], registry=registry)
    for part, ready in readiness().items():
        up.labels(part).set(ready)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
