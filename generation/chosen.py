"""Which model of each kind serves now: the row that was promoted, or what a setting names.

Imports no torch: workers ask it what to load, and the console shows the same answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from django.conf import settings

from assistant import heartbeat
from assistant.models import Heartbeat
from generation.engine import files
from generation.folders import PackedFolder, peek
from generation.models import ModelVersion
from generation.safety.toxicity import BUNDLE

State, Kind = ModelVersion.State, ModelVersion.Kind

BUNDLED_CONFIDENCE = Path(settings.BASE_DIR) / "models" / "confidence"
LOCAL_CONFIDENCE = Path(settings.DATA_DIR) / "models" / "confidence"


@dataclass(frozen=True)
class Wanted:
    """A model to load. `source` is a registered folder with its digest, or a setting without.

    `fitted_here`: a confidence model whose operator said that it stands on decisions of this
    installation.
    """

    name: str
    source: str
    digest: str = ""
    fitted_here: bool = False


@dataclass(frozen=True)
class Chosen:
    """What a worker should have in memory. `mark` names the rows that say so, "" for none.

    Without a promoted reranker COUNTERSIGN_RERANKER decides, without a promoted confidence model
    the folder of one that was fitted here, else the bundled one.
    """

    generator: Wanted
    toxicity: Wanted
    reranker: Wanted | None = None
    confidence: Wanted | None = None
    canary: Wanted | None = None
    canary_share: float = 0.0
    confidence_canary: Wanted | None = None
    confidence_share: float = 0.0
    mark: str = ""


def chosen_now() -> Chosen:
    """One small query: cheap enough for every batch."""
    rows = ModelVersion.objects.filter(state__in=(State.LIVE, State.CANARY))
    found = {
        (row.kind, row.state): row
        for row in rows.only("kind", "state", "name", "digest", "source", "canary_share", "details")
    }
    reranker, confidence = (found.get((k, State.LIVE)) for k in (Kind.RERANKER, Kind.CONFIDENCE))
    canary, scoring = (found.get((k, State.CANARY)) for k in (Kind.GENERATOR, Kind.CONFIDENCE))
    return Chosen(
        generator=_wanted(found.get((Kind.GENERATOR, State.LIVE)), settings.GENERATOR),
        toxicity=_wanted(found.get((Kind.TOXICITY, State.LIVE)), settings.TOXICITY),
        reranker=wanted_of(reranker) if reranker else None,
        confidence=wanted_of(confidence) if confidence else None,
        canary=wanted_of(canary) if canary else None,
        canary_share=(canary.canary_share or 0.0) if canary else 0.0,
        confidence_canary=wanted_of(scoring) if scoring else None,
        confidence_share=(scoring.canary_share or 0.0) if scoring else 0.0,
        mark=" ".join(
            f"{row.pk}:{row.state}:{row.canary_share or 0:g}"
            for row in sorted(found.values(), key=lambda row: row.pk)
        ),
    )


def wanted_of(version: ModelVersion) -> Wanted:
    """What a worker loads for a registered version."""
    fitted_here = bool(version.details.get("fitted_here"))
    return Wanted(version.name, version.source, version.digest, fitted_here)


def _wanted(row: ModelVersion | None, setting: str) -> Wanted:
    return wanted_of(row) if row else Wanted(setting, setting)


def workers_behind(*, now: datetime) -> bool:
    """Whether a drafting worker that lives was told of other rows than the ones chosen now."""
    mark = chosen_now().mark
    alive = Heartbeat.objects.filter(queue="gpu", beat_at__gte=now - heartbeat.ALIVE_FOR)
    told = [row.details["models"] for row in alive if row.details.get("models")]
    return any(models.get("mark", "") != mark for models in told)


def live_version(kind: str) -> ModelVersion | None:
    """The promoted version of a kind; None where the setting decides."""
    return ModelVersion.objects.filter(kind=kind, state=State.LIVE).first()


def by_setting(kind: str) -> ModelVersion | None:
    """What serves while no version is promoted: its row, or one that isn't saved (no `pk`).

    Card and figures are read from its folder, unchecked; whoever loads it checks. A folder without
    a manifest has no digest until it is used. None where there is no model of this kind, or one
    that was never used and lies in no folder here.
    """
    name, source, packed = _of_setting(kind)
    digest = packed.digest if packed else ""
    rows = ModelVersion.objects.filter(kind=kind, name=name)
    if digest:
        row = rows.filter(digest=digest).first() or ModelVersion(
            kind=kind, name=name, digest=digest
        )
    else:  # a hub's name, or a folder without a manifest: what was used last under this name
        used = rows.filter(state=State.SETTING).order_by("-first_used_at", "-pk").first()
        if used is None and packed is None:
            return None
        row = used or ModelVersion(kind=kind, name=name)
    row.source = row.source or source
    if packed and not row.card:
        for column, value in packed.as_fields().items():
            setattr(row, column, value)
    return row


def _of_setting(kind: str) -> tuple[str, str, PackedFolder | None]:
    """Name, source and folder of what a setting names."""
    name, folder = "bundled", None
    if kind == Kind.GENERATOR:
        name = settings.GENERATOR
        folder = files.BUNDLED if name == "bundled" else Path(name).expanduser()
    elif kind == Kind.TOXICITY:
        name = settings.TOXICITY
        folder = BUNDLE if name == "bundled" else None
    elif kind == Kind.RERANKER:
        name = settings.RERANKER
        folder = Path(name).expanduser() if name != "none" else None
    elif LOCAL_CONFIDENCE.is_dir():
        name, folder = "fitted here", LOCAL_CONFIDENCE
    else:
        folder = BUNDLED_CONFIDENCE
    packed = peek(folder) if folder is not None and folder.is_dir() else None
    return name, name if packed is None else str(folder), packed


def kept_by_setting(kind: str, *, now: datetime) -> ModelVersion | None:
    """The same as a row, so that an evaluation can be stored with it; None without a digest."""
    found = by_setting(kind)
    if found is None or not found.digest:
        return None
    if found.pk is None:
        found.first_used_at = now
        found.save()
    return found
