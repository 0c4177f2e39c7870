"""Index snapshots: which one is active, making one active, and opening it for searching.

A snapshot is a folder of files that never change once it has its name, and a row. Readers follow
the active row; each keeps what it opened until it has opened the next one, so a search during a
switch is answered from the old snapshot or from the new one.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from assistant.audit.log import record
from assistant.celery import wake
from retrieval.embedder import EmbedderError, embedder_named, get_embedder
from retrieval.lexical import LexicalIndex
from retrieval.models import Document, IndexSnapshot, KnowledgeVersion
from retrieval.vector_index import VectorIndex

logger = logging.getLogger(__name__)

REFRESH_TASK = "retrieval.tasks.refresh_index"
SEARCH_QUEUE = "search"
MANIFEST = "manifest.json"
FORMAT = 2  # which files a snapshot holds; goes up when that changes
State = IndexSnapshot.State


class EmptyIndex(RuntimeError):
    """There is nothing to search yet."""


class DamagedSnapshot(RuntimeError):
    """A snapshot's files are missing or are not the ones that were built."""


class CannotActivate(RuntimeError):
    """This snapshot cannot be made active: why."""


@dataclass(frozen=True)
class OpenSnapshot:
    """A snapshot in memory: row `i` of vectors and words is the chunk `chunk_ids[i]` of the document
    `document_ids[i]`, cut from the article at row `article_rows[i]` of `articles`."""

    id: int
    embedder: str  # its name: queries are embedded by the same one
    embedder_digest: str
    chunk_ids: NDArray[np.int64]
    document_ids: NDArray[np.int64]
    digests: NDArray[np.bytes_]  # sha256 of what was embedded, by row
    vectors: VectorIndex
    lexical: LexicalIndex
    articles: LexicalIndex
    article_rows: NDArray[np.int64]


def index_root() -> Path:
    """Where snapshots lie."""
    return Path(settings.DATA_DIR) / "index"


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
    return snapshot


def open_folder(folder: Path, row: IndexSnapshot) -> OpenSnapshot:
    """Read a snapshot's files after checking each against the manifest, and that against the row.

    Raises `DamagedSnapshot` naming the file that is missing, altered or left over.
    """
    try:
        raw = (folder / MANIFEST).read_bytes()
    except OSError as error:
        raise DamagedSnapshot(f"{folder.name}/{MANIFEST} cannot be read: {error}") from error
    if hashlib.sha256(raw).hexdigest() != row.digest:
        raise DamagedSnapshot(f"{folder.name}/{MANIFEST} is not the one that was built.")
    manifest = json.loads(raw)
    if manifest["format"] != FORMAT:
        raise DamagedSnapshot(
            f"{folder.name} was built by another version of Countersign (format "
            f"{manifest['format']}, this one reads {FORMAT}); a new one is being built."
        )
    for name, expected in manifest["files"].items():
        try:
            found = file_digest(folder / name)
        except OSError as error:
            raise DamagedSnapshot(f"{folder.name}/{name} cannot be read: {error}") from error
        if found != expected:
            raise DamagedSnapshot(f"{folder.name}/{name} is not the file that was built.")
    chunk_ids = np.load(folder / "chunks.npy", allow_pickle=False)
    article_rows = np.load(folder / "article_rows.npy", allow_pickle=False)
    return OpenSnapshot(
        id=row.pk,
        embedder=manifest["embedder"],
        embedder_digest=manifest["embedder_digest"],
        chunk_ids=chunk_ids,
        document_ids=np.load(folder / "documents.npy", allow_pickle=False),
        digests=np.load(folder / "digests.npy", allow_pickle=False),
        vectors=VectorIndex.load(folder / "vectors.faiss"),
        lexical=LexicalIndex.load(folder / "lexical", len(chunk_ids)),
        articles=LexicalIndex.load(folder / "articles", int(article_rows.max(initial=-1)) + 1),
        article_rows=article_rows,
    )


def file_digest(path: Path) -> str:
    """sha256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


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
        if not (index_root() / row.folder / MANIFEST).is_file():
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
    whole = served.filter(built_from__gte=version(), embedder_digest=get_embedder().digest)
    return not whole.exists()
