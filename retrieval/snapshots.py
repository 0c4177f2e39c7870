"""Index snapshots: which one is active, making one active, and opening it for searching.

A snapshot is a row and a sealed folder that names its segments and its tombstones; nothing of it
changes once it has its name. Readers follow the active row; each keeps what it opened until it has
opened the next one, so a search during a switch is answered from the old snapshot or from the new
one.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from assistant.audit.log import record
from assistant.celery import wake
from retrieval import segments, snapshot_store
from retrieval.embedder import EmbedderError, embedder_named, get_embedder
from retrieval.lexical import LexicalIndex
from retrieval.models import Document, IndexSnapshot, KnowledgeVersion
from retrieval.sealed import DamagedSnapshot, check, index_root, seal
from retrieval.segments import Part
from retrieval.vector_index import SegmentedVectors

__all__ = ["DamagedSnapshot", "EmptyIndex", "OpenSnapshot", "index_root", "open_active"]

logger = logging.getLogger(__name__)

REFRESH_TASK = "retrieval.tasks.refresh_index"
NEXT_SLICE_TASK = "retrieval.tasks.refresh_next_slice"
SEARCH_QUEUE = "search"
TOMBSTONES = "tombstones.npy"  # rows that no longer count, numbered over all segments
State = IndexSnapshot.State


class EmptyIndex(RuntimeError):
    """There is nothing to search yet."""


class CannotActivate(RuntimeError):
    """This snapshot cannot be made active: why."""


@dataclass(frozen=True)
class OpenSnapshot:
    """A snapshot in memory: row `i` of vectors and words is the chunk `chunk_ids[i]` of the document
    `document_ids[i]`, cut from the article at row `article_rows[i]` of `articles`.

    Rows are numbered over all segments, tombstones included (`live`, `bool [n]`, tells them); a
    search of the vectors never finds a dead row, and its words score 0.
    """

    id: int
    embedder: str  # its name: queries are embedded by the same one
    embedder_digest: str
    parts: tuple[Part, ...]
    live: NDArray[np.bool_]
    chunk_ids: NDArray[np.int64]
    document_ids: NDArray[np.int64]
    vectors: SegmentedVectors
    lexical: LexicalIndex
    articles: LexicalIndex
    article_rows: NDArray[np.int64]


# --- reading ----------------------------------------------------------------------------------

_open: dict[str, OpenSnapshot] = {}  # by the manifest's digest, which names every file
_opening = threading.Lock()


def open_active() -> OpenSnapshot:
    """The active snapshot, opened once a process; one query says which it is.

    Raises `EmptyIndex` and `DamagedSnapshot`; a damaged one is taken out of service, and a new one
    is asked for.
    """
    row = IndexSnapshot.objects.filter(state=State.ACTIVE).first()
    if row is None:
        raise EmptyIndex(
            "The knowledge base has no index yet: ingest articles with manage.py ingest, or wait "
            "for the running build to finish."
        )
    if row.chunks == 0:
        raise EmptyIndex("The knowledge base holds no published article.")
    with _opening:
        snapshot = _open.get(row.digest)
        if snapshot is None:
            try:
                snapshot = open_folder(index_root() / row.folder, row)
            except snapshot_store.StoreError:
                raise  # other machines have it whole
            except DamagedSnapshot as damage:
                _take_out_of_service(row, damage)
                raise
            if snapshot.embedder_digest != embedder_named(row.embedder).digest:
                wake(REFRESH_TASK, queue=SEARCH_QUEUE)
                raise DamagedSnapshot(
                    f"Snapshot {row.pk} was built with other weights of {row.embedder} than there are "
                    "now; a new index is being built. To keep the old one, put the weights back."
                )
            if row.embedder != get_embedder().name:  # it goes on answering until the switch
                wake(REFRESH_TASK, queue=SEARCH_QUEUE)
            _open.clear()  # searches under way hold the one that they began with
            _open[row.digest] = snapshot
            segments.forget(but={part.segment.digest for part in snapshot.parts})
    return snapshot


def open_parts(folder: Path, digest: str) -> list[Part]:
    """The segments of a snapshot and which of their rows are live.

    Every file is checked against the manifest that names it, the segments' manifests against the
    snapshot's, and that against the row's digest. Raises `DamagedSnapshot` naming what is missing
    or altered.
    """
    try:
        manifest = check(folder, digest)
    except DamagedSnapshot:
        if not snapshot_store.fetch(folder.name, digest):
            raise
        manifest = check(folder, digest)
    tombstones = np.load(folder / TOMBSTONES, allow_pickle=False)
    parts, before = [], 0
    for name in manifest["segments"]:
        segment = segments.open_segment(name)
        part = segments.whole(segment)
        mine = tombstones[(tombstones >= before) & (tombstones < before + len(segment))]
        part.live[mine - before] = False
        parts.append(part)
        before += len(segment)
    return parts


def open_folder(folder: Path, row: IndexSnapshot) -> OpenSnapshot:
    """Open a snapshot for searching. Raises `DamagedSnapshot`."""
    return assemble(open_parts(folder, row.digest), row)


def assemble(parts: Sequence[Part], row: IndexSnapshot) -> OpenSnapshot:
    """Segments put together for searching."""
    columns = [part.segment.columns for part in parts]
    article_rows, before = [], 0
    for each in columns:
        article_rows.append(each.article_rows + before)
        before += len(each.revision_ids)
    masks = [part.mask for part in parts]
    return OpenSnapshot(
        id=row.pk,
        embedder=row.embedder,
        embedder_digest=row.embedder_digest,
        parts=tuple(parts),
        live=_joined([part.live for part in parts], np.bool_),
        chunk_ids=_joined([each.chunk_ids for each in columns]),
        document_ids=_joined([each.document_ids for each in columns]),
        vectors=SegmentedVectors([part.segment.vectors for part in parts], masks),
        lexical=LexicalIndex([part.segment.words for part in parts], masks),
        articles=LexicalIndex(
            [part.segment.article_words for part in parts],
            [
                None if mask is None else part.live_articles
                for part, mask in zip(parts, masks, strict=True)
            ],
        ),
        article_rows=_joined(article_rows),
    )


def _joined(arrays: Sequence[NDArray], dtype: type = np.int64) -> NDArray:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype=dtype)


def write(folder: Path, parts: Sequence[Part], row: IndexSnapshot) -> str:
    """Write and seal a snapshot's folder over segments that stand; returns its digest."""
    folder.mkdir(parents=True)
    live = _joined([part.live for part in parts], np.bool_)
    np.save(folder / TOMBSTONES, np.flatnonzero(~live))
    about = {
        "snapshot": row.pk,
        "embedder": row.embedder,
        "embedder_digest": row.embedder_digest,
        "chunks": row.chunks,
        "built_from": row.built_from,
        "remaining": row.remaining,
        "segments": [part.segment.digest for part in parts],
    }
    return seal(folder, about)


