"""How many of the nearest passages the active index finds for real questions, by how much of it is probed.

    manage.py ingest … && manage.py compact_index
    benchmarks/index_recall.py --questions FILE [--k 10]

A build measures its recall on vectors that it moves at random (`retrieval.vector_index`); here the rows
of a questions file (`evaluate retrieval`) are asked instead, each `query` as one text. Recall is against
exact search in the same segment, the largest one; times are of one search on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ["OMP_NUM_THREADS"] = "1"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")

import django

django.setup()

import numpy as np  # noqa: E402

from retrieval import vector_index  # noqa: E402
from retrieval.embedder import get_embedder  # noqa: E402
from retrieval.snapshots import open_active  # noqa: E402


def measured(index: vector_index.VectorIndex, queries: Any, truth: Any) -> tuple[float, float]:
    """Recall, and the median of a search in ms."""
    found, times = [], []
    for query in queries:
        began = time.perf_counter()
        found.append(index.search(query[None], truth.shape[1])[1][0])
        times.append((time.perf_counter() - began) * 1e3)
    hits = [len(np.intersect1d(a, b)) for a, b in zip(found, truth, strict=True)]
    return sum(hits) / truth.size, statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--questions", type=Path, required=True)
    parser.add_argument("--k", type=int, default=10)
    options = parser.parse_args()
    texts = [json.loads(line)["query"] for line in options.questions.open()]
    asked = get_embedder().encode(texts)
    segment = max((part.segment for part in open_active().parts), key=len)
    vectors = segment.vectors.vectors()
    built, quality = vector_index.VectorIndex.build(vectors)
    print(f"{len(vectors):,} passages, {quality.index}, built for {quality.probes} probes")
    moved = vector_index._like_queries(vectors, np.random.default_rng(5))
    truths = [np.argsort(-(q @ vectors.T), axis=1)[:, : options.k] for q in (asked, moved)]
    print(f"| probes | recall@{options.k}, {len(texts)} questions | ms | vectors moved at random |")
    print("|---|---|---|---|")
    for probes in (8, 16, 32, 64, 128, 256):
        index = vector_index.VectorIndex(built._exact, built._approximate, probes)
        recall, milliseconds = measured(index, asked, truths[0])
        print(
            f"| {probes} | {recall:.3f} | {milliseconds:.2f} | {measured(index, moved, truths[1])[0]:.3f} |"
        )


if __name__ == "__main__":
    main()
