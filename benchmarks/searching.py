"""Vector search at several sizes, beside whichever of hnswlib, sqlite-vec, Qdrant's local mode,
Chroma and LanceDB are installed (extra `bench`), on the same vectors in one run.

    benchmarks/searching.py [--sizes 1000 10000 100000 1000000] [--stores Countersign hnswlib …] [--out FILE]

Vectors: 384 dimensions, around 200 centres, by a seed. Queries: vectors moved to a cosine of about .7.
Each store runs in a process of its own with one thread and reads the vectors from a mapped file. An
approximate store is measured twice, with its own knob at the smallest value that reaches a recall@10
of .95 and then .99 on 200 queries held apart; the recall that is shown is of the 200 that are timed.
`add` and `delete` are of 100 vectors. Ours: one segment more and tombstones, in memory (durable
publication: `benchmarks/publishing.py`). Memory: what the process holds after the searches and did
not hold before the build, its own and (`mapped`) file pages that the system may take back. A store
that does not build within `--minutes` is given up.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import importlib
import importlib.util
import json
import os
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
for variable in (
    "OMP_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "TOKIO_WORKER_THREADS",
    "LANCE_CPU_THREADS",
):
    os.environ[variable] = "1"
os.environ["LANCE_LOG"] = "error"

from stores import DIMENSIONS, STORES, K  # noqa: E402

TARGETS = (0.95, 0.99)
QUERIES = 200
SECONDS = 60  # of timing for a setting, at most


def write_data(size: int, folder: Path) -> None:
    """The vectors, 100 more to add, queries to tune by and to time, and their exact answers."""
    random = np.random.default_rng(size)
    centres = random.standard_normal((200, DIMENSIONS)).astype(np.float32)

    def draw(count: int) -> Any:
        noise = random.standard_normal((count, DIMENSIONS), dtype=np.float32)
        return unit(centres[random.integers(0, 200, count)] + noise)

    shape = (size, DIMENSIONS)
    vectors = np.lib.format.open_memmap(folder / "vectors.npy", "w+", np.float32, shape)
    for at in range(0, size, 50_000):
        vectors[at : at + 50_000] = draw(min(50_000, size - at))
    drawn = vectors[np.sort(random.permutation(size)[: 2 * QUERIES])][
        random.permutation(2 * QUERIES)
    ]
    queries = unit(drawn + unit(random.standard_normal(drawn.shape)))
    best, rows = np.zeros((len(queries), 0)), np.zeros((len(queries), 0), dtype=np.int64)
    for at in range(0, size, 50_000):
        scores = np.hstack([best, queries @ vectors[at : at + 50_000].T])
        found = np.arange(at, min(at + 50_000, size))
        names = np.hstack([rows, np.broadcast_to(found, (len(queries), len(found)))])
        order = np.argpartition(-scores, K, axis=1)[:, :K]
        best, rows = np.take_along_axis(scores, order, 1), np.take_along_axis(names, order, 1)
    for name, array in {"queries": queries, "truth": rows, "more": draw(100)}.items():
        np.save(folder / f"{name}.npy", array)


def unit(vectors: Any) -> Any:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def timed(function: Callable[[], Any]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    function()
    return (time.perf_counter() - began) * 1e3


def held() -> Any:
    """MB of this process: its own, and pages of files."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return np.array([status_mb("RssAnon"), status_mb("RssFile")])


