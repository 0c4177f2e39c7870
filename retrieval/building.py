"""Build a snapshot aside, check it, give it its name, and only then make it active.

A kill at any moment leaves the active snapshot whole: what is unfinished lies in a folder whose
name begins with a dot, and is swept away by the next build.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from django.db import transaction
from django.db.models import F, ManyToOneRel
from django.utils import timezone
from numpy.typing import NDArray

from assistant.audit.log import system
from retrieval import snapshots
from retrieval.embedder import Embedder, get_embedder
from retrieval.lexical import LexicalIndex, terms
from retrieval.models import Chunk, Document, IndexSnapshot
from retrieval.snapshots import FORMAT, MANIFEST, DamagedSnapshot, OpenSnapshot, index_root
from retrieval.vector_index import VectorIndex, Vectors

logger = logging.getLogger(__name__)

State = IndexSnapshot.State
Progress = Callable[[int, int], None]  # chunks embedded so far, chunks to embed

KEEP = 3  # snapshots that stay for rolling back, beside those that a draft names
EMBED_BATCH = 64
PROBES = 32


class BuildFailed(RuntimeError):
    """A snapshot was built and did not pass its checks; the active one stays."""


def refresh_if_stale(*, actor: str = "", progress: Progress | None = None) -> IndexSnapshot | None:
    """Build and activate a snapshot where the knowledge base has changed since the last one.

    Waits for a build that is under way. Returns the new snapshot, or None where none was due.
    """
    with _one_builder():
        if not snapshots.is_stale():
            return None
        row = build(progress=progress)
        snapshots.activate(row, actor=actor or system("index"))
        clean()
    row.refresh_from_db()
    return row


def build(*, progress: Progress | None = None) -> IndexSnapshot:
    """A checked snapshot (`READY`) of the knowledge base as it is now, not active yet.

    Raises `BuildFailed`; whatever goes wrong, the row is left `BROKEN` and no file remains.
    """
    embedder = get_embedder()
    embedder.warm_up()
    row = IndexSnapshot.objects.create(
        embedder=embedder.name, embedder_digest=embedder.digest, created_at=timezone.now()
    )
    aside = index_root() / f".building-{row.pk}"
    try:
        with transaction.atomic():
            # The version first: a change in between makes this snapshot look older than it is,
            # never newer.
            built_from = snapshots.version()
            chunks = _published_chunks()
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        _write(aside, chunks, embedder, progress)
        digest = _seal(aside, row, embedder, chunks, built_from)
        row.digest, row.folder = digest, f"snapshot-{row.pk}"
        _check(snapshots.open_folder(aside, row), chunks, embedder)
        final = index_root() / row.folder
        os.rename(aside, final)
        _sync(index_root())
        row.chunks, row.dimensions = len(chunks), embedder.dimensions
        row.built_from, row.state = built_from, State.READY
        row.save()
    except BaseException:
        IndexSnapshot.objects.filter(pk=row.pk).update(state=State.BROKEN)
        shutil.rmtree(aside, ignore_errors=True)
        raise
    return row


def _published_chunks() -> list[Chunk]:
    return list(
        Chunk.objects.filter(
            revision__document__state=Document.State.PUBLISHED,
            revision__document__current_id=F("revision_id"),
        )
        .select_related("revision")
        .order_by("pk")
    )


def _write(
    folder: Path, chunks: Sequence[Chunk], embedder: Embedder, progress: Progress | None
) -> None:
    texts = [chunk.searchable_text(embedder.count_tokens) for chunk in chunks]
    digests = np.array([chunk.digest.encode() for chunk in chunks], dtype="S64")
    vectors = _embed(texts, digests, embedder, progress)
    VectorIndex.build(vectors).save(folder / "vectors.faiss")
    LexicalIndex.build(texts).save(folder / "lexical")
    revisions = {chunk.revision_id: chunk.revision for chunk in chunks}
    whole = [f"{revision.title}\n{revision.text}" for revision in revisions.values()]
    LexicalIndex.build(whole).save(folder / "articles")
    rows = {revision_id: row for row, revision_id in enumerate(revisions)}
    np.save(
        folder / "article_rows.npy",
        np.array([rows[chunk.revision_id] for chunk in chunks], dtype=np.int64),
    )
    documents = [chunk.revision.document_id for chunk in chunks]
    np.save(folder / "documents.npy", np.array(documents, dtype=np.int64))
    np.save(folder / "chunks.npy", np.array([chunk.pk for chunk in chunks], dtype=np.int64))
    np.save(folder / "digests.npy", digests)


def _embed(
    texts: Sequence[str],
    digests: NDArray[np.bytes_],
    embedder: Embedder,
    progress: Progress | None,
) -> Vectors:
    """Embed what no earlier snapshot holds: `float32 [n, dimensions]`."""
    known = _known_vectors(embedder)
    vectors = np.zeros((len(texts), embedder.dimensions), dtype=np.float32)
    missing: dict[bytes, list[int]] = {}
    for row, digest in enumerate(digests.tolist()):
        vector = known.get(digest)
        if vector is None:
            missing.setdefault(digest, []).append(row)
        else:
            vectors[row] = vector
    waiting = list(missing.values())
    for start in range(0, len(waiting), EMBED_BATCH):
        batch = waiting[start : start + EMBED_BATCH]
        for rows, vector in zip(batch, embedder.encode([texts[r[0]] for r in batch]), strict=True):
            vectors[rows] = vector
        if progress:
            progress(min(start + EMBED_BATCH, len(waiting)), len(waiting))
    return vectors


def _known_vectors(embedder: Embedder) -> dict[bytes, Vectors]:
    """Vectors by digest from the newest whole snapshot of the same embedder."""
    rows = IndexSnapshot.objects.filter(
        embedder_digest=embedder.digest,
        chunks__gt=0,
        state__in=[State.ACTIVE, State.READY, State.RETIRED],
    ).order_by("-built_from", "-pk")[: KEEP + 1]
    for row in rows:
        try:
            opened = snapshots.open_folder(index_root() / row.folder, row)
        except DamagedSnapshot as damage:
            logger.warning("vectors of snapshot %s are not reused: %s", row.pk, damage)
            continue
        return dict(zip(opened.digests.tolist(), opened.vectors.vectors(), strict=True))
    return {}


def _seal(
    folder: Path, row: IndexSnapshot, embedder: Embedder, chunks: Sequence[Chunk], built_from: int
) -> str:
    """Write every file through to the disk, the manifest last; returns the manifest's sha256."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    for path in files:
        _sync(path)
    manifest = {
        "format": FORMAT,
        "snapshot": row.pk,
        "embedder": embedder.name,
        "embedder_digest": embedder.digest,
        "dimensions": embedder.dimensions,
        "chunks": len(chunks),
        "built_from": built_from,
        "files": {
            path.relative_to(folder).as_posix(): snapshots.file_digest(path) for path in files
        },
    }
    raw = json.dumps(manifest, indent=1, sort_keys=True).encode()
    (folder / MANIFEST).write_bytes(raw)
    _sync(folder / MANIFEST)
    for path in [*(p for p in folder.rglob("*") if p.is_dir()), folder]:
        _sync(path)
    return hashlib.sha256(raw).hexdigest()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check(opened: OpenSnapshot, chunks: Sequence[Chunk], embedder: Embedder) -> None:
    """Refuse a snapshot that does not hold what it should: counts, ids, and finding itself."""
    count = len(chunks)
    if not len(opened.vectors) == len(opened.chunk_ids) == len(opened.digests) == count:
        raise BuildFailed(
            f"{count} chunks went in, and {len(opened.vectors)} vectors for "
            f"{len(opened.chunk_ids)} ids came out"
        )
    if not count:
        return
    if opened.vectors.dimensions != embedder.dimensions:
        raise BuildFailed(f"vectors have {opened.vectors.dimensions} dimensions")
    rows = np.unique(np.linspace(0, count - 1, min(PROBES, count)).astype(np.int64))
    probes = opened.vectors.vectors_at(rows)
    if not np.allclose(np.linalg.norm(probes, axis=1), 1.0, atol=1e-3):
        raise BuildFailed("vectors are not of unit length")
    best, _ = opened.vectors.search(probes, 1)
    if not np.allclose(best[:, 0], 1.0, atol=1e-3):
        raise BuildFailed("a chunk's own vector does not find it")
    for row in rows.tolist():
        text = chunks[row].text
        if terms(text) and not opened.lexical.scores(text)[row] > 0:
            raise BuildFailed(f"the words of chunk {chunks[row].pk} do not find it")


