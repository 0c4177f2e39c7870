"""Time the drafting pipeline and a search on the demo knowledge base: `make bench`.

Prints medians over repeated runs on this machine, in a throwaway data folder.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    folder = tempfile.mkdtemp(prefix="countersign-bench-")
    os.environ["COUNTERSIGN_DATA_DIR"] = folder
    os.environ["DJANGO_SETTINGS_MODULE"] = "assistant.settings"
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    try:
        setup = (
            ["migrate", "--verbosity", "0"],
            ["ingest", "demo/knowledge", "--collection", "help"],
        )
        for command in setup:
            subprocess.run([sys.executable, "manage.py", *command], check=True)
        import django

        django.setup()
        measure()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def measure() -> None:
    from generation.evaluation import question_of
    from generation.pipeline import draft_replies
    from generation.registry import get_models, warm_up
    from retrieval.search import search

    rows = [json.loads(line) for line in (ROOT / "demo" / "tickets.jsonl").read_text().splitlines()]
    questions = [question_of(row, seed=n) for n, row in enumerate(rows[:32])]
    warm_up()
    models = get_models()
    search(questions[0].text)
    seconds = []
    for question in questions * 2:
        began = time.perf_counter()
        search(question.text[:300])
        seconds.append(time.perf_counter() - began)
    print(f"{'search, one query':<28} p50 {statistics.median(seconds) * 1000:8.1f} ms")
    for size in (1, 4, 8):
        per_draft: list[float] = []
        steps: dict[str, list[float]] = {}
        for start in range(0, 24, size):
            began = time.perf_counter()
            replies = draft_replies(questions[start : start + size], models)
            per_draft.append((time.perf_counter() - began) / size)
            for reply in replies:
                for step, value in reply.timings.items():
                    steps.setdefault(step, []).append(value)
        print(f"{f'a draft, batches of {size}':<28} p50 {statistics.median(per_draft):8.2f} s")
        means = {step: statistics.mean(values) for step, values in steps.items()}
        shares = ", ".join(f"{step} {mean:.2f}" for step, mean in means.items() if mean > 0.005)
        print(f"  mean seconds by step: {shares}")


if __name__ == "__main__":
    main()
