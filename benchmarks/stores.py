"""The stores that `searching.py` measures, each behind the same four or five functions.

`search` gives the row numbers of a query's `K` nearest; `add` takes `float32 [n, DIMENSIONS]`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

K = 10
DIMENSIONS = 384
PROBES = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256]
WIDTHS = [10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 384, 512, 768, 1024]


class Store:
    """A store under measurement. An approximate one has a `knob` with `values` to `turn` it to;
    `served` is the value that it stands at by itself."""

    package = ""
    knob = ""
    values: list[int] = []
    served: int | None = None


class Ours(Store):
    """`retrieval.vector_index`: exact to 5,000 vectors, IVF with SQ8 above."""

    package = "faiss"

    def build(self, vectors: Any, folder: Path) -> None:
        from retrieval.vector_index import VectorIndex

        built, quality = VectorIndex.build(vectors)
        built.save(folder)
        self.rows, self.folder = len(vectors), folder
        self.turn(quality.probes)
        if quality.probes:
            self.knob, self.values, self.served = "probes", PROBES, quality.probes

    def turn(self, value: int) -> None:
        from retrieval.vector_index import SegmentedVectors, VectorIndex

        self.base = VectorIndex.load(self.folder, probes=value)
        self.index = SegmentedVectors([self.base])

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


class Hnswlib(Store):
    package, knob, values = "hnswlib", "ef", WIDTHS

    def build(self, vectors: Any, folder: Path) -> None:
        import hnswlib

        self.index = hnswlib.Index("ip", DIMENSIONS)
        self.index.init_index(len(vectors) + 200, M=16, ef_construction=100)
        self.index.set_num_threads(1)
        self.index.add_items(vectors)
        self.next = len(vectors)

    def turn(self, value: int) -> None:
        self.index.set_ef(value)

    def search(self, query: Any) -> Any:
        return self.index.knn_query(query, K)[0][0]

    def add(self, vectors: Any) -> None:
        self.index.add_items(vectors, np.arange(self.next, self.next + len(vectors)))

    def delete(self, rows: Any) -> None:
        for row in rows:
            self.index.mark_deleted(int(row))


class SqliteVec(Store):
    package = "sqlite_vec"

    def build(self, vectors: Any, folder: Path) -> None:
        import sqlite_vec

        try:
            import pysqlite3 as sqlite3  # many Pythons' own one loads no extensions
        except ImportError:
            import sqlite3
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


class Qdrant(Store):
    """In memory: on the disk, its local mode commits each vector by itself."""

    package = "qdrant_client"

    def build(self, vectors: Any, folder: Path) -> None:
        from qdrant_client import QdrantClient, models

        self.models = models
        self.client = QdrantClient(":memory:")
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


class Chroma(Store):
    package, knob, values = "chromadb", "ef", WIDTHS

    def build(self, vectors: Any, folder: Path) -> None:
        self.folder = folder / "chroma"
        graph = {"hnsw": {"space": "ip", "num_threads": 1, "max_neighbors": 16}}
        self.collection = self.client().create_collection("vectors", configuration=graph)
        self.next = 0
        self.add(vectors)

    def client(self) -> Any:
        import chromadb
        from chromadb.api.shared_system_client import SharedSystemClient
        from chromadb.config import Settings

        SharedSystemClient.clear_system_cache()
        options = Settings(anonymized_telemetry=False)
        return chromadb.PersistentClient(path=str(self.folder), settings=options)

    def turn(self, value: int) -> None:
        self.collection.modify(configuration={"hnsw": {"ef_search": value}})
        self.collection = self.client().get_collection("vectors")  # takes effect when opened

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


class Lance(Store):
    """Exact to 5,000 vectors, above an inverted file over SQ8 whose candidates it refines threefold.
    (Its graph over SQ8, IVF_HNSW_SQ, took minutes to build where this takes seconds.)"""

    package = "lancedb"

    def build(self, vectors: Any, folder: Path) -> None:
        import lancedb

        self.next = 0
        self.table = lancedb.connect(str(folder / "lance")).create_table("v", self.rows(vectors))
        self.probes = 0
        if len(vectors) > 5_000:
            self.table.create_index(metric="cosine", index_type="IVF_SQ")
            self.knob, self.values = "probes", PROBES

    def turn(self, value: int) -> None:
        self.probes = value

    def rows(self, vectors: Any) -> Any:
        import pyarrow as pa

        flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIMENSIONS)
        ids = pa.array(range(self.next, self.next + len(vectors)))
        self.next += len(vectors)
        return pa.table({"id": ids, "vector": flat})

    def search(self, query: Any) -> Any:
        search = (
            self.table.search(query).distance_type("cosine").limit(K).select(["id", "_distance"])
        )
        if self.probes:
            search = search.nprobes(self.probes).refine_factor(3)
        return np.array(search.to_arrow()["id"].to_pylist())

    def add(self, vectors: Any) -> None:
        self.table.add(self.rows(vectors))

    def delete(self, rows: Any) -> None:
        self.table.delete(f"id in ({', '.join(str(row) for row in rows)})")


STORES: dict[str, Callable[[], Any]] = {
    "Countersign": Ours,
    "hnswlib": Hnswlib,
    "sqlite-vec": SqliteVec,
    "Qdrant local": Qdrant,
    "LanceDB": Lance,
    "Chroma": Chroma,
}