def _take_out_of_service(row: IndexSnapshot, damage: DamagedSnapshot) -> None:
    logger.error("snapshot %s is taken out of service: %s", row.pk, damage)
    IndexSnapshot.objects.filter(pk=row.pk, state=State.ACTIVE).update(state=State.BROKEN)
    wake(REFRESH_TASK, queue=SEARCH_QUEUE)


# --- switching --------------------------------------------------------------------------------


def activate(snapshot: IndexSnapshot, *, actor: str, now: datetime | None = None) -> bool:
    """Make a whole snapshot the one that is searched, in one step.

    An older one may be chosen (a roll back); it stays until the knowledge base changes again. A
    fresh one (`READY`) that an even newer one has overtaken is not made active: returns False.
    Raises `CannotActivate` for one that is broken, unfinished, or from an embedder that has changed or
    is gone.
    """
    now = now or timezone.now()
    with transaction.atomic():
        _lock_version()
        row = IndexSnapshot.objects.select_for_update().get(pk=snapshot.pk)
        active = IndexSnapshot.objects.select_for_update().filter(state=State.ACTIVE).first()
        if row.state == State.ACTIVE:
            return True
        if row.state not in {State.READY, State.RETIRED}:
            raise CannotActivate(f"Snapshot {row.pk} is {row.get_state_display().lower()}.")
        try:
            has_changed = row.embedder_digest != embedder_named(row.embedder).digest
        except EmbedderError as error:
            raise CannotActivate(str(error)) from error
        if has_changed:
            raise CannotActivate(
                f"Snapshot {row.pk} was built with other weights of the embedder {row.embedder} than "
                "there are now."
            )
        if not snapshot_store.local_or_stored(row.folder):
            raise CannotActivate(f"The files of snapshot {row.pk} have been cleaned away.")
        if row.state == State.READY and active and active.built_from > row.built_from:
            IndexSnapshot.objects.filter(pk=row.pk).update(state=State.RETIRED)
            return False
        if active:
            IndexSnapshot.objects.filter(pk=active.pk).update(state=State.RETIRED)
        IndexSnapshot.objects.filter(pk=row.pk).update(state=State.ACTIVE, activated_at=now)
        record(
            "snapshot.activated",
            actor=actor,
            data={
                "snapshot": row.pk,
                "digest": row.digest,
                "embedder": row.embedder,
                "chunks": row.chunks,
                "before": active.pk if active else None,
            },
            now=now,
        )
    return True


def is_of_another_embedder(snapshot: IndexSnapshot) -> bool:
    """Whether searches are answered from a snapshot of another embedder than this one's."""
    active = IndexSnapshot.objects.filter(state=State.ACTIVE, chunks__gt=0)
    return active.exclude(embedder_digest=snapshot.embedder_digest).exists()


# --- what the knowledge base holds --------------------------------------------------------------


def version() -> int:
    """How often the knowledge base has changed."""
    row = KnowledgeVersion.objects.filter(pk=1).values_list("number", flat=True).first()
    return row or 0


def bump_version() -> None:
    """Count a change of the knowledge base; call it in the change's own transaction."""
    row = _lock_version()
    row.number += 1
    row.save(update_fields=["number"])


def _lock_version() -> KnowledgeVersion:
    """The version's row, locked until the commit: publishing and switching go one at a time."""
    KnowledgeVersion.objects.get_or_create(pk=1)
    return KnowledgeVersion.objects.select_for_update().get(pk=1)


def is_stale() -> bool:
    """Whether no snapshot that has served holds the knowledge base as it is now. Loads no model.

    A snapshot that was rolled back from still counts, so a roll back stands until the next change.
    """
    served = IndexSnapshot.objects.filter(state__in=[State.ACTIVE, State.RETIRED])
    if not served.filter(state=State.ACTIVE).exists():
        return Document.objects.filter(state=Document.State.PUBLISHED).exists()
    whole = served.filter(
        remaining=0, built_from__gte=version(), embedder_digest=get_embedder().digest
    )
    return not whole.exists()
