"""From publishing an article to finding it, and a whole search, over a knowledge base of a given size.

    benchmarks/publishing.py --data FOLDER_OF_MARKDOWN --chunks 100000 [--out FILE]

The base is made of the folder's first articles, taken again until there are enough. Their vectors
are drawn at random around the embedder's own of their headings, since embedding them would only
measure the embedder (`benchmarks/embedding.py` does). Rows, words, segments and all later
publications are real, and the embedder embeds those. Beside the time on the clock stands the
processor's, which a machine at other work falsifies less.

A whole search is measured without the reranker and with the bundled one, which reads the best 12 passages
together with the question; for a thread it reads them twice.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


SAMPLE = 3_000  # chunks that are cut from real articles


@dataclass
class Times:
    """Milliseconds of one thing done again and again: on the clock, and of this process."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)

    def take(self, function: Callable[[], Any]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        function()
        self.wall.append((time.perf_counter() - wall) * 1e3)
        self.cpu.append((time.process_time() - cpu) * 1e3)

    def row(self, name: str) -> dict[str, float]:
        return {
            f"{name}_p50_ms": round(statistics.median(self.wall), 1),
            f"{name}_p95_ms": round(statistics.quantiles(self.wall, n=20)[-1], 1),
            f"{name}_cpu_p50_ms": round(statistics.median(self.cpu), 1),
        }


def base_of(folder: Path, wanted: int, collection: Any, now: Any) -> tuple[Any, list[str]]:
    """A segment's content over bulk rows in the database, and headings to search for."""
    import numpy as np

    from retrieval import publishing
    from retrieval.embedder import get_embedder
    from retrieval.lexical import Postings
    from retrieval.models import Chunk, Document, Revision
    from retrieval.segments import Columns, Content

    embedder = get_embedder()
    articles: list[tuple[str, str, list[Any]]] = []
    for path in sorted(folder.rglob("*.md")):
        text = publishing.normal_text(path.read_text(errors="ignore"))[:20_000]
        if len(text) > 400 and "\x00" not in text:
            pieces = publishing.cut(text, title=path.stem, embedder=embedder)
            articles.append((path.stem[:250], text, pieces))
        if sum(len(pieces) for _, _, pieces in articles) >= min(wanted, SAMPLE):
            break
    sample = sum(len(pieces) for _, _, pieces in articles)
    copies = max(1, round(wanted / sample))
    times = {"created_at": now, "changed_at": now}
    documents = Document.objects.bulk_create(
        Document(collection=collection, source=f"{copy}/{number}.md", title=title, **times)
        for copy in range(copies)
        for number, (title, _, _) in enumerate(articles)
    )
    revisions = Revision.objects.bulk_create(
        Revision(document=document, number=1, title=title, text=text, digest="", created_at=now)
        for document, (title, text, _) in zip(documents, articles * copies, strict=True)
    )
    for document, revision in zip(documents, revisions, strict=True):
        document.current = revision
    Document.objects.bulk_update(documents, ["current"], batch_size=300)
    chunks = Chunk.objects.bulk_create(
        (
            Chunk(
                revision=revision,
                position=position,
                heading_path=list(piece.heading_path),
                text=text[piece.start : piece.end],
                start=piece.start,
                end=piece.end,
                tokens=piece.tokens,
                digest=hashlib.sha256(f"{revision.pk}/{position}".encode()).hexdigest(),
            )
            for revision, (_, text, pieces) in zip(revisions, articles * copies, strict=True)
            for position, piece in enumerate(pieces)
        ),
        batch_size=2_000,
    )
    random = np.random.default_rng(0)
    headings = sorted({h for _, _, ps in articles for p in ps for h in p.heading_path[-1:]})[:300]
    centres = embedder.encode(headings)
    noise = random.standard_normal((len(chunks), embedder.dimensions)).astype(np.float32)
    vectors = centres[random.integers(0, len(centres), len(chunks))] + 0.04 * noise
    owners = np.repeat(np.arange(len(articles)), [len(pieces) for _, _, pieces in articles])
    whole = Postings.build([f"{title}\n{text}" for title, text, _ in articles])
    words = Postings.build(
        [f"{title}\n{text[p.start : p.end]}" for title, text, pieces in articles for p in pieces]
    )
    columns = Columns(
        chunk_ids=np.array([chunk.pk for chunk in chunks]),
        document_ids=np.array([chunk.revision.document_id for chunk in chunks]),
        digests=np.array([list(bytes.fromhex(chunk.digest)) for chunk in chunks], dtype=np.uint8),
        article_rows=np.concatenate([owners + copy * len(articles) for copy in range(copies)]),
        revision_ids=np.array([revision.pk for revision in revisions]),
    )
    content = Content(
        columns=columns,
        vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        words=Postings.merge([(words, np.ones(len(words), dtype=np.bool_))] * copies),
        article_words=Postings.merge([(whole, np.ones(len(whole), dtype=np.bool_))] * copies),
    )
    return content, headings


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    from django.core.management import call_command
    from django.utils import timezone

    call_command("migrate", verbosity=0)
    from retrieval import building, compacting, publishing, segments, snapshots
    from retrieval.embedder import get_embedder
    from retrieval.models import Collection, Document, IndexSnapshot
    from retrieval.search import search

    now = timezone.now()
    collection = Collection.objects.create(name="bench")
    content, headings = base_of(arguments.data, arguments.chunks, collection, now)
    snapshots.bump_version()
    aside = snapshots.index_root() / ".base"
    build = Times()

    def write() -> None:
        digest = segments.write(aside, content, embedder_digest=get_embedder().digest)
        segments.keep(aside, digest)
        standing = building.Standing([segments.whole(segments.open_segment(digest))])
        snapshots.activate(building.build(standing=standing), actor="system:bench", now=now)

    build.take(write)
    row = IndexSnapshot.objects.get(state="active")
    searches, reranked, published, retired, compacted = (Times() for _ in range(5))
    for times, mode, count in ((searches, "fused", 100), (reranked, "reranked", 20)):
        search("warm up", k=5, mode=mode)
        for heading in headings[:count]:
            question = f"How do I do this: {heading}?"
            times.take(lambda q=question, mode=mode: search(q, k=5, mode=mode))
    for number in range(arguments.rounds):
        title = f"Zebrafish valve {number}"
        text = "\n\n".join(f"The zebrafish valve {number} closes at {step}." for step in range(40))

        def publish(title: str = title, text: str = text) -> None:
            publishing.publish(
                collection=collection, source=f"{title}.md", title=title, text=text, now=now
            )
            building.refresh_if_stale()
            assert search(f"the {title}", k=1, mode="fused").hits[0].title == title

        def retire(title: str = title) -> None:
            document = Document.objects.get(title=title)
            publishing.retire(document, actor="system:bench", now=now)
            building.refresh_if_stale()
            assert search(f"the {title}", k=1, mode="fused").hits[0].title != title

        published.take(publish)
        if number % 2:
            retired.take(retire)
    compacted.take(lambda: compacting.compact(nice=0))
    return {
        "chunks": row.chunks,
        "index": row.vector_index,
        "probes": row.probes,
        "recall_at_10": round(row.recall or 0.0, 4),
        "build_seconds": round(build.wall[0] / 1e3, 1),
        "build_cpu_seconds": round(build.cpu[0] / 1e3, 1),
        **searches.row("search"),
        **reranked.row("reranked_search"),
        **published.row("publish_to_found"),
        **retired.row("retire_to_gone"),
        "compaction_seconds": round(compacted.wall[0] / 1e3, 1),
        "compaction_cpu_seconds": round(compacted.cpu[0] / 1e3, 1),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / "demo" / "knowledge")
    parser.add_argument("--chunks", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COUNTERSIGN_DATA_DIR"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")
        import django

        django.setup()
        found = measure(arguments)
    print(json.dumps(found, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
