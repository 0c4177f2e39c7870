"""The API's sources: list them, run them, upload to them, follow their runs."""

# no postponed annotations: ninja would look them up where the scope's decorator was written
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import File, Query, Router, Schema, Status
from ninja.files import UploadedFile

from assistant.api import REFUSED, ApiError, KeyAuth, Scope
from retrieval.source_models import Source, SourceRun
from retrieval.sources import runs, upload

router = Router(tags=["knowledge"])
LONGEST_ID = 2**63 - 1


class SourceOut(Schema):
    id: int
    name: str
    kind: str
    collection: str
    location: str
    trust: int
    schedule: str
    paused: bool
    next_run_at: datetime | None


class RunOut(Schema):
    id: int
    source: int
    state: str
    preview: bool
    done: int
    total: int | None
    counts: dict[str, int]
    message: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ChangeOut(Schema):
    path: str
    outcome: str
    title: str
    reason: str


class RunWithChanges(RunOut):
    changes: list[ChangeOut]


class SourcesOut(Schema):
    sources: list[SourceOut]


class RunsOut(Schema):
    runs: list[RunOut]


PREVIEW = Query(False, description="say what would change, and publish nothing")


@router.get(
    "/knowledge/sources",
    response={200: SourcesOut} | REFUSED,
    summary="List sources",
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def list_sources(request: HttpRequest) -> Any:
    """Every source, by name."""
    found = Source.objects.select_related("collection").order_by("name")
    return {"sources": [_source_out(source) for source in found]}


@router.get(
    "/knowledge/sources/{int:source_id}/runs",
    response={200: RunsOut} | REFUSED,
    summary="List a source's runs",
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def list_runs(request: HttpRequest, source_id: int) -> Any:
    """The newest runs first, as many as are kept with their changes."""
    found = _source_or_404(source_id).runs.order_by("-pk")[: runs.KEPT_RUNS]
    return {"runs": [_run_out(run) for run in found]}


@router.post(
    "/knowledge/sources/{int:source_id}/runs",
    response={202: RunOut} | REFUSED,
    summary="Run a source",
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
def create_run(request: HttpRequest, source_id: int, preview: bool = PREVIEW) -> Any:
    """202 with the run that a worker takes up; 409 where one is on its way."""
    source = _source_or_404(source_id)
    if source.takes_files:
        raise ApiError(409, "source", "is read from files: send them to its /uploads")
    return Status(202, _asked(request, source, preview=preview))


@router.post(
    "/knowledge/sources/{int:source_id}/uploads",
    response={202: RunOut} | REFUSED,
    summary="Upload files to a source",
    auth=KeyAuth(Scope.KNOWLEDGE_WRITE),
)
def create_upload(
    request: HttpRequest,
    source_id: int,
    files: list[UploadedFile] = File(None),  # noqa: B008  (ninja's way to say it)
    preview: bool = PREVIEW,
) -> Any:
    """Keeps the files and asks for a run (or a preview) of them."""
    source = _source_or_404(source_id)
    if not source.takes_files:
        raise ApiError(409, "source", "is read where it is, not from files")
    try:
        batch = upload.keep(files or [], kinds=source.file_kinds)
    except upload.BadUpload as bad:
        raise ApiError(422, "files", str(bad)) from bad
    return Status(202, _asked(request, source, preview=preview, batch=batch))


@router.get(
    "/knowledge/runs/{int:run_id}",
    response={200: RunWithChanges} | REFUSED,
    summary="Follow a run",
    auth=KeyAuth(Scope.KNOWLEDGE_READ),
)
def read_run(
    request: HttpRequest,
    run_id: int,
    offset: int = Query(0, ge=0, le=LONGEST_ID),
    limit: int = Query(500, ge=1, le=1000),
) -> Any:
    """State and counts, and what changed, held and skipped so far, in order of path."""
    run = SourceRun.objects.filter(pk=run_id).first() if run_id <= LONGEST_ID else None
    if run is None:
        raise ApiError(404, "run", f"there is no run {run_id}")
    changes = run.changes.order_by("path")[offset : offset + limit]
    rows = changes.values("path", "outcome", "title", "reason")
    return _run_out(run) | {"changes": list(rows)}


def _asked(
    request: HttpRequest, source: Source, *, preview: bool, batch: str = ""
) -> dict[str, Any]:
    actor = f"api:{request.auth.name}"  # type: ignore[attr-defined]
    try:
        run = runs.ask(source, preview=preview, actor=actor, batch=batch, now=timezone.now())
    except runs.RunRefused as refused:
        upload.discard(batch)
        raise ApiError(409, "source", str(refused)) from refused
    return _run_out(run)


def _source_or_404(source_id: int) -> Source:
    found = (
        Source.objects.select_related("collection").filter(pk=source_id).first()
        if source_id <= LONGEST_ID
        else None
    )
    if found is None:
        raise ApiError(404, "source", f"there is no source {source_id}")
    return found


def _source_out(source: Source) -> dict[str, Any]:
    return {
        "id": source.pk,
        "name": source.name,
        "kind": source.kind,
        "collection": source.collection.name,
        "location": source.location,
        "trust": source.trust,
        "schedule": source.schedule,
        "paused": source.paused,
        "next_run_at": source.next_run_at,
    }


def _run_out(run: SourceRun) -> dict[str, Any]:
    return {
        "id": run.pk,
        "source": run.source_id,
        "state": run.state,
        "preview": run.preview,
        "done": run.done,
        "total": run.total,
        "counts": run.counts,
        "message": run.message,
        "queued_at": run.queued_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
    }
