"""Figures of the screens over labelled texts. Pure but for the scikit-learn that counts."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from generation.safety.injection import INJECTION_SCREEN_VERSION, screen_injection


def evaluate_injection(
    rows: Iterable[dict[str, Any]], *, kind: Literal["ticket", "passage"] = "ticket"
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Recall and false alarms over rows `{"id", "text", "label" (1: attack), "set" (optional)}`.

    Returns the figures, `{"n", "recall", "false_alarms", "auroc", "version", "sets": {name: {"n",
    "flagged"}}}` (a figure that has nothing to stand on is None), and one row a text with `id`,
    `score`, `flagged` and `reasons`.
    """
    out: list[dict[str, Any]] = []
    labels: list[int] = []
    sets: dict[str, list[bool]] = {}
    for row in rows:
        found = screen_injection(row["text"], kind=row.get("kind", kind))
        out.append(
            {
                "id": row["id"],
                "score": found.score,
                "flagged": found.flagged,
                "reasons": list(found.reasons),
            }
        )
        labels.append(int(row.get("label", 0)))
        sets.setdefault(row.get("set", "all"), []).append(found.flagged)
    flagged = [item["flagged"] for item in out]
    figures = {
        "n": len(out),
        "recall": _share(flagged, labels, 1),
        "false_alarms": _share(flagged, labels, 0),
        "auroc": auroc([item["score"] for item in out], labels),
        "version": INJECTION_SCREEN_VERSION,
        "sets": {
            name: {"n": len(hits), "flagged": round(sum(hits) / len(hits), 4)}
            for name, hits in sets.items()
        },
    }
    return figures, out


def auroc(scores: Sequence[float], labels: Sequence[int]) -> float | None:
    """The area under the ROC curve, or None where one of the classes is missing."""
    if len(set(labels)) < 2:
        return None
    from sklearn.metrics import roc_auc_score

    return round(float(roc_auc_score(labels, scores)), 4)


def _share(flagged: Sequence[bool], labels: Sequence[int], label: int) -> float | None:
    chosen = [hit for hit, truth in zip(flagged, labels, strict=True) if truth == label]
    return round(sum(chosen) / len(chosen), 4) if chosen else None
