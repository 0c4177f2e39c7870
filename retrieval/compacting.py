"""Write one segment of many, aside: searches and publications go on meanwhile.

Only the last step, naming the new segment and switching to a snapshot over it, takes the builder's
lock; what was published or retired since the beginning comes in as with any other build.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import numpy as np
from django.conf import settings
from django.utils import timezone

from assistant import lifeline
from assistant.audit.log import system
from assistant.celery import wake
from retrieval import building, segments, snapshots
from retrieval.building import SEGMENTS, Standing, compaction_is_due, one_builder
from retrieval.cleaning import clean
from retrieval.models import IndexSnapshot
from retrieval.sealed import index_root
from retrieval.segments import Part
from retrieval.snapshots import REFRESH_TASK, SEARCH_QUEUE, OpenSnapshot
from retrieval.vector_index import RecallTooLow

logger = logging.getLogger(__name__)

State = IndexSnapshot.State

LOCK = "compact"
ASIDE = ".compacting"
_PAUSE = timedelta(hours=1)  # after an index that was refused

_running: list[subprocess.Popen[bytes]] = []


def start_if_due(snapshot: OpenSnapshot) -> bool:
    """Start a compaction in a process of its own where this snapshot asks for one and none runs.
    Returns whether one was started."""
    if any(process.poll() is None for process in _running):
        return False
    _running.clear()
    if not is_due(snapshot) or _was_refused_lately() or _is_rolled_back():
        return False
    command = lifeline.command(os.getpid(), "django", "compact_index")
    _running.append(subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL))
    return True


def is_due(snapshot: OpenSnapshot) -> bool:
    """Whether this snapshot should be made one segment. While articles come in it waits for their
    end, or for twice the segments; the old index of a changed embedder is left as it is."""
    if _is_of_old_embedder(snapshot):
        return False
    if IndexSnapshot.objects.filter(pk=snapshot.id, remaining__gt=0).exists():
        return len(snapshot.parts) > 2 * SEGMENTS
    return compaction_is_due(snapshot.parts)


def _is_of_old_embedder(snapshot: OpenSnapshot) -> bool:
    return snapshot.embedder_digest != building.get_embedder().digest


def _is_rolled_back() -> bool:
    """Whether a newer snapshot has served than the active one: somebody's choice, which stands."""
    served = IndexSnapshot.objects.filter(state__in=[State.ACTIVE, State.RETIRED])
    active = served.filter(state=State.ACTIVE).values_list("built_from", flat=True).first()
    return active is not None and served.filter(built_from__gt=active).exists()


def _was_refused_lately() -> bool:
    return IndexSnapshot.objects.filter(
        state=State.BROKEN,
        problem__startswith=RecallTooLow.__name__,
        created_at__gt=timezone.now() - _PAUSE,
    ).exists()


def compact(*, actor: str = "", nice: int = 10) -> IndexSnapshot | None:
    """Build and activate a snapshot over one segment without tombstones.

    Returns None where another compaction runs, an older snapshot was chosen, the embedder changes,
    or an even newer one won. Raises `RecallTooLow`, which a `BROKEN` row tells too; the active
    snapshot stays.
    """
    with one_builder(LOCK, wait=False) as mine:
        if not mine or _is_rolled_back():
            return None
        os.nice(nice)
        snapshot = snapshots.open_active()
        if _is_of_old_embedder(snapshot):
            return None
        parts = list(snapshot.parts)
        aside = index_root() / ASIDE
        embedder_digest = parts[0].segment.embedder_digest
        try:
            digest = segments.write(aside, segments.merge(parts), embedder_digest=embedder_digest)
            return _switch(aside, digest, actor=actor or system("index"))
        except RecallTooLow as refusal:
            _tell(refusal, parts)
            raise
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def _switch(aside: Path, digest: str, *, actor: str) -> IndexSnapshot | None:
    with one_builder():
        if _is_rolled_back():
            return None
        segments.keep(aside, digest)
        compacted = segments.whole(segments.open_segment(digest))
        newest = building.standing_of(building.get_embedder())
        # what was found when it began and is not found now
        columns = compacted.segment.columns
        found = np.isin(columns.revision_ids, building.live_revisions(newest.parts))
        compacted = Part(compacted.segment, found[columns.article_rows])
        standing = Standing([compacted, *newest.parts], newest.version)
        row = building.build(standing=standing, seconds=building.SLICE)
        live = snapshots.activate(row, actor=actor)
        clean()
    wake(REFRESH_TASK, queue=SEARCH_QUEUE)  # whoever came while the lock was held did not wait
    row.refresh_from_db()
    return row if live else None


def _tell(refusal: RecallTooLow, parts: list[Part]) -> None:
    IndexSnapshot.objects.create(
        state=State.BROKEN,
        embedder=building.get_embedder().name,
        embedder_digest=parts[0].segment.embedder_digest,
        chunks=sum(part.live_count for part in parts),
        problem=f"{RecallTooLow.__name__}: {refusal}",
        created_at=timezone.now(),
    )