def status_mb(name: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(re.findall(rf"{name}:\s+(\d+)", status)[0]) >> 10


def recall_of(found: list[Any], truth: Any) -> float:
    return float(np.mean([len(set(a) & set(b)) / K for a, b in zip(found, truth, strict=False)]))


def timed_searches(store: Any, queries: Any, truth: Any) -> dict[str, Any]:
    for query in queries[:QUERIES:20]:
        store.search(query)  # warm
    found, times = [], []
    began, cpu = time.perf_counter(), time.process_time()
    for query in [*queries[QUERIES:]] * 3:
        start = time.perf_counter()
        found.append(store.search(query))
        times.append((time.perf_counter() - start) * 1e3)
        if time.perf_counter() - began > SECONDS:
            break
    cpu = (time.process_time() - cpu) * 1e3 / len(times)
    return {
        "recall_at_10": round(recall_of(found, truth[QUERIES:]), 3),
        "p50_ms": round(statistics.median(times), 3),
        "p95_ms": round(statistics.quantiles(times, n=20)[-1], 3),
        "cpu_ms": round(cpu, 3),
        "queries_a_second": round(1e3 / statistics.mean(times)),
    }


def measure(store: Any, data: Path, folder: Path, minutes: float) -> dict[str, Any]:
    """One store at one size, in a process of its own."""
    queries, truth, more = (np.load(data / f"{name}.npy") for name in ("queries", "truth", "more"))
    importlib.import_module(store.package)
    before = held()
    signal.alarm(round(minutes * 60))  # ends the process
    cpu = time.process_time()
    build = timed(lambda: store.build(np.load(data / "vectors.npy", mmap_mode="r"), folder))
    cpu = time.process_time() - cpu
    signal.alarm(0)
    searches: list[dict[str, Any]] = []
    left = iter(store.values)
    value, reached = None, 0.0
    for target in TARGETS if store.knob else (1.0,):
        if searches and reached >= target:
            continue  # the last setting does
        while store.knob and reached < target:
            value = next(left, None)
            if value is None:
                break
            store.turn(value)
            reached = recall_of([store.search(query) for query in queries[:QUERIES]], truth)
        if store.knob and value is None:  # its last value, with the recall that it has there
            setting = f"{target} not reached at {store.knob} {store.values[-1]}"
            searches.append({"setting": setting} | timed_searches(store, queries, truth))
            break
        setting = f"{store.knob} {value}" if store.knob else "exact"
        searches.append({"setting": setting} | timed_searches(store, queries, truth))
    own, mapped = (held() - before).tolist()
    return {
        "searches": searches,
        "served": f"{store.knob} {store.served}" if store.served else "",
        "build_seconds": round(build / 1e3, 2),
        "build_cpu_seconds": round(cpu, 2),
        "memory_mb": own,
        "mapped_mb": mapped,
        "add_100_ms": round(timed(lambda: store.add(more)), 1),
        "delete_100_ms": round(timed(lambda: store.delete(np.arange(0, 1000, 10))), 1),
        "peak_mb": status_mb("VmHWM"),
    }


def rows(sizes: list[int], stores: list[str], minutes: float) -> Iterator[dict[str, Any]]:
    present = [name for name in stores if importlib.util.find_spec(STORES[name]().package)]
    for size in sizes:
        with tempfile.TemporaryDirectory() as data:
            write_data(size, Path(data))
            for name in present:
                with tempfile.TemporaryDirectory() as folder:
                    command = [sys.executable, __file__, "--minutes", str(minutes)]
                    command += ["--measure", name, data, folder]
                    run = subprocess.run(command, stdout=subprocess.PIPE, text=True)
                row: dict[str, Any] = {"size": size, "store": name}
                if run.returncode == -signal.SIGALRM:
                    row["given_up"] = f"not built within {minutes:g} minutes"
                elif run.returncode:
                    row["given_up"] = f"it ended with {run.returncode}"
                else:
                    row |= json.loads(run.stdout.splitlines()[-1])
                yield row | {"load_average": round(os.getloadavg()[0], 1)}


def markdown(found: list[dict[str, Any]]) -> str:
    """Two tables: searching, and the rest."""
    searching = [
        "| chunks | store | setting | recall@10 | p50 ms | p95 ms | CPU ms a query | queries/s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    rest = [
        "| chunks | store | build s | CPU s | memory MB | mapped MB | add 100 ms | delete 100 ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    kept = ("recall_at_10", "p50_ms", "p95_ms", "cpu_ms", "queries_a_second")
    whole = (
        "build_seconds",
        "build_cpu_seconds",
        "memory_mb",
        "mapped_mb",
        "add_100_ms",
        "delete_100_ms",
    )
    for row in found:
        start = f"| {row['size']:,} | {row['store']} |"
        if "given_up" in row:
            rest.append(f"{start} {row['given_up']} | | | | | |")
            continue
        rest.append(" ".join([start, *(f"{row[name]:,} |" for name in whole)]))
        for one in row["searches"]:
            cells = [one["setting"], *(f"{one[name]:,}" if name in one else "" for name in kept)]
            searching.append(f"{start} {' | '.join(cells)} |")
    return "\n".join([*searching, "", *rest])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--stores", nargs="*", choices=list(STORES), default=list(STORES))
    parser.add_argument("--minutes", type=float, default=10, help="that a build may take")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        name, data, folder = arguments.measure
        row = measure(STORES[name](), Path(data), Path(folder), arguments.minutes)
        print(json.dumps(row), flush=True)
        return
    found = []
    for row in rows(arguments.sizes, arguments.stores, arguments.minutes):
        print(json.dumps(row), flush=True)
        found.append(row)
        if arguments.out:
            arguments.out.write_text(json.dumps(found, indent=1) + "\n")
    print(markdown(found))


if __name__ == "__main__":
    main()
