"""Labels for `manage.py train confidence` from the rows of `lab/candidates.py`: whether the section that a
draft would say first answers its ticket.

    python lab/confidence_labels.py CANDIDATES... --out LABELS

Each family is weighed by a selector that was fitted on the others, as an installation's own articles are.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parent.parent)]
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "assistant.settings")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("candidates", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    import django

    django.setup()
    from generation.training.selector import fit, read

    families = {path.stem: read(path) for path in options.candidates}
    rows = []
    for name, tickets in families.items():
        model = fit([t for other, them in families.items() if other != name for t in them])
        for number, ticket in enumerate(tickets):
            standings = model.standings(ticket.features)
            odds = model.log_odds(ticket.features)
            first = int(standings.argmax())
            told = np.sort(odds)[::-1]
            rows.append(
                {
                    "features": {
                        "retrieval_top": round(float(told[0]), 5),
                        "retrieval_margin": round(float(odds[0] - odds[1]), 5)
                        if len(odds) > 1
                        else 0.0,
                    },
                    "label": int(ticket.right[first]),
                    "group": f"{name}-{number}",
                }
            )
    options.out.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
