"""Remove what no one needs of the index: leftovers of killed builds, old snapshots and segments."""

from __future__ import annotations

import logging
import shutil
import socket
from datetime import timedelta
from pathlib import Path

from django.db.models import Exists, ManyToOneRel, OuterRef, Q
from django.utils import timezone

from retrieval import segments, snapshot_store
from retrieval.models import IndexSnapshot
from retrieval.sealed import DamagedSnapshot, index_root, read_manifest

logger = logging.getLogger(__name__)

State = IndexSnapshot.State

KEEP = 10  # snapshots that stay for rolling back, beside those that a draft names
KEEP_PARTIAL = 3  # those of a build under way that searches may be about to open
_DEAD_AFTER = timedelta(hours=6)  # a build on another machine that says nothing for so long


def clean(*, keep: int = KEEP) -> list[int]:
    """Remove leftovers of killed builds, broken snapshots' files, the folders of served ones
    beyond the `keep` newest that no draft names, and segments that none of the rest names. Of those
    that do not hold everything yet only the newest few stay. Rows stay, except those of a new
    embedder's build under way. Call it while no build runs on this machine. Returns the snapshots
    whose files went."""
    root = index_root()
    long_ago = (timezone.now() - _DEAD_AFTER).timestamp()
    fetching = [path for path in root.glob(".fetching-*") if path.stat().st_mtime < long_ago]
    for leftover in [*root.glob(".building-*"), *fetching]:
        shutil.rmtree(leftover, ignore_errors=True)
    # whoever was building or about to switch on this machine died: nobody builds here now
    here = Q(built_on=socket.gethostname()) | Q(built_on="")
    _forget_overtaken()
    dead = IndexSnapshot.objects.filter(
        here | Q(created_at__lt=timezone.now() - _DEAD_AFTER),
        Q(state=State.BUILDING) | Q(state=State.READY, remaining=0),
    )
    dead.update(state=State.BROKEN, problem="The process that built it died.")
    served = IndexSnapshot.objects.filter(state__in=[State.ACTIVE, State.RETIRED])
    whole = served.filter(remaining=0).order_by("-activated_at", "-pk")
    partial = served.filter(remaining__gt=0).order_by("-pk")
    wanted = set(whole.values_list("pk", flat=True)[:keep])
    wanted |= set(partial.values_list("pk", flat=True)[:KEEP_PARTIAL])
    wanted |= set(served.filter(state=State.ACTIVE).values_list("pk", flat=True))
    wanted |= _named_by_drafts()
    building = State.BUILDING, State.READY  # on another machine
    wanted |= set(IndexSnapshot.objects.filter(state__in=building).values_list("pk", flat=True))
    gone = []
    for folder in root.glob("snapshot-*"):
        number = folder.name.removeprefix("snapshot-")
        if number.isdigit() and int(number) not in wanted and _remove(folder):
            gone.append(int(number))
    _remove_segments(wanted)
    return sorted(gone)


def _forget_overtaken() -> None:
    """Forget what a build that goes on in slices has left `READY` and built upon since, or left
    behind altogether. None of these was ever searched."""
    partial = IndexSnapshot.objects.filter(state=State.READY, remaining__gt=0)
    newer = IndexSnapshot.objects.filter(
        pk__gt=OuterRef("pk"),
        embedder_digest=OuterRef("embedder_digest"),
        state__in=[State.ACTIVE, State.READY, State.RETIRED],
    )
    long_ago = timezone.now() - _DEAD_AFTER
    partial.filter(Q(Exists(newer)) | Q(created_at__lt=long_ago)).delete()


def _remove_segments(wanted: set[int]) -> None:
    """Remove segments that no kept snapshot names. The store's stay where a manifest that may name
    them cannot be read here."""
    named: set[str] = set()
    all_read = True
    for row in IndexSnapshot.objects.filter(pk__in=wanted).exclude(folder=""):
        try:
            if not (index_root() / row.folder).exists():
                snapshot_store.fetch(row.folder, row.digest)
            manifest = read_manifest(index_root() / row.folder, row.digest)
        except DamagedSnapshot as damage:
            logger.warning("snapshot %s keeps no segment: %s", row.pk, damage)
            all_read = False
            continue
        named |= {segments.name_of(digest) for digest in manifest["segments"]}
    for folder in index_root().glob("segment-*"):
        if folder.name not in named:
            if all_read:
                _remove(folder)
            else:
                shutil.rmtree(folder, ignore_errors=True)


def _remove(folder: Path) -> bool:
    """Remove a folder from the store and then from here. False where the store cannot be reached: it
    stays in both, for the next time."""
    try:
        snapshot_store.remove(folder.name)
    except snapshot_store.StoreError as error:
        logger.warning("%s is not cleaned away: %s", folder.name, str(error))
        return False
    shutil.rmtree(folder, ignore_errors=True)
    return True


def _named_by_drafts() -> set[int]:
    """Snapshots that rows of other floors point to, found without importing those floors."""
    named: set[int] = set()
    for relation in IndexSnapshot._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            rows = relation.related_model._base_manager.exclude(**{relation.field.name: None})
            named |= set(rows.values_list(relation.field.attname, flat=True).distinct())
    return named
