"""How fast passages and queries are embedded, beside sentence-transformers as it comes, and a folder
of articles brought in beside LangChain's plain way (splitter, embedder, FAISS).

    benchmarks/embedding.py --data FOLDER_OF_MARKDOWN [--passages 256] [--articles 40] [--out FILE]

Each figure is the best of three in processor seconds of this process on one thread, which a machine
at other work falsifies less than the clock.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def seconds(function: Callable[[], Any], *, rounds: int = 3) -> tuple[float, Any]:
    """The least processor time of so many calls, and what the last one returned."""
    best, found = float("inf"), None
    for _ in range(rounds):
        began = time.process_time()
        found = function()
        best = min(best, time.process_time() - began)
    return best, found


def passages(folder: Path, count: int) -> list[str]:
    """Passages of 90 words from the folder, drawn by a seed."""
    found = []
    for path in sorted(folder.rglob("*.md"))[:400]:
        words = path.read_text(errors="ignore").split()
        found += [" ".join(words[at : at + 90]) for at in range(0, len(words) - 90, 90)]
    random.Random(1).shuffle(found)
    return found[:count]


def embedding(folder: Path, count: int) -> dict[str, Any]:
    import torch
    from sentence_transformers import SentenceTransformer

    from retrieval.embedder import Embedder

    torch.set_num_threads(1)
    ours = Embedder("bundled", threads=1)
    ours.warm_up()
    plain = SentenceTransformer(str(ours.folder), device="cpu")
    plain.max_seq_length = ours.max_tokens
    # longer ones are cut off by sentence-transformers and embedded whole by us: no comparison
    texts = [t for t in passages(folder, 2 * count) if ours.count_tokens(t) < 250][:count]
    tokens = sum(ours.count_tokens(text) for text in texts) / len(texts)
    plain.encode(texts[:8])
    ours.encode(texts[:8])
    slow, expected = seconds(lambda: plain.encode(texts, normalize_embeddings=True))
    first, _ = seconds(lambda: ours.encode(texts), rounds=1)
    fast, found = seconds(lambda: ours.encode(texts))
    cosines = (expected * found).sum(1)
    queries = [f"How do I {' '.join(text.split()[:9])}?" for text in texts]
    one_plain, _ = seconds(lambda: [plain.encode(query) for query in queries[:60]], rounds=2)
    ours.encode_windows(queries[-3:])
    one, _ = seconds(lambda: ours.encode_windows(queries[:60]), rounds=1)
    return {
        "passages": len(texts),
        "tokens_a_passage": round(tokens),
        "sentence_transformers_passages_a_second": round(len(texts) / slow, 1),
        "passages_a_second": round(len(texts) / fast, 1),
        "passages_a_second_the_first_time": round(len(texts) / first, 1),
        "times_faster": round(slow / fast, 2),
        "least_cosine": round(float(cosines.min()), 5),
        "sentence_transformers_query_ms": round(one_plain / 60 * 1e3, 2),
        "query_ms": round(one / 60 * 1e3, 2),
    }


def ingestion(folder: Path, count: int) -> dict[str, Any]:
    """Whole articles: LangChain's splitter, sentence-transformers and FAISS, against our `ingest`."""
    import faiss
    from django.core.management import call_command
    from django.utils import timezone
    from langchain_text_splitters import RecursiveCharacterTextSplitter
    from sentence_transformers import SentenceTransformer

    from retrieval.embedder import get_embedder
    from retrieval.ingest import ingest

    articles = sorted(folder.rglob("*.md"))
    whole_ones = [path for path in articles if 2_000 < path.stat().st_size < 20_000]
    files = (whole_ones or articles)[:count]  # the demo's are all shorter
    call_command("migrate", verbosity=0)
    embedder = get_embedder()
    embedder.warm_up()
    model = SentenceTransformer(str(embedder.folder), device="cpu")

    def plain() -> int:
        splitter = RecursiveCharacterTextSplitter(chunk_size=700, chunk_overlap=70)
        pieces = [t for p in files for t in splitter.split_text(p.read_text(errors="ignore"))]
        vectors = model.encode(pieces, normalize_embeddings=True)
        index = faiss.IndexFlatL2(vectors.shape[1])
        index.add(vectors)
        return len(pieces)

    slow, pieces = seconds(plain, rounds=1)
    with tempfile.TemporaryDirectory() as name:
        for number, path in enumerate(files):
            (Path(name) / f"{number}.md").write_text(path.read_text(errors="ignore"))
        fast, report = seconds(
            lambda: ingest(Path(name), collection="bench", now=timezone.now()), rounds=1
        )
    return {
        "articles": len(files),
        "plain_chunks": pieces,
        "plain_cpu_seconds": round(slow, 2),
        "chunks": report.chunks,
        "cpu_seconds": round(fast, 2),
        "times_faster": round(slow / fast, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=ROOT / "demo" / "knowledge")
    parser.add_argument("--passages", type=int, default=256)
    parser.add_argument("--articles", type=int, default=40)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COUNTERSIGN_DATA_DIR"] = folder
        os.environ["COUNTERSIGN_TORCH_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")
        import django

        django.setup()
        found = {
            "embedding": embedding(arguments.data, arguments.passages),
            "ingestion": ingestion(arguments.data, arguments.articles),
        }
    print(json.dumps(found, indent=1))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
