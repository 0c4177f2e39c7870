"""A question set measured on an installation of its own, without a server.

    python lab/measure.py nextcloud --articles DIR --out DIR [--fresh] [--parts retrieval,drafts] [--limit N]

SET is a name under `lab/questions/`, or a `.jsonl` of that format. OUT gets `installation/` (database and
index, made on the first run and used again; `--fresh` makes it anew, which a change to how articles are
read or indexed needs), `retrieval.jsonl` and `drafts.jsonl` (a row a question), `judge.md` and its key, and
`measured.json` with all figures. With `--mode` the search's figures and rows stand under `retrieval_MODE`.
Settings come from the environment (`COUNTERSIGN_RERANKER=none`, ...)
but for the data folder and the database.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent)]

from lab.installation import manage, open_installation  # noqa: E402

COLLECTION = "help"
PARTS = ("retrieval", "drafts")


def main() -> int:
    options = arguments()
    questions = question_file(options.set)
    if questions is None or not options.articles.is_dir():
        print(f"{options.set}: no such set, or {options.articles}: no folder", file=sys.stderr)
        return 2
    installation = options.out / "installation"
    if options.fresh:
        shutil.rmtree(installation, ignore_errors=True)
    installation.mkdir(parents=True, exist_ok=True)
    open_installation(installation)
    rows = read(questions)[: options.limit]
    figures = {"set": questions.stem, "questions": len(rows)} | set_up(options, installation)
    out = options.out / "measured.json"
    if out.exists():  # another run's other part stays
        figures = json.loads(out.read_text(encoding="utf-8")) | figures
    if "retrieval" in options.parts:
        name = f"retrieval_{options.mode}" if options.mode else "retrieval"
        figures[name] = retrieval(rows, name, options)
    if "drafts" in options.parts:
        figures["drafts"] = drafts(rows, questions, options)
    out.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=1, ensure_ascii=False))
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("set", help="a name under lab/questions/, or a .jsonl")
    parser.add_argument("--articles", type=Path, required=True, help="what lab/articles.py made")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fresh", action="store_true", help="make the installation anew")
    parser.add_argument(
        "--keep-held", action="store_true", help="leave out what waits for a person"
    )
    parser.add_argument("--parts", default=",".join(PARTS), help="of retrieval,drafts")
    parser.add_argument("--mode", default="", help="reranked, fused, dense or lexical")
    parser.add_argument("--against", type=Path, help="another run's OUT, compared in retrieval")
    parser.add_argument("--limit", type=int, help="only the first N questions")
    parser.add_argument("--seed", type=int, default=7, help="of the order that a judge sees")
    options = parser.parse_args()
    options.parts = options.parts.split(",")
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"--parts {', '.join(unknown)}: choose of {', '.join(PARTS)}")
    return options


def question_file(name: str) -> Path | None:
    tried = (Path(name), HERE / "questions" / f"{name}.jsonl")
    return next((path for path in tried if path.is_file()), None)


def set_up(options: argparse.Namespace, installation: Path) -> dict:
    """Migrate; ingest and index, unless that is done."""
    manage("migrate", "--verbosity", "0")  # a used installation follows what the code has become
    marker = installation / "set_up.json"
    if marker.exists():
        done = json.loads(marker.read_text(encoding="utf-8"))
        print(f"using the installation of {done['made_at']}", file=sys.stderr)
        return {"ingest": done["ingest"]}
    report = json.loads(
        manage("ingest", str(options.articles), "--collection", COLLECTION, "--json")
    )
    told = {key: report[key] for key in ("added", "changed", "chunks", "seconds")}
    told["skipped"] = [f"{one['path']}: {one['reason']}" for one in report["skipped"]]
    told["held"] = [f"{one['path']}: {one['reason']}" for one in report["held"]]
    told["let_through"] = 0 if options.keep_held else let_through()
    done = {"made_at": time.strftime("%Y-%m-%d %H:%M"), "ingest": told}
    marker.write_text(json.dumps(done), encoding="utf-8")
    return {"ingest": told}


def let_through() -> int:
    """Publish what waits for a person, as one would who has read a public help centre's pages; how many."""
    from django.utils import timezone

    from assistant.models import User
    from retrieval.building import refresh_if_stale
    from retrieval.holding import approve
    from retrieval.source_models import HeldArticle

    reader, _ = User.objects.get_or_create(username="measure")
    waiting = list(HeldArticle.objects.filter(state=HeldArticle.State.WAITING))
    for held in waiting:
        approve(held, by=reader, reason="read: a public help centre's page", now=timezone.now())
    refresh_if_stale()
    return len(waiting)


def retrieval(rows: list[dict], name: str, options: argparse.Namespace) -> dict:
    from lab.retrieval_figures import difference, figures, found_for

    before = read(options.against / f"{name}.jsonl") if options.against else None
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("Searching", total=len(rows))
        found = found_for(
            rows, mode=options.mode or None, advance=lambda n: progress.advance(bar, n)
        )
    write(options.out / f"{name}.jsonl", found)
    told = figures(rows, found)
    if before is not None:
        told["difference"] = difference(rows, found, before)
    return told


def drafts(rows: list[dict], questions: Path, options: argparse.Namespace) -> dict:
    from lab.retrieval_figures import cited_figures

    out, judge = options.out / "drafts.jsonl", options.out / "judge.md"
    words = ["evaluate", "drafts", "--tickets", str(questions), "--out", str(out), "--json"]
    words += [
        "--judge",
        str(judge),
        "--articles",
        str(options.articles),
        "--seed",
        str(options.seed),
    ]
    if options.limit is not None:
        words += ["--limit", str(options.limit)]
    told = json.loads(manage(*words))
    made = [json.loads(line) for line in out.open(encoding="utf-8")]
    return {key: value for key, value in told.items() if key != "paired"} | cited_figures(
        rows, made
    )


def read(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def write(path: Path, rows: list[dict]) -> None:
    lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
