"""From publishing an article to finding it, and a whole search, over a knowledge base of a given size.

    benchmarks/publishing.py --data FOLDER_OF_MARKDOWN --chunks 100000 [--out FILE]

The base's articles are the folder's files, taken again and again under other names until there are
enough. Their vectors are drawn at random around a few hundred of the embedder's own, since embedding
them would only measure the embedder (`benchmarks/embedding.py` does); words, database and all later
publications are real, and the embedder embeds those.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def milliseconds(function: Callable[[], Any]) -> float:
    began = time.perf_counter()
    function()
    return (time.perf_counter() - began) * 1e3


def load_base(folder: Path, chunks: int, collection: Any, now: Any) -> list[str]:
    """Bulk rows for a base of so many chunks; returns some of its sentences to search for."""
    from retrieval import publishing
    from retrieval.embedder import get_embedder
    from retrieval.models import Chunk, Document, Revision

    embedder = get_embedder()
    cut = []
    for path in sorted(folder.rglob("*.md")):
        text = publishing.normal_text(path.read_text(errors="ignore"))[:20_000]
        if len(text) > 400 and "\x00" not in text:
            cut.append((path.stem, text, publishing.cut(text, title=path.stem, embedder=embedder)))
        if sum(len(each[2]) for each in cut) >= min(chunks, 12_000):
            break
    made, copy = 0, 0
    while made < chunks:
        for title, text, pieces in cut:
            if made >= chunks:
                break
            document = Document(
                collection=collection,
                source=f"{copy}/{title}-{made}.md",
                title=title[:300],
                created_at=now,
                changed_at=now,
            )
            document.save()
            revision = Revision(
                document=document,
                number=1,
                title=f"{title} {copy}"[:300],
                text=text,
                digest=f"{made:064x}",
                created_at=now,
            )
            revision.save()
            Chunk.objects.bulk_create(publishing._chunks(revision, pieces, embedder))
            Document.objects.filter(pk=document.pk).update(current=revision)
            made += len(pieces)
        copy += 1
    return [
        piece.heading_path[-1] for _, _, pieces in cut for piece in pieces if piece.heading_path
    ]


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    import numpy as np
    from django.core.management import call_command
    from django.db import transaction
    from django.utils import timezone

    call_command("migrate", verbosity=0)
    from retrieval import building, compacting, publishing
    from retrieval.embedder import get_embedder
    from retrieval.models import Collection, Document, IndexSnapshot
    from retrieval.search import search
    from retrieval.snapshots import bump_version, open_active

    now = timezone.now()
    collection = Collection.objects.create(name="bench")
    with transaction.atomic():
        questions = load_base(arguments.data, arguments.chunks, collection, now)
        bump_version()
    random = np.random.default_rng(0)
    embedder = get_embedder()
    centres = embedder.encode(questions[:400])

    def drawn(texts: Any, *_: Any) -> Any:
        noise = random.standard_normal((len(texts), embedder.dimensions)).astype(np.float32)
        found = centres[random.integers(0, len(centres), len(texts))] + 0.04 * noise
        return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)

    embed, building._embed = building._embed, drawn
    build = milliseconds(building.refresh_if_stale)
    building._embed = embed
    open_active()
    row = IndexSnapshot.objects.get(state="active")
    searches = [
        milliseconds(lambda q=q: search(f"How do I {q}?", k=5))
        for q in sorted(set(questions))[:100]
    ]
    published, retired = [], []
    for number in range(arguments.rounds):
        title = f"Zebrafish valve {number}"
        text = "\n\n".join(f"The zebrafish valve {number} closes at {step}." for step in range(40))

        def publish(title: str = title, text: str = text) -> None:
            publishing.publish(
                collection=collection, source=f"{title}.md", title=title, text=text, now=now
            )
            building.refresh_if_stale()
            assert search(f"the {title}", k=1).hits[0].title == title

        def retire(title: str = title) -> None:
            document = Document.objects.get(title=title)
            publishing.retire(document, actor="system:bench", now=now)
            building.refresh_if_stale()
            assert search(f"the {title}", k=1).hits[0].title != title

        published.append(milliseconds(publish))
        if number % 2:
            retired.append(milliseconds(retire))
    compaction = milliseconds(lambda: compacting.compact(nice=0))
    quantiles = statistics.quantiles(searches[10:], n=20)
    return {
        "chunks": row.chunks,
        "index": row.vector_index,
        "recall_at_10": round(row.recall, 4),
        "build_seconds": round(build / 1e3, 2),
        "search_p50_ms": round(statistics.median(searches[10:]), 2),
        "search_p95_ms": round(quantiles[-1], 2),
        "publish_to_found_p50_ms": round(statistics.median(published), 1),
        "publish_to_found_worst_ms": round(max(published), 1),
        "retire_to_gone_p50_ms": round(statistics.median(retired), 1),
        "retire_to_gone_worst_ms": round(max(retired), 1),
        "compaction_seconds": round(compaction / 1e3, 2),
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
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
