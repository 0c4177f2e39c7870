"""How many articles of folders the screen before publishing would hold, and each place that it names.

    benchmarks/held_articles.py FOLDER [FOLDER …] [--places]

Each FOLDER holds articles as their authors keep them; they are read by the product's own loaders, so that
what is screened is what would be published. Where nobody planted anything, every hold is a false alarm.
Prints a Markdown table, a row a folder and kind of file; with `--places` also every place with its rule.
`docs/screens.md` holds what it printed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from screens import table  # noqa: E402

from retrieval.loaders import LoadError, load  # noqa: E402
from retrieval.screening import Finding, findings  # noqa: E402


def places(path: Path) -> list[Finding]:
    """What the screen finds in one article. Raises `LoadError`."""
    article = load(path)
    return findings(f"{article.title}\n\n{article.text}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--places", action="store_true", help="list every place that is found")
    options = parser.parse_args()
    body: list[list[object]] = []
    total, held_of_all = 0, 0
    named: list[list[object]] = []
    for folder in options.folders:
        read, held = Counter[str](), Counter[str]()
        for path in sorted(one for one in folder.rglob("*") if one.is_file()):
            kind = path.suffix.lstrip(".").lower()
            try:
                found = places(path)
            except LoadError:
                continue
            read[kind] += 1
            held[kind] += bool(found)
            named += [[path.relative_to(folder), one.rule, one.excerpt] for one in found]
        name = folder.parent.name if folder.name == "articles" else folder.name
        body += [[name, kind, count, held[kind]] for kind, count in sorted(read.items())]
        total, held_of_all = total + sum(read.values()), held_of_all + sum(held.values())
    share = f"{held_of_all} ({100 * held_of_all / total:.2f} %)" if total else "0"
    table(
        "Articles held that nobody planted anything in",
        ["folder", "kind", "n", "held"],
        [*body, ["all", "", total, share]],
    )
    if options.places:
        safe = [[str(cell).replace("|", "\\|") for cell in row] for row in named]
        table("Places found", ["article", "rule", "words"], safe)


if __name__ == "__main__":
    main()