def clean(*, keep: int = KEEP) -> list[int]:
    """Remove what no one needs: leftovers of killed builds, broken snapshots' files, and the
    folders of served ones beyond the `keep` newest that no draft names. Rows stay. Call it while
    no build runs. Returns the snapshots whose files went."""
    root = index_root()
    for leftover in root.glob(".building-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    # whoever was building or about to switch died: nobody builds now
    dead = IndexSnapshot.objects.filter(state__in=[State.BUILDING, State.READY])
    dead.update(state=State.BROKEN)
    served = IndexSnapshot.objects.filter(state__in=[State.ACTIVE, State.RETIRED])
    wanted = set(served.order_by("-activated_at", "-pk").values_list("pk", flat=True)[:keep])
    wanted |= set(served.filter(state=State.ACTIVE).values_list("pk", flat=True))
    wanted |= _named_by_drafts()
    gone = []
    for folder in root.glob("snapshot-*"):
        number = folder.name.removeprefix("snapshot-")
        if number.isdigit() and int(number) not in wanted:
            shutil.rmtree(folder, ignore_errors=True)
            gone.append(int(number))
    return sorted(gone)


def _named_by_drafts() -> set[int]:
    """Snapshots that rows of other floors point to, found without importing those floors."""
    named: set[int] = set()
    for relation in IndexSnapshot._meta.get_fields(include_hidden=True):
        if isinstance(relation, ManyToOneRel):
            rows = relation.related_model._base_manager.exclude(**{relation.field.name: None})
            named |= set(rows.values_list(relation.field.attname, flat=True).distinct())
    return named


@contextmanager
def _one_builder() -> Iterator[None]:
    """One build at a time on this machine; the lock goes with the process that held it."""
    root = index_root()
    root.mkdir(parents=True, exist_ok=True)
    with (root / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
