"""The vectors of a segment in FAISS, and of several segments together. The only file that imports
faiss.

Up to `EXACT_ROWS` rows every vector is compared. Above, an inverted file over scalar-quantized
vectors finds candidates, and the vectors themselves, which stay on the disk, give their cosines:
so cosines are exact in either case and comparable over segments.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
Rows = NDArray[np.int64]

EXACT_ROWS = 5_000
AIMED_RECALL = 0.99  # recall@10 against exact search that an index is built for,
LEAST_RECALL = 0.95  # and under which it does not go live
RECALL_QUERIES = 256
_CANDIDATES = 3  # candidates that the quantized vectors bring for each row that is asked for
_TRAINING_ROWS = 64  # a list of the inverted file; of fewer than 39, FAISS's measure of enough,
_LEAST_TRAINING_ROWS = 39  # none is made
_MOVED = 3.0  # how far a chunk is moved to make a query that recall is measured with
_FEW = 10  # a filter that leaves less than one row in so many is searched exactly


class RecallTooLow(RuntimeError):
    """An approximate index finds too few of the nearest vectors."""


@dataclass(frozen=True)
class Quality:
    """How a segment's vectors are searched: FAISS's name of the index, its `nprobe` (0 = exact),
    recall@10 against exact search, and what built it on which processor."""

    index: str
    probes: int
    recall: float
    ran_on: str


@functools.cache
def _faiss() -> Any:
    logging.getLogger("faiss").setLevel(logging.WARNING)  # its loader tells what it tries
    import faiss

    return faiss


def _gpus() -> int:
    faiss = _faiss()
    return int(faiss.get_num_gpus()) if hasattr(faiss, "StandardGpuResources") else 0


def _on_gpu(index: Any) -> Any:
    faiss = _faiss()
    return faiss.index_cpu_to_gpu(faiss.StandardGpuResources(), 0, index)


class VectorIndex:
    """Unit vectors of one segment by row number."""

    def __init__(self, exact: Any, approximate: Any = None, probes: int = 0) -> None:
        self._exact = exact  # every vector as it is
        self._approximate = approximate
        self._probes = probes
        if approximate is None:
            return
        # Takes candidates from the approximate index and orders them by their exact cosines.
        self._refined = _faiss().IndexRefine(approximate, exact)
        self._unfiltered = self._refining()
        # The GPU has no filters and no removal without cuVS: those searches stay on the CPU.
        self._on_gpu = _faiss().IndexRefine(_on_gpu(approximate), exact) if _gpus() else None

    @classmethod
    def build(cls, vectors: Vectors) -> tuple[VectorIndex, Quality]:
        """An index over `float32 [n, dimensions]`, unit rows: exact up to `EXACT_ROWS`. Raises
        `RecallTooLow` where no sensible number of probes reaches `LEAST_RECALL`."""
        faiss = _faiss()
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        exact = faiss.IndexFlatIP(int(vectors.shape[1]))
        exact.add(vectors)
        if len(vectors) <= EXACT_ROWS:
            return cls(exact), Quality("Flat", 0, 1.0, "searched on the CPU")
        where = "GPU" if _gpus() else "CPU"
        lists = _lists(len(vectors))
        name = f"IVF{lists},SQ8"
        trained = faiss.index_factory(exact.d, name, faiss.METRIC_INNER_PRODUCT)
        seeded = np.random.default_rng(0)
        sample = seeded.permutation(len(vectors))[: lists * _TRAINING_ROWS]
        worker = _on_gpu(trained) if _gpus() else trained
        worker.train(vectors[sample])
        worker.add(vectors)
        approximate = faiss.index_gpu_to_cpu(worker) if _gpus() else worker
        queries = _like_queries(vectors, seeded)
        _, truth = exact.search(queries, 10)
        probes, recall = 4, 0.0
        while recall < AIMED_RECALL and probes * 4 <= lists:
            probes *= 2
            index = cls(exact, approximate, probes)
            _, found = index.search(queries, 10)
            hits = sum(len(np.intersect1d(a, b)) for a, b in zip(truth, found, strict=True))
            recall = hits / truth.size
        if recall < LEAST_RECALL:
            raise RecallTooLow(
                f"{name} finds {recall:.3f} of the 10 nearest at {probes} probes of {lists}; "
                f"{LEAST_RECALL} is required."
            )
        ran_on = f"trained, filled and searched on the {where}"
        if _gpus():
            ran_on += "; filtered searches and recall's exact side on the CPU"
        return index, Quality(name, probes, recall, ran_on)

    @classmethod
    def load(cls, folder: Path, *, probes: int) -> VectorIndex:
        """Read what `save` wrote. Exact vectors stay on the disk, shared by all processes."""
        faiss = _faiss()
        exact = faiss.read_index(str(folder / "vectors.faiss"), faiss.IO_FLAG_MMAP_IFC)
        approximate = folder / "approximate.faiss"
        return cls(exact, faiss.read_index(str(approximate)) if probes else None, probes)

    def save(self, folder: Path) -> None:
        faiss = _faiss()
        faiss.write_index(self._exact, str(folder / "vectors.faiss"))
        if self._approximate is not None:
            faiss.write_index(self._approximate, str(folder / "approximate.faiss"))

    def __len__(self) -> int:
        return int(self._exact.ntotal)

    @property
    def dimensions(self) -> int:
        return int(self._exact.d)

    def search(
        self, queries: Vectors, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Vectors, Rows]:
        """The `k` nearest rows of each query, best first: cosines `float32 [m, k]` and row numbers
        `int64 [m, k]`; fewer where there are fewer. With `allowed`, `bool [n]`, only those rows
        are looked at, so that a filter never empties the answer."""
        left = len(self) if allowed is None else int(allowed.sum())
        k = min(k, left)
        if not k:
            return _none(len(queries))
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        if self._approximate is None or left <= max(len(self) // _FEW, k * _CANDIDATES):
            return self._exactly(queries, k, allowed)
        parameters = self._unfiltered if allowed is None else self._refining(_selector(allowed))
        index = self._refined if allowed is not None or self._on_gpu is None else self._on_gpu
        cosines, rows = index.search(queries, k, params=parameters)
        if rows.min() < 0:  # the probed lists held too few of the rows that are allowed
            return self._exactly(queries, k, allowed)
        return cosines, rows

    def _exactly(
        self, queries: Vectors, k: int, allowed: NDArray[np.bool_] | None
    ) -> tuple[Vectors, Rows]:
        parameters = None
        if allowed is not None:
            parameters = _faiss().SearchParameters(sel=_selector(allowed))
        cosines, rows = self._exact.search(queries, k, params=parameters)
        return cosines, rows

    def _refining(self, selector: Any = None) -> Any:
        faiss = _faiss()
        lists = faiss.SearchParametersIVF(nprobe=self._probes, sel=selector)
        return faiss.IndexRefineSearchParameters(k_factor=_CANDIDATES, base_index_params=lists)

    def vectors(self) -> Vectors:
        """All rows, `float32 [n, dimensions]`."""
        return np.asarray(self._exact.reconstruct_n(0, len(self)), dtype=np.float32)

    def vectors_at(self, rows: Rows) -> Vectors:
        """Some rows, `float32 [len(rows), dimensions]`."""
        if not len(rows):
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.asarray(self._exact.reconstruct_batch(np.ascontiguousarray(rows)), np.float32)


class SegmentedVectors:
    """The vectors of several segments: rows are numbered through, and dead ones never found."""

    def __init__(
        self, parts: Sequence[VectorIndex], live: Sequence[NDArray[np.bool_] | None] = ()
    ) -> None:
        """`live[i]` masks the rows of part `i` that may be found, None where all may."""
        self._parts = parts
        self._live = list(live) or [None] * len(parts)
        self._offsets = np.array([0, *accumulate(len(part) for part in parts)], dtype=np.int64)

    def __len__(self) -> int:
        return int(self._offsets[-1])

    @property
    def dimensions(self) -> int:
        return self._parts[0].dimensions

    def search(
        self, queries: Vectors, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Vectors, Rows]:
        """As `VectorIndex.search`, over all parts; `allowed` is `bool [n]` over all rows."""
        scores, rows = [], []
        for part, live, offset in zip(self._parts, self._live, self._offsets, strict=False):
            wanted = live
            if allowed is not None:
                wanted = allowed[offset : offset + len(part)]
                wanted = wanted if live is None else wanted & live
            found, local = part.search(queries, k, allowed=wanted)
            scores.append(found)
            rows.append(local + offset)
        if len(scores) == 1:
            return scores[0], rows[0]
        all_scores, all_rows = np.concatenate(scores, axis=1), np.concatenate(rows, axis=1)
        order = np.argsort(-all_scores, axis=1, kind="stable")[:, :k]
        return np.take_along_axis(all_scores, order, 1), np.take_along_axis(all_rows, order, 1)

    def vectors_at(self, rows: Rows) -> Vectors:
        """Some rows, `float32 [len(rows), dimensions]`."""
        found = np.empty((len(rows), self.dimensions), dtype=np.float32)
        owners = np.searchsorted(self._offsets, rows, side="right") - 1
        for owner in np.unique(owners).tolist():
            mine = owners == owner
            found[mine] = self._parts[owner].vectors_at(rows[mine] - self._offsets[owner])
        return found


def _lists(rows: int) -> int:
    """How many lists the inverted file over so many rows has: a power of two near four times their
    root, of which each has rows enough to be trained on."""
    most = rows // _LEAST_TRAINING_ROWS
    return int(1 << min(round(np.log2(4 * np.sqrt(rows))), most.bit_length() - 1))


def _selector(allowed: NDArray[np.bool_]) -> Any:
    return _faiss().IDSelectorBitmap(np.packbits(allowed, bitorder="little"))


def _none(queries: int) -> tuple[Vectors, Rows]:
    return np.zeros((queries, 0), dtype=np.float32), np.zeros((queries, 0), dtype=np.int64)


def _like_queries(vectors: Vectors, random: np.random.Generator) -> Vectors:
    """Queries to measure recall with: chunks moved at random to a cosine of about .3 from where
    they were. A question comes nearer to its answer, but it leaves the chunks in a direction of its
    own, and is as hard to serve as such a one (docs/retrieval.md)."""
    drawn = vectors[random.permutation(len(vectors))[:RECALL_QUERIES]]
    noise = random.standard_normal(drawn.shape).astype(np.float32)
    moved = drawn + _MOVED * noise / np.linalg.norm(noise, axis=1, keepdims=True)
    return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True), dtype=np.float32)
