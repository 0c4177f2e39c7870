"""The vectors of a snapshot in FAISS: exact inner product, good to about 50,000 chunks."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


def _faiss() -> Any:
    logging.getLogger("faiss").setLevel(logging.WARNING)  # its loader tells what it tries
    import faiss

    return faiss


class VectorIndex:
    """Unit vectors by row number. The only file that imports faiss."""

    def __init__(self, index: Any) -> None:
        self._index = index

    @classmethod
    def build(cls, vectors: Vectors) -> VectorIndex:
        """An exact index over `float32 [n, dimensions]`, unit rows."""
        faiss = _faiss()
        index = faiss.IndexFlatIP(int(vectors.shape[1]))
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    @classmethod
    def load(cls, path: Path) -> VectorIndex:
        """Read an index file. Raises `RuntimeError` (from faiss) when it is not one."""
        faiss = _faiss()
        return cls(faiss.read_index(str(path)))

    def save(self, path: Path) -> None:
        faiss = _faiss()
        faiss.write_index(self._index, str(path))

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def dimensions(self) -> int:
        return int(self._index.d)

    def search(
        self, queries: Vectors, k: int, *, allowed: NDArray[np.bool_] | None = None
    ) -> tuple[Vectors, NDArray[np.int64]]:
        """The `k` nearest rows of each query, best first: cosines `float32 [m, k]` and row numbers
        `int64 [m, k]`; fewer where there are fewer. With `allowed`, `bool [n]`, only those rows
        are looked at, so that a filter never empties the answer."""
        k = min(k, len(self) if allowed is None else int(allowed.sum()))
        if not k:
            empty = (len(queries), 0)
            return np.zeros(empty, dtype=np.float32), np.zeros(empty, dtype=np.int64)
        parameters = None
        if allowed is not None:
            faiss = _faiss()
            bits = np.packbits(allowed, bitorder="little")
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        scores, rows = self._index.search(
            np.ascontiguousarray(queries, dtype=np.float32), k, params=parameters
        )
        return scores, rows

    def vectors(self) -> Vectors:
        """All rows, `float32 [n, dimensions]`."""
        if not len(self):
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.asarray(self._index.reconstruct_n(0, len(self)), dtype=np.float32)

    def vectors_at(self, rows: NDArray[np.int64]) -> Vectors:
        """Some rows, `float32 [len(rows), dimensions]`."""
        if not len(rows):
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return np.asarray(self._index.reconstruct_batch(np.ascontiguousarray(rows)), np.float32)
