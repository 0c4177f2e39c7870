"""Read files in a child process with bounds on memory, processor time and time.

Every kind goes there: a parser of any of them may choke on what a stranger wrote. `python -m
retrieval.isolated` is the child: it takes a line of JSON (`name`, `size`, `now`, `processor_seconds`)
and the file's bytes on standard input, and answers with lines of JSON: any number of
`{"page", "pages"}`, then one `{"article"}` or `{"error", "unpublished"}`. It serves until its input
ends, so that its libraries load once.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from retrieval.loaders import LoadedArticle, LoadError, OnPage, Unpublished, load_bytes

MEMORY_BYTES = 3 * 1024**3  # address space, most of it never touched
PROCESSOR_SECONDS = 20  # for a file, and for each page of a PDF
SILENT_SECONDS = 60.0  # without a page done: a busy machine gives less than a whole processor
TOTAL_SECONDS = 900.0


class IsolatedReader:
    """Reads files one after the other; a child that hangs or dies costs its own file only."""

    def __init__(
        self,
        *,
        processor_seconds: int = PROCESSOR_SECONDS,
        silent_seconds: float = SILENT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self._processor = processor_seconds
        self._silent = silent_seconds
        self._total = total_seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._answers: queue.Queue[bytes] = queue.Queue()

    def read(
        self, name: str, raw: bytes, *, now: datetime, on_page: OnPage | None = None
    ) -> LoadedArticle:
        """The article in a file of this name, a path below its source. Raises `LoadError`, and its
        kind `Unpublished` for what its author keeps from readers at the moment `now`."""
        path = Path(name)
        child = self._start()
        try:
            return self._ask(child, path, raw, now, on_page)
        except _ChildLost as lost:
            self.close()
            raise LoadError(path, str(lost)) from None

    def close(self) -> None:
        """End the child, whatever it does."""
        child, self._child = self._child, None
        if child is None:
            return
        child.kill()
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                pipe.close()

    def _start(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        self.close()
        self._child = subprocess.Popen(
            [sys.executable, "-m", "retrieval.isolated"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parent.parent,
            start_new_session=True,
        )
        self._answers = queue.Queue()
        assert self._child.stdout is not None
        threading.Thread(
            target=_collect, args=(self._child.stdout, self._answers), daemon=True
        ).start()
        return self._child

    def _ask(
        self,
        child: subprocess.Popen[bytes],
        path: Path,
        raw: bytes,
        now: datetime,
        on_page: OnPage | None,
    ) -> LoadedArticle:
        assert child.stdin is not None
        asked = {
            "name": str(path),
            "size": len(raw),
            "now": now.isoformat(),
            "processor_seconds": self._processor,
        }
        try:
            child.stdin.write(json.dumps(asked).encode() + b"\n")
            child.stdin.write(raw)
            child.stdin.flush()
        except OSError:
            raise _ChildLost("cannot be read: its reader ended") from None
        left = self._total
        while True:
            wait = min(self._silent, left)
            try:
                line = self._answers.get(timeout=wait)
            except queue.Empty:
                raise _ChildLost(f"took more than {wait:.0f} seconds to read") from None
            if not line:
                raise _ChildLost(_last_words(child, self._processor))
            answer = json.loads(line)
            if "article" in answer:
                article = answer["article"]
                return LoadedArticle(**{**article, "warnings": tuple(article["warnings"])})
            if "error" in answer:
                kind = Unpublished if answer["unpublished"] else LoadError
                raise kind(path, answer["error"])
            left -= answer["seconds"]
            if left <= 0:
                raise _ChildLost(f"took more than {self._total:.0f} seconds to read")
            if on_page:
                on_page(answer["page"], answer["pages"])


class _ChildLost(Exception):
    """The child hung or died."""


def _last_words(child: subprocess.Popen[bytes], seconds: int) -> str:
    """Why a child ended that gave no answer."""
    try:
        status = child.wait(timeout=5)
    except subprocess.TimeoutExpired:
        status = 0
    if status == -signal.SIGXCPU:
        return f"takes more than {seconds} seconds of processor time to read"
    return "needs more memory than is allowed, or breaks its reader"


def _collect(pipe: IO[bytes], answers: queue.Queue[bytes]) -> None:
    """Lines until the pipe ends, then an empty one."""
    try:
        for line in pipe:
            answers.put(line)
    except ValueError:  # closed under our hands
        pass
    answers.put(b"")


def _serve() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEMORY_BYTES, MEMORY_BYTES))
    answers, sys.stdout = sys.stdout, sys.stderr  # whatever a parser prints is no answer

    parent = os.getppid()

    def end_with_parent() -> None:
        while os.getppid() == parent:
            time.sleep(2)
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()

    def refuse(reason: str, *, unpublished: bool = False) -> None:
        say({"error": reason, "unpublished": unpublished})

    def say(answer: dict[str, Any]) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    def allow_time(seconds: int) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        until = int(used.ru_utime + used.ru_stime) + seconds
        resource.setrlimit(resource.RLIMIT_CPU, (until, resource.RLIM_INFINITY))

    while header := sys.stdin.buffer.readline():
        asked = json.loads(header)
        raw = sys.stdin.buffer.read(asked["size"])
        reached = time.monotonic()
        allow_time(asked["processor_seconds"])

        def on_page(page: int, pages: int, allowed: int = asked["processor_seconds"]) -> None:
            nonlocal reached
            before, reached = reached, time.monotonic()
            allow_time(allowed)
            say({"page": page, "pages": pages, "seconds": reached - before})

        try:
            now = datetime.fromisoformat(asked["now"])
            article = load_bytes(Path(asked["name"]), raw, now=now, on_page=on_page)
            say({"article": {**asdict(article), "front_matter": dict(article.front_matter)}})
        except LoadError as error:
            refuse(error.reason, unpublished=isinstance(error, Unpublished))
        except (MemoryError, RecursionError) as error:
            refuse(f"is too large or too deeply nested to read ({type(error).__name__})")
        except Exception as error:  # a parser's own fault costs this file only
            refuse(f"breaks its reader ({type(error).__name__})")


if __name__ == "__main__":
    _serve()
