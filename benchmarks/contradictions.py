"""How many contradictions between articles a look at their health finds, and what it finds without need.

    benchmarks/contradictions.py [--misses]

A row of demo/contradictions.jsonl is a short new article of the demo company that contradicts a sentence of
one of its articles, or speaks of the same without doing so (`same` in other words, `other` product or case,
`more` detail). A language model wrote them in a session of its own that had seen the articles and not how
contradictions are found; no person has checked them. Each is published beside the demo's articles, in a
folder that is thrown away, and is found when a finding names both articles.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
ROWS = ROOT / "demo" / "contradictions.jsonl"
FOLDER = "written-later"

Row = dict[str, Any]


def findings(rows: list[Row]) -> dict[str, set[str]]:
    """The articles that each row's own one is found to contradict, by the row's id."""
    from django.core.management import call_command
    from django.utils import timezone

    from retrieval.ingest import ingest
    from retrieval.models import Document
    from retrieval.snapshots import open_active
    from review.article_use import use_of
    from review.health_run import findings_of
    from review.models import Finding

    call_command("migrate", verbosity=0)
    now = timezone.now()
    ingest(ROOT / "demo" / "knowledge", collection="help", now=now)
    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            path = Path(folder) / FOLDER / f"{row['id']}.md"
            path.parent.mkdir(exist_ok=True)
            title = json.dumps(row["title"], ensure_ascii=False)
            path.write_text(f"---\ntitle: {title}\n---\n\n{row['text']}\n")
        ingest(Path(folder), collection="help", now=now)
    snapshot = open_active()
    documents = list(Document.objects.select_related("current"))
    sources = {document.pk: document.source for document in documents}
    use = use_of(documents, now=now)
    found: dict[str, set[str]] = defaultdict(set)
    for document in documents:
        for finding in findings_of(document, snapshot, use[document.pk], now=now):
            if finding.kind == Finding.Kind.CONTRADICTION and finding.other is not None:
                ends = (document.source, sources[finding.other])
                for own, other in (ends, ends[::-1]):
                    if own.startswith(FOLDER):
                        found[Path(own).stem].add(other)
    return found


def table(rows: list[Row], found: dict[str, set[str]]) -> str:
    lines = [
        "| | close wording | half | own words | all |",
        "|---|---|---|---|---|",
    ]
    for contradicts in (True, False):
        kinds = sorted({row["kind"] for row in rows if row["contradicts"] is contradicts})
        for kind in [*kinds, ""]:
            cells = []
            for wording in ("close", "half", "own", ""):
                some = [
                    row["article"] in found[row["id"]]
                    for row in rows
                    if row["contradicts"] is contradicts
                    and kind in ("", row["kind"])
                    and wording in ("", row["wording"])
                ]
                cells.append(f"{sum(some)} of {len(some)}")
            name = kind or ("**all that contradict**" if contradicts else "**all that don't**")
            lines.append(f"| {name} | {' | '.join(cells)} |")
    strangers = sum(bool(found[row["id"]] - {row["article"]}) for row in rows)
    return "\n".join([*lines, "", f"{strangers} rows are said to contradict another article."])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--misses", action="store_true", help="print what is not as it should be")
    options = parser.parse_args()
    rows = [json.loads(line) for line in ROWS.read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["COUNTERSIGN_DATA_DIR"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")
        import django

        django.setup()
        found = findings(rows)
    print(table(rows, found))
    for row in rows if options.misses else ():
        if (row["article"] in found[row["id"]]) is not row["contradicts"]:
            print(json.dumps(row, ensure_ascii=False))


if __name__ == "__main__":
    main()
