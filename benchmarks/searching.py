"""Vector search at several sizes, beside whichever of hnswlib, sqlite-vec, Qdrant's local mode,
Chroma and LanceDB are installed (extra `bench`), on the same vectors in one run.

    benchmarks/searching.py [--sizes 1000 10000 100000] [--out FILE]

Vectors: 384 dimensions, around 200 centres, by a seed. Queries: vectors moved to a cosine of about .7.
p50 and p95 of single queries, k = 10, one thread; recall@10 against exact search stands beside each,
and approximate ones are set to reach .95. `add` and `delete` are of 100 vectors. Ours: one segment
more and tombstones, in memory (durable publication: `benchmarks/publishing.py`).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["LANCE_LOG"] = "error"

K = 10
DIMENSIONS = 384


class Ours:
    """`retrieval.vector_index`: exact to 50,000 vectors, IVF with SQ8 above."""

    name = "Countersign"

    def build(self, vectors: Any, folder: Path) -> None:
        from retrieval.vector_index import VectorIndex

        built, quality = VectorIndex.build(vectors)
        built.save(folder)
        self.index = self.base = VectorIndex.load(folder, probes=quality.probes)
        self.rows = len(vectors)

    def search(self, query: Any) -> Any:
        return self.index.search(query[None], K)[1][0]

    def add(self, vectors: Any) -> None:
        from retrieval.vector_index import SegmentedVectors, VectorIndex

        self.added, _ = VectorIndex.build(vectors)
        self.index = SegmentedVectors([self.base, self.added])

    def delete(self, rows: Any) -> None:
        from retrieval.vector_index import SegmentedVectors

        live = np.ones(self.rows, dtype=np.bool_)
        live[rows] = False
        self.index = SegmentedVectors([self.base, self.added], [live, None])


class Hnswlib:
    name = "hnswlib"

    def build(self, vectors: Any, folder: Path) -> None:
        import hnswlib

        self.index = hnswlib.Index("ip", DIMENSIONS)
        self.index.init_index(len(vectors) + 200, M=16, ef_construction=100)
        self.index.set_num_threads(1)
        self.index.add_items(vectors)
        self.index.set_ef(64)
        self.next = len(vectors)

    def search(self, query: Any) -> Any:
        return self.index.knn_query(query, K)[0][0]

    def add(self, vectors: Any) -> None:
        self.index.add_items(vectors, np.arange(self.next, self.next + len(vectors)))

    def delete(self, rows: Any) -> None:
        for row in rows:
            self.index.mark_deleted(int(row))


class SqliteVec:
    name = "sqlite-vec"

    def build(self, vectors: Any, folder: Path) -> None:
        import sqlite_vec

        self.db = sqlite3.connect(folder / "vectors.db")
        self.db.enable_load_extension(True)
        sqlite_vec.load(self.db)
        self.db.execute(
            f"create virtual table v using vec0(e float[{DIMENSIONS}] distance_metric=cosine)"
        )
        self.next = 1
        self.add(vectors)

    def search(self, query: Any) -> Any:
        sql = "select rowid - 1 from v where e match ? and k = ? order by distance"
        return np.array([row for (row,) in self.db.execute(sql, (query.tobytes(), K))])

    def add(self, vectors: Any) -> None:
        rows = ((self.next + n, vector.tobytes()) for n, vector in enumerate(vectors))
        with self.db:
            self.db.executemany("insert into v(rowid, e) values (?, ?)", rows)
        self.next += len(vectors)

    def delete(self, rows: Any) -> None:
        with self.db:
            self.db.executemany("delete from v where rowid = ?", [(int(r) + 1,) for r in rows])


class Qdrant:
    name = "Qdrant, local"

    def build(self, vectors: Any, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        self.models = models
        self.client = QdrantClient(path=str(folder / "qdrant"))
        size = models.VectorParams(size=DIMENSIONS, distance=models.Distance.DOT)
        self.client.create_collection("v", vectors_config=size)
        self.next = 0
        self.add(vectors)

    def search(self, query: Any) -> Any:
        found = self.client.query_points("v", query=query.tolist(), limit=K).points
        return np.array([point.id for point in found])

    def add(self, vectors: Any) -> None:
        self.client.upload_collection(
            "v", vectors=vectors, ids=range(self.next, self.next + len(vectors))
        )
        self.next += len(vectors)

    def delete(self, rows: Any) -> None:
        points = self.models.PointIdsList(points=[int(row) for row in rows])
        self.client.delete("v", points_selector=points)


class Chroma:
    name = "Chroma"

    def build(self, vectors: Any, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        options = Settings(anonymized_telemetry=False)
        client = chromadb.PersistentClient(path=str(folder / "chroma"), settings=options)
        space = {"hnsw:space": "ip", "hnsw:num_threads": 1}
        self.collection = client.create_collection("vectors", metadata=space)
        self.next = 0
        self.add(vectors)

    def search(self, query: Any) -> Any:
        found = self.collection.query(query_embeddings=[query], n_results=K, include=[])
        return np.array([int(name) for name in found["ids"][0]])

    def add(self, vectors: Any) -> None:
        for at in range(0, len(vectors), 2_000):
            part = vectors[at : at + 2_000]
            ids = [str(self.next + n) for n in range(len(part))]
            self.collection.add(ids=ids, embeddings=part)
            self.next += len(part)

    def delete(self, rows: Any) -> None:
        self.collection.delete(ids=[str(row) for row in rows])


class Lance:
    name = "LanceDB, exact"

    def build(self, vectors: Any, folder: Path) -> None:
        import lancedb

        self.next = 0
        self.table = lancedb.connect(str(folder / "lance")).create_table("v", self.rows(vectors))

    def rows(self, vectors: Any) -> Any:
        import pyarrow as pa

        flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIMENSIONS)
        ids = pa.array(range(self.next, self.next + len(vectors)))
        self.next += len(vectors)
        return pa.table({"id": ids, "vector": flat})

    def search(self, query: Any) -> Any:
        found = self.table.search(query).metric("cosine").limit(K).select(["id"]).to_arrow()
        return np.array(found["id"].to_pylist())

    def add(self, vectors: Any) -> None:
        self.table.add(self.rows(vectors))

    def delete(self, rows: Any) -> None:
        self.table.delete(f"id in ({', '.join(str(row) for row in rows)})")


STORES: dict[str, Callable[[], Any]] = {
    "hnswlib": Hnswlib,
    "sqlite_vec": SqliteVec,
    "qdrant_client": Qdrant,
    "chromadb": Chroma,
    "lancedb": Lance,
}


def clustered(count: int, random: np.random.Generator) -> Any:
    centres = random.standard_normal((200, DIMENSIONS)).astype(np.float32)
    noise = random.standard_normal((count, DIMENSIONS)).astype(np.float32)
    return unit(centres[random.integers(0, 200, count)] + noise)


def unit(vectors: Any) -> Any:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def timed(function: Callable[[], Any]) -> float:
    began = time.perf_counter()
    function()
    return (time.perf_counter() - began) * 1e3


def measure(store: Any, vectors: Any, queries: Any, truth: Any, more: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        build = timed(lambda: store.build(vectors, Path(name)))
        found = [store.search(query) for query in queries]  # warm
        times = [timed(lambda query=query: store.search(query)) for query in queries]
        recall = np.mean([len(set(a) & set(b)) / K for a, b in zip(found, truth, strict=True)])
        return {
            "size": len(vectors),
            "store": store.name,
            "recall_at_10": round(float(recall), 3),
            "p50_ms": round(statistics.median(times), 3),
            "p95_ms": round(statistics.quantiles(times, n=20)[-1], 3),
            "queries_a_second": round(1e3 / statistics.mean(times)),
            "add_100_ms": round(timed(lambda: store.add(more)), 1),
            "delete_100_ms": round(timed(lambda: store.delete(np.arange(0, 1000, 10))), 1),
            "build_seconds": round(build / 1e3, 2),
        }


def rows(sizes: list[int], stores: list[str]) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(0)
    present = [STORES[name] for name in stores if importlib.util.find_spec(name)]
    if SqliteVec in present and not hasattr(sqlite3.Connection, "enable_load_extension"):
        print("sqlite-vec is left out: this Python's sqlite3 loads no extensions", flush=True)
        present.remove(SqliteVec)
    for size in sizes:
        vectors = clustered(size, random)
        drawn = vectors[random.permutation(size)[:100]]
        queries = unit(drawn + unit(random.standard_normal(drawn.shape)))
        truth = [np.argsort(-(vectors @ query))[:K] for query in queries]
        more = clustered(100, random)
        for store in [Ours, *present]:
            yield measure(store(), vectors, queries, truth, more)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--stores", nargs="*", choices=list(STORES), default=list(STORES))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    found = []
    for row in rows(arguments.sizes, arguments.stores):
        print(json.dumps(row), flush=True)
        found.append(row)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"peak memory of all together: {peak} MB; load average {os.getloadavg()[0]:.1f}")
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
