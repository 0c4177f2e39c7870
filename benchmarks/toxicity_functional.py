"""The functional tests of toxicity as a file, and the accuracy by kind.

    python benchmarks/toxicity_functional.py --out FILE       # for `manage.py evaluate toxicity --texts FILE`
    python benchmarks/toxicity_functional.py [--bundle DIR]   # a Markdown table of the bundled (or another) screen

The cases stand in `tests/generation/toxicity_cases.py`: eight kinds, half of each toxic. A case is right
where the screen flags it (any label at or over its operating point) and it is toxic, or neither. The best
single threshold on `toxicity` is chosen on these very cases: a ceiling, no result.
"""  # noqa: E501

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from retrieval.intervals import interval_of_mean  # noqa: E402
from tests.generation.toxicity_cases import FUNCTIONAL  # noqa: E402

PLACES: tuple[Literal["ticket", "draft"], ...] = ("ticket", "draft")


def rows() -> list[dict[str, Any]]:
    """The cases in the format of `manage.py evaluate toxicity`, with their kind as `set`."""
    return [
        {"id": f"{kind.replace(' ', '-')}-{number}", "text": text, "label": int(toxic), "set": kind}
        for number, (kind, text, toxic) in enumerate(FUNCTIONAL)
    ]


def table(bundle: Path | None) -> None:
    """Accuracy by kind at both operating points, and each point's recall and false alarms."""
    import django

    django.setup()
    from generation.safety.toxicity import BUNDLE, ToxicityScreen

    with tempfile.TemporaryDirectory() as aside:
        screen = ToxicityScreen(bundle=bundle or BUNDLE, data_dir=Path(aside))
        scores = screen.score([text for _, text, _ in FUNCTIONAL])
    truth = [toxic for *_, toxic in FUNCTIONAL]
    flagged = {place: [screen.flags(s, kind=place) for s in scores] for place in PLACES}
    kinds = list(dict.fromkeys(kind for kind, *_ in FUNCTIONAL))
    print(
        f"{screen.version}\n\n| kind | n | right as a ticket | right as a draft | missed, draft | ",
        end="",
    )
    print("false alarms, draft |\n|---|---|---|---|---|---|")
    for name in [*kinds, "all"]:
        chosen = [i for i, (kind, *_) in enumerate(FUNCTIONAL) if name in (kind, "all")]
        right = {p: [flagged[p][i] == truth[i] for i in chosen] for p in PLACES}
        missed = sum(truth[i] and not flagged["draft"][i] for i in chosen)
        alarms = sum(flagged["draft"][i] and not truth[i] for i in chosen)
        print(
            f"| {name} | {len(chosen)} | {_share(right['ticket'], name)} | "
            f"{_share(right['draft'], name)} | {missed} | {alarms} |"
        )
    toxicity = [s["toxicity"] for s in scores]
    best = max(
        sum((s >= point) == y for s, y in zip(toxicity, truth, strict=True)) for point in toxicity
    )
    print(f"\nThe best single threshold on `toxicity`: {best / len(truth):.3f}.")


def _share(right: Sequence[bool], name: str) -> str:
    share = f"{sum(right) / len(right):.3f}"
    if name != "all":
        return share
    low, high = interval_of_mean([float(hit) for hit in right])
    return f"{share} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Writes the file, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, help="write the cases here and print nothing")
    parser.add_argument("--bundle", type=Path, help="weights other than those in models/toxicity")
    options = parser.parse_args()
    if options.out is None:
        table(options.bundle)
        return
    with options.out.open("w", encoding="utf-8") as file:
        for row in rows():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
